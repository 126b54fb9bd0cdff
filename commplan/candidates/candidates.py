"""Schedules that might be the best choice, and what each of them costs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import chain
from math import inf

from commplan.anytime.abandon import ending_with
from commplan.anytime.limits import LimitError, trees, within
from commplan.anytime.standby import plain_one
from runtime.metrics import chunking
from runtime.metrics.height import height
from runtime.metrics.link_loads import algbw
from runtime.program.scratch import scratch
from runtime.simulate.simulate import simulate
from runtime.verify.determinism import alike
from runtime.verify.relaying import copied
from solvers.bounds import time_bound
from solvers.exact.pareto import frontier
from solvers.exact.search import Exact
from solvers.flows import all_to_allv, moe
from solvers.lp.linear_program import Infeasible
from solvers.schedules.capabilities import Relays
from solvers.schedules.collective import CollectiveError
from solvers.schedules.piece_loads import incast
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import UNHURRIED, NotFound, Watch
from solvers.settings.options import USUAL, Terms
from solvers.solve import solve
from solvers.templates import TEMPLATES, hierarchical_alltoall, multilevel
from solvers.templates.layout import TemplateError
from solvers.timing import rounds
from solvers.timing.greedy_matching import matched
from solvers.timing.greedy_problem import guided
from topologies.model.errors import NO, CommplanError

HIGHEST = "highest throughput"
OTHERS, CHUNKS = "other candidates", "other numbers of chunks"
PLAIN = "shortest ways"
PILE = 2**20  # bytes that may wait in a switch for one rank before stages are preferred
WORTH = 1.5  # times the time that a schedule without such a pile may take
PUDDLE = 2**15  # bytes that may wait so before others, about as fast, are preferred
ALIKE = 1.02  # times the time within which schedules count as about as fast
EXACT_RANKS, EXACT_CHUNKS, EXACT_WORK = 8, 6, 3.0
LOW_RANKS, LOW_WORK = 64, 2.0  # for each of the heights that are tried
LOW = (2, 3, 4, 6, 8, 12, 16, 24)
MATCHED = ("all_gather", "broadcast", "scatter")  # what only copies
MATCHED_PARTS = (1, 2, 4)  # that each block is cut into
MATCHED_SIZE = 2**24  # bytes for which links and pieces are matched where no size is given
MATCHED_SENDS = 20_000  # at most
CLOSE = 1.02  # times the bound at a size, within which no others are looked for
FAR = 2  # times the best time, beyond which no other numbers of chunks are tried
TUNED = 3  # candidates for which they are, at most
PACES = {0.25: "chunks / 4", 0.5: "chunks / 2", 2.0: "chunks x 2", 4.0: "chunks x 4"}
DIFFERING = (
    "; one of height {} adds up in another order at each rank, and rounding would leave ranks with "
    "different bits"
)
TEMPLATE_RANKS = 256  # ranks up to which the templates are tried: they are written out in full

Made = Iterator[tuple[str, Schedule]]
ORDERS: dict[str, Callable[[Schedule], Made]] = {
    "all_to_all": rounds.orders,
    "all_to_allv": all_to_allv.orders,
    "dispatch": moe.orders,
    "combine": moe.orders,
}


class ScratchError(CommplanError, ValueError):
    """No schedule is known that makes do with the scratch allowed; nothing is proved."""

    exit_code = NO


@dataclass(frozen=True)
class Candidate:
    """A schedule and its height.

    seconds: what it is predicted to take, for each byte where no size is given. scratch: the most
    that a rank needs, as a part of the size. With a size: in how many chunks each piece goes, and
    what it waits for.
    """

    name: str
    schedule: Schedule
    height: int
    seconds: float
    scratch: Fraction
    chunks: int = 1
    bottleneck: str = ""


def compared(
    best: Schedule,
    size: int | None,
    max_scratch: Fraction | None,
    watch: Watch,
    terms: Terms = USUAL,
    *,
    exact: bool = False,
) -> list[Candidate]:
    """Measure the schedule of highest throughput and, in time, others that may be a better choice.

    They are those that make do with the scratch allowed and keep to the limits of the terms, the
    one chosen first, then by time. exact: search as well for schedules that are the best of their
    number of steps, on small direct networks, for trees of less height, and for matchings; that
    takes seconds.

    Raises:
        ScratchError: none makes do, naming the one that needs least.
        LimitError: none keeps to the limits.
    """
    watch.tell("measuring")
    highest = measured(HIGHEST, best, size)
    found = [highest] if alike(best) else []
    crowded = max_scratch is not None and highest.scratch > max_scratch
    limited = not found or not within(best, terms)
    if crowded or limited or size is not None:
        searched = watch if exact else None
        made = chain(
            _others(best, crowded or limited),
            _exact(best, searched),
            _low(best, searched, terms, size),
            _matchings(best, searched, size),
        )
        found += _raced(_lawful(made, best.relays), size, watch, OTHERS)
    try:
        first = chosen(found, size, max_scratch, terms)
    except LimitError as error:
        left_out = DIFFERING.format(highest.height) if highest not in found else ""
        raise LimitError(f"{error}{left_out}") from None
    if size is None or watch.leaves_out(CHUNKS):
        return first
    near = [c for c in first[:TUNED] if c.seconds <= FAR * first[0].seconds]
    found += _raced(_other_paces(near, size), size, watch, CHUNKS)
    return chosen(found, size, max_scratch, terms)


def _raced(made: Made, size: int | None, watch: Watch, what: str) -> list[Candidate]:
    """Measure schedules while there is time. what: they are called if there is not enough."""
    found: list[Candidate] = []
    try:
        with ending_with(watch):
            for name, schedule in made:
                if watch.leaves_out(what):
                    break
                watch.tell(f"trying {name}")
                found.append(measured(name, schedule, size))
    except NotFound:
        watch.leave_out(what)
    return found


def _other_paces(near: list[Candidate], size: int) -> Made:
    """Give candidates in other numbers of chunks, each number once."""
    seen = {(c.name, c.chunks) for c in near}
    for each in near:
        for name, schedule in paces(each.name, each.schedule):
            parts = chunking.chunks(schedule, size)
            if (each.name, parts) not in seen:
                seen.add((each.name, parts))
                yield name, schedule


def paces(name: str, schedule: Schedule) -> Made:
    """Give a schedule in more and in fewer chunks than the rule would choose."""
    for pace, words in PACES.items():
        yield f"{name}, {words}", chunking.paced(schedule, pace)


def pace_of(name: str) -> tuple[str, float]:
    """Take the name of a schedule of `paces` apart."""
    base, words = name.rsplit(", ", 1)
    return base, next(pace for pace, known in PACES.items() if known == words)


def known(best: Schedule, terms: Terms = USUAL, watch: Watch = UNHURRIED) -> Made:
    """Give the schedule of highest throughput, and all others to compare it with."""
    made = chain(
        [(HIGHEST, best)],
        _others(best, crowded=False),
        _exact(best, watch),
        _low(best, watch, terms),
        _matchings(best, watch),
    )
    for name, schedule in _lawful(made, best.relays):
        if schedule is not best and watch.leaves_out(OTHERS):
            break
        yield name, schedule if schedule is best else _in(terms, schedule)


def _in(terms: Terms, schedule: Schedule) -> Schedule:
    return replace(schedule, in_network=terms.in_network, relays=terms.relays)


def chosen(
    found: list[Candidate], size: int | None, max_scratch: Fraction | None, terms: Terms
) -> list[Candidate]:
    """Give those that keep to the limits: the one to choose, then by time.

    Raises:
        as `compared`.
    """
    kept = [each for each in found if within(each.schedule, terms)]
    if not found:
        raise LimitError("no schedule was found within the limits; nothing is proved")
    if not kept:
        low = min(found, key=lambda each: each.height)
        raise LimitError(
            f"no schedule was found within the limits; the lowest one ({low.name}) has height "
            f"{low.height} and {trees(low.schedule)} trees for a root; nothing is proved"
        )
    fits = _fitting(_without_piles(kept, size), max_scratch)
    return _calm_first(sorted(fits, key=lambda c: c.seconds), size)


def measured(name: str, schedule: Schedule, size: int | None) -> Candidate:
    """Predict what a schedule takes; size: in bytes."""
    if size is not None:
        played = simulate(schedule, size)
        needed = scratch(schedule, played.chunks)
        binds = str(played.bottleneck)
        return Candidate(
            name, schedule, height(schedule), played.seconds, needed, played.chunks, binds
        )
    rate = algbw(schedule)
    pace = float(1 / rate) if rate else 0.0
    return Candidate(name, schedule, height(schedule), pace, scratch(schedule))


def _fitting(found: list[Candidate], max_scratch: Fraction | None) -> list[Candidate]:
    if max_scratch is None:
        return found
    fits = [each for each in found if each.scratch <= max_scratch]
    if not fits:
        least = min(found, key=lambda each: each.scratch)
        raise ScratchError(
            f"scratch: the least found is {float(least.scratch):.4g} of the size ({least.name}), "
            f"{float(max_scratch):.4g} is allowed; nothing is proved"
        )
    return fits


def _without_piles(found: list[Candidate], size: int | None) -> list[Candidate]:
    """Of an exchange, leave out those in which too much would pile up in front of a rank.

    The simulator lets it wait there for nothing. Where all others are much slower, none is left
    out.
    """
    if size is None or found[0].schedule.collective.name not in ORDERS:
        return found
    flat = [each for each in found if incast(each.schedule) * size <= PILE]
    slow = min((each.seconds for each in flat), default=inf)
    return flat if slow <= WORTH * min(each.seconds for each in found) else found


def _calm_first(found: list[Candidate], size: int | None) -> list[Candidate]:
    """Of those about as fast as the first, put one first that lets little wait for slow links.

    Waiting in a switch costs the simulator nothing, and a network that drops what waits a lot: on
    a star with one slow rank, sending everything straight away is slower over TCP by 2 to 19 %
    than passing it on, where both are predicted to take the same (`bench.fabric_contest`).
    """
    if size is None:
        return found
    near = [each for each in found if each.seconds <= ALIKE * found[0].seconds]
    flat = (each for each in near if _pile(each, size) <= PUDDLE)
    first = next(flat, found[0])
    return [first, *(each for each in found if each is not first)]


def _pile(candidate: Candidate, size: int) -> float:
    """Give the bytes that may wait in a switch for a link that is slower than what feeds it."""
    return incast(candidate.schedule, candidate.chunks, slow=True) * size


def _lawful(made: Made, relays: Relays) -> Made:
    """Leave out what would give ranks different bits of one sum, or ask too much of relays."""
    for name, schedule in made:
        if alike(schedule) and not (relays == "forward" and copied(schedule).any()):
            yield name, schedule


def _others(best: Schedule, crowded: bool) -> Made:
    """Make the schedules to compare with; where scratch is short, the plain one too."""
    yield from _templates(best)
    if best.collective.name in ORDERS:
        own = best.provenance.get("order")
        yield from (made for made in ORDERS[best.collective.name](best) if made[0] != own)
    if crowded:
        yield from _tried(PLAIN, partial(plain_one, best.topology, best.collective, best.bound))


def _exact(best: Schedule, watch: Watch | None) -> Made:
    """Search for the best schedules of so many steps each, where these are few and soon found.

    watch: of the whole question; without one there is no search.
    """
    machine, what = best.topology, best.collective
    direct = (machine.src < machine.ranks) & (machine.dst < machine.ranks)
    if watch is None or watch.over or not 1 < len(what.ranks) <= EXACT_RANKS or not direct.any():
        return
    own = watch.stage(EXACT_WORK, "exact schedules")
    try:
        for answer in frontier(Exact(machine, what, own), EXACT_CHUNKS, watch=own):
            if answer.schedule is not None:
                yield "exact, {} steps, {} rounds, {} chunks".format(*answer.point), answer.schedule
    except (CollectiveError, Infeasible, NotFound):
        return


def _low(best: Schedule, watch: Watch | None, terms: Terms, size: int | None = None) -> Made:
    """Pack trees of less height, or fewer, than those of highest throughput, for sizes in between.

    watch: of the whole question; without one there is no search, nor where there is little to gain.
    """
    what, plain = best.collective, replace(terms, max_height=None, trees=None)
    if watch is None or not 1 < len(what.ranks) <= LOW_RANKS or what.name in ORDERS:
        return
    if size is not None and _near(best, size):
        return
    if trees(best) > 1:
        yield from _packed(best, watch, "one tree for a root", replace(plain, trees=1))
    for most in LOW:
        if most >= height(best) or watch.leaves_out("trees of less height"):
            return
        yield from _packed(best, watch, f"trees of height {most}", replace(plain, max_height=most))


def _packed(best: Schedule, watch: Watch, name: str, terms: Terms) -> Made:
    """Pack trees within limits, if that takes little work."""
    own = watch.stage(LOW_WORK, name)
    try:
        found = solve(best.topology, best.collective, own, terms)
    except (Infeasible, NotFound):
        return
    if within(found, terms):
        yield name, replace(found, bound=best.bound)


def _near(best: Schedule, size: int) -> bool:
    """Tell whether a schedule is about as fast as any can be at a size."""
    machine, what = best.topology, best.collective
    least = time_bound.fastest(machine, what, best.bound, size, in_network=best.in_network)
    return simulate(best, size).seconds <= CLOSE * least


def _matchings(best: Schedule, watch: Watch | None, size: int | None = None) -> Made:
    """Let links take pieces as they fall free, along the trees of highest throughput."""
    what = best.collective
    known = 1 < len(what.ranks) <= LOW_RANKS and what.name in MATCHED
    if watch is None or not known or (size is not None and _near(best, size)):
        return
    for parts in MATCHED_PARTS:
        work = guided(best, size or MATCHED_SIZE, parts)
        if len(work.load) * len(what.ranks) > MATCHED_SENDS or watch.leaves_out("matchings"):
            return
        made = matched(work, what, best.bound, in_network=best.in_network)
        yield f"greedy matching, {parts} part{'s' * (parts > 1)}", made


def _templates(best: Schedule) -> Made:
    """Make the templates of the same collective."""
    what = best.collective
    if 1 < len(what.ranks) <= TEMPLATE_RANKS:
        for name, (template, known) in TEMPLATES.items():
            if what.name in known:
                yield from _tried(name, partial(template, best.topology, what))
        if what.name in multilevel.COLLECTIVES:
            for name, make in multilevel.candidates(best.topology, what, best.bound):
                yield from _tried(name, make)
        if what.name in hierarchical_alltoall.COLLECTIVES:
            yield from _hierarchies(best)


def _hierarchies(best: Schedule) -> Made:
    """Make exchanges between boxes of several ranks."""
    try:
        yield from hierarchical_alltoall.hierarchies(best.topology, best.collective, best.bound)
    except TemplateError:
        return


def _tried(name: str, make: Callable[[], Schedule]) -> Made:
    """Make a schedule, if it can be made."""
    try:
        yield name, make()
    except (TemplateError, NotFound):
        return
