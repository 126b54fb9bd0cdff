"""From times of small messages to the latency of links and the overhead of ranks.

A message from a to b takes t = 2 o + sum of alpha over the links on its way, where o is what it
costs a process at either end. Of a train of k messages each takes o longer than the one before, as
soon as the ends are what is slowest. So o is the median of the gaps, and the alphas of the classes
of links are the non-negative ones that fit t - 2 o best (Lawson and Hanson, 1974), one equation for
each set of classes that ways pass, in the median over the pairs that do. What messages cost
besides falls to the links of the ranks, which every message passes twice.
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
    ends = 2 * overhead(pings)
    times: dict[tuple[int, ...], list[Seconds]] = defaultdict(list)
    for pair, ping in pings.items():
        if pair in net.ways:
            passed = np.bincount(kind[list(net.ways[pair])], minlength=kinds)
            times[tuple(passed.tolist())].append(ping.late - ends)
    if not times:
        return np.full(kinds, np.nan)
    rows = np.array(list(times), dtype=np.float64)
    weight = np.sqrt([len(each) for each in times.values()])
    wanted = np.array([median(each) for each in times.values()])
    found, _ = nnls(rows * weight[:, None], np.maximum(wanted, 0.0) * weight)
    return np.where(rows.any(axis=0), found, np.nan)
