"""Why no schedule is so low: data must pass ranks on its way, and sums need a rank that adds first.

Statement. A message passes switches only, so that what i holds and j wants takes as many messages
in a row as a way from i to j enters ranks, at least. And with one message in a row ranks send
nothing but what they hold: who wants the sum adds up the contributions itself, one after the other
and its own first. Sums of floats are the same if they begin with the same two contributions, and
go on in one order; so at most two of those who hold a contribution can get the same bits.
"""

import numpy as np

from solvers.bounds.latency import mark_sharing
from solvers.certify.distances import distances
from solvers.lp.linear_program import Infeasible
from solvers.schedules.collective import Collective
from topologies.model.topology import Topology

SAME = 2  # ranks that can begin a sum with their own contributions and get the same bits


def refuse_too_low(topology: Topology, collective: Collective, height: int | None) -> None:
    """Refuse a height that no schedule keeps to. Complexity: one search for each rank.

    Raises:
        Infeasible: with the ranks that are too far apart, or why their sums would differ.
    """
    if height is None:
        return
    ranks = np.array(collective.ranks)
    enters = (topology.dst < topology.ranks).astype(np.int64)
    far = distances(topology, enters.tolist(), ranks.tolist())[:, ranks]
    far = np.where(mark_sharing(collective), far, 0)
    src, dst = np.unravel_index(int(np.argmax(far)), far.shape)
    if far[src, dst] > height:
        names = topology.names
        ends = f"from {names[ranks[src]]} to {names[ranks[dst]]}"
        raise Infeasible(
            f"{collective.name}: {far[src, dst]} messages one after the other lead {ends} at "
            f"least, {height} may"
        )
    if height == 1 and (many := _differing(collective)) > SAME:
        raise Infeasible(
            f"{collective.name}: in one message each of {many} ranks would add up what all hold, "
            "beginning with its own; rounding would leave them with different bits"
        )


def _differing(collective: Collective) -> int:
    """Count the ranks that hold a part of a sum of three or more and want it, where most do."""
    both = (
        len(np.intersect1d(holders, wanters)) if len(holders) > SAME else 0
        for holders, wanters in zip(collective.holders, collective.wanters, strict=True)
    )
    return max(both, default=0)
