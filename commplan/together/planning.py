"""A set of collectives planned as one, and what is over soonest at its sizes."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from commplan.anytime.checking import WrongSchedule
from commplan.together.alone import Alone, as_ensemble, plan_alone
from runtime.simulate.together import PLAYED, Paced, lateness, with_best_lead
from runtime.verify.together import SetReport, verify_together
from solvers.schedules.capabilities import Relays
from solvers.schedules.ensembles.ensemble import Ensemble, Task
from solvers.settings.deadline import NO_DEADLINE, NotFound, Watch
from solvers.together.joint import plan_variants
from topologies.model.topology import Topology
from topologies.model.units import Seconds
from topologies.symmetry.group import Group

LATE = 1e-9  # relative, by which the time of separate plans must be less to be taken
SLACKS = tuple(Fraction(part, 100) for part in (2, 5, 10, 25))  # of the least time of the links
WRITTEN = 50_000  # transfers of all images of separate plans, up to which they are written out
SOONER = 0.98  # of the first set's time, that another one must be predicted to take


@dataclass(frozen=True, eq=False)
class Together:
    """What was planned.

    Attributes:
        ensemble: the set that is taken.
        report: what the checker says of it.
        reason: why it was taken.
        least: seconds of the links of the set of highest throughput.
        alone: the plans of each for itself; None where the time was over before they were made.
        separate: whether these are what is taken.
        predicted: seconds by playing all at once, where the set is not too large for that.
        alone_predicted: the same of the separate plans.
    """

    ensemble: Ensemble
    report: SetReport
    reason: str
    least: Seconds
    alone: Alone | None
    separate: bool
    predicted: Seconds | None
    alone_predicted: Seconds | None

    @property
    def seconds(self) -> Seconds:
        """Give the seconds that the links of the set need, in the fluid limit."""
        return float(self.ensemble.time)

    @property
    def gain(self) -> float | None:
        """Tell how many times as long the links need when each was planned for itself."""
        return self.alone.seconds / self.least if self.alone and self.least else None

    @property
    def predicted_gain(self) -> float | None:
        """Tell how many times as long the separate plans are predicted to take at these sizes."""
        if not self.predicted or not self.alone_predicted:
            return None
        return self.alone_predicted / self.predicted


@dataclass(frozen=True, eq=False)
class _Candidate:
    paced: Paced
    reason: str
    separate: bool = False


def together(
    topology: Topology,
    tasks: Sequence[Task],
    relays: Relays = "none",
    watch: Watch = NO_DEADLINE,
    *,
    throughput: bool = False,
    group: Group | None = None,
) -> Together:
    """Plan tasks as one, and each for itself; take what is over soonest, and verify it.

    The set whose links need least is taken, unless another one is predicted to be over sooner at
    these sizes: one with a little slack, or the separate plans.

    Args:
        topology: the machine.
        tasks: that run at the same time.
        relays: what ranks do for tasks that they are not in: "none" or "forward".
        watch: says when to stop.
        throughput: take the set whose links need least, whatever is predicted.
        group: automorphisms that permute the tasks; looked for, where none is given.

    Raises:
        CollectiveError, Infeasible, NotFound: as of `plan_together`.
        WrongSchedule: the checker refuses what was made.
    """
    slacks = () if throughput else SLACKS
    first, *others = plan_variants(topology, tasks, relays, watch, group, slacks)
    alone: Alone | None = None
    with suppress(NotFound):
        alone = plan_alone(first, watch)
    watch.tell("playing the sets")
    apart = None if alone is None else _separate(first, alone)
    best = plain = _Candidate(_paced(first), "the least that the links need")
    if alone is not None and alone.seconds < float(first.time) * (1 - LATE):
        reason = "the separate plans: the search was ended before others were as fast"
        best = apart or _Candidate(as_ensemble(first, alone), reason, separate=True)
    elif plain.paced.predicted is not None and not throughput:
        known = [] if apart is None else [apart]
        best = _soonest([plain, *known, *_slackened(first, others)])
    watch.tell("verifying")
    report = verify_together(best.paced.ensemble)
    if not report.correct:
        raise WrongSchedule(f"a set that is wrong: {report.faults[0]}")
    return Together(
        ensemble=best.paced.ensemble,
        report=report,
        reason=best.reason,
        least=min(float(each.paced.ensemble.time) for each in (plain, best)),
        alone=alone,
        separate=best.separate,
        predicted=best.paced.predicted,
        alone_predicted=None if apart is None else apart.paced.predicted,
    )


def _paced(ensemble: Ensemble) -> Paced:
    """Choose the lead of a set, and predict its time where it is not too large for a comparison."""
    if sum(len(own.transfers) for _, own in ensemble.schedules) > PLAYED:
        return Paced(ensemble)
    return with_best_lead(ensemble)


def _separate(ensemble: Ensemble, alone: Alone) -> _Candidate | None:
    """Make the set of the separate plans, where that is not too large."""
    own = dict(alone.schedules)
    copies = [own[copy.like] for copy in ensemble.copies if copy is not None]
    if sum(len(each.transfers) * each.group.order for each in copies) > WRITTEN:
        return None
    reason = "the separate plans, predicted to be over sooner at these sizes"
    return _Candidate(as_ensemble(ensemble, alone), reason, separate=True)


def _slackened(first: Ensemble, others: Sequence[Ensemble]) -> Iterator[_Candidate]:
    """Play the sets with slack."""
    for each in others:
        more = float(each.time / first.time) - 1 if first.time else 0.0
        reason = f"links need {more:.0%} more than the least; lower trees are over sooner"
        yield _Candidate(_paced(each), reason)


def _soonest(found: Sequence[_Candidate]) -> _Candidate:
    """Take the first, unless another one is predicted to be over clearly sooner.

    What counts of each is the worse of its times, with links that serve one message after the other
    and with links that share, each by the least there; the second where all were played so.
    """
    played = [each for each in found if each.paced.times]
    late = lateness([each.paced.times for each in played])
    best = late.index(min(late))
    return played[best] if late[best] < SOONER * late[0] else found[0]
