"""No schedule of ours counts before the checker has seen it."""

from dataclasses import dataclass
from time import monotonic

from runtime.verify.relaying import copied
from runtime.verify.verify import Report, verify
from solvers.schedules.kinds import TOKENS, kind_of
from solvers.schedules.schedule import Schedule
from solvers.settings.options import LimitError
from topologies.model.errors import BUG, CommplanError


class WrongSchedule(CommplanError, RuntimeError):
    """A schedule of our own that the checker refuses: a bug, and nothing is handed out."""

    exit_code = BUG


@dataclass(frozen=True)
class Checked:
    """A schedule that is right, what the checker said, and the seconds that it took to say so."""

    schedule: Schedule
    report: Report
    seconds: float


def checked(schedule: Schedule) -> Checked:
    """Verify a schedule of our own.

    Raises:
        WrongSchedule: it is not right.
        LimitError: of a dispatch or combine: ranks outside would have to copy or add, and may not.
    """
    started = monotonic()
    report = verify(schedule)
    if not report.correct:
        kind = kind_of(schedule.collective)
        # The solver of tokens makes patterns, whatever ranks outside may do.
        tokens = kind is not None and kind.given is TOKENS
        if tokens and schedule.relays == "forward" and copied(schedule).any():
            raise LimitError(
                f"{schedule.collective.name}: no way is known here in which ranks outside only "
                "pass messages on, and nothing is proved; --relays all lets them copy and add"
            )
        solver = schedule.provenance.get("solver", "a solver")
        raise WrongSchedule(f"{solver} made a wrong schedule: {report.faults[0]}")
    return Checked(schedule, report, monotonic() - started)
