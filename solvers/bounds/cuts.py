"""Cut bounds, exact: what no schedule of a gather-like collective can beat.

Let B+(S) be the capacity that leaves a set S of vertices. Data that must leave S takes at least its
amount over B+(S). The best cut is found by Newton's iteration on min-cuts: at a rate x that some
cut S forbids, S itself gives the next, smaller rate; each step drops a different cut, and the last
rate is forbidden by none. All arithmetic is on integers and fractions.

Source: Zhao et al., ForestColl, arXiv:2402.06787, section 4 (the cut of all_gather); Dinkelbach,
On nonlinear fractional programming, Management Science 13 (1967) (the iteration).
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from solvers.certify.certificates import prove
from solvers.lp.linear_program import Infeasible
from solvers.lp.max_flow import max_flow, multiply
from solvers.schedules.certificate import Bound, Cut
from solvers.schedules.collective import Collective, CollectiveError, Movement
from solvers.settings.deadline import NO_DEADLINE, Watch
from topologies.model.topology import BoolArray, IntArray, Topology, integers, reverse
from topologies.model.units import Rank
from topologies.symmetry.group import trivial
from topologies.symmetry.refinement import refine, representatives

FLOW = 2e-6  # work of a maximum flow, for each link


def rank_bound(topology: Topology, collective: Collective) -> Bound:
    """Bound any collective by what must leave or enter a single rank, in a moment.

    Args:
        topology: the machine.
        collective: any.

    Raises:
        Infeasible: a rank cannot be reached.
    """
    held, wanted = collective.counts
    worst: tuple[float, Cut] | None = None
    for reversed_links, others, ends in ((False, wanted, topology.src), (True, held, topology.dst)):
        room = np.bincount(ends, weights=topology.capacity, minlength=topology.vertices)
        for rank, data in zip(collective.ranks, collective.moved(others), strict=True):
            if data and (worst is None or room[rank] / data < worst[0]):
                worst = room[rank] / data, Cut(integers([rank]), reversed_links)
    if worst is None:
        return Bound(None, "cut", None)
    if worst[0] == 0:
        raise Infeasible(f"{collective.name}: rank {worst[1].inside[0]} is on its own")
    return Bound(prove(topology, collective, worst[1], trivial(topology)), "cut", worst[1])


def cut_bound(topology: Topology, collective: Collective, watch: Watch = NO_DEADLINE) -> Bound:
    """Bound a gather-like collective, or all_reduce, by its tightest cut.

    When the time or the work is over it is the tightest one so far. Complexity: a few max-flows for
    each colour class of ranks.

    Args:
        topology: the machine.
        collective: gather-like, or an all_reduce.
        watch: says when to stop.

    Raises:
        Infeasible: a rank cannot be reached.
        CollectiveError: no cut bounds the collective.
        NotFound: capacities times sizes are too large for an exact flow.
    """
    shape = collective.shape
    if shape.movement is Movement.STAY:
        return Bound(None, "cut", None)
    if not is_bounded(collective):
        raise CollectiveError(f"{collective.name}: no cut is known that bounds it")
    mirrored = shape.inward
    machine = reverse(topology) if mirrored else topology
    if shape.movement is Movement.COPY_OF_SUM:
        rate, side, mirrored = _both_directions_time(machine, collective, watch)
    elif shape.movement is Movement.PERSONALISED:
        rate, side = _scatter_time(machine, collective, watch)
    elif shape.root is not None:
        rate, side = _broadcast_time(machine, collective.ranks, shape.root, watch)
    else:
        rate, side = _gather_time(machine, collective, watch)
    if rate == 0:
        raise Infeasible(f"{collective.name}: {_name_stranded(topology, collective, side)}")
    cut = Cut(integers(np.flatnonzero(side)), reversed_links=mirrored)
    return Bound(rate * topology.unit, "cut", cut)


def is_bounded(collective: Collective) -> bool:
    """Tell whether a cut is known to bound a collective, by its shape."""
    path, everyone, root, _ = collective.shape
    return everyone or (path is Movement.PERSONALISED and root is not None)


def is_gathering(collective: Collective) -> bool:
    """Tell whether the tightest cut is attained wherever a machine is balanced, by the shape."""
    return is_bounded(collective) and collective.shape.movement is not Movement.COPY_OF_SUM


def _gather_time(
    topology: Topology, collective: Collective, watch: Watch
) -> tuple[Fraction, BoolArray]:
    """Find size / time of all_gather: min over S of total B+(S) / w(S), capacity units."""
    weights = np.zeros(topology.vertices, dtype=np.int64)
    for rank, blocks in zip(collective.ranks, _own(collective), strict=True):
        weights[rank] += int(collective.sizes[blocks].sum())
    total = int(weights.sum())
    sources = np.flatnonzero(weights)
    sinks = _one_of_each(topology, collective.ranks, weights)
    rate, side = _first_cut(topology, weights, sinks)
    settled = 0
    while settled < len(sinks) and not watch.over:
        sink = int(sinks[settled])
        tail, head, capacity = _with_source(topology, sources, weights[sources], rate)
        flow = max_flow(topology.vertices + 1, tail, head, capacity, topology.vertices, sink)
        watch.spend(FLOW * topology.links)
        if flow.value >= total * rate.numerator:
            settled += 1
            continue
        side = flow.side[:-1]
        rate = Fraction(_capacity_out(topology, side), int(weights[side].sum()))
    return rate * total, side


def _own(collective: Collective) -> Sequence[IntArray]:
    """Find the blocks that each rank holds alone, seen from the gathering side."""
    return collective.outputs if collective.shape.inward else collective.inputs


def _first_cut(
    topology: Topology, weights: IntArray, sinks: IntArray
) -> tuple[Fraction, BoolArray]:
    """Start from the tightest of the cuts around a single sink."""
    entering = np.bincount(topology.dst, weights=topology.capacity, minlength=topology.vertices)
    rest = weights.sum() - weights[sinks]
    sink = int(sinks[np.argmin(entering[sinks] / np.maximum(rest, 1))])
    side = np.ones(topology.vertices, dtype=np.bool_)
    side[sink] = False
    return Fraction(_capacity_out(topology, side), int(weights[side].sum())), side


def _with_source(
    topology: Topology, ends: IntArray, weights: IntArray, rate: Fraction
) -> tuple[IntArray, IntArray, IntArray]:
    """Add a source with an arc of weight × rate to each end, everything scaled to integers."""
    return (
        np.concatenate([topology.src, np.full(len(ends), topology.vertices)]),
        np.concatenate([topology.dst, ends]),
        np.concatenate(
            [multiply(topology.capacity, rate.denominator), multiply(weights, rate.numerator)]
        ),
    )


def _broadcast_time(
    topology: Topology, ranks: Sequence[Rank], root: Rank, watch: Watch
) -> tuple[Fraction, BoolArray]:
    """Find the least max-flow from the root to a rank."""
    best: tuple[int, BoolArray] | None = None
    for sink in _one_of_each(topology, [r for r in ranks if r != root], _mark(topology, root)):
        flow = max_flow(
            topology.vertices, topology.src, topology.dst, topology.capacity, root, int(sink)
        )
        if best is None or flow.value < best[0]:
            best = flow.value, flow.side
        watch.spend(FLOW * topology.links)
        if watch.over:
            break
    assert best is not None
    return Fraction(best[0]), best[1]


def _scatter_time(
    topology: Topology, collective: Collective, watch: Watch
) -> tuple[Fraction, BoolArray]:
    """Find size / time of scatter: min over S with the root of total B+(S) / w(outside S)."""
    root = collective.shape.root
    assert root is not None
    weights = np.zeros(topology.vertices, dtype=np.int64)
    buffers = collective.inputs if collective.shape.inward else collective.outputs
    for rank, blocks in zip(collective.ranks, buffers, strict=True):
        weights[rank] = int(collective.sizes[blocks].sum())
    total, weights[root] = int(weights.sum()), 0
    ends = np.flatnonzero(weights)
    side = np.zeros(topology.vertices, dtype=np.bool_)
    side[root] = True
    while True:
        rate = Fraction(_capacity_out(topology, side), int(weights[~side].sum()))
        head, tail, capacity = _with_source(topology, ends, weights[ends], rate)
        head[: topology.links], tail[: topology.links] = topology.dst, topology.src
        flow = max_flow(topology.vertices + 1, tail, head, capacity, root, topology.vertices)
        watch.spend(FLOW * topology.links)
        if flow.value >= int(weights.sum()) * rate.numerator or watch.over:
            return rate * total, side
        side = flow.side[:-1]


def _both_directions_time(
    topology: Topology, collective: Collective, watch: Watch
) -> tuple[Fraction, BoolArray, bool]:
    """Find the least max-flow between a rank and the others, out or back: all_reduce's cut."""
    ranks = collective.ranks
    out = _broadcast_time(topology, ranks, ranks[0], watch)
    back = _broadcast_time(reverse(topology), ranks, ranks[0], watch)
    return (*out, False) if out[0] <= back[0] else (*back, True)


def _capacity_out(topology: Topology, side: BoolArray) -> int:
    """Add up the capacity that leaves `side`."""
    return int(topology.capacity[side[topology.src] & ~side[topology.dst]].sum())


def _mark(topology: Topology, vertex: int) -> IntArray:
    marks = np.zeros(topology.vertices, dtype=np.int64)
    marks[vertex] = 1
    return marks


def _one_of_each(topology: Topology, ranks: Sequence[Rank], marks: IntArray) -> IntArray:
    """Pick one rank of each colour: ranks of one orbit have equal cuts.

    Should two ranks of one colour differ after all, the bound found is still the value of a real
    cut, only perhaps not the tightest one.
    """
    return representatives(refine(topology, marks), np.array(ranks, dtype=np.int64))


def _name_stranded(topology: Topology, collective: Collective, side: BoolArray) -> str:
    """Name a rank on either side of an empty cut."""
    inside = [r for r in collective.ranks if side[r]]
    outside = [r for r in collective.ranks if not side[r]]
    a, b = (inside, outside) if not collective.shape.inward else (outside, inside)
    return f"no path leads from {topology.names[a[0]]} to {topology.names[b[0]]}"
