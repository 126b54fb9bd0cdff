"""From a schedule and a size to its traffic: which transfers are one message, and where they go."""

from dataclasses import dataclass

import numpy as np

from runtime.metrics.chunking import chunks_of
from runtime.metrics.pacing import Order, turns
from runtime.simulate.classes import Classes
from runtime.simulate.programs import Programs
from runtime.simulate.traffic import Flowing, Gates, Lists, Messages, Pairs, Parts, Traffic
from solvers.schedules.piece_loads import share_floats
from solvers.schedules.schedule import Schedule
from topologies.model.ragged import numbered, starts, stretches
from topologies.model.topology import BoolArray, FloatArray, IntArray

FINEST_TICK = 1e-15  # seconds
TICKS_LIMIT = 2.0**60
# Where links share: ticks that the largest message takes on the fastest link at most, and units
# that this link carries in one.
FLOW_TICKS, FASTEST = 2.0**31, 2.0**30


@dataclass(frozen=True)
class Cutting:
    """How pieces become messages.

    size: in bytes. chunks: of a piece, at most. joined: bytes up to which messages between two
    ranks are one. order: of starting. phases: program steps from one chunk to the next. blocking:
    whether a message waits for all that its sender got in earlier steps, of whatever piece.
    programs: that the schedule is; None where it is one.
    """

    size: float
    chunks: int
    joined: int
    order: Order
    phases: int = 1
    blocking: bool = False
    programs: Programs | None = None


@dataclass(frozen=True, eq=False)
class _Sent:
    """Which transfers make each message; messages come by pair, then in the order of starting.

    Of each message: leads, the first of its transfers; place, pair, cuts as in `Messages`; fixed,
    how many of its images are parts of one. Of each transfer: message; load, bytes of a chunk.
    """

    leads: IntArray
    place: IntArray
    pair: IntArray
    cuts: IntArray
    fixed: IntArray
    message: IntArray
    load: FloatArray


@dataclass(frozen=True, eq=False)
class _Ways:
    """As `Parts`, in seconds; load: bytes of each part."""

    message: IntArray
    first: IntArray
    station: IntArray
    work: FloatArray
    way: FloatArray
    load: FloatArray


