"""A collective of one rank: everything is where it should be."""

from fractions import Fraction

from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule, schedule
from topologies.model.topology import Topology


def trivial_schedule(topology: Topology, collective: Collective) -> Schedule:
    """Make the schedule that moves nothing; a single rank has no bandwidth."""
    pieces = [(block, Fraction(1)) for block in range(collective.blocks)]
    return schedule(topology, collective, pieces, [], Bound(None, "cut", None))
