"""Sends between any two ranks, made into transfers over the links of a machine."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain

import numpy as np

from solvers.routing.router import Hop, RouteError, Router
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule, Transfers
from solvers.schedules.schedule import schedule as put_together
from topologies.model.errors import NO, CommplanError
from topologies.model.ragged import starts, stretches, within
from topologies.model.topology import BoolArray, IntArray, Topology, frozen, integers


class TemplateError(CommplanError, ValueError):
    """A template asked for what it cannot do on this machine."""

    exit_code = NO


@dataclass(frozen=True, eq=False)
class Sends:
    """Messages of one round, as columns: pieces, and ranks from and to whom.

    In a round all read the state from before it. With `reduce` the receiver adds; without it
    the message is the piece's final value, and whoever gets it may pass it on in the same round.
    """

    round: int
    piece: IntArray
    src: IntArray
    dst: IntArray
    reduce: bool = False

    def later(self, rounds: int) -> "Sends":
        """Give the same so many rounds later."""
        return replace(self, round=self.round + rounds)


def mirror(sends: Sequence[Sends], *, reduce: bool = True) -> list[Sends]:
    """Turn round who sends to whom, and the order: what spread comes together, added or not."""
    last = max((s.round for s in sends), default=0)
    return [
        replace(s, round=last - s.round, src=s.dst, dst=s.src, reduce=reduce)
        for s in reversed(sends)
    ]


def expect(template: str, collective: Collective, known: Iterable[str]) -> None:
    """Refuse a collective that a template does not make.

    Raises:
        TemplateError: the collective is not among those known.
    """
    if pattern_of(collective) not in known:
        raise TemplateError(f"{template}: makes {', '.join(known)}, not {collective.name}")


def blocks(collective: Collective) -> list[tuple[int, Fraction]]:
    """Let each block be one piece."""
    return [(block, Fraction(1)) for block in range(collective.blocks)]


def lay_out(
    template: str,
    routes: Router,
    collective: Collective,
    pieces: Sequence[tuple[int, Fraction]],
    sends: Iterable[Sends],
    bound: Bound,
    *,
    sparing: bool = True,
) -> Schedule:
    """Route the sends, in order of their rounds, and put the schedule together.

    What a rank has is not brought to it again; but if not sparing, ranks that take part in nothing
    get a message for each that they pass on, and so copy none.

    Where two ranks are joined only through other ranks, these relay: a round then has as many steps
    as its longest path. Messages to be added arrive in the last step of their round, so that no
    rank sends on what came in the same round.

    Args:
        template: its name, for messages.
        routes: the paths to send over.
        collective: what is to be done.
        pieces: a block and a share of it, for each piece.
        sends: round by round.
        bound: goes with the schedule as it is.
        sparing: whether messages that bring nothing new are left out.

    Raises:
        TemplateError: two ranks are not joined, or a message to be added would have to pass
            through a rank that holds another part of the same piece.
    """
    rows = [batch for batch in sends if len(batch.piece)]
    try:
        hops, columns = _hops(routes, rows)
    except RouteError as fault:
        raise TemplateError(f"{template}: {fault}") from None
    relayed = columns.reduce & ~columns.last
    _refuse_mixing(template, routes.topology, collective, pieces, columns, relayed)
    passed = columns.reduce
    if not sparing:
        passed = passed | ~np.isin(columns.dst, collective.ranks)
    keep = np.sort(np.concatenate([np.flatnonzero(passed), _first_arrivals(columns, ~passed)]))
    order = keep[np.lexsort((columns.step[keep], columns.piece[keep]))]
    transfers = _transfers(columns, order, hops)
    return put_together(
        routes.topology, collective, pieces, transfers, bound, solver=f"template {template}"
    )


@dataclass(frozen=True, eq=False)
class _Columns:
    """Routed sends: a row for each hop, and the hop's number among the different hops."""

    piece: IntArray
    step: IntArray
    src: IntArray
    dst: IntArray
    reduce: BoolArray
    last: BoolArray
    hop: IntArray


