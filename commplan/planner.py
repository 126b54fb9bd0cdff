"""From a machine and a collective to a schedule that is checked, and chosen for its size."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from commplan.anytime import best_within
from commplan.checking import checked
from runtime.height import height
from runtime.simulate import simulate
from runtime.verify import Report
from solvers.amounts import incast
from solvers.collective import Collective
from solvers.latency import latency
from solvers.schedule import Schedule
from solvers.skew import orders
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from solvers.watch import Watch
from topologies.topology import Topology

HIGHEST = "highest throughput"
PILE = 2**20  # bytes that may wait in a switch for one rank before stages are preferred
TEMPLATE_RANKS = 256  # ranks up to which the templates are tried: they are written out in full


@dataclass(frozen=True)
class Candidate:
    """A schedule, its height, and the seconds it is predicted to take."""

    name: str
    schedule: Schedule
    height: int
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
    in_network: bool = False,
    watch: Watch | None = None,
) -> Plan:
    """Find the schedule of highest throughput or, for a size in bytes, the fastest one known.

    Every schedule passes `verify` before it is returned. When the seconds are over, or at Ctrl-C,
    the search ends with the best so far. An all_to_allv is planned for the size of its demand, in
    bytes, where no other is given. seed is kept in the provenance; the solvers of today use none.
    in_network: switches copy and add as far as their flags say. watch: to hear the news, or to
    stop early, instead of `seconds`.

    Raises:
        Infeasible: no schedule exists.
        NotFound: none was found in the time given.
        WrongSchedule: a bug.
        KeyboardInterrupt: at a second Ctrl-C, or at one before there was any schedule.
    """
    watch = watch or Watch(seconds)
    found = best_within(topology, collective, watch, in_network=in_network)
    known = found.schedule.provenance | {"seed": seed}
    best, report = replace(found.schedule, provenance=known), found.report
    if size is None and collective.name == "all_to_allv":
        size = collective.total
    if size is None:
        return Plan(best, report, HIGHEST)
    compared = sorted(_candidates(best, size, watch), key=lambda each: each.seconds)
    first = compared[0]
    if first.schedule is not best:
        watch.tell(f"verifying {first.name}")
        best = replace(first.schedule, bound=best.bound, in_network=in_network)
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


def _candidates(best: Schedule, size: int, watch: Watch) -> list[Candidate]:
    """Simulate the schedule of highest throughput and, in time, templates that fit and stages.

    Of an all_to_allv, those are left out in which too much would pile up in front of a rank, as
    the simulator lets it wait there for nothing.
    """
    watch.tell("simulating")
    found = [_simulated(HIGHEST, best, size)]
    for name, schedule in chain(_templates(best), _staged(best)):
        if watch.over:
            break
        watch.tell(f"trying {name}")
        found.append(_simulated(name, schedule, size))
    if best.collective.name != "all_to_allv":
        return found
    return [each for each in found if incast(each.schedule) * size <= PILE] or found


def _simulated(name: str, schedule: Schedule, size: int) -> Candidate:
    return Candidate(name, schedule, height(schedule), simulate(schedule, size).seconds)


def _staged(best: Schedule) -> Iterator[tuple[str, Schedule]]:
    """Put an all_to_allv in stages."""
    return orders(best) if best.collective.name == "all_to_allv" else iter(())


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
    highest = next((each for each in compared if each.name == HIGHEST), first)
    other = compared[1] if highest is first else highest
    return (
        f"{first.name}: {first.seconds * 1e6:.4g} us, height {first.height}, against "
        f"{other.seconds * 1e6:.4g} us, height {other.height}, of {other.name}"
    )
