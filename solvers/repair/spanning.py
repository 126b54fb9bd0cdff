"""An all_reduce between ranks that cables join, without switches: spanning trees, from nothing.

Where each link has its way back, as wide as itself, a tree that sums go in by is one that they go
out by: both together cross each of its cables once in each direction. So what the best trees carry
is a packing of spanning trees of an undirected graph. With n ranks and cables of C units together
it is no more than C / (n - 1), nor than what is wired to a rank. Where whole numbers of trees
without a common cable attain this, or do where what they leave over takes turns, the packing is
found in seconds; a linear program over trees out of each root takes minutes, as little symmetry is
left.

Source: C. Nash-Williams (1961) and W. Tutte (1961): spanning trees without a common edge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np

from solvers.certify.certificates import prove, scope
from solvers.packing.disjoint_trees import Forests, pack, take_turns
from solvers.repair.lay_down import heights
from solvers.schedules.certificate import Bound, Prices
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.schedule import Schedule, Transfers, merge, schedule
from solvers.settings.deadline import NotFound, Watch
from topologies.model.forests import depths
from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.group import Group, link_orbits, trivial

CABLES = 2**15  # of one unit each, at most


@dataclass(frozen=True, eq=False)
class _Tree:
    """A spanning tree: the parent of each rank, the link up to it, and the tree's share."""

    parent: IntArray
    up: IntArray
    share: Fraction


def span(topology: Topology, what: Collective, group: Group, watch: Watch) -> Schedule:
    """Find the all_reduce of highest throughput as spanning trees.

    Args:
        topology: the machine; `is_spanned` holds of it.
        what: an all_reduce over all ranks.
        group: keeps the machine; cables that it carries to each other take turns together.
        watch: says when to stop.

    Raises:
        NotFound: the bound is not attained in this way.
    """
    one = _cables(topology)
    bound = min(_bounds(topology, what, group), key=lambda b: b.algbw or 0)
    assert bound.algbw is not None
    most = bound.algbw / topology.unit
    watch.tell("packing spanning trees")
    cable = np.repeat(one, topology.capacity[one])
    src, dst = topology.src[cable].tolist(), topology.dst[cable].tolist()
    forests = pack(topology.ranks, list(zip(src, dst, strict=True)), floor(most), watch)
    if most == floor(most):
        kept, trees = trivial(topology), _as_they_are(topology, forests, cable)
    elif most == Fraction(len(cable), topology.ranks - 1):
        kept, trees = group, _in_turns(topology, forests, cable, group, watch)
    else:
        raise NotFound("the bound is no whole number of spanning trees")
    pieces = [(0, tree.share) for tree in trees]
    rows = merge([_transfers(topology, i, tree) for i, tree in enumerate(trees)])
    return schedule(topology, what, pieces, rows, bound, kept, solver="repair")


def is_spanned(topology: Topology, what: Collective) -> bool:
    """Tell whether spanning trees are all that there is: a sum for all, over cables alone."""
    mate, whole = topology.mate, topology.vertices == len(what.ranks) > 1
    if not whole or what.shape.movement is not Movement.COPY_OF_SUM or (mate < 0).any():
        return False
    same = np.array_equal(topology.capacity, topology.capacity[mate])
    return same and bool(topology.capacity.sum() <= 2 * CABLES)


def _cables(topology: Topology) -> IntArray:
    """Give one link of each cable, those near the first rank first."""
    one = np.flatnonzero(topology.mate > np.arange(topology.links))
    far = _levels(topology)
    return one[np.argsort(np.minimum(far[topology.src], far[topology.dst])[one], kind="stable")]


def _levels(topology: Topology) -> IntArray:
    """Count the links between the first rank and each other one."""
    far = np.full(topology.vertices, topology.vertices, dtype=np.int64)
    far[0], before = 0, -1
    while (now := int(far.sum())) != before:
        before = now
        np.minimum.at(far, topology.dst, far[topology.src] + 1)
    return far


def _bounds(topology: Topology, what: Collective, group: Group) -> Iterator[Bound]:
    """Bound what trees carry: by all cables, and by those at the rank that has the least."""
    width = np.bincount(topology.src, weights=topology.capacity, minlength=topology.ranks)
    least = int(width.argmin())
    at = (topology.src == least) | (topology.dst == least)
    for of_link, keeps in ((np.zeros_like(topology.src), group), (1 - at, trivial(topology))):
        prices = Prices((Fraction(1), Fraction(0)), frozen(of_link.astype(np.int64)))
        yield Bound(prove(topology, what, prices, keeps), scope(prices, what), prices)


def _as_they_are(topology: Topology, forests: Forests, cable: IntArray) -> list[_Tree]:
    count = len(forests.parent)
    found = (forests.tree(number) for number in range(count))
    return [_Tree(p, _up(topology, p, cable[via]), Fraction(1, count)) for p, via in found]


def _in_turns(
    topology: Topology, forests: Forests, cable: IntArray, group: Group, watch: Watch
) -> list[_Tree]:
    label = link_orbits(topology, group)
    either = np.minimum(label, label[topology.mate])
    orbit = np.unique(either[cable], return_inverse=True)[1].reshape(-1).tolist()
    images = len(forests.parent) * group.order
    found = take_turns(forests, orbit, watch)
    return [_Tree(p, _up(topology, p, cable[via]), time / images) for p, via, time in found]


def _up(topology: Topology, parent: IntArray, link: IntArray) -> IntArray:
    """Turn each rank's cable towards its parent; what stands at the root means nothing."""
    return np.where(topology.dst[link] == parent, link, topology.mate[link])


def _transfers(topology: Topology, piece: int, tree: _Tree) -> Transfers:
    """Send a piece in and out over a tree, each rank as soon as it can."""
    child = np.flatnonzero(tree.parent >= 0)
    parent, up = tree.parent[child], tree.up[child]
    into, depth = heights(tree.parent)[child], depths(tree.parent)[child]
    first = int(into.max()) + 1
    columns: Sequence[IntArray] = (
        np.concatenate([into, first + depth - 1]),
        np.concatenate([child, parent]),
        np.concatenate([parent, child]),
        np.concatenate([up, topology.mate[up]]),
    )
    order = np.argsort(columns[0], kind="stable")
    step, src, dst, route = (frozen(column[order]) for column in columns)
    adds = order < len(child)
    number = np.full(len(order), piece, dtype=np.int64)
    start = np.arange(len(order) + 1)
    return Transfers(frozen(number), step, src, dst, frozen(adds), frozen(start), route)
