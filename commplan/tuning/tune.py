"""A choice by measurement: what is predicted to be fast is run, and the fastest is kept."""

from dataclasses import dataclass, replace

from commplan.anytime.checking import check_schedule
from commplan.planning.planner import Plan, plan
from commplan.tuning.launches import Manner, launcher
from commplan.tuning.turns import Tried, choose, pick, run_in_turns
from runtime.fabric.trial import check_machine
from runtime.verify.verify import Report
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NotFound, Watch
from topologies.model.arguments import number, whole
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds

PLANNING = 0.5  # of the time, at most
USUAL = Manner()


@dataclass(frozen=True)
class Tuned:
    """A checked schedule, and what was measured of it and of others.

    Attributes:
        plan: what is chosen without measuring; its bound is that of the schedule.
        tried: in the order of what they took, those without a right result last.
        not_tried: what was left out because the time was over.
    """

    schedule: Schedule
    report: Report
    plan: Plan
    chosen: Tried
    tried: tuple[Tried, ...]
    not_tried: tuple[str, ...] = ()


def tune(
    topology: Topology,
    collective: Collective,
    *,
    size: Bytes,
    candidates: int = 12,
    launches: int = 3,
    seconds: Seconds = 600.0,
    manner: Manner = USUAL,
    watch: Watch | None = None,
) -> Tuned:
    """Plan for a size (bytes), run the candidates in turns, and keep what is fastest.

    Each is run as `run` does it, with its result checked; what fails or is wrong is not chosen.
    What is slower than twice the fastest is launched once. Where launches do not tell candidates
    apart, the better predicted one is chosen. The bound and its proof are those of the plan.

    Args:
        topology: the machine.
        collective: over ranks of the machine.
        size: in bytes.
        candidates: how many are run, at most.
        launches: of each, in turns.
        seconds: of time for all, at most half of them for planning.
        manner: how each is run, and where.
        watch: reports progress and holds the time; takes the place of `seconds`.

    Raises:
        TuneError: none had a right result.
        FabricError: the emulated machine is another one.
        LaunchError: nothing can be started.
        NotFound: the time is over before any work.
        as `plan`.
    """
    whole("candidates", candidates, 1)
    whole("launches", launches, 1)
    number("manner.timeout", manner.timeout, above=True)
    watch = watch or Watch(float(number("seconds", seconds, above=True, endless=True)))
    if manner.machine is not None:
        check_machine(manner.machine, topology)
    watch.tell("planning")
    if watch.late:
        raise NotFound("the time was over before anything was planned")
    made = plan(topology, collective, size=size, seconds=PLANNING * watch.left)
    entrants = pick(made.candidates, size, candidates)
    found = run_in_turns(
        entrants, size, launcher(manner), launches, manner.timeout, lambda: watch.left, watch.tell
    )
    best = choose(found)
    schedule = replace(
        best.candidate.schedule,
        bound=made.schedule.bound,
        in_network=made.schedule.in_network,
        relays=made.schedule.relays,
    )
    watch.tell("verifying")
    report = check_schedule(schedule).report
    valid = sorted((each for each in found if each.valid), key=lambda each: each.median)
    late = tuple(each.candidate.name for each in found if not (each.seconds or each.fault))
    tried = (*valid, *(each for each in found if each.fault))
    return Tuned(schedule, report, made, best, tried, (*made.not_tried, *late))
