"""What a schedule reaches at a large size, and the lead with which it reaches most."""

from collections.abc import Iterator
from dataclasses import replace

from commplan.candidates.measure import play_work
from commplan.candidates.tuning import LARGE_LEADS, LARGE_WORK
from runtime.metrics.chunking import LARGE
from runtime.metrics.pacing import paced, pacing_of
from runtime.program.scratch import scratch
from runtime.simulate.simulate import Sharing, Simulation, simulate
from solvers.schedules.schedule import Schedule
from solvers.settings.options import Switching
from topologies.model.units import Share

# How networks may carry messages, the cheaper ones to play first, and what a play costs.
_NETWORKS: tuple[tuple[Switching, Sharing, int], ...] = (
    ("cut-through", "fifo", 1),
    ("store-and-forward", "fifo", 1),
    ("cut-through", "fair", 20),
)


def pace_for_large(
    schedule: Schedule, max_scratch: Share | None = None
) -> tuple[Schedule, Simulation | None]:
    """Search for the lead with which a schedule reaches most at LARGE bytes.

    It is the one that is best in the worst of several networks, each measured by the best that a
    lead reaches there: links that serve messages in order, with switches that cut through or store
    and forward, and links that share. Of large schedules fewer are played, of very large ones none.

    Args:
        schedule: any that is right.
        max_scratch: what a rank may need besides its buffers, as a part of the size.

    Returns:
        The schedule at that lead, and what is expected of it where switches cut through; None
        where nothing was played.
    """
    work = play_work(schedule, LARGE)
    if not len(schedule.transfers) or work > LARGE_WORK:
        return schedule, None
    pacing = pacing_of(schedule)
    leads = (paced(schedule, replace(pacing, lead=lead)) for lead in LARGE_LEADS)
    spared = [each for each in leads if max_scratch is None or scratch(each) <= max_scratch]
    tried = spared or [schedule]
    played = list(_play(tried, LARGE_WORK // work))
    if not played:
        return tried[0], simulate(tried[0], LARGE)
    worst = [min(shares) for shares in zip(*(_shares(row) for row in played), strict=True)]
    best = max(range(len(tried)), key=worst.__getitem__)
    return tried[best], played[0][best]


def _play(tried: list[Schedule], plays: int) -> Iterator[list[Simulation]]:
    """Play all in one network after the other, as long as the plays allowed last."""
    for switching, sharing, cost in _NETWORKS:
        plays -= cost * len(tried)
        if plays < 0:
            return
        yield [simulate(each, LARGE, switching, sharing=sharing) for each in tried]


def _shares(row: list[Simulation]) -> list[float]:
    """Compute for each play the part of the best of them."""
    least = min(each.seconds for each in row)
    return [least / each.seconds for each in row]
