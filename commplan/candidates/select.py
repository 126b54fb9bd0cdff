"""Which candidate is the choice: limits, scratch, what would pile up in switches, then time."""

from math import inf

from commplan.anytime.limits import count_trees, keeps_limits
from commplan.candidates.keys import BEST, EXCHANGES, Generator, Key
from commplan.candidates.measure import (
    Candidate,
    measure,
    other_leads,
    other_paces,
    race,
    sparing_paces,
    vary,
)
from commplan.candidates.shared import in_phases, keeps_up, prefer_shared
from commplan.candidates.thrift import spare_messages
from commplan.candidates.tuning import (
    ALIKE,
    FAR,
    INCAST_LIMIT,
    NEAR,
    SLOW_INCAST_LIMIT,
    TUNED,
    WORTH,
)
from runtime.metrics.chunking import LARGE
from runtime.verify.determinism import is_deterministic
from solvers.schedules.kinds import pattern_of
from solvers.schedules.piece_loads import incast_bytes
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import DEFAULT_OPTIONS, LimitError, SolverOptions
from topologies.model.errors import NO, CommplanError
from topologies.model.units import Bytes, Seconds, Share

PACINGS = "other numbers of chunks and leads"


class ScratchError(CommplanError, ValueError):
    """No schedule is known that makes do with the scratch allowed; nothing is proved."""

    exit_code = NO


def compare(
    best: Schedule,
    size: Bytes | None,
    max_scratch: Share | None,
    watch: Watch,
    options: SolverOptions = DEFAULT_OPTIONS,
    *,
    exact: bool = False,
) -> list[Candidate]:
    """Measure the schedule of highest throughput and, in time, others that may be a better choice.

    They are those that make do with the scratch allowed and keep to the limits of the options, the
    one chosen first, then by time.

    Args:
        best: the schedule of highest throughput.
        size: in bytes.
        max_scratch: what a rank may need besides its buffers, as a part of the size.
        watch: says when to stop.
        options: what the search may use, and its limits.
        exact: search as well for schedules that are the best of their number of steps, on small
            direct networks, for trees of less height, and for matchings; that takes seconds.

    Raises:
        ScratchError: none makes do, naming the one that needs least.
        LimitError: none keeps to the limits.
    """
    watch.tell("measuring")
    scarce = max_scratch is not None
    highest = measure(BEST, best, size, options.switching, scarce=scarce)
    found = [highest] if is_deterministic(best) else []
    crowded = max_scratch is not None and highest.scratch > max_scratch
    limited = not found or not keeps_limits(best, options)
    if crowded or limited or size is not None:
        from commplan.candidates import generate  # what knows all patterns takes long to load

        made = generate.other_candidates(
            best, watch if exact else None, options, size, crowded=crowded or limited
        )
        lawful = generate.keep_lawful(made, best.relays)
        found += race(lawful, size, watch, generate.OTHERS, options.switching, scarce=scarce)
    if max_scratch is not None:
        over = [each for each in found if each.scratch > max_scratch]
        spared = vary(over, sparing_paces, LARGE if size is None else size)
        found += race(spared, size, watch, PACINGS, options.switching, scarce=scarce)
    if size is None:
        return choose(found, size, max_scratch, options)
    return try_pacings(found, size, watch, options, max_scratch)


def try_pacings(
    found: list[Candidate],
    size: Bytes,
    watch: Watch,
    options: SolverOptions = DEFAULT_OPTIONS,
    max_scratch: Share | None = None,
) -> list[Candidate]:
    """Measure the fastest candidates with other leads, then in other numbers of chunks.

    What reaches the bound is left as it is, unless it falls behind where links share. What still
    takes clearly longer than the bound is tried with its steps dealt out to phases too: with few
    messages under way at a time, each is sooner through. Where messages cost something, as few are
    taken as are about as fast.

    Args:
        found: measured at the size.
        size: in bytes.
        watch: says when to stop.
        options: limits of height and trees.
        max_scratch: what a rank may need besides its buffers, as a part of the size.

    Returns:
        those that keep to the limits, the one to choose first, then by time.

    Raises:
        LimitError, ScratchError: as of `choose`.
    """
    first = choose(found, size, max_scratch, options)
    if watch.leaves_out(PACINGS):
        return first
    close = first[0].seconds <= NEAR * _least(first[0].schedule, size)
    if not (close and keeps_up(first[0], size, options.switching)):
        first = _vary_pacings(found, first, size, watch, options, max_scratch)
    return spare_messages(first, size, watch, options.switching, max_scratch)


def _vary_pacings(
    found: list[Candidate],
    first: list[Candidate],
    size: Bytes,
    watch: Watch,
    options: SolverOptions,
    max_scratch: Share | None,
) -> list[Candidate]:
    """Measure those found with other leads and chunks; `first` are these as they are chosen."""
    for others in (other_leads, other_paces):
        varied = vary(_tuned(first), others, size)
        scarce = max_scratch is not None
        found = found + race(varied, size, watch, PACINGS, options.switching, scarce=scarce)
        first = choose(found, size, max_scratch, options)
    if first[0].seconds > ALIKE * _least(first[0].schedule, size):
        found = found + list(in_phases(first[0], size, options.switching, max_scratch))
        first = choose(found, size, max_scratch, options)
    return prefer_shared(first, size, options.switching, max_scratch)


