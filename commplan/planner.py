"""From a machine and a collective to a schedule that is checked, and chosen for its size."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from commplan.anytime import best_within
from commplan.checking import checked
from runtime.simulate import simulate
from runtime.verify import Report
from solvers.collective import Collective
from solvers.latency import latency
from solvers.schedule import Schedule
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from solvers.watch import Watch
from topologies.topology import Topology

HIGHEST = "highest throughput"
TEMPLATE_RANKS = 256  # ranks up to which the templates are tried: they are written out in full


@dataclass(frozen=True)
class Candidate:
    """A schedule, checked but for its bound, and the seconds it is predicted to take."""

    name: str
    schedule: Schedule
    report: Report
    seconds: float


@dataclass(frozen=True)
class Plan:
    """A checked schedule, and why it is the one.

    With a size (bytes): predicted is what the simulator says, bound what nothing can beat, both in
    seconds; candidates lists all that were compared, the fastest first.
    """

    schedule: Schedule
    report: Report
    reason: str
    size: int | None = None
    predicted: float | None = None
    bound: float | None = None
    candidates: tuple[Candidate, ...] = ()


def plan(
    topology: Topology,
    collective: Collective,
    *,
    size: int | None = None,
    seconds: float = 600.0,
    seed: int = 0,
    watch: Watch | None = None,
) -> Plan:
    """Find the schedule of highest throughput or, for a size in bytes, the fastest one known.

    Every schedule passes `verify` before it is compared or returned. When the seconds are over, or
    at Ctrl-C, the search ends with the best so far. seed is kept in the provenance; the solvers of
    today use none. watch: to hear the news, or to stop early, instead of `seconds`.

    Raises:
        Infeasible: no schedule exists.
        NotFound: none was found in the time given.
        WrongSchedule: a bug.
        KeyboardInterrupt: at a second Ctrl-C, or at one before there was any schedule.
    """
    watch = watch or Watch(seconds)
    found = best_within(topology, collective, watch)
    known = found.schedule.provenance | {"seed": seed}
    best, report = replace(found.schedule, provenance=known), found.report
    if size is None:
        return Plan(best, report, HIGHEST)
    compared = sorted(_candidates(best, report, size, watch), key=lambda each: each.seconds)
    first = compared[0]
    if first.schedule is not best:
        watch.tell(f"verifying {first.name}")
        best = replace(first.schedule, bound=best.bound)
        report = checked(best).report
    return Plan(
        best,
        report,
        _reason(compared),
        size,
        first.seconds,
        fastest(best, size),
        tuple(compared),
    )


def fastest(schedule: Schedule, size: int) -> float:
    """Give the seconds that nothing beats: the bound's, and those of the farthest way."""
    limit = schedule.bound.algbw
    flowing = float(size / limit) if limit else 0.0
    return max(flowing, latency(schedule.topology, schedule.collective))


def _candidates(best: Schedule, report: Report, size: int, watch: Watch) -> Iterator[Candidate]:
    """Simulate the schedule of highest throughput and, in time, every template that fits."""
    watch.tell("simulating")
    yield Candidate(HIGHEST, best, report, simulate(best, size).seconds)
    for name, schedule in _templates(best):
        if watch.over:
            return
        watch.tell(f"trying {name}")
        report = checked(schedule).report
        yield Candidate(name, schedule, report, simulate(schedule, size).seconds)


def _templates(best: Schedule) -> Iterator[tuple[str, Schedule]]:
    """Make the templates of the same collective."""
    what = best.collective
    if not 1 < len(what.ranks) <= TEMPLATE_RANKS:
        return
    for name, (make, known) in TEMPLATES.items():
        if what.name in known:
            try:
                yield name, make(best.topology, what)
            except TemplateError:
                continue


def _reason(compared: list[Candidate]) -> str:
    """Say why the first of the candidates is the choice."""
    first = compared[0]
    if len(compared) == 1:
        return f"{first.name}, the only candidate"
    other = compared[1] if first.name == HIGHEST else _named(compared, HIGHEST)
    return (
        f"{first.name}: {first.seconds * 1e6:.4g} us, height {first.report.height}, against "
        f"{other.seconds * 1e6:.4g} us, height {other.report.height}, of {other.name}"
    )


def _named(compared: list[Candidate], name: str) -> Candidate:
    return next(each for each in compared if each.name == name)