def make_traffic(
    schedule: Schedule, classes: Classes, cutting: Cutting, whole: bool, fair: bool = False
) -> Traffic:
    """Write out the messages of the representatives, and what stations do for them.

    Images of one message that meet on a station are served together. Small messages that have step
    and ends in common are one; those of them that take one route are one on its links as well.
    whole: links store and forward. fair: they share. Complexity: visits and transfers × log.
    """
    sent = _sent(schedule, classes, cutting)
    ways = _ways(schedule, classes, sent)
    ends = [_ends(schedule, classes, sent, side) for side in (0, 1)]
    total = sum(float(seconds.sum()) for seconds in (ways.work, ways.way, *ends))
    tick = max(FINEST_TICK, cutting.chunks * total / TICKS_LIMIT)
    rate = classes.rates
    if fair and len(ways.load):
        tick = max(tick, float(ways.load.max(initial=0.0)) / float(rate.max()) / FLOW_TICKS)
    work, way, sending, receiving = (_ticks(each, tick) for each in (ways.work, ways.way, *ends))
    gates, need, opens = _gates(schedule, sent, cutting.blocking)
    step = schedule.transfers.step[sent.leads]
    each = np.bincount(sent.message, sent.load, len(sent.leads)) * sent.fixed
    return Traffic(
        Messages(step, sent.cuts, sent.place, sent.pair, need, sending, receiving, opens),
        Parts(ways.message, ways.first, ways.station, work, way),
        gates,
        _pairs(schedule, classes, sent),
        cutting.chunks,
        cutting.phases,
        classes.stations,
        whole,
        tick,
        int((classes.order // sent.fixed * sent.cuts).sum()),
        float(each.min(initial=np.inf)) if len(each) else 0.0,
        classes.images,
        _flowing(sent, ways, rate, tick) if fair else None,
    )


def _sent(schedule: Schedule, classes: Classes, cutting: Cutting) -> _Sent:
    """Put transfers together to messages, and these in order."""
    rows = schedule.transfers
    place = np.empty(len(rows), dtype=np.int64)
    place[turns(rows.piece, rows.step, cutting.order)] = np.arange(len(rows))
    cuts = chunks_of(schedule, cutting.size, cutting.chunks)[rows.piece]
    load = _bytes(schedule, cutting.size)[rows.piece] / cuts
    program = classes.programs.of_rows(schedule)
    pair, fixed = classes.programs.pairs(program, rows.src, rows.dst)
    small = load <= cutting.joined
    leader = _leaders(np.stack([pair, rows.step, cuts]), place, small)
    leads = np.flatnonzero(leader == np.arange(len(rows)))
    leads = leads[np.lexsort((place[leads], pair[leads]))]
    message = np.empty(len(rows), dtype=np.int64)
    message[leads] = np.arange(len(leads))
    return _Sent(
        leads,
        place[leads],
        np.unique(pair[leads], return_inverse=True)[1],
        cuts[leads],
        np.where(small, fixed, 1)[leads],
        message[leader],
        load,
    )


def _leaders(keys: IntArray, place: IntArray, small: BoolArray) -> IntArray:
    """Give for each transfer the first, by place, of the small ones with the same keys."""
    leader = np.arange(keys.shape[1])
    some = np.flatnonzero(small)
    some = some[np.lexsort((place[some], *keys[:, some]))]
    fresh = np.ones(len(some), dtype=np.bool_)
    fresh[1:] = (np.diff(keys[:, some]) != 0).any(axis=0)
    leader[some] = some[np.maximum.accumulate(np.where(fresh, np.arange(len(some)), 0))]
    return leader


def _bytes(schedule: Schedule, size: float) -> FloatArray:
    """Give the bytes of each piece."""
    of_piece = schedule.collective.sizes[schedule.block] * (size / schedule.collective.total)
    return np.asarray(share_floats(schedule) * of_piece)


def _ways(schedule: Schedule, classes: Classes, sent: _Sent) -> _Ways:
    """Lay out the links on the ways of messages; transfers of one message and one route are one."""
    topology, rows = schedule.topology, schedule.transfers
    route = _routes(schedule, classes, sent.message)
    routes = int(route.max(initial=0)) + 1
    together = sent.message * routes + route
    keys, row, part = np.unique(together, return_index=True, return_inverse=True)
    message = keys // routes
    load = np.asarray(np.bincount(part.reshape(-1), sent.load, len(row)), dtype=np.float64)
    length = np.diff(rows.route_start)[row]
    link = rows.route[stretches(rows.route_start[row], length)]
    alike = classes.link[link]
    work = np.repeat(load, length) * classes.at_link[alike] / topology.bandwidth[link]
    station = 2 * classes.ranks + alike
    return _Ways(message, starts(length), station, work, topology.alpha[link], load)


def _routes(schedule: Schedule, classes: Classes, message: IntArray) -> IntArray:
    """Give routes of transfers that share a message numbers: equal ones through alike links."""
    rows = schedule.transfers
    route = np.zeros(len(rows), dtype=np.int64)
    shared = np.flatnonzero(np.bincount(message, minlength=1)[message] > 1)
    length = np.diff(rows.route_start)[shared]
    link = rows.route[stretches(rows.route_start[shared], length)]
    route[shared] = numbered(starts(length), classes.link[link])
    return route


def _ends(schedule: Schedule, classes: Classes, sent: _Sent, side: int) -> FloatArray:
    """Give the seconds of work at the senders of messages (side 0), or at the receivers (1)."""
    rows, overheads = schedule.transfers, schedule.topology.overheads
    if not overheads.any():
        return np.zeros(len(sent.leads))
    rank = (rows.src, rows.dst)[side][sent.leads]
    return np.asarray(overheads[rank] * classes.at_rank[classes.rank[rank]] / sent.fixed)


def _pairs(schedule: Schedule, classes: Classes, sent: _Sent) -> Pairs:
    first = np.flatnonzero(np.diff(sent.pair, prepend=-1))
    leads = sent.leads[first]
    program = classes.programs.of_rows(schedule)[leads]
    both = np.stack([schedule.transfers.src[leads], schedule.transfers.dst[leads]])
    keys = np.where(both < schedule.topology.ranks, classes.programs.ranks(program, both), -1)
    alike = np.unique(keys[keys >= 0])
    src, dst = np.where(keys >= 0, np.searchsorted(alike, keys), -1)
    sending, receiving = 2 * classes.rank[both] + [[0], [1]]
    return Pairs(np.append(first, len(sent.pair)), src, dst, sending, receiving, len(alike))


def _gates(schedule: Schedule, sent: _Sent, blocking: bool) -> tuple[Gates, IntArray, Lists]:
    """Make the gates; give as well how many each message waits for, and those that it opens."""
    rows, messages = schedule.transfers, len(sent.leads)
    awaited = np.zeros_like(rows.piece) if blocking else rows.piece
    holders, steps = schedule.topology.vertices, int(rows.step.max(initial=-1)) + 1
    arrivals = (awaited * holders + rows.dst) * steps + rows.step
    keys, gate = np.unique(arrivals, return_inverse=True)
    holder = keys // max(steps, 1)
    follows = np.zeros(len(keys), dtype=np.int64)
    follows[1:] = np.diff(holder) == 0
    after = np.where(np.append(follows[1:], 0) > 0, np.arange(1, len(keys) + 1), -1)
    own = awaited * holders + rows.src
    before = np.searchsorted(keys, own * steps + rows.step) - 1
    waits = (before >= 0) & (holder[before] == own) if len(keys) else np.zeros(0, dtype=np.bool_)
    need = np.bincount(sent.message[waits], minlength=messages)
    return (
        Gates(
            np.bincount(gate, minlength=len(keys)) + follows,
            after[: len(keys)],
            Lists.of(before[waits], sent.message[waits], len(keys)),
        ),
        need,
        Lists.of(sent.message, gate, messages),
    )


def _flowing(sent: _Sent, ways: _Ways, rate: FloatArray, tick: float) -> Flowing:
    """Write bytes, and bytes per second, in units of which the fastest link does most in a tick.

    What one rank sends another by one route is in one queue on each link. Amounts are rounded up
    and rates down, so that nothing gets faster than it is.
    """
    unit = float(rate.max(initial=1.0)) * tick / FASTEST
    capacity = np.maximum(np.floor(rate * tick / unit), 1.0)
    route = numbered(ways.first, ways.station)
    connection = sent.pair[ways.message] * (len(route) + 1) + route
    on_each = np.repeat(np.unique(connection, return_inverse=True)[1], np.diff(ways.first))
    queue = np.unique(on_each * len(rate) + ways.station, return_inverse=True)[1]
    return Flowing(np.ceil(ways.load / unit).astype(np.int64), capacity.astype(np.int64), queue)


def _ticks(seconds: FloatArray, tick: float) -> IntArray:
    """Round up to whole ticks, so that nothing gets faster than it is."""
    return np.ceil(seconds / tick).astype(np.int64)
