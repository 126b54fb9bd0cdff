"""What trees pay at least on machines too large for the prices between all pairs of ranks.

Statement. Vertices that reach each other for nothing are at one place. A tree out of a root has an
arc into each place with a rank, but for the root's own: over switches and ranks from some rank
outside, and no two of these arcs are the same. So it pays at least what the cheapest way into each
place costs. Where all arcs into a place cost the same, or as prices are duals of trees that enter
each place once, that is all that a cheapest tree pays (Edmonds' dual with one level of sets);
elsewhere it is less, and the bound that follows is weaker, but still one.

Complexity: a search for the shortest ways into one place of each orbit, which for sums is done on
the reversed machine.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from solvers.certify.multigraph import dijkstra, simplify
from topologies.model.reachability import connected_parts
from topologies.model.topology import IntArray, Topology

EXACT_FLOAT = 2**53  # whole numbers up to here, and their sums, are exact in float64
ORBITS = 64  # of ranks, for each of which the ways into its place are looked for

Payments = NDArray[np.object_]


def too_large(price: Sequence[int], topology: Topology, orbit: IntArray) -> str:
    """Say why payments are not worked out, or nothing where they are.

    Args:
        price: of each link, whole numbers.
        topology: the machine.
        orbit: of each vertex, under a group that keeps the prices.
    """
    if max(price, default=0) * topology.vertices >= EXACT_FLOAT:
        return "prices are too large for a machine of so many ranks"
    orbits = len(np.unique(orbit[: topology.ranks]))
    if orbits > ORBITS:
        return f"{orbits:,} ranks differ by the symmetry, of so many ranks at most {ORBITS} may"
    return ""


def payments(
    topology: Topology, price: Sequence[int], orbit: IntArray, *, inward: bool
) -> Payments | None:
    """Compute the least that a tree over all ranks pays, for each rank as its root.

    Args:
        topology: the machine; switches do not copy, nor add.
        price: of each link, whole numbers.
        orbit: of each vertex, under a group that keeps machine and prices.
        inward: trees go into the root.

    Returns:
        whole numbers of Python, (ranks,); None where some place cannot be reached.
    """
    ranks = topology.ranks
    cost = np.array(price, dtype=np.float64)
    place = connected_parts(topology, cost == 0, strong=True)[:ranks]
    ends = (topology.src, topology.dst) if inward else (topology.dst, topology.src)
    graph = simplify(*ends, cost, topology.vertices)[0]
    entering = np.zeros(ranks, dtype=object)
    for leader in np.unique(orbit[:ranks], return_index=True)[1].tolist():
        inside = np.flatnonzero(place == place[leader])
        far = dijkstra(graph, indices=inside, min_only=True)[:ranks]
        far[inside] = np.inf
        least = float(far.min())
        if len(inside) == ranks:
            least = 0.0
        if not np.isfinite(least):
            return None
        entering[orbit[:ranks] == orbit[leader]] = int(least)
    first = np.unique(place, return_index=True)[1]
    return np.asarray(sum(entering[first].tolist()) - entering)
