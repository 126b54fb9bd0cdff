"""How long collectives that run at the same time take, by playing all their programs at once."""

from runtime.metrics.pacing import lead_in_set
from runtime.simulate.simulate import Sharing, Simulation, simulate
from solvers.schedules.ensembles.ensemble import Ensemble
from solvers.schedules.ensembles.union import union_schedule, unite
from solvers.schedules.schedule import Schedule
from solvers.settings.options import Switching


def playable(ensemble: Ensemble) -> tuple[Schedule, float]:
    """Give all schedules of a set as one that can be played, and its size in bytes.

    Programs of different tasks wait for each other nowhere: where a rank is in several, what is
    played waits for data alone, as steps of one program say nothing of those of another.
    """
    united = unite(ensemble.tasks)
    return union_schedule(ensemble, united, lead=lead_in_set(ensemble)), united.size


def simulate_together(
    ensemble: Ensemble,
    switching: Switching = "cut-through",
    sharing: Sharing = "fifo",
    chunks: int | None = None,
) -> Simulation:
    """Play all tasks of a set at once on links that they share; `size` is that of all together.

    Complexity: as of `simulate`, for what is written down of the set.
    """
    whole, size = playable(ensemble)
    return simulate(whole, size, switching, chunks, sharing=sharing)
