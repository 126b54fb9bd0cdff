"""What every single failure of a machine costs a collective, each with its plan and its proof."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from commplan.changes.failures import KINDS, Failure, list_failures
from commplan.changes.replan import replan
from commplan.changes.shrink import GoneError
from commplan.planning.planner import Plan
from solvers.lp.linear_program import Infeasible, NotFound
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import LimitError
from topologies.model.topology import TopologyError
from topologies.model.units import Share

LEAST = 1.0  # seconds that a failure's plan is given at least, while there is time


@dataclass(frozen=True)
class Outcome:
    """What one failure, and all that are like it, costs.

    Attributes:
        plan: for what is left; None where there is none.
        lost: part of the rate; 1 where the collective cannot be done, or no plan was found.
        proved: nothing on what is left loses less.
        reason: why there is no plan.
    """

    failure: Failure
    plan: Plan | None
    lost: Share
    proved: bool
    reason: str = ""


@dataclass(frozen=True)
class Contingency:
    """What the single failures of a machine cost, one outcome for all that are alike."""

    outcomes: tuple[Outcome, ...]

    @property
    def failures(self) -> int:
        """Count the single failures."""
        return sum(each.failure.count for each in self.outcomes)

    @property
    def worst(self) -> Share:
        """Look up the most that a failure costs."""
        return max((each.lost for each in self.outcomes), default=Fraction(0))

    @property
    def median(self) -> Share:
        """Compute what the median failure costs, each counted as often as there are like it."""
        ordered = sorted(self.outcomes, key=lambda each: each.lost)
        middle, seen = (self.failures - 1) // 2, 0
        for each in ordered:
            seen += each.failure.count
            if seen > middle:
                return each.lost
        return Fraction(0)


def plan_contingency(
    schedule: Schedule, watch: Watch, kinds: Sequence[str] = KINDS
) -> Iterator[Outcome]:
    """Plan for each single failure, one for all that are alike, and hand each out at once.

    A rank that fails is left out of the collective.

    Args:
        schedule: for the whole machine.
        watch: gives each failure an equal part of the time that is left.
        kinds: of failures, some of `KINDS`.
    """
    failures = list_failures(schedule.topology, schedule.collective, kinds)
    for i, failure in enumerate(failures):
        watch.tell(f"{failure.kind} {failure.name}, {i + 1} of {len(failures)}")
        own = Watch(max(LEAST, watch.left / (len(failures) - i)), whole=watch)
        yield _outcome(schedule, failure, own)


def _outcome(schedule: Schedule, failure: Failure, watch: Watch) -> Outcome:
    """Plan for one failure."""
    try:
        made = replan(schedule, failure.damage, shrink=True, watch=watch)
    except (Infeasible, NotFound, LimitError, GoneError, TopologyError) as error:
        reason = str(error).splitlines()[0]
        proved = not isinstance(error, NotFound | LimitError)
        return Outcome(failure, None, Fraction(1), proved, reason)
    lost = Fraction(0) if made.lost is None else made.lost
    return Outcome(failure, made.plan, lost, made.plan.report.optimal)
