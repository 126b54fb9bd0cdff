"""No schedule of ours counts before the checker has seen it."""

from dataclasses import dataclass
from time import monotonic

from runtime.verify.verify import Report, verify
from solvers.registry import SOLVERS, SolverError
from solvers.schedules.schedule import Schedule
from topologies.model.errors import BUG, CommplanError
from topologies.model.units import Seconds


class WrongSchedule(CommplanError, RuntimeError):
    """A schedule of our own that the checker refuses: a bug, and nothing is handed out."""

    exit_code = BUG


@dataclass(frozen=True)
class Checked:
    """A schedule that is right, what the checker said, and the seconds that it took to say so."""

    schedule: Schedule
    report: Report
    seconds: Seconds


def check_schedule(schedule: Schedule) -> Checked:
    """Verify a schedule of our own, or of a solver of others.

    Raises:
        WrongSchedule: it is not right.
        SolverError: it is not right, and a solver of others made it.
    """
    started = monotonic()
    report = verify(schedule)
    if not report.correct:
        solver = schedule.provenance.get("solver", "a solver")
        if solver in SOLVERS and not SOLVERS.is_ours(str(solver)):
            raise SolverError(f"solver {solver!r} made a wrong schedule: {report.faults[0]}")
        raise WrongSchedule(f"{solver} made a wrong schedule: {report.faults[0]}")
    return Checked(schedule, report, monotonic() - started)
