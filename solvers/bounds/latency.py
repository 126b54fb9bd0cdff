"""The time that no schedule beats at any size: the longest path that data must go."""

import numpy as np
from scipy.sparse.csgraph import dijkstra

from solvers.certify.multigraph import simplify
from solvers.schedules.collective import Collective
from topologies.model.topology import BoolArray, Topology
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
    """Mark (holder, wanter) for each pair that shares a block, as places in the list of ranks."""
    pairs = np.zeros((len(collective.ranks), len(collective.ranks)), dtype=np.bool_)
    place = {rank: i for i, rank in enumerate(collective.ranks)}
    for holders, wanters in zip(collective.holders, collective.wanters, strict=True):
        rows, columns = ([place[r] for r in ends.tolist()] for ends in (holders, wanters))
        pairs[np.ix_(rows, columns)] = True
    return pairs