def _hops(routes: Router, rows: Sequence[Sends]) -> tuple[list[Hop], _Columns]:
    """Write out the hops of all sends, with their steps."""
    rounds = np.repeat([r.round for r in rows], [len(r.piece) for r in rows]).astype(np.int64)
    adds = np.repeat([r.reduce for r in rows], [len(r.piece) for r in rows]).astype(np.bool_)
    piece, src, dst = (
        np.concatenate([integers([]), *(getattr(r, end) for r in rows)])
        for end in ("piece", "src", "dst")
    )
    ranks = routes.topology.ranks
    pairs, first, which = np.unique(src * ranks + dst, return_index=True, return_inverse=True)
    ways: list[tuple[Hop, ...]] = [()] * len(pairs)
    for i in np.argsort(first, kind="stable").tolist():
        ways[i] = routes.path(*divmod(int(pairs[i]), ranks))
    length = integers(len(way) for way in ways)
    start = np.cumsum(length) - length
    own = length[which]
    row = np.repeat(np.arange(len(piece)), own)
    place = within(own)
    flat = list(chain.from_iterable(ways))
    hop = start[which[row]] + place
    begin, end = _spans(rounds, own)
    step = np.where(adds, end - own, begin)[row] + place
    tails, heads = integers(h.src for h in flat), integers(h.dst for h in flat)
    last = place == own[row] - 1
    return flat, _Columns(piece[row], step, tails[hop], heads[hop], adds[row], last, hop)


def _spans(rounds: IntArray, length: IntArray) -> tuple[IntArray, IntArray]:
    """Compute the first step of each send's round and the first step of the next round."""
    longest = np.zeros(int(rounds.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(longest, rounds, length)
    end = np.cumsum(longest)
    return (end - longest)[rounds], end[rounds]


def _first_arrivals(rows: _Columns, wanted: BoolArray) -> IntArray:
    """Keep the first message that brings a piece's final value to a rank; more bring nothing."""
    chosen = np.flatnonzero(wanted)
    chosen = chosen[np.argsort(rows.step[chosen], kind="stable")]
    ranks = int(rows.dst.max(initial=0)) + 1
    keys = rows.piece[chosen] * ranks + rows.dst[chosen]
    return np.asarray(chosen[np.unique(keys, return_index=True)[1]])


def _refuse_mixing(
    template: str,
    topology: Topology,
    collective: Collective,
    pieces: Sequence[tuple[int, Fraction]],
    rows: _Columns,
    relayed: BoolArray,
) -> None:
    """Refuse relays that would mix a message with their own part or with another message."""
    ranks = topology.ranks
    seen: set[tuple[int, int]] = set()
    piece, step, dst = rows.piece[relayed], rows.step[relayed], rows.dst[relayed]
    holders = {block: set(collective.holders[block].tolist()) for block, _ in pieces}
    for p, s, rank in zip(piece.tolist(), step.tolist(), dst.tolist(), strict=True):
        if rank in holders[pieces[p][0]] or (p, s * ranks + rank) in seen:
            raise TemplateError(
                f"{template}: {collective.name} would have to pass parts of one sum through rank "
                f"{topology.names[rank]}, which holds another part of it"
            )
        seen.add((p, s * ranks + rank))


def _transfers(rows: _Columns, order: IntArray, hops: Sequence[Hop]) -> Transfers:
    links = integers(chain.from_iterable(hop.route for hop in hops))
    length = integers(len(hop.route) for hop in hops)
    first = np.cumsum(length) - length
    hop = rows.hop[order]
    return Transfers(
        piece=frozen(rows.piece[order]),
        step=frozen(rows.step[order]),
        src=frozen(rows.src[order]),
        dst=frozen(rows.dst[order]),
        reduce=frozen((rows.reduce & rows.last)[order]),
        route_start=frozen(starts(length[hop])),
        route=frozen(links[stretches(first[hop], length[hop])]),
    )
