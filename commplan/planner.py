"""From a machine and a collective to a schedule that is checked, and chosen for its size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from runtime.simulate import simulate
from runtime.verify import Report, verify
from solvers.collective import Collective
from solvers.latency import latency
from solvers.schedule import Schedule
from solvers.solve import solve
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from topologies.topology import Topology

HIGHEST = "highest throughput"
TEMPLATE_RANKS = 256  # ranks up to which the templates are tried: they are written out in full

Tell = Callable[[str], None]


class WrongSchedule(RuntimeError):
    """A schedule of our own that the checker refuses: a bug, and nothing is handed out."""


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
    tell: Tell = lambda _: None,
) -> Plan:
    """Find the schedule of highest throughput or, for a size in bytes, the fastest one known.

    Every schedule passes `verify` before it is compared or returned. seconds limits the solver.
    seed is kept in the provenance; the solvers of today use none. tell hears what is being done.

    Raises:
        Infeasible: no schedule exists.
        NotFound: none was found in the time given.
        WrongSchedule: a bug.
    """
    tell("solving")
    found = solve(topology, collective, seconds)
    best = replace(found, provenance=found.provenance | {"seed": seed})
    tell("verifying")
    report = checked(best)
    if size is None:
        return Plan(best, report, HIGHEST)
    compared = sorted(_candidates(best, report, size, tell), key=lambda each: each.seconds)
    first = compared[0]
    if first.schedule is not best:
        tell(f"verifying {first.name}")
        best = replace(first.schedule, bound=best.bound)
        report = checked(best)
    return Plan(
        best,
        report,
        _reason(compared),
        size,
        first.seconds,
        fastest(best, size),
        tuple(compared),
    )


def checked(schedule: Schedule) -> Report:
    """Verify a schedule of our own.

    Raises:
        WrongSchedule: it is not right.
    """
    report = verify(schedule)
    if not report.correct:
        solver = schedule.provenance.get("solver", "a solver")
        raise WrongSchedule(f"{solver} made a wrong schedule: {report.faults[0]}")
    return report


def fastest(schedule: Schedule, size: int) -> float:
    """Give the seconds that nothing beats: the bound's, and those of the farthest way."""
    limit = schedule.bound.algbw
    flowing = float(size / limit) if limit else 0.0
    return max(flowing, latency(schedule.topology, schedule.collective))


def _candidates(best: Schedule, report: Report, size: int, tell: Tell) -> Iterator[Candidate]:
    """Simulate the schedule of highest throughput and every template that fits."""
    tell("simulating")
    yield Candidate(HIGHEST, best, report, simulate(best, size).seconds)
    for name, schedule in _templates(best):
        tell(f"trying {name}")
        yield Candidate(name, schedule, checked(schedule), simulate(schedule, size).seconds)


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