def _tuned(found: list[Candidate]) -> list[Candidate]:
    """List the fastest candidates, but of other flows only the first, and that beside them."""
    near = [c for c in distinct(found) if c.seconds <= FAR * found[0].seconds]
    flows = [c for c in near[:TUNED] if c.key.generator is Generator.FLOW][:1]
    kept = flows + [c for c in near if c.key.generator is not Generator.FLOW][:TUNED]
    return [c for c in near if c in kept]


def _least(schedule: Schedule, size: Bytes) -> Seconds:
    """Compute the time that nothing beats at a size."""
    from solvers.bounds.time_bound import time_lower_bound  # only with a size

    machine, what = schedule.topology, schedule.collective
    return time_lower_bound(machine, what, schedule.bound, size, in_network=schedule.in_network)


def distinct(found: list[Candidate]) -> list[Candidate]:
    """Of each candidate at several pacings keep the first."""
    kept: dict[Key, Candidate] = {}
    for each in found:
        kept.setdefault(each.key.unpaced, each)
    return list(kept.values())


def choose(
    found: list[Candidate], size: Bytes | None, max_scratch: Share | None, options: SolverOptions
) -> list[Candidate]:
    """Give those that keep to the limits: the one to choose, then by time.

    Args:
        found: measured at the size.
        size: in bytes.
        max_scratch: what a rank may need besides its buffers, as a part of the size.
        options: limits of height and trees.

    Raises:
        as `compare`.
    """
    kept = [each for each in found if keeps_limits(each.schedule, options)]
    if not found:
        raise LimitError("no schedule was found within the limits; nothing is proved")
    if not kept:
        raise LimitError(
            f"no schedule was found within the limits; {_nearest(found, options)}; "
            "nothing is proved"
        )
    fits = _keep_fitting(_drop_high_incast(kept, size), max_scratch)
    return _prefer_low_incast(sorted(fits, key=lambda c: c.seconds), size)


def allow(there: Candidate, max_scratch: Share | None, options: SolverOptions) -> Seconds:
    """Give the time beyond which no other changes what `choose` puts first, as one is there.

    What is put first, and what counts as about as fast, is faster. Of exchanges what piles up
    counts as well as time, and slow ones may be chosen.
    """
    spare = max_scratch is None or there.scratch <= max_scratch
    timed = pattern_of(there.schedule.collective) not in EXCHANGES
    return (
        ALIKE * there.seconds if timed and spare and keeps_limits(there.schedule, options) else inf
    )


def _nearest(found: list[Candidate], options: SolverOptions) -> str:
    """Say what is missing: of the lowest one its height, of that of fewest trees their number."""
    words = []
    if options.max_height is not None:
        words.append(f"the lowest one has height {min(each.height for each in found)}")
    if options.trees is not None:
        most = min(count_trees(each.schedule) for each in found)
        words.append(f"the one of fewest trees has {most} for a root")
    return ", ".join(words)


def _keep_fitting(found: list[Candidate], max_scratch: Share | None) -> list[Candidate]:
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


def _drop_high_incast(found: list[Candidate], size: Bytes | None) -> list[Candidate]:
    """Of an exchange, leave out those in which too much would pile up in front of a rank.

    The simulator charges nothing for queueing there. Where all others are much slower, none is left
    out.
    """
    if size is None or pattern_of(found[0].schedule.collective) not in EXCHANGES:
        return found
    flat = [each for each in found if _pile(each) * size <= INCAST_LIMIT]
    slow = min((each.seconds for each in flat), default=inf)
    return flat if slow <= WORTH * min(each.seconds for each in found) else found


def _pile(candidate: Candidate) -> float:
    """Compute what waits for a rank, for each byte of size.

    It is what all of a step leave waiting or, if that is less, the chunks that the lead lets go: so
    neither stages, whose chunks overlap, count as piles, nor steps of which little goes at a time.
    """
    at_once = min(candidate.key.pacing.lead, candidate.chunks)
    schedule = candidate.schedule
    return min(incast_bytes(schedule), incast_bytes(schedule, candidate.chunks) * at_once)


def _prefer_low_incast(found: list[Candidate], size: Bytes | None) -> list[Candidate]:
    """Of those about as fast as the first, put one first with little incast at slow links.

    Waiting in a switch costs the simulator nothing, and a network that drops what waits a lot: on
    a star with one slow rank, sending everything straight away is slower over TCP by 2 to 19 %
    than passing it on, where both are predicted to take the same (`bench.fabric_contest`).
    """
    if size is None:
        return found
    near = [each for each in found if each.seconds <= ALIKE * found[0].seconds]
    flat = (each for each in near if _incast(each, size) <= SLOW_INCAST_LIMIT)
    first = next(flat, found[0])
    return [first, *(each for each in found if each is not first)]


def _incast(candidate: Candidate, size: Bytes) -> float:
    """Compute the bytes that may wait in a switch for a link that is slower than what feeds it."""
    return incast_bytes(candidate.schedule, candidate.chunks, slow=True) * size
