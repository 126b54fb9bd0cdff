"""How long collectives that run at the same time take, by playing all their programs at once."""

from dataclasses import replace
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


class Playable(NamedTuple):
    """All schedules of a set as one, its size in bytes, and the programs that it is."""

    schedule: Schedule
    size: float
    programs: Programs


class Paced(NamedTuple):
    """A set with a lead, and the seconds that are predicted of it; None where it was not played."""

    ensemble: Ensemble
    predicted: Seconds | None


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
    before what it passes on. Taken is the lead whose worse time, of links that serve one message
    after the other and of links that share, each by the best there, is least; of equal ones the
    first of LEADS. Sets of more than PLAYED transfers keep the usual one.
    """
    if sum(len(own.transfers) for _, own in ensemble.schedules) > PLAYED:
        return Paced(replace(ensemble, lead=None), None)
    whole, size, programs = playable(ensemble)
    found = {
        sharing: [
            simulate(whole, size, lead=lead, sharing=sharing, programs=programs) for lead in LEADS
        ]
        for sharing in SHARINGS
    }
    least = {sharing: min(each.seconds for each in row) for sharing, row in found.items()}
    worse = [
        max(found[sharing][i].seconds / (least[sharing] or 1.0) for sharing in SHARINGS)
        for i in range(len(LEADS))
    ]
    best = worse.index(min(worse))
    paced = replace(ensemble, lead=LEADS[best] if best else None)
    return Paced(paced, found["fifo"][best].seconds)
