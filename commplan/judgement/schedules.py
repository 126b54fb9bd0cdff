"""A schedule of others beside ours: is it right, how far from the bound, who is faster where."""

from dataclasses import dataclass, replace

from commplan.planning.planner import plan
from runtime.simulate.simulate import simulate
from runtime.verify.verify import Report, verify
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import DEFAULT_OPTIONS, SolverOptions
from topologies.model.arguments import of
from topologies.model.units import Bytes, Seconds

SIZES = (2**16, 2**20, 2**26, 2**30)


@dataclass(frozen=True)
class AtSize:
    """Predicted seconds at a size in bytes, of theirs and of ours."""

    size: Bytes
    theirs: Seconds
    ours: Seconds


@dataclass(frozen=True)
class Comparison:
    """A schedule with the bound that is proved for its collective, and ours beside it.

    Attributes:
        schedule: theirs, with the bound.
        report: what the checker found in it.
        ours: the schedule of highest throughput, or the fastest at the size that was asked for.
        report_ours: what the checker found in that.
        times: of both, where theirs is right.
    """

    schedule: Schedule
    report: Report
    ours: Schedule
    report_ours: Report
    times: tuple[AtSize, ...]


def compare(
    schedule: Schedule,
    size: Bytes | None = None,
    watch: Watch | None = None,
    options: SolverOptions = DEFAULT_OPTIONS,
) -> Comparison:
    """Plan for the same machine and collective, and set both side by side.

    Args:
        schedule: of anyone; one that is wrong is not simulated.
        size: in bytes, at which ours is chosen and both are compared; usual sizes, if none is
            given.
        watch: the time that the search may take.
        options: of the search.
    """
    of("schedule", schedule, Schedule)
    made = plan(schedule.topology, schedule.collective, size=size, watch=watch, options=options)
    theirs = replace(schedule, bound=made.schedule.bound)
    report = verify(theirs)
    sizes = (SIZES if size is None else (size,)) if report.correct else ()
    times = [
        AtSize(each, simulate(theirs, each).seconds, simulate(made.schedule, each).seconds)
        for each in sizes
    ]
    return Comparison(theirs, report, made.schedule, made.report, tuple(times))
