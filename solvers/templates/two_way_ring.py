"""A ring that is used both ways at once: half the rounds, where links are duplex."""

from fractions import Fraction

import numpy as np

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, blocks, expect, lay_out, mirror
from solvers.templates.ring_order import ring_order
from topologies.model.topology import IntArray, Topology, integers

COLLECTIVES = ("all_gather", "reduce_scatter", "all_reduce", "broadcast", "reduce")
NAME = "two-way ring"


def schedule(topology: Topology, collective: Collective, bound: Bound = UNPROVED) -> Schedule:
    """Let each piece go both ways around, to the ranks that are nearer on that side.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: Chan et al., Collective communication: theory, practice, and experience, Concurrency
    and Computation: Practice and Experience 19 (2007), bidirectional rings.
    """
    expect(NAME, collective, COLLECTIVES)
    routes, n = Router(topology), len(collective.ranks)
    order = ring_order(routes, collective.ranks)
    if collective.root is not None:
        at = order.index(collective.root)
        sends = _spread(integers(order[at:] + order[:at]), integers([0]))
        sends = mirror(sends) if pattern_of(collective) == "reduce" else sends
        return lay_out(NAME, routes, collective, blocks(collective), sends, bound)
    ring = integers(order)
    out = _spread(ring, np.arange(n))
    if pattern_of(collective) == "all_reduce":
        sends = [*mirror(out), *(s.later(n // 2) for s in out)]
        return lay_out(NAME, routes, collective, [(0, Fraction(1, n))] * n, sends, bound)
    block = {rank: i for i, rank in enumerate(collective.ranks)}
    pieces = [(block[rank], Fraction(1)) for rank in order]
    sends = out if pattern_of(collective) == "all_gather" else mirror(out)
    return lay_out(NAME, routes, collective, pieces, sends, bound)


def _spread(ring: IntArray, piece: IntArray) -> list[Sends]:
    """Send piece p from the p-th rank n // 2 places forward and the others backward."""
    n = len(ring)
    return [
        Sends(away, piece, ring[(piece + way * away) % n], ring[(piece + way * (away + 1)) % n])
        for way, far in ((1, n // 2), (-1, (n - 1) // 2))
        for away in range(far)
    ]
