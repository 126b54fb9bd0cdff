"""What a schedule reaches at a large size, and the pacing with which it reaches most."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from math import inf

import numpy as np

from commplan.candidates.measure import play_work
from commplan.candidates.tuning import (
    ALIKE,
    CLOSER_PACINGS,
    CLOSER_WORK,
    DEALT_PACINGS,
    DEALT_VISITS,
    DEALT_WORK,
    EASED_VISITS,
    HIGH,
    JOINED_PACING,
    JOINED_TRANSFERS,
    KEPT_EVENTS,
    LARGE_CHUNKS,
    LARGE_PACINGS,
    LARGE_WORK,
    NEARLY,
    PACING_WORK,
    PLAY_WORK,
    SUM_WORK,
)
from runtime.metrics import chunking
from runtime.metrics.chunking import LARGE, flow_rate
from runtime.metrics.pacing import pacing_of, with_pacing
from runtime.metrics.putting_off import join_steps, put_off
from runtime.program.scratch import scratch
from runtime.simulate.simulate import Sharing, Simulation, simulate
from runtime.simulate.steady import EVENTS
from runtime.verify.relaying import mark_relay_copies
from solvers.schedules.collective import Movement
from solvers.schedules.schedule import Schedule
from solvers.settings.options import SWITCHINGS, Switching
from topologies.model.units import Bytes, Seconds, Share

Others = Callable[[], Iterable[Schedule]]

KEPT = 2  # pacings of a race that are looked at more closely,
SHARED_LEAST = 3  # of a race that are played where links share, whatever work that is
FEW = LARGE // 16  # bytes at which chunks are few and latency tells
LOOKED = 8  # or so many, until one is near: extrapolated plays hide what falls out of step later
PACING, VISIT = 0.5, 1e-7  # seconds of the plays of pacings, and of a visit in the last one

SHARED_COST = 8  # of a play where links share, in plays where they do not
# How networks may carry messages, the cheaper ones to play first, and what a play costs there.
# In order also at a size where latency tells: a lead that is too short shows there.
_NETWORKS: tuple[tuple[Switching, Sharing, Bytes, int], ...] = (
    ("cut-through", "fifo", FEW, 1),
    ("store-and-forward", "fifo", FEW, 1),
    ("cut-through", "fair", LARGE, SHARED_COST),
    ("store-and-forward", "fair", LARGE, 30),
)


def no_others() -> Iterable[Schedule]:
    """Make none."""
    return ()


def pace_for_large(
    schedule: Schedule,
    max_scratch: Share | None = None,
    others: Others = no_others,
    *,
    paced: bool = False,
    anew: Others = no_others,
) -> tuple[Schedule, Simulation | None]:
    """Search for the pacing with which a schedule reaches most at LARGE bytes.

    It is the one that is best in the worst of several networks, each measured by the best that any
    reaches there: links that serve messages in order, and links that share, with switches that cut
    through or store and forward. Of large schedules only one is played, of very large ones none.
    Where small ones do not reach nearly all where links share, others of the same throughput are
    looked for, and then they are tried in phases. What still reaches less than HIGH is tried with
    chunks further apart and with fewer chunks.

    Args:
        schedule: any that is right.
        max_scratch: what a rank may need besides its buffers, as a part of the size.
        others: makes others of the same throughput, one by one.
        paced: it keeps the pacing that it has where it reaches HIGH so, as a repaired one often
            does: links that share are not played then.
        anew: makes others of the same throughput that are paced so as well, for where it does not.

    Returns:
        The schedule, or another, at that pacing, and what is expected of it where switches cut
        through; None where nothing was played.
    """
    work = play_work(schedule, LARGE)
    if not _is_played(schedule, work):
        return schedule, None
    if work > LARGE_WORK:
        return _put_off(schedule, max_scratch)
    few = _written(schedule) <= EASED_VISITS
    for each in chain([schedule], anew() if few else ()) if paced else ():
        if (as_it_is := _keep(each, work, max_scratch)) is not None:
            return each, as_it_is
    tried = _at(schedule, [(*each, 1) for each in LARGE_PACINGS], max_scratch) or [schedule]
    best = tried[0]
    if work <= PACING_WORK and not _stays_near(best):
        best = _race_all(tried, max_scratch, others)
    played = simulate(best, LARGE)
    if share_of(best, played) >= HIGH:
        return best, played
    return _bring_closer(best, played, max_scratch)


def _is_played(schedule: Schedule, work: int) -> bool:
    """Tell whether a schedule is played; of sums larger ones, as their order matters more."""
    sums = schedule.collective.shape.movement is Movement.SUM
    return len(schedule.transfers) > 0 and work <= (SUM_WORK if sums else LARGE_WORK)


def _put_off(schedule: Schedule, max_scratch: Share | None) -> tuple[Schedule, Simulation]:
    """Play a large sum as it is, and put off until it is needed; give the faster one."""
    tried = [schedule, put_off(schedule)]
    played = [
        (each, simulate(each, LARGE))
        for each in tried
        if each is schedule or max_scratch is None or scratch(each) <= max_scratch
    ]
    return max(played, key=lambda each: share_of(*each))


def _keep(schedule: Schedule, work: int, max_scratch: Share | None) -> Simulation | None:
    """Play a schedule as it is; nothing where it reaches less than HIGH, or needs more scratch.

    Of large ones it is not played how switches that store and forward carry it. The plays are
    short: it is known to go well on a machine that is nearly the same.
    """
    if max_scratch is not None and scratch(schedule) > max_scratch:
        return None
    played = simulate(schedule, LARGE, events=KEPT_EVENTS)
    share = share_of(schedule, played)
    if work <= PACING_WORK:
        share = _least_share(schedule, played, KEPT_EVENTS)
    return played if share >= HIGH else None


def share_of(schedule: Schedule, played: Simulation) -> float:
    """Divide the time in which its links can carry it by that of a play."""
    return played.size / (flow_rate(schedule) * played.seconds)


def _bring_closer(
    usual: Schedule, played: Simulation, max_scratch: Share | None
) -> tuple[Schedule, Simulation]:
    """Try what suits high schedules, in which each chunk is long under way, until one reaches HIGH.

    First with transfers put off until they are needed, and with those of two ranks together, then
    at other pacings.

    One counts as reaching what it does in the worse of both kinds of switches, and is not taken
    where links that share would be clearly slower with it, as far as that is quick to play.
    """
    best, most = (usual, played), _least_share(usual, played)
    shared = _visits(usual, LARGE) * SHARED_COST + PLAY_WORK <= PACING_WORK
    limit = ALIKE * _seconds(usual, LARGE, "cut-through", "fair") if shared else inf
    often = CLOSER_WORK // (len(SWITCHINGS) * play_work(usual, LARGE))
    for tried in islice(_closer(usual), often):
        if max_scratch is not None and scratch(tried) > max_scratch:
            continue
        now = simulate(tried, LARGE)
        share = _least_share(tried, now)
        if share <= most or (shared and _seconds(tried, LARGE, "cut-through", "fair") > limit):
            continue
        best, most = (tried, now), share
        if most >= HIGH:
            break
    return best


def _closer(usual: Schedule) -> Iterator[Schedule]:
    """Make what `_bring_closer` tries."""
    late = put_off(usual) if usual.collective.shape.movement is Movement.SUM else usual
    if late is not usual:
        yield late
    if len(usual.transfers) <= JOINED_TRANSFERS:
        yield with_pacing(join_steps(usual), JOINED_PACING)
    for pacing in CLOSER_PACINGS:
        yield with_pacing(usual, pacing)


def _least_share(schedule: Schedule, played: Simulation, events: int = EVENTS) -> float:
    """Compute what is reached where switches cut through, as played, or store if that is less.

    Where no message crosses a second link it is the same.
    """
    if np.diff(schedule.transfers.route_start).max(initial=0) <= 1:
        return share_of(schedule, played)
    stored = simulate(schedule, LARGE, "store-and-forward", events=events)
    return min(share_of(schedule, played), share_of(schedule, stored))


def _at(
    schedule: Schedule, pacings: Iterable[tuple[int, int, int]], max_scratch: Share | None
) -> list[Schedule]:
    """Pace a schedule by leads, strides and phases, where that is right and the scratch suffices.

    Messages that reach a rank outside in one step, each to be passed on, may come in two phases:
    the first would have to wait for the second.
    """
    usual = pacing_of(schedule)
    paced = (
        with_pacing(schedule, replace(usual, lead=lead, stride=stride, phases=phases))
        for lead, stride, phases in pacings
    )
    kept = (each for each in paced if max_scratch is None or scratch(each) <= max_scratch)
    outside = schedule.relays == "forward"
    return [each for each in kept if not (outside and mark_relay_copies(each).any())]


def _race_all(tried: list[Schedule], max_scratch: Share | None, others: Others) -> Schedule:
    """Find the best; another, where that is near everywhere; or one in phases, where none is.

    Where none is near the one is raced that reaches most at its usual pacing.
    """
    raced = [tried]
    for other in others() if _written(tried[0]) <= EASED_VISITS else ():
        now = _at(other, [(*each, 1) for each in LARGE_PACINGS], max_scratch)
        if now and _stays_near(now[0]):
            return now[0]
        raced += [now] * bool(now)
    best = max(raced, key=_quickly_reached) if len(raced) > 1 else tried
    ranked = _race(best, PACING_WORK)
    if _written(ranked[0]) > DEALT_VISITS or _reached(ranked[0], best[0]) > NEARLY:
        return ranked[0]
    dealt = _at(ranked[0], DEALT_PACINGS, max_scratch)
    return _look_closely(_race([*ranked[:KEPT], *dealt], DEALT_WORK), best[0])


def _look_closely(ranked: list[Schedule], usual: Schedule) -> Schedule:
    """Take, of the first of a race, the one that reaches most in longer plays.

    Where none of the very first is near, others follow until one is.
    """
    reached = [_reached(each, usual) for each in ranked[:KEPT]]
    for each in ranked[KEPT:LOOKED]:
        if max(reached) > NEARLY:
            break
        reached.append(_reached(each, usual))
    return ranked[reached.index(max(reached))]


def _written(schedule: Schedule) -> int:
    """Count the visits of transfers to links, each transfer written out."""
    return len(schedule.transfers.route) * schedule.group.order


def _quickly_reached(tried: list[Schedule]) -> float:
    """Compute what the first reaches at least, in the networks that are quick to play."""
    schedule = tried[0]
    rate = flow_rate(schedule)
    return min(
        size / (rate * _seconds(schedule, size, switching, sharing))
        for switching, sharing, size, cost in _NETWORKS
        if cost <= SHARED_COST
    )


def _reached(schedule: Schedule, usual: Schedule) -> float:
    """Play half of it where links share: some go well for long before they fall out of step.

    Others do so at a size at which there are few chunks. What latency costs there is left out: it
    counts beside what the usual one takes where links serve one message after the other.
    """
    half = max(chunking.chunks(schedule, LARGE) // 2, 1)
    few, usual_few = (chunking.chunks(each, FEW) for each in (schedule, usual))
    rate, shared = flow_rate(schedule), partial(simulate, sharing="fair")
    return min(
        min(
            LARGE // 2 / (rate * shared(schedule, LARGE // 2, how, half).seconds),
            simulate(usual, FEW, how, usual_few).seconds / shared(schedule, FEW, how, few).seconds,
        )
        for how in SWITCHINGS
    )


def play_seconds(schedule: Schedule) -> Seconds:
    """Guess how long `pace_for_large` takes on a computer that it has for itself."""
    work = play_work(schedule, LARGE)
    return PACING + VISIT * work if _is_played(schedule, work) else 0.0


def _is_near(schedule: Schedule, work: int) -> bool:
    """Tell whether it takes little longer than its links must work, in each network played."""
    rate = NEARLY * flow_rate(schedule)
    for switching, sharing, size, cost in _NETWORKS:
        work -= _visits(schedule, size) * cost + PLAY_WORK
        if work < 0:
            break
        if _seconds(schedule, size, switching, sharing) * rate > size:
            return False
    return True


def _stays_near(schedule: Schedule) -> bool:
    """Tell whether it is near in each network, also in longer plays where these are quick."""
    near = _is_near(schedule, PACING_WORK)
    return near and (_written(schedule) > DEALT_VISITS or _reached(schedule, schedule) > NEARLY)


def _race(tried: list[Schedule], left: int) -> list[Schedule]:
    """Play in one network after the other, as long as the work allowed lasts; the best first.

    A few are always played where links share and switches cut through: what is alike everywhere
    else differs by a fifth there.
    """
    worst = dict.fromkeys(range(len(tried)), 1.0)
    for switching, sharing, size, cost in _NETWORKS:
        each = max(_visits(one, size) for one in tried) * cost + PLAY_WORK
        most = max(left // each, SHARED_LEAST if cost == SHARED_COST else 0)
        if most < 2:
            continue
        chosen = sorted(worst, key=worst.__getitem__, reverse=True)[:most]
        left -= each * len(chosen)
        times = {i: _seconds(tried[i], size, switching, sharing) for i in chosen}
        least = min(times.values())
        worst = {i: min(worst[i], least / times[i]) for i in chosen}
    return [tried[i] for i in sorted(worst, key=lambda i: (-round(worst[i], 2), i))]


def _visits(schedule: Schedule, size: Bytes) -> int:
    """Count the visits of messages to links in the two plays of `_seconds`."""
    return _few(schedule, size) * 3 // 2 * len(schedule.transfers.route)


def _few(schedule: Schedule, size: Bytes) -> int:
    """Choose the chunks of the longer play, at least as many as show how chunk follows chunk."""
    steps = int(schedule.transfers.step.max()) + 1
    return min(max(LARGE_CHUNKS, 2 * steps), chunking.chunks(schedule, size))


def _seconds(schedule: Schedule, size: Bytes, switching: Switching, sharing: Sharing) -> Seconds:
    """Predict from two plays of a few chunks what all of them take: the rest goes on as it went."""
    chunks, more = chunking.chunks(schedule, size), _few(schedule, size)
    part = size / chunks
    late = simulate(schedule, more * part, switching, more, sharing=sharing).seconds
    if more == chunks:
        return late
    fewer = more // 2
    early = simulate(schedule, fewer * part, switching, fewer, sharing=sharing).seconds
    return late + (chunks - more) * (late - early) / (more - fewer)
