"""What no schedule beats at a size: bandwidth and latency together, distance, and endpoints.

1. Bandwidth, with latency. A certificate of throughput prices links: with the weight w of a link,
   its capacity × price, and the busy time b of each link while a schedule runs,
       sum of w · b >= sum of w · size / bound,                                              (*)
   as what moves must pay for itself (a cut is the price 1 on each link that crosses it). Let t be
   the time of the schedule. A link has nothing to do before a message from the nearest rank that
   has anything to give is there, and what it takes in at the very end reaches no rank that wants
   it: b <= max(0, t - idle), idle being the latency of the quickest message over the link, the
   overheads at its ends included; a message whose bytes come in a row or piece by piece (cut
   through) is no quicker than its first byte. What moves to no purpose can be left out: (*) holds
   for the rest, and the rest ends no later. With f(t) = sum of w · max(0, t - idle) so
       f(t) >= sum of w · size / bound.
   f is convex, 0 up to the least idle time and then rising, so that one time t0 attains this
   with equality (for a size above 0), and t >= t0. With the links in the order of their idle times,
   f(t) is the largest of sum over the first k of w · (t - idle), whatever k: a link that is not
   yet at work would only take away. Each of these is attained at
       t_k = (sum of all w · size / bound + sum over the first k of w · idle) / sum of these w,
   and t0 is the least t_k. (Of links that cannot work within t, t - idle is below 0: adding them
   up, too, would let others work for more than all their time.)
2. Distance: the first byte goes from a holder to the wanter farthest from it.
3. Endpoints. Where a message costs `overhead` at either end, and a rank depends on k ranks or k
   ranks on one: within t seconds a rank can depend on f(t) = f(t - o) + f(t - 2 o - alpha) ranks
   at most: its last message keeps it busy for o, and brings what its sender had 2 o + alpha ago.
   With the least o and the least alpha of all that is a bound; switches that copy or add break it.

Each holds for every schedule that the model can play (runtime.simulate), whatever its chunks.

Source: LP duality; Karp, Sahay, Santos and Schauser, Optimal broadcast and summation in the LogP
model, SPAA 1993 (the recursion, there for broadcasts).
"""

from heapq import heappop, heappush

import numpy as np

from solvers.bounds.latency import latency, mark_sharing
from solvers.certify.multigraph import dijkstra, simplify
from solvers.schedules.certificate import Bound, Cut, Prices
from solvers.schedules.collective import Collective
from topologies.model.topology import FloatArray, IntArray, Topology, integers
from topologies.model.units import Seconds

SIDES = ("inputs", "outputs")
NOTHING = 1e-15  # seconds; added to each link, as those of no length would count as missing


def time_lower_bound(
    topology: Topology,
    collective: Collective,
    bound: Bound,
    size: float,
    *,
    in_network: bool = False,
) -> Seconds:
    """Compute the seconds that no schedule can beat at a size.

    Complexity: two searches from all ranks, and those of `latency`.

    Args:
        topology: the machine.
        collective: what is to be done.
        bound: of throughput, proved.
        size: in bytes.
        in_network: whether switches copy and add.
    """
    least = latency(topology, collective)
    if size > 0 and bound.algbw:
        weight = incomes(topology, bound)
        idle = _link_latencies(topology, *(_ranks_with_data(collective, side) for side in SIDES))
        least = max(least, _solve_paid(weight, idle, float(size / bound.algbw)))
    overhead = float(topology.overhead.min())
    if in_network or not topology.links or not overhead:
        return least
    shared = mark_sharing(collective)
    most = max(shared.sum(axis=axis).max(initial=0) for axis in (0, 1))
    anyone = np.arange(topology.ranks)
    return max(
        least,
        fan_out_time(int(most), overhead, float(_link_latencies(topology, anyone, anyone).min())),
    )


def _solve_paid(weight: FloatArray, idle: FloatArray, fluid: float) -> float:
    """Give the t with sum of weight · max(0, t - idle) = sum of weight · fluid, fluid above 0."""
    used = np.flatnonzero(weight)
    order = used[np.argsort(idle[used])]
    if not len(order):
        return fluid
    sums = np.cumsum(weight[order])
    return float(((sums[-1] * fluid + np.cumsum(weight[order] * idle[order])) / sums).min())


def fan_out_time(ranks: int, overhead: Seconds, first: float) -> Seconds:
    """Compute the time in which so many ranks can depend on one, itself included, or it on them.

    Args:
        ranks: how many.
        overhead: seconds between two messages of a rank.
        first: between a message and its arrival.
    """
    if ranks <= 1 or overhead <= 0:
        return 0.0
    arrivals, time = [first], 0.0
    for _ in range(ranks - 1):
        time = heappop(arrivals)
        heappush(arrivals, time + overhead)  # of the next message of whoever sent this one
        heappush(arrivals, time + first)  # of the first message of whoever got it
    return time


def _ranks_with_data(collective: Collective, buffers: str) -> IntArray:
    """List the ranks with anything in their inputs, or outputs."""
    owned = zip(collective.ranks, getattr(collective, buffers), strict=True)
    return integers(rank for rank, blocks in owned if len(blocks))


def _link_latencies(topology: Topology, givers: IntArray, takers: IntArray) -> FloatArray:
    """Compute the latency of the quickest message over each link, its ends' overheads included.

    It comes from one of the givers and goes to one of the takers, on the way perhaps through other
    ranks, whose overheads are left out.
    """
    before = _nearest(topology, givers, backward=False)
    after = _nearest(topology, takers, backward=True)
    return np.asarray(before[topology.src] + topology.alpha + after[topology.dst])


def _nearest(topology: Topology, ranks: IntArray, *, backward: bool) -> FloatArray:
    """Measure to each vertex from the rank that reaches it soonest (backward: that it reaches)."""
    tail, head = (topology.src, topology.dst)[:: -1 if backward else 1]
    start = topology.vertices
    tails = np.concatenate([tail, np.full(len(ranks), start)])
    heads = np.concatenate([head, ranks])
    length = np.concatenate([topology.alpha, topology.overhead[ranks]]) + NOTHING
    far = dijkstra(simplify(tails, heads, length, start + 1)[0], indices=start)[:start]
    return np.maximum(np.where(np.isfinite(far), far, 0.0) - NOTHING * (start + 1), 0.0)


def incomes(topology: Topology, bound: Bound) -> FloatArray:
    """Compute capacity × price for each link of a certificate."""
    proof = bound.certificate
    if isinstance(proof, Cut):
        inside = np.isin(np.arange(topology.vertices), proof.inside)
        tail, head = (topology.src, topology.dst)[:: -1 if proof.reversed_links else 1]
        return np.where(inside[tail] & ~inside[head], topology.capacity, 0).astype(np.float64)
    if isinstance(proof, Prices):
        prices = np.array([float(price) for price in proof.of_class])
        return np.asarray(prices[proof.of_link] * topology.capacity)
    return np.zeros(topology.links)
