"""Whether all ranks add up in one way, so that rounding leaves all with the same bits.

Replicas of a model that get different bits from one all_reduce drift apart. Each value gets a
token: a mixed number for a contribution, the mix of the sum of two tokens for the sum of two
values. So a + b and b + a have one token, as floats have one sum, and (a + b) + c and a + (b + c)
have two. Where two ways of adding differ, tokens agree with a chance of 2^-64.

A program adds what comes in a step in the order of `adding_order`, in every chunk and in whatever
messages it comes, so the answer holds for all programs made of a schedule.
"""

import numpy as np
from numpy.typing import NDArray

from runtime.metrics.adding_order import adding_order
from solvers.schedules.schedule import Schedule, remembered
from topologies.model.ragged import earlier
from topologies.model.topology import BoolArray, IntArray, integers

Tokens = NDArray[np.uint64]


@remembered
def is_deterministic(schedule: Schedule) -> bool:
    """Tell whether all ranks that want a piece come by it through the same additions.

    The schedule must be well formed (`check_structure`).
    """
    return not len(find_unlike_pieces(schedule))


def find_unlike_pieces(schedule: Schedule) -> IntArray:
    """List the pieces that ranks come by through different additions.

    Images of a piece are added up as the piece is, so the representatives suffice. Complexity:
    transfers × log, and a pass over a step for each message of a piece that a rank gets in it.
    """
    what, rows = schedule.collective, schedule.transfers
    holding, wanting = what.counts
    some = (holding[schedule.block] > 1) & (wanting[schedule.block] > 1)
    chosen = np.flatnonzero(some[rows.piece]) if len(rows) else integers([])
    chosen = chosen[np.argsort(rows.step[chosen], kind="stable")]
    pieces, vertices = np.flatnonzero(some), schedule.topology.vertices
    holders, wanters = (
        _keys(pieces, [side.of(b) for b in schedule.block[pieces].tolist()], vertices)
        for side in what.owners
    )
    some_rows = rows.rows(chosen)
    turn, own = adding_order(
        some_rows.piece, some_rows.step, some_rows.src, some_rows.dst, vertices
    )
    order = np.lexsort((turn, some_rows.step))
    chosen, before = chosen[order], (turn < own)[order]
    src, dst = (rows.piece[chosen] * vertices + end[chosen] for end in (rows.src, rows.dst))
    cells = np.sort(np.concatenate([holders, wanters, src, dst]))  # np.unique would hash them
    cells = cells[np.flatnonzero(np.diff(cells, prepend=-1))]
    held = np.zeros(len(cells), dtype=np.uint64)
    held[np.searchsorted(cells, holders)] = _mix((holders % vertices + 1).astype(np.uint64))
    ends = np.searchsorted(cells, src), np.searchsorted(cells, dst)
    reduce = rows.reduce[chosen]
    _add_up(held, *ends, rows.step[chosen], reduce, reduce & before)
    result, piece = held[np.searchsorted(cells, wanters)], wanters // vertices
    same = result == result[np.searchsorted(piece, piece)]
    return np.unique(piece[~same])


def _keys(pieces: IntArray, ranks: list[IntArray], vertices: int) -> IntArray:
    """Compute the cell piece * vertices + rank of each rank of each piece."""
    return np.concatenate(
        [integers([]), *(p * vertices + r for p, r in zip(pieces.tolist(), ranks, strict=True))]
    )


def _add_up(
    held: Tokens, src: IntArray, dst: IntArray, step: IntArray, reduce: BoolArray, before: BoolArray
) -> None:
    """Do all transfers, given in order of steps; what is sent is what was held before the step.

    before: it is added to others before the own part is.
    """
    for rows in np.split(np.arange(len(step)), np.flatnonzero(np.diff(step)) + 1):
        sent = held[src[rows]]
        first = before[rows]
        folded, place = _fold(sent[first], dst[rows[first]])
        held[place] = _mix(held[place] + folded)
        rows, sent = rows[~first], sent[~first]
        turn = earlier(dst[rows])
        for now in range(int(turn.max(initial=-1)) + 1):
            some = turn == now
            place = dst[rows[some]]
            adds = reduce[rows[some]] & (held[place] != 0)
            added = _mix(held[place] + sent[some])
            held[place] = np.where(adds, added, sent[some])


def _fold(sent: Tokens, dst: IntArray) -> tuple[Tokens, IntArray]:
    """Add up what goes to one place; give the sums, and their places."""
    places, which = np.unique(dst, return_inverse=True)
    sums = np.zeros(len(places), dtype=np.uint64)
    turn = earlier(dst)
    for now in range(int(turn.max(initial=-1)) + 1):
        some = which[turn == now]
        both = sums[some] + sent[turn == now]
        sums[some] = _mix(both) if now else both
    return sums, places


def _mix(value: Tokens) -> Tokens:
    """Scatter 64 bits (the finaliser of SplitMix64: Steele, Lea and Flood, OOPSLA 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)))
