"""Trees over which each rank gets what it wants early, for sizes at which latency tells.

They grow in one of two ways. Together: of all messages that would bring someone what he lacks, the
one is sent next that arrives first, over links as they are booked by then. Apart: each tree is made
of the quickest ways, as if it were alone. Sums go the same ways backwards, from the end.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from solvers.routing.switch_paths import SwitchPath
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.schedule import Schedule, Transfer, schedule
from solvers.settings.deadline import NotFound
from solvers.settings.options import Switching
from solvers.timing.arrivals import LinkClock, quick_paths
from topologies.model.cached import cached_property
from topologies.model.topology import Topology, reverse
from topologies.model.units import Bytes, Seconds, Share

MOST_PATHS = 20_000  # through switches, that are looked through
MOST_WORK = 60_000  # pieces × ways: some tenths of a second
LATER = 1 + 1e-12  # what floats may be off


@dataclass(frozen=True, slots=True)
class Piece:
    """A share of a block, of so many bytes, that a root has and others want."""

    block: int
    share: Share
    load: float
    root: int
    wanters: frozenset[int]


class Send(NamedTuple):
    """A piece takes a way."""

    piece: int
    path: SwitchPath


class Spreading:
    """A machine whose links nobody has booked, and the ways from each rank."""

    def __init__(self, topology: Topology, paths: Sequence[SwitchPath], *, whole: bool) -> None:
        self.topology, self.paths, self.whole = topology, paths, whole
        self.leaving: list[list[SwitchPath]] = [[] for _ in range(topology.ranks)]
        for path in paths:
            self.leaving[path.src].append(path)

    @property
    def clock(self) -> LinkClock:
        """Give a clock of these links."""
        return LinkClock(self.topology, whole=self.whole)

    @cached_property
    def turned(self) -> "Spreading":
        """Turn all links round."""
        paths = [SwitchPath(path.dst, path.src, path.links[::-1]) for path in self.paths]
        return Spreading(reverse(self.topology), paths, whole=self.whole)


Grow = Callable[[Spreading, Sequence[Piece]], list[Send]]


def grow_together(asked: Spreading, pieces: Sequence[Piece]) -> list[Send]:
    """Send what arrives first, and so on; ranks that want a piece pass it on.

    Arrivals only become later as links are booked, so that what is first in the queue needs to be
    looked at again, and nothing else. Complexity: pieces × ways × log, and who is looked at again.

    Raises:
        NotFound: someone cannot be reached so.

    Source: Bhat, Raghavendra and Prasanna, Efficient collective communication in distributed
    heterogeneous systems, JPDC 2003 (earliest completing edge first, there for a broadcast).
    """
    clock, number, sends = asked.clock, count(), list[Send]()
    lacking = [set(piece.wanters - {piece.root}) for piece in pieces]
    queue: list[tuple[Seconds, int, Seconds, int, SwitchPath]] = []

    def offer(piece: int, rank: int, now: Seconds) -> None:
        for path in asked.leaving[rank]:
            if path.dst in lacking[piece]:
                then = clock.arrival(now, path, pieces[piece].load)
                heappush(queue, (then, next(number), now, piece, path))

    for piece, own in enumerate(pieces):
        offer(piece, own.root, 0.0)
    while queue:
        then, turn, now, piece, path = heappop(queue)
        if path.dst not in lacking[piece]:
            continue
        load = pieces[piece].load
        if (later := clock.arrival(now, path, load)) > then * LATER:
            heappush(queue, (later, turn, now, piece, path))
            continue
        lacking[piece].remove(path.dst)
        sends.append(Send(piece, path))
        offer(piece, path.dst, clock.send(now, path, load))
    if any(lacking):
        raise NotFound("someone is reached only through ranks that do not want a piece")
    return sends


def grow_apart(asked: Spreading, pieces: Sequence[Piece]) -> list[Send]:
    """Give each piece the quickest ways of an idle machine; what has long before it goes first.

    Complexity: pieces × ways × log.

    Raises:
        NotFound: someone cannot be reached.
    """
    found: list[tuple[Seconds, Seconds, int, SwitchPath]] = []
    for number, piece in enumerate(pieces):
        entry = _quickest_ways(asked, piece)
        missing: dict[int, Seconds] = {}  # from each rank on the way to the last of its wanters
        for rank in sorted(piece.wanters, key=lambda rank: entry[rank][0]):
            last = entry[rank][0]
            while rank != piece.root and missing.get(rank, -1.0) < last:
                missing[rank] = last
                rank = entry[rank][1].src
        for rank, last in missing.items():
            path = entry[rank][1]
            start = 0.0 if path.src == piece.root else entry[path.src][0]
            found.append((start, start - last, number, path))
    return [Send(piece, path) for _, _, piece, path in sorted(found)]


def _quickest_ways(asked: Spreading, piece: Piece) -> dict[int, tuple[Seconds, SwitchPath]]:
    """Find when a piece alone can be at each rank, and by which way it comes there."""
    queue, clock = [(0.0, 0, piece.root, SwitchPath(piece.root, piece.root, ()))], asked.clock
    found: dict[int, tuple[Seconds, SwitchPath]] = {}
    number = count(1)
    while queue:
        now, _, rank, path = heappop(queue)
        if rank in found:
            continue
        found[rank] = now, path
        for way in asked.leaving[rank]:
            if way.dst not in found:
                then = clock.arrival(now, way, piece.load)
                heappush(queue, (then, next(number), way.dst, way))
    if piece.wanters - found.keys():
        raise NotFound("someone cannot be reached")
    return found


GROWING: dict[str, Grow] = {"grown together": grow_together, "grown apart": grow_apart}


def quickest_trees(
    topology: Topology, collective: Collective, size: Bytes, switching: Switching, bound: Bound
) -> Iterator[tuple[tuple[str, ...], Schedule]]:
    """Make trees that are quick at a size.

    Steps are the depths of the trees, or follow the links: what goes over a link later has a later
    step then.

    Args:
        topology: the machine.
        collective: what is to be done.
        size: in bytes.
        switching: how switches pass on what they get.
        bound: goes with the schedules as it is.

    Returns:
        each with words that tell it from the others.

    Raises:
        NotFound: there is too much to look at, or someone cannot be reached.
    """
    movement = collective.shape.movement
    if movement in (Movement.MIXED, Movement.STAY) or not collective.total:
        return
    there = movement in (Movement.SUM, Movement.COPY_OF_SUM)
    load = float(collective.sizes.max()) * size / collective.total
    paths = quick_paths(topology, load, MOST_PATHS, whole=switching == "store-and-forward")
    out = Spreading(topology, paths, whole=switching == "store-and-forward")
    for roots, pieces in _pieces(out, collective, size):
        if len(pieces) * len(paths) > MOST_WORK:
            raise NotFound("there are too many pieces and ways")
        for name, grow in GROWING.items():
            if movement is Movement.PERSONALISED and grow is grow_together:
                continue  # nobody but the one who wants a piece would take it
            up = grow(out.turned, pieces) if there else []
            down = grow(out, pieces) if movement is not Movement.SUM else []
            for steps, in_line in ORDERS.items():
                rows = _turn_back(_transfers(topology, up, in_line=in_line))
                first = 1 + max((row.step for row in rows), default=-1)
                rows += _transfers(topology, down, first, in_line=in_line)
                shares = [(piece.block, piece.share) for piece in pieces]
                made = schedule(topology, collective, shares, rows, bound, solver="quickest trees")
                yield (*roots, name, *steps), made


ORDERS: dict[tuple[str, ...], bool] = {(): False, ("link by link",): True}


def _pieces(
    asked: Spreading, collective: Collective, size: Bytes
) -> Iterator[tuple[tuple[str, ...], list[Piece]]]:
    """Make pieces of the blocks; of sums for everyone with one root, and with a part at each."""
    movement = collective.shape.movement
    roots, others = collective.holders, collective.wanters
    if movement is Movement.SUM:
        roots, others = others, roots
    each = [float(amount) * size / collective.total for amount in collective.sizes.tolist()]
    blocks = [
        Piece(block, Fraction(1), load, int(roots[block][0]), frozenset(others[block].tolist()))
        for block, load in enumerate(each)
    ]
    if movement is not Movement.COPY_OF_SUM:
        yield (), blocks
        return
    members = collective.ranks
    if not collective.shape.everyone or any((n != len(members)).any() for n in collective.counts):
        return
    part = Fraction(1, len(members))
    yield (
        ("a part at each root",),
        [
            Piece(own.block, part, own.load * float(part), root, own.wanters)
            for own in blocks
            for root in members
        ],
    )
    yield ("one root",), [replace(own, root=_centre(asked, own)) for own in blocks]


def _centre(asked: Spreading, piece: Piece) -> int:
    """Find the rank from which a piece can soonest have come from all and gone to all."""

    def far(root: int) -> Seconds:
        own = replace(piece, root=root)
        return sum(
            max(_quickest_ways(side, own)[rank][0] for rank in own.wanters)
            for side in (asked, asked.turned)
        )

    return min(piece.wanters, key=lambda root: (far(root), root))


def _transfers(
    topology: Topology, sends: Sequence[Send], first: int = 0, *, in_line: bool
) -> list[Transfer]:
    """Give each send a step behind the one that brings the piece, and those before on its links."""
    had: dict[tuple[int, int], int] = {}
    used = [first] * topology.links
    rows = []
    for piece, path in sends:
        step = had.get((piece, path.src), first)
        if in_line:
            step = max(step, *(used[link] for link in path.links))
        for link in path.links:
            used[link] = step + 1
        had[piece, path.dst] = step + 1
        rows.append(Transfer(piece, step, path.src, path.dst, path.links))
    return rows


def _turn_back(rows: Sequence[Transfer]) -> list[Transfer]:
    """Let what was spread on reversed links be added up: backwards, from the end."""
    last = max((row.step for row in rows), default=0)
    return [
        Transfer(row.piece, last - row.step, row.dst, row.src, row.route[::-1], reduce=True)
        for row in reversed(rows)
    ]
