"""What no placement beats: for each kind of group alone, the least that the cuts can be loaded.

Statement. Let a box hold a ranks, all of which take part, and let g(m) be what a group with m of
its n ranks inside sends out of the box. As g is concave between 0 and n, where it is 0, groups that
share a ranks send the least in total where as many as fit are whole, and one has the rest:
g(a mod n). So a collective takes at least g(a mod n) M / C for each box, and as long as any rank
alone. The exposed seconds of all kinds, each at its own least, bound those of any placement.

A group of more ranks than fit into any box has m of them in some, at most as many as fit. Where
ranks do not forward, these m have only their own links out of the box, beside those of switches;
and a rank in a group of n uses its links to the n - 1 other ranks that it has most to. For the load
of an all_reduce, 2 (k - 1) / k with k boxes, at least two, g is 1.
"""

import numpy as np

from solvers.jobs.job import Flow
from solvers.placement.cuts import Family
from solvers.placement.judge import TWICE, Cost, Judge, Judged, expose
from topologies.model.topology import FloatArray, IntArray
from topologies.model.units import Seconds


def lower_bound(judge: Judge, usable: IntArray) -> Seconds:
    """Compute the exposed seconds of a step that no placement beats.

    Args:
        judge: of the job on its machine.
        usable: the ranks that may be used; where more than the job has, only ranks alone count.
    """
    return least(judge, usable).seconds


def least(judge: Judge, usable: IntArray) -> Judged:
    """Give the least that each flow of a step can cost, each kind of group at its own best.

    Args:
        judge: of the job on its machine.
        usable: the ranks that may be used.
    """
    costs = [_least(judge, flow, usable) for flow in judge.flows]
    return Judged(tuple(costs), expose(judge.job, costs))


def _least(judge: Judge, flow: Flow, usable: IntArray) -> Cost:
    """Give the least that a flow can cost."""
    rows = judge.members[flow.group]
    n, filled = rows.shape[1], rows.size == len(usable)
    found = alone(judge, flow, n, usable, filled)
    if filled:
        found = max([found, *(_boxes(family, flow, n, usable) for family in judge.families)])
    if not judge.forward:
        found = max([found, *(_parted(family, flow, n, usable) for family in judge.families)])
    tiers = [family for family in judge.families if family.tier]
    fitting = [
        reach
        for family, reach in zip([*tiers, None], judge.reach, strict=True)
        if family is None or np.bincount(family.label[usable]).max() >= n
    ]
    latency = min(fitting) * (1 + (flow.collective in TWICE))
    seconds = flow.times * (int(flow.bytes) * found + latency)
    return Cost(flow, seconds, found, latency, "bound")


def alone(judge: Judge, flow: Flow, n: int, usable: IntArray, filled: bool) -> float:
    """Compute the seconds a byte of a rank alone: the slowest where all must be used."""
    twice = 1.0 if judge.adds else 2 * (n - 1) / n
    out, into = {
        "all_gather": (1 / n, (n - 1) / n),
        "reduce_scatter": ((n - 1) / n, 1 / n),
        "all_to_all": ((n - 1) / n, (n - 1) / n),
        "all_reduce": (twice, twice),
        "send": (1.0, 1.0),
    }.get(flow.collective, (0.0, 0.0))
    src, dst = judge.topology.src, judge.topology.dst
    most = [_widest(judge, ends, n, usable)[usable] for ends in (src, dst)]
    with np.errstate(divide="ignore", invalid="ignore"):
        sent, taken = (
            np.where(load > 0, load / each, 0.0)
            for load, each in zip((out, into), most, strict=True)
        )
    times = np.maximum(sent, taken)
    # Of a pipeline the first stage takes in nothing, so that the slowest rank may be one such.
    even = filled and flow.collective != "send"
    return float(times.max() if even else times.min())


def _widest(judge: Judge, ends: IntArray, n: int, usable: IntArray) -> FloatArray:
    """Compute what a rank can send, or take in, in a group of n: from n - 1 others.

    Links to ranks that may not be used are of no use; several links to one rank all are.
    """
    machine, direct = judge.topology, judge.alone.direct
    every = np.bincount(ends, machine.bandwidth, minlength=machine.vertices)[: machine.ranks]
    if judge.forward or not len(direct):
        return np.asarray(every, dtype=np.float64)
    alive = np.isin(machine.src[direct], usable) & np.isin(machine.dst[direct], usable)
    others = machine.src + machine.dst - ends  # the other end of each link
    pairs = ends * machine.ranks + others
    pair, number = np.unique(pairs[direct], return_inverse=True)
    rate = np.bincount(number, machine.bandwidth[direct] * alive, minlength=len(pair))
    end = pair // machine.ranks
    order = np.lexsort([-rate, end])
    late = np.arange(len(order)) - np.searchsorted(end[order], end[order]) >= n - 1
    rate[order[late]] = 0.0
    whole = np.bincount(ends[direct], machine.bandwidth[direct], minlength=machine.ranks)
    return np.asarray(every - whole + np.bincount(end, rate, minlength=machine.ranks))


def _boxes(family: Family, flow: Flow, n: int, usable: IntArray) -> float:
    """Compute the seconds a byte that some set of ranks needs, whoever is in it."""
    a = np.bincount(family.label[usable], minlength=family.count) % n
    loads = least_loads(flow.collective, a.astype(np.float64), n)
    if loads is None:
        return 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.maximum(loads[0] / family.out, loads[1] / family.into)
    return float(np.where(a > 0, times, 0.0).max(initial=0.0))


def least_loads(collective: str, m: FloatArray, n: int) -> tuple[FloatArray, FloatArray] | None:
    """Give what a group with m of its n ranks in a set sends out of it and takes in, at least."""
    ones = np.ones_like(m)
    return {
        "all_gather": (m / n, (n - m) / n),
        "reduce_scatter": ((n - m) / n, m / n),
        "all_to_all": (m * (n - m) / n, m * (n - m) / n),
        "all_reduce": (ones, ones),
    }.get(collective)


def _parted(family: Family, flow: Flow, n: int, usable: IntArray) -> float:
    """Compute the seconds a byte of a group that no set holds, in the sets that suit it best."""
    room = np.bincount(family.label[usable], minlength=family.count)
    if n <= room.max() or len(family.direct):
        return 0.0
    m, box = np.meshgrid(np.arange(1, room.max() + 1), np.arange(family.count))
    loads = least_loads(flow.collective, m.astype(np.float64), n)
    if loads is None:
        return 0.0
    times = []
    for load, shared, own in zip(loads, family.shared, family.own, strict=True):
        most = np.zeros(family.count)  # of any rank of a set
        np.maximum.at(most, family.label[usable], own[usable])
        with np.errstate(divide="ignore", invalid="ignore"):
            times.append(load / (shared[box] + m * most[box]))
    return float(np.where(m <= room[box], np.maximum(*times), np.inf).min())
