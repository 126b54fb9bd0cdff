"""How long collectives that run at the same time take, by playing all their programs at once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from operator import truediv
from typing import NamedTuple

from runtime.metrics.pacing import MOST_LEAD, USUAL
from runtime.simulate.programs import Programs
from runtime.simulate.simulate import SHARINGS, Sharing, Simulation, simulate
from solvers.schedules.ensembles.ensemble import Ensemble
from solvers.schedules.ensembles.union import union_schedule, unite
from solvers.schedules.schedule import Schedule
from solvers.settings.options import Switching
from topologies.model.units import Seconds

PLAYED = 20_000  # transfers that are written down of a set that is played for a choice
LEADS = (USUAL.lead, 1, 2, 4, 8, MOST_LEAD)
NEAR = 1.02  # of the least time, that a longer lead may be predicted to take


class Playable(NamedTuple):
    """All schedules of a set as one, its size in bytes, and the programs that it is."""

    schedule: Schedule
    size: float
    programs: Programs


class Paced(NamedTuple):
    """A set with a lead, and the seconds that are predicted of it, for each of SHARINGS played."""

    ensemble: Ensemble
    times: tuple[Seconds, ...] = ()

    @property
    def predicted(self) -> Seconds | None:
        """Give the seconds where links serve one message after the other, if it was played."""
        return self.times[0] if self.times else None


def playable(ensemble: Ensemble) -> Playable:
    """Give all schedules of a set as one that can be played.

    Programs of different tasks wait for each other nowhere: each has its own order and lead.
    """
    united, own = unite(ensemble.tasks), dict(ensemble.schedules)
    whole = union_schedule(ensemble, united, lead=ensemble.lead or USUAL.lead)
    groups = (getattr(own.get(i), "group", whole.group) for i in range(len(ensemble.tasks)))
    return Playable(whole, united.size, Programs(united.first[:-1], tuple(groups)))


def simulate_together(
    ensemble: Ensemble,
    switching: Switching = "cut-through",
    sharing: Sharing = "fifo",
    chunks: int | None = None,
) -> Simulation:
    """Play all tasks of a set at once on links that they share; `size` is that of all together.

    Complexity: as of `simulate`, for what is written down of the set.
    """
    whole, size, programs = playable(ensemble)
    return simulate(whole, size, switching, chunks, sharing=sharing, programs=programs)


def with_best_lead(ensemble: Ensemble) -> Paced:
    """Choose how far ahead ranks may go in the programs of a set; give what is predicted with it.

    A short lead holds up what a rank could send over other links when a message of one task waits
    for those of another on a link that both take. With a long one all that a rank holds stands
    before what it passes on. What counts of a lead is the worse of its times, where links serve one
    message after the other and where they share, each by the best there. Taken is the longest that
    is within NEAR of the least: what asks for a large message stands behind those of other tasks on
    its link, too, which is not played, and less waits for it. Where no rank is in two tasks, and
    where more than PLAYED transfers are written down, the usual one is kept; links that share are
    not played of so many.
    """
    whole, size, programs = playable(ensemble)
    large = len(whole.transfers) > PLAYED
    leads = LEADS if _meet(ensemble) and not large else LEADS[:1]
    ways = SHARINGS[:1] if large else SHARINGS
    times = [
        tuple(
            simulate(whole, size, lead=lead, sharing=sharing, programs=programs).seconds
            for sharing in ways
        )
        for lead in leads
    ]
    late = lateness(times)
    near = [i for i in range(len(leads)) if late[i] <= NEAR * min(late)]
    best = max(near, key=leads.__getitem__)
    return Paced(replace(ensemble, lead=leads[best] if best else None), times[best])


def lateness(times: Sequence[tuple[Seconds, ...]]) -> list[float]:
    """Tell how many times as long as the best each takes, in the worst of the ways all are known.

    times: of each, the seconds in one way after the other.
    """
    least = [min(column) or 1.0 for column in zip(*times, strict=False)]
    return [max(map(truediv, own, least)) for own in times]


def _meet(ensemble: Ensemble) -> bool:
    """Tell whether some rank takes part in two tasks, if only by passing on what is of others."""
    times = Counter(rank for task in ensemble.tasks for rank in task.collective.ranks)
    for _, own in ensemble.schedules:
        outside = {*own.transfers.src.tolist(), *own.transfers.dst.tolist()}
        times.update(outside - set(own.collective.ranks))
    return max(times.values(), default=0) > 1
