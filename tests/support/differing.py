"""An all_reduce that is right, and leaves ranks with different bits of one sum."""

from fractions import Fraction

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.collective import all_reduce
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, lay_out
from topologies.model.topology import integers
from topologies.presets.shapes import full_mesh


def differing() -> Schedule:
    """Let rank 3 add up all four at once, and rank 0 for the others, the part of 2 at last."""
    rounds = [
        ([0, 1, 2, 3, 1], [3, 3, 3, 0, 0], True),
        ([2], [0], True),
        ([0, 0], [1, 2], False),
    ]
    sends = [
        Sends(i, integers([0] * len(src)), integers(src), integers(dst), adds)
        for i, (src, dst, adds) in enumerate(rounds)
    ]
    router, what = Router(full_mesh(4)), all_reduce(range(4))
    return lay_out("by hand", router, what, [(0, Fraction(1))], sends, UNPROVED)
