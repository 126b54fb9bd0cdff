"""How far apart the ranks of groups are: what a collective puts on all links together, at least.

Statement. Let every link cost 1. Then what goes from one rank to another costs at least the links
between them, and a block that goes to several, or a sum that comes from them, at least the least
Steiner tree of its group. That is n - 1 links or more for n ranks, as many as lie between the two
that are farthest apart, and half of a minimum spanning tree of the distances (a walk round the tree
visits all ranks and crosses each of its links twice; Kou, Markowsky and Berman, Acta Informatica
15, 1981). In T seconds all links together carry T times the sum of their bandwidths. So groups
whose ranks lie close to each other cost less, where ranks forward and cuts alone do not tell.
"""

from functools import lru_cache

import numpy as np

from solvers.certify.multigraph import dijkstra, simplify
from topologies.model.topology import FloatArray, IntArray, Topology, frozen

MOST_PAIRS = 2**16  # of ranks in one group, over all groups, up to which trees are looked for
FAR = 2**20  # links between ranks that do not reach each other


@lru_cache(maxsize=4)
def count_hops(topology: Topology) -> IntArray:
    """Count the links between any two ranks.

    Complexity: ranks × links.
    """
    ones = np.ones(topology.links)
    graph = simplify(topology.src, topology.dst, ones, topology.vertices)[0]
    found = dijkstra(graph, indices=np.arange(topology.ranks), unweighted=True)
    return frozen(np.minimum(found[:, : topology.ranks], FAR).astype(np.int64))


def crossings(hops: IntArray, placed: IntArray, collective: str) -> float:
    """Count the links that a collective crosses at least, for each byte of its size.

    Args:
        hops: between any two ranks.
        placed: the ranks of each group, a row for each.
        collective: that all groups run.
    """
    n = int(placed.shape[1])
    if collective == "send":
        return float(np.sum(hops[placed[:, :-1], placed[:, 1:]]))
    if placed.size * n > MOST_PAIRS:
        return 0.0
    between = hops[placed[:, :, None], placed[:, None, :]]
    if collective == "all_to_all":
        return float(between.sum()) / n
    trees = least_trees(between)
    return float(np.sum(trees)) * (1 + (collective == "all_reduce"))


def least_trees(between: IntArray) -> FloatArray:
    """Bound the links of the least tree of each group from below; see the statement.

    Args:
        between: (groups, n, n), the links between ranks of a group, in either direction.
    """
    groups, n = between.shape[:2]
    near = np.minimum(between, between.transpose(0, 2, 1)).astype(np.float64)
    spanning, every = np.zeros(groups), np.arange(groups)
    inside = np.zeros((groups, n), dtype=np.bool_)
    inside[:, 0] = True
    reach = near[:, 0]
    for _ in range(n - 1):  # Prim's, of all groups at once
        reach = np.where(inside, np.inf, reach)
        nearest = reach.argmin(axis=1)
        spanning += reach[every, nearest]
        inside[every, nearest] = True
        reach = np.minimum(reach, near[every, nearest])
    farthest = near.reshape(groups, -1).max(axis=1)
    return np.asarray(np.maximum(np.maximum(spanning / 2, farthest), n - 1.0))
