"""What a schedule takes over sizes, beside what nothing beats and what libraries run."""

from dataclasses import dataclass

from commplan.expectation.patterns import Pattern, Patterns
from runtime.simulate.simulate import simulate
from solvers.bounds.time_bound import time_lower_bound
from solvers.schedules.kinds import is_sized
from solvers.schedules.schedule import Schedule
from topologies.model.units import Bytes, Seconds

SIZES: tuple[Bytes, ...] = tuple(2**power for power in range(10, 31, 2))
FEW_SIZES: tuple[Bytes, ...] = (2**12, 2**20, 2**26, 2**30)
SMALL = 50_000  # transfers up to which all sizes are played
RANKS = 64  # up to which ring and tree are played
LARGEST = 4096  # ranks up to which anything is: the bound at a size takes ranks squared


@dataclass(frozen=True)
class Timed:
    """One size: bytes; seconds of the bound, of the schedule, and of patterns where there are any.

    Attributes:
        binds: what the schedule waits for.
    """

    size: Bytes
    bound: Seconds
    predicted: Seconds
    binds: str
    ring: Seconds | None = None
    tree: Seconds | None = None


def play_sizes(schedule: Schedule) -> list[Timed]:
    """Predict a schedule over sizes; one that has a size of its own only there.

    Of large machines few sizes are played, and no patterns; of the largest nothing.
    """
    what, machine = schedule.collective, schedule.topology
    if not len(schedule.transfers) or len(what.ranks) > LARGEST:
        return []
    sizes = SIZES if len(schedule.transfers) * schedule.group.order <= SMALL else FEW_SIZES
    if is_sized(what):
        sizes = (what.total,)
    ring = tree = None
    if len(what.ranks) <= RANKS:
        patterns = Patterns(machine, tuple(what.ranks))
        ring, tree = patterns.ring(what), patterns.tree(what)
    return [_play(schedule, size, ring, tree) for size in sizes]


def _play(schedule: Schedule, size: Bytes, ring: Pattern | None, tree: Pattern | None) -> Timed:
    found = simulate(schedule, size)
    least = time_lower_bound(
        schedule.topology,
        schedule.collective,
        schedule.bound,
        size,
        in_network=schedule.in_network,
    )
    beside = [None if each is None else each.timing(size).seconds for each in (ring, tree)]
    return Timed(size, least, found.seconds, str(found.bottleneck), *beside)
