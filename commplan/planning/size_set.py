"""Which schedule for which size: the candidates raced at every size, and where they change places.

All candidates race at sizes that grow by STRIDE, and halfway between two such sizes those that
were not far behind at either. Whoever wins one of these races goes on to the finals, with the lead
and in the order that suit it, in fewer and in more chunks too: where neighbours have different
winners the size at which one overtakes the other is found by bisection, and if a third one wins in
between, so are both of its ends. A candidate that is best only between two neighbouring sizes of
the first races is missed.
Complexity: a simulation for each candidate and size of the first races, and for each finalist some
ten more at each switch point.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import isqrt

from commplan.anytime.checking import check_schedule
from commplan.candidates.generate import all_candidates
from commplan.candidates.keys import BEST, Key
from commplan.candidates.measure import Candidate, other_leads, other_paces
from commplan.candidates.races import Helped, Races, no_help
from commplan.candidates.select import PACINGS
from commplan.candidates.tuning import CLOSE_SIZES, FAR, STRIDE
from commplan.planning.canonical import View, canonical_view
from commplan.planning.nearby import find_nearby
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import DEFAULT_OPTIONS, SolverOptions
from topologies.model.units import Bytes, Share


@dataclass(frozen=True)
class SizeRange:
    """The best schedule known from `start` bytes on, and what it is predicted to take there."""

    start: int
    best: Candidate


def size_set(
    best: Schedule,
    first: int,
    last: int,
    watch: Watch,
    options: SolverOptions = DEFAULT_OPTIONS,
    max_scratch: Share | None = None,
    helped: Helped = no_help,
) -> tuple[SizeRange, ...]:
    """Choose for all sizes from `first` to `last` bytes; every schedule chosen is verified.

    When the time is over, switch points are rougher.

    Args:
        best: the schedule of highest throughput.
        first: the least size, in bytes.
        last: the largest size, in bytes.
        watch: says when to stop.
        options: what the search may use, and its limits.
        max_scratch: what a rank may need besides its buffers, as a part of the size.
        helped: by which processes.

    Raises:
        LimitError, ScratchError: as of `select.compare`.
        WrongSchedule: a bug.
    """
    around = find_nearby(best)
    if around is not None:
        inner = replace(around.best, bound=UNPROVED)
        parts = size_set(inner, first, last, watch, options, max_scratch, helped)
        made = {p.best.key: p.best.schedule for p in parts}
        wide = {
            key: check_schedule(around.back(schedule)).schedule for key, schedule in made.items()
        }
        return tuple(replace(p, best=replace(p.best, schedule=wide[p.best.key])) for p in parts)
    seen = canonical_view(best.topology, best.collective, options.symmetry)
    if seen is None or max_scratch is not None:  # in another order messages may take other scratch
        return _choose_ranges(best, first, last, watch, options, max_scratch, helped)
    parts = _choose_ranges(seen.forth(best), first, last, watch, options, max_scratch, helped)
    return tuple(_turn_back(part, best, seen) for part in parts)


def _turn_back(part: SizeRange, best: Schedule, seen: View) -> SizeRange:
    """Give a part for the machine asked for; verified as it is handed out."""
    chosen = part.best.schedule
    turned = best if part.best.key == BEST else check_schedule(seen.back(chosen)).schedule
    return replace(part, best=replace(part.best, schedule=turned))


def _choose_ranges(
    best: Schedule,
    first: int,
    last: int,
    watch: Watch,
    options: SolverOptions,
    max_scratch: Share | None,
    helped: Helped,
) -> tuple[SizeRange, ...]:
    """Choose for a machine as it is."""
    field = dict(all_candidates(best, options, watch))
    with helped(field) as executor:
        races = Races(field, options, max_scratch, executor)
        rounds: dict[int, list[Candidate]] = {}
        for size in _strides(first, last):
            watch.tell(f"racing at {size} bytes")
            rounds[size] = races.at(size, field, FAR)
            if size < last and watch.leaves_out("larger sizes"):
                break
        winners = {size: found[0] for size, found in rounds.items()}
        finalists = list(field) if watch.leaves_out(PACINGS) else _finalists(races, rounds)
        for size in rounds:
            if watch.leaves_out(PACINGS):
                break
            winners[size] = races.at(size, finalists, 1)[0]
        starts = list(_starts(winners, races, finalists, watch))
    keys = dict.fromkeys(c.key for _, c in starts)
    made = {key: best if key == BEST else _check(races.schedule(key), best) for key in keys}
    return tuple(SizeRange(size, replace(c, schedule=made[c.key])) for size, c in starts)


def _strides(first: int, last: int) -> list[int]:
    sizes = [first]
    while sizes[-1] < last:
        sizes.append(min(sizes[-1] * STRIDE, last))
    return sizes


def _finalists(races: Races, rounds: Mapping[int, list[Candidate]]) -> list[Key]:
    """List who won a race, halfway between two sizes as well, each at several pacings."""
    won = [(size, found[0].key) for size, found in rounds.items()]
    for (a, before), (b, after) in pairwise(rounds.items()):
        near = {c.key for own in (before, after) for c in own if c.seconds <= FAR * own[0].seconds}
        close = [key for key in races.entrants if key in near]
        if len(close) > 1 and b > a + 1:
            middle = isqrt(a * b)
            won.append((middle, races.at(middle, close, 1)[0].key))
    led = {key for size, key in won for key in (key, _led(races, size, key))}
    finalists = [
        key.at(pacing)
        for key in races.entrants
        for pacing in (key.pacing, *other_leads(key.pacing))
        if key.at(pacing) in led
    ]
    finalists = list(dict.fromkeys(finalists))
    return finalists + [each.at(p) for each in finalists for p in other_paces(each.pacing)]


def _led(races: Races, size: Bytes, key: Key) -> Key:
    """Give a winner with the lead and in the order that suit it best at a size."""
    tried = dict.fromkeys([key, *map(key.at, other_leads(key.pacing))])
    return races.at(size, tried, 1)[0].key


def _starts(
    winners: Mapping[int, Candidate], races: Races, finalists: Sequence[Key], watch: Watch
) -> Iterator[tuple[int, Candidate]]:
    """Find each size from which another candidate is best, beginning with the first size."""
    sizes = sorted(winners)
    yield sizes[0], winners[sizes[0]]
    open_ends: list[tuple[int, Candidate]] = [(s, winners[s]) for s in reversed(sizes[1:])]
    size, now = sizes[0], winners[sizes[0]]
    while open_ends:
        end, then = open_ends.pop()
        apart = now.key != then.key and end > size * CLOSE_SIZES and end > size + 1
        if apart and not watch.leaves_out("finer switch points"):
            middle = max(isqrt(size * end), size + 1)
            between = races.at(middle, finalists, 1)[0]
            open_ends += [(end, then), (middle, between)]
            continue
        if now.key != then.key:
            yield end, then
        size, now = end, then


def _check(schedule: Schedule, best: Schedule) -> Schedule:
    return check_schedule(
        replace(schedule, bound=best.bound, in_network=best.in_network, relays=best.relays)
    ).schedule
