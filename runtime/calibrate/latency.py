"""From times of small messages to the latency of links and the overhead of ranks.

A message from a to b takes t = 2 o + sum of alpha over the links on its way, where o is what it
costs a process at either end. Of a train of k messages each takes o longer than the one before, as
soon as the ends are what is slowest. So o is the median of the gaps, and the alphas of the classes
of links are the non-negative ones that fit t - 2 o best (Lawson and Hanson, 1974), one equation for
each set of classes that ways pass, in the median over the pairs that do. What messages cost
besides falls to the links of the ranks, which every message passes twice. Classes whose alphas
come out nearly alike are then fitted as one: what is left between them is noise, and a plan made
on it would prefer links that are as quick as the others.
"""

from collections import defaultdict
from collections.abc import Mapping
from statistics import median

import numpy as np
from scipy.optimize import nnls

from runtime.calibrate.model.wires import Wires
from runtime.calibrate.readings import Pair, Ping
from topologies.model.topology import FloatArray, IntArray
from topologies.model.units import Seconds

ALIKE = 0.1  # of the least of a group, up to which latencies are taken for one


def overhead(pings: Mapping[Pair, Ping]) -> Seconds:
    """Give what a message costs a process at either end: no more than half of the whole time."""
    gap = median([ping.gap for ping in pings.values()])
    return max(min(gap, min(ping.late for ping in pings.values()) / 2), 0.0)


def latencies(net: Wires, pings: Mapping[Pair, Ping], kind: IntArray, kinds: int) -> FloatArray:
    """Fit the seconds of each kind of cables; nan of one that no ping passed.

    Args:
        net: the cables.
        pings: by pair; those whose way is not sure are not looked at.
        kind: of each cable.
        kinds: how many there are.
    """
    times = _by_kinds(net, pings, kind, kinds)
    if not times:
        return np.full(kinds, np.nan)
    rows = np.array(list(times), dtype=np.float64)
    weight = np.sqrt([len(each) for each in times.values()])
    wanted = np.maximum([median(each) for each in times.values()], 0.0) * weight
    each, _ = nnls(rows * weight[:, None], wanted)
    passed = rows.any(axis=0)
    group = _alike(np.where(passed, each, np.inf))
    together = np.zeros((len(rows), int(group.max()) + 1))
    np.add.at(together.T, group, rows.T)
    found, _ = nnls(together * weight[:, None], wanted)
    return np.where(passed, found[group], np.nan)


def _by_kinds(
    net: Wires, pings: Mapping[Pair, Ping], kind: IntArray, kinds: int
) -> Mapping[tuple[int, ...], list[Seconds]]:
    """Collect, by how many cables of each kind a way passes, what messages took on the way."""
    ends = 2 * overhead(pings)
    times: dict[tuple[int, ...], list[Seconds]] = defaultdict(list)
    for pair, ping in pings.items():
        if pair in net.ways:
            passed = np.bincount(kind[list(net.ways[pair])], minlength=kinds)
            times[tuple(passed.tolist())].append(ping.late - ends)
    return times


def _alike(alpha: FloatArray) -> IntArray:
    """Group latencies that differ by little: the number of its group for each, the least first."""
    group = np.zeros(len(alpha), dtype=np.int64)
    number, least = -1, -1.0
    for place in np.argsort(alpha, kind="stable").tolist():
        if least < 0 or alpha[place] > least * (1 + ALIKE):
            number, least = number + 1, float(alpha[place])
        group[place] = number
    return group
