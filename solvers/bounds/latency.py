"""The time that no schedule beats at any size: the longest path that data must go."""

from weakref import WeakKeyDictionary

import numpy as np

from solvers.certify.multigraph import dijkstra, simplify
from solvers.schedules.collective import Collective
from topologies.model.ragged import stretches
from topologies.model.topology import BoolArray, Topology, frozen
from topologies.model.units import Seconds


def latency(topology: Topology, collective: Collective) -> Seconds:
    """Compute the seconds that the first byte takes from a holder to the wanter farthest from it.

    A message pays the alpha of each link on its way and the overhead at both its ends. Complexity:
    one search for each rank.

    Args:
        topology: the machine.
        collective: what is to be done.
    """
    ranks = np.array(collective.ranks)
    graph = simplify(topology.src, topology.dst, topology.alpha, topology.vertices)[0]
    far = dijkstra(graph, indices=ranks)[:, ranks]
    far += topology.overhead[ranks][:, None] + topology.overhead[ranks]
    np.fill_diagonal(far, 0)
    return float(far[mark_sharing(collective)].max(initial=0.0))


def mark_sharing(collective: Collective) -> BoolArray:
    """Mark (holder, wanter) for each pair that shares a block, as places in the list of ranks.

    Complexity: blocks, and their holders and wanters; once for a collective, as it is remembered.
    """
    known = _SHARING.get(collective)
    if known is None:
        known = _SHARING[collective] = frozen(_mark(collective))
    return known


# What was marked, as long as the collective lives: bounds at many sizes ask for the same.
_SHARING: WeakKeyDictionary[Collective, BoolArray] = WeakKeyDictionary()


def _mark(collective: Collective) -> BoolArray:
    pairs = np.zeros((len(collective.ranks), len(collective.ranks)), dtype=np.bool_)
    place = np.zeros(max(collective.ranks, default=0) + 1, dtype=np.int64)
    place[list(collective.ranks)] = np.arange(len(collective.ranks))
    held, wanted = collective.owners
    for few, many, pairs_of in ((held, wanted, pairs), (wanted, held, pairs.T)):
        single = np.diff(few.start) == 1  # all at once, as exchanges have many
        one, length = few.rank[few.start[:-1][single]], np.diff(many.start)[single]
        others = many.rank[stretches(many.start[:-1][single], length)]
        pairs_of[place[np.repeat(one, length)], place[others]] = True
    several = (np.diff(held.start) != 1) & (np.diff(wanted.start) != 1)
    for block in np.flatnonzero(several).tolist():
        pairs[np.ix_(place[held.of(block)], place[wanted.of(block)])] = True
    return pairs
