"""Why no schedule is so low: data must pass ranks on its way.

Statement. A message passes switches only, so that what i holds and j wants takes as many messages
in a row as a way from i to j enters ranks, at least.
"""

import numpy as np

from solvers.bounds.latency import mark_sharing
from solvers.certify.distances import distances
from solvers.lp.linear_program import Infeasible
from solvers.schedules.collective import Collective
from topologies.model.topology import Topology


def refuse_too_low(topology: Topology, collective: Collective, height: int | None) -> None:
    """Refuse a height that no schedule keeps to. Complexity: one search for each rank.

    Raises:
        Infeasible: with the ranks that are too far apart.
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
