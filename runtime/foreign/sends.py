"""A list of sends, made into a schedule: pieces from parts of blocks, routes, and what is added."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from math import lcm
from typing import NamedTuple

import numpy as np

from runtime.foreign.errors import ForeignError
from solvers.routing.router import Hop, RouteError, Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule, Transfer, schedule
from topologies.model.arguments import of, whole
from topologies.model.topology import Topology

MOST_PARTS = 2**16  # of a block
MOST_STEPS = 2**31
MOST_SENDS = 2**22
PLACES = ("src", "dst", "block", "part", "step")  # of a send, as they are told
MOST_LANES = 64  # parts of a piece that take different ways
Piece = tuple[int, int]  # a block, and one of its equal parts


class Send(NamedTuple):
    """One message: who sends which piece to whom, and when.

    piece: a block, or a block and one of its parts. reduce: whether the receiver adds; None lets
    what it holds decide. via: the switches on the way, where that is known.
    """

    src: int
    dst: int
    piece: int | Piece
    step: int
    reduce: bool | None = None
    via: tuple[int, ...] | None = None


def schedule_from(
    transfers: Iterable[Send | tuple[int, int, int | Piece, int]],
    topology: Topology,
    collective: Collective,
    *,
    bound: Bound = UNPROVED,
    name: str = "sends",
) -> Schedule:
    """Make a schedule of a list of sends; whether it is right is up to `verify`.

    A send carries what its source holds of the piece after all sends of smaller steps. The parts
    of a block are equal, as many as the largest that is named, and those that move alike become
    one piece. A receiver adds what it does not hold yet to what it holds, unless a send says
    otherwise; where it holds nothing, or less than comes, it takes what comes.

    Args:
        transfers: (src, dst, piece, step) each, in any order; ranks by number, a piece as a block
            or as (block, part), steps from 0.
        topology: the machine; sends take its shortest paths, in equal parts where there are more.
        collective: what is to be done.
        bound: what no schedule can beat, where it is known.
        name: who made it, for the provenance.

    Raises:
        ForeignError: a rank, block or part that there is not, two ranks that nothing joins, or a
            rank that would lose its part by passing on what others send.
    """
    of("topology", topology, Topology)
    of("collective", collective, Collective)
    by_piece: dict[Piece, list[Send]] = {}
    for number, row in enumerate(transfers):
        if number == MOST_SENDS:
            raise ForeignError(f"more than {MOST_SENDS} sends")
        send = _checked(number, row, topology, collective)
        by_piece.setdefault(_piece(send), []).append(send)
    ways = _ways(Router(topology), (send for rows in by_piece.values() for send in rows))
    stretch = max((len(way) for each in ways.values() for way in each), default=1)
    lanes = _lanes(ways)
    counts = [1] * collective.blocks
    for block, part in by_piece:
        counts[block] = max(counts[block], part + 1)
    alike: dict[tuple[int, tuple[Transfer, ...]], int] = {}
    for block, count in enumerate(counts):
        holders = collective.holders[block].tolist()
        for part in range(count):
            rows = by_piece.get((block, part), [])
            for lane in lanes if rows else lanes[:1]:
                key = block, tuple(_transfers(rows, lane, stretch, holders))
                alike[key] = alike.get(key, 0) + (1 if rows else len(lanes))
    unit = len(lanes)
    pieces = [(block, Fraction(same, counts[block] * unit)) for (block, _), same in alike.items()]
    made = [row._replace(piece=piece) for piece, (_, rows) in enumerate(alike) for row in rows]
    return schedule(topology, collective, pieces, made, bound, solver=name)


def _checked(number: int, row: object, topology: Topology, collective: Collective) -> Send:
    """Take only a send between two ranks of a block that there is.

    Raises:
        ForeignError: it is something else.
    """
    if not isinstance(row, tuple) or not 4 <= len(row) <= len(Send._fields):
        raise ForeignError(f"send {number}: expected (src, dst, piece, step)")
    send = Send(*row)
    if isinstance(send.piece, tuple) and len(send.piece) != 2:
        raise ForeignError(f"send {number}: a piece is a block, or (block, part)")
    block, part = _piece(send)
    values = send.src, send.dst, block, part, send.step
    ends = topology.ranks, topology.ranks, collective.blocks, MOST_PARTS, MOST_STEPS
    for name, value, end in zip(PLACES, values, ends, strict=True):
        if type(value) is not int or not 0 <= value < end:  # most are: millions are looked at
            whole(f"send {number}: {name}", value, 0, end - 1, error=ForeignError)
    if send.src == send.dst:
        raise ForeignError(f"send {number}: rank {send.src} sends to itself")
    return send


def _piece(send: Send) -> Piece:
    return send.piece if isinstance(send.piece, tuple) else (send.piece, 0)


Key = tuple[int, int, tuple[int, ...] | None]
Way = tuple[Hop, ...]
Ways = dict[Key, list[Way]]  # of each pair those that are used, one after the other, evenly


def _ways(router: Router, sends: Iterable[Send]) -> Ways:
    """Find the ways of each pair: over the switches that are named, or all shortest ones alike.

    Raises:
        ForeignError: there is none.
    """
    found: Ways = {}
    for send in sends:
        key = send.src, send.dst, send.via
        if key in found:
            continue
        if send.via is None:
            try:
                found[key] = _spread(router, send.src, send.dst)
            except RouteError as error:
                raise ForeignError(str(error)) from None
        else:
            route = _over(router.topology, (send.src, *send.via, send.dst))
            found[key] = [(Hop(send.src, send.dst, route),)]
    return found


def _spread(router: Router, src: int, dst: int) -> list[Way]:
    """Give the shortest ways, as often as their capacity asks, or one where there are many."""
    shares = router.paths(src, dst, MOST_LANES)
    unit = lcm(*(share.denominator for share, _ in shares)) if shares else 0
    if not 1 <= unit <= MOST_LANES:
        return [router.path(src, dst)]
    return [way for share, way in shares for _ in range(int(share * unit))]


def _lanes(ways: Ways) -> list[dict[Key, Way]]:
    """Choose a way of each pair for each part of a piece, so that all are used as they should."""
    count = lcm(*(len(each) for each in ways.values())) if ways else 1
    if count > MOST_LANES:
        count = max(len(each) for each in ways.values())
    return [
        {key: each[lane * len(each) // count] for key, each in ways.items()}
        for lane in range(count)
    ]


def _over(topology: Topology, vertices: Sequence[int]) -> tuple[int, ...]:
    """Look up the links over some vertices, of parallel ones the widest.

    Raises:
        ForeignError: two of them are not joined.
    """
    links = []
    for src, dst in pairwise(vertices):
        known = np.flatnonzero((topology.src == src) & (topology.dst == dst))
        if not len(known):
            names = topology.names
            raise ForeignError(f"{topology.name}: no link from {names[src]} to {names[dst]}")
        links.append(int(known[np.argmax(topology.capacity[known])]))
    return tuple(links)


def _transfers(
    rows: Sequence[Send], ways: dict[Key, Way], stretch: int, holders: Sequence[int]
) -> Iterator[Transfer]:
    """Write the sends of one piece as transfers, and say which of them add.

    Where two ranks are joined through other ranks only, these pass on: each step then has as many
    steps as the longest way has hops.

    Raises:
        ForeignError: one that passes on would lose what it still needs of the piece.
    """
    held = {rank: 1 << i for i, rank in enumerate(holders)}
    lost: dict[int, Send] = {}  # what was passed on by a rank in the place of its own
    for step, some in groupby(sorted(rows, key=lambda row: row.step), key=lambda row: row.step):
        together = list(some)
        before = dict(held)
        for send in together:
            for hop in ways[send.src, send.dst, send.via][1:]:
                if before.get(hop.src, 0) not in (0, before.get(send.src, 0)):
                    lost.setdefault(hop.src, send)
        for send in together:
            comes, mine = before.get(send.src, 0), held.get(send.dst, 0)
            adds = bool(comes and mine and not comes & mine)
            reduce = adds if send.reduce is None else send.reduce
            held[send.dst] = mine | comes if reduce else comes
            way = ways[send.src, send.dst, send.via]
            if lost:
                _refuse_loss(lost, send, way, reduce)
            for place, hop in enumerate(way):
                last = place == len(way) - 1
                at = step * stretch + (stretch - 1 if last else place)
                yield Transfer(0, at, hop.src, hop.dst, hop.route, reduce and last)


def _refuse_loss(lost: dict[int, Send], send: Send, way: Way, reduce: bool) -> None:
    """Stop where a rank needs what it lost by passing on; what it takes instead makes up for it.

    The first of several hops of a step is over before anything is passed on in it.

    Raises:
        ForeignError: it does.
    """
    by = lost.get(send.src)
    needs = by is not None and (by.step < send.step or len(way) == 1)
    rank = send.src if needs else send.dst
    if needs or (reduce and rank in lost):
        passed = lost[rank]
        raise ForeignError(
            f"step {passed.step}: rank {passed.src} reaches rank {passed.dst} through other ranks, "
            f"of which rank {rank} would lose what it adds to block {_piece(passed)[0]}: "
            "expected sends between ranks that links and switches join"
        )
    lost.pop(send.dst, None)
