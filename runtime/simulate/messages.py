"""The messages of a schedule as work for stations: the two sides of each rank, and the links."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from runtime.program.coalescing import JOINED
from runtime.simulate.priority import turns
from runtime.simulate.station_levels import levels
from solvers.schedules.schedule import Schedule
from topologies.model.ragged import earlier, within
from topologies.model.topology import BoolArray, FloatArray, IntArray
from topologies.symmetry.group import link_images, orbits

FINEST_TICK = 1e-15  # seconds
TICKS_LIMIT = 2.0**60


@dataclass(frozen=True, eq=False)
class Visits:
    """Visits of messages to stations, in the order of the messages.

    work: ticks that the station is busy; way: ticks until what leaves it is at the next station;
    whole: the station begins only when it has the whole message.
    """

    message: IntArray
    station: IntArray
    work: IntArray
    way: IntArray
    whole: BoolArray

    def rows(self, chosen: slice | BoolArray) -> "Visits":
        """Give some of the visits."""
        return Visits(
            self.message[chosen],
            self.station[chosen],
            self.work[chosen],
            self.way[chosen],
            self.whole[chosen],
        )


@dataclass(frozen=True, eq=False)
class Traffic:
    """What the representatives do for one chunk, in whole ticks of `tick` seconds.

    Messages come in the order of their steps; those of step s are first[s] to first[s + 1].
    turn: as of `turns`, for what is ready at once. src and dst are classes of ranks that behave
    alike. A message makes its visits level by level, and then those of `arrivals` to receiving
    sides, once all messages of equal `joint` are there: they are parts of one.
    Stations of class r of ranks: 2r sends and 2r + 1 receives; then the classes of links follow.
    """

    first: IntArray
    turn: IntArray
    src: IntArray
    dst: IntArray
    joint: IntArray
    levels: tuple[Visits, ...]
    arrivals: Visits
    stations: int
    tick: float


class Classes:
    """Ranks and links that a schedule's group makes alike, and the images that meet on each.

    In an in-network schedule switches send and receive as well, and count as ranks here.
    """

    def __init__(self, schedule: Schedule) -> None:
        topology, group = schedule.topology, schedule.group
        self.topology = topology
        self.order = group.order
        ends = topology.vertices if schedule.in_network else topology.ranks
        self.rank = orbits(group.generators, topology.vertices)[:ends]
        self.link = orbits(link_images(topology, group.generators), topology.links)

    @cached_property
    def at_rank(self) -> FloatArray:
        """Count, for each class of ranks, the images of a message that one of them sends."""
        return np.asarray(self.order / np.bincount(self.rank))

    @cached_property
    def at_link(self) -> FloatArray:
        """Count, for each class of links, the images of a crossing that are on one of them."""
        return np.asarray(self.order / np.maximum(np.bincount(self.link), 1))

    @property
    def ranks(self) -> int:
        """Count the classes of ranks; they come before those of the switches."""
        return len(self.at_rank)

    def name(self, station: int) -> str:
        """Say what a station is, by the first of its class."""
        if station >= 2 * self.ranks:
            link = int(np.flatnonzero(self.link == station - 2 * self.ranks)[0])
            return f"link {self.topology.link_name(link)}"
        rank = int(np.flatnonzero(self.rank == station // 2)[0])
        kind = "rank" if rank < self.topology.ranks else "switch"
        return f"{kind} {self.topology.names[rank]} {('sending', 'receiving')[station % 2]}"


def traffic(
    schedule: Schedule,
    classes: Classes,
    size: float,
    chunks: int,
    store_and_forward: bool,
    joined: int = JOINED,
) -> Traffic:
    """Write out the messages of the representatives in one chunk, and what stations do for them.

    Images of one message that meet on a station are served together. Messages of at most `joined`
    bytes that have step and ends in common are one: the ends work on the first of them, before the
    others leave and when the others are there.
    """
    rows = schedule.transfers
    order = _numbering(rows.piece, rows.step)
    load = _bytes(schedule, size / chunks)[rows.piece[order]]
    parts = [_crossings(schedule, classes, order, load, store_and_forward)]
    joint = np.arange(len(order))
    if schedule.topology.overhead.any():
        joint, heads = _heads(schedule, order, load <= joined)
        parts += [_ends(schedule, classes, order, side, heads) for side in (0, 1)]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    travel = np.lexsort((columns[1], columns[0]))
    message, _, station, work, way, whole = (column[travel] for column in columns)
    tick = max(FINEST_TICK, chunks * float(work.sum() + way.sum()) / TICKS_LIMIT)
    visits = Visits(message, station, _ticks(work, tick), _ticks(way, tick), whole)
    busy = np.bincount(station, visits.work)
    arriving = (station < 2 * classes.ranks) & (station % 2 == 1)
    leaving = visits.rows(~arriving)
    steps = np.arange(int(rows.step.max(initial=-1)) + 2)
    return Traffic(
        first=np.searchsorted(rows.step[order], steps),
        turn=turns(message, busy[station], rows.step[order], joint),
        src=classes.rank[rows.src[order]],
        dst=classes.rank[rows.dst[order]],
        joint=joint,
        levels=tuple(map(leaving.rows, levels(leaving.message, leaving.station))),
        arrivals=visits.rows(arriving),
        stations=2 * classes.ranks + len(classes.at_link),
        tick=tick,
    )


def _numbering(piece: IntArray, step: IntArray) -> IntArray:
    """Put messages in the order of step, place among the transfers of the piece, and piece.

    The images of a message come next to each other, so the order is that of the whole schedule.
    """
    return np.lexsort((piece, earlier(piece), step))


def _bytes(schedule: Schedule, size: float) -> FloatArray:
    """Give the bytes of each piece."""
    of_block = schedule.collective.sizes * (size / schedule.collective.total)
    share = np.array([float(share) for share in schedule.share])
    return np.asarray(share * of_block[schedule.block])


# Of each visit: message, place on the way, station, seconds of work, seconds to the next, whole.
_Columns = tuple[IntArray, IntArray, IntArray, FloatArray, FloatArray, BoolArray]


def _crossings(
    schedule: Schedule, classes: Classes, order: IntArray, load: FloatArray, whole: bool
) -> _Columns:
    """Lay out the links on the ways of messages that carry `load` bytes."""
    topology, rows = schedule.topology, schedule.transfers
    length = np.diff(rows.route_start)[order]
    message = np.repeat(np.arange(len(order)), length)
    place = within(length)
    link = rows.route[rows.route_start[order][message] + place]
    work = load[message] * classes.at_link[classes.link[link]] / topology.bandwidth[link]
    station = 2 * classes.ranks + classes.link[link]
    return message, place, station, work, topology.alpha[link], np.full(len(message), whole)


def _heads(schedule: Schedule, order: IntArray, small: BoolArray) -> tuple[IntArray, FloatArray]:
    """Give for each message the first of its joint, and what its ends see of each of its images.

    Of small ones with step and ends in common they see one message in the first and none in the
    others; where several images of one message go between the same ends, it is a part.
    Complexity: pairs of ranks × order of the group.
    """
    rows = schedule.transfers
    vertices = schedule.topology.vertices
    pairs, place = np.unique(
        rows.src[order[small]] * vertices + rows.dst[order[small]], return_inverse=True
    )
    least, fixed = pairs.copy(), np.zeros(len(pairs), dtype=np.int64)
    src, dst = np.divmod(pairs, vertices)
    for element in schedule.group.elements:
        image = element[src] * vertices + element[dst]
        least, fixed = np.minimum(least, image), fixed + (image == pairs)
    keys = rows.step[order[small]] * vertices**2 + least[place]
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    joint, heads = np.arange(len(order)), np.ones(len(order))
    joint[small] = np.flatnonzero(small)[first[which]]
    heads[small] = (first[which] == np.arange(len(keys))) / fixed[place]
    return joint, heads


def _ends(
    schedule: Schedule, classes: Classes, order: IntArray, side: int, heads: FloatArray
) -> _Columns:
    """Lay out the visits to the senders (side 0, before the links) or the receivers (side 1)."""
    rows = schedule.transfers
    rank = (rows.src, rows.dst)[side][order]
    alike = classes.rank[rank]
    place = np.full(len(order), (-1, schedule.topology.links)[side])
    work = schedule.topology.overheads[rank] * classes.at_rank[alike] * heads
    nothing, whole = np.zeros(len(order)), np.full(len(order), True)
    return np.arange(len(order)), place, 2 * alike + side, work, nothing, whole


def _ticks(seconds: FloatArray, tick: float) -> IntArray:
    """Round up to whole ticks, so that nothing gets faster than it is."""
    return np.ceil(seconds / tick).astype(np.int64)
