"""What no schedule beats at a size: bandwidth and latency together, distance, and endpoints.

1. Bandwidth, with latency. A bound of throughput prices links: for each second all links together
   take in capacity × price, and the size must pay. But a link has nothing to do before a message
   from the nearest rank is there, and what it takes in at the very end reaches no rank in time:
   of t seconds it works t - idle at most, idle being the latency of the quickest message over it.
   So t is at least size / bound + the mean idle time, weighed by capacity × price.
2. Distance: the first byte goes from a holder to the wanter farthest from it.
3. Endpoints. Where a message costs `overhead` at either end, and a rank depends on k ranks or k
   ranks on one: within t seconds a rank can depend on f(t) = f(t - o) + f(t - 2 o - alpha) ranks
   at most: its last message keeps it busy for o, and brings what its sender had 2 o + alpha ago.
   With the least o and the least alpha of all that is a bound; switches that copy or add break it.

Each holds for every schedule that the model can play (runtime/simulate.py), whatever its chunks.

Source: LP duality; Karp, Sahay, Santos and Schauser, Optimal broadcast and summation in the LogP
model, SPAA 1993 (the recursion, there for broadcasts).
"""

from heapq import heappop, heappush

import numpy as np
from scipy.sparse.csgraph import dijkstra

from solvers.certificate import Bound, Cut, Prices
from solvers.collective import Collective
from solvers.latency import latency, sharing
from solvers.lightest import lightest
from topologies.topology import FloatArray, Topology

NOTHING = 1e-15  # seconds; added to each link, as those of no length would count as missing


def fastest(
    topology: Topology,
    collective: Collective,
    bound: Bound,
    size: float,
    *,
    in_network: bool = False,
) -> float:
    """Give the seconds that nothing beats at a size in bytes.

    bound: of throughput, proved. Complexity: two searches from all ranks, and those of `latency`.
    """
    idle = _idle(topology)
    least = latency(topology, collective)
    if bound.algbw:
        weight = _incomes(topology, bound)
        used = np.flatnonzero(weight)
        mean = float(weight[used] @ idle[used] / weight.sum()) if len(used) else 0.0
        least = max(least, float(size / bound.algbw) + mean)
    if in_network or not topology.links:
        return least
    shared, overhead = sharing(collective), float(topology.overhead.min())
    most = max(shared.sum(axis=axis).max(initial=0) for axis in (0, 1))
    return max(least, reach(int(most), overhead, float(idle.min())))


def reach(ranks: int, overhead: float, first: float) -> float:
    """Give the time in which so many ranks can depend on one, itself included, or it on them.

    overhead: seconds between two messages of a rank. first: between a message and its arrival.
    """
    if ranks <= 1 or overhead <= 0:
        return 0.0
    arrivals, time = [first], 0.0
    for _ in range(ranks - 1):
        time = heappop(arrivals)
        heappush(arrivals, time + overhead)  # of the next message of whoever sent this one
        heappush(arrivals, time + first)  # of the first message of whoever got it
    return time


def _idle(topology: Topology) -> FloatArray:
    """Give the latency of the quickest message over each link, its ends' overheads included."""
    before, after = _nearest(topology, backward=False), _nearest(topology, backward=True)
    return np.asarray(before[topology.src] + topology.alpha + after[topology.dst])


def _nearest(topology: Topology, *, backward: bool) -> FloatArray:
    """Measure to each vertex from the rank that reaches it soonest (backward: that it reaches)."""
    tail, head = (topology.src, topology.dst)[:: -1 if backward else 1]
    ranks, start = np.arange(topology.ranks), topology.vertices
    tails = np.concatenate([tail, np.full(topology.ranks, start)])
    heads = np.concatenate([head, ranks])
    length = np.concatenate([topology.alpha, topology.overhead]) + NOTHING
    far = dijkstra(lightest(tails, heads, length, start + 1)[0], indices=start)[:start]
    return np.maximum(np.where(np.isfinite(far), far, 0.0) - NOTHING * (start + 1), 0.0)


def _incomes(topology: Topology, bound: Bound) -> FloatArray:
    """Give capacity × price for each link of a certificate."""
    proof = bound.certificate
    if isinstance(proof, Cut):
        inside = np.isin(np.arange(topology.vertices), proof.inside)
        tail, head = (topology.src, topology.dst)[:: -1 if proof.reversed_links else 1]
        return np.where(inside[tail] & ~inside[head], topology.capacity, 0).astype(np.float64)
    if isinstance(proof, Prices):
        prices = np.array([float(price) for price in proof.of_class])
        return np.asarray(prices[proof.of_link] * topology.capacity)
    return np.zeros(topology.links)
