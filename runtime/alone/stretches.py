"""What pieces of an exchange travel together: those that have come the same way so far.

Statement. Each piece has a way: a transfer after the other, from the rank that holds its block to
the one that wants it. Sorted by their ways, as words are by their letters, the pieces that begin
with the same transfers are a range. So what a rank passes on of one root is a range of what it was
given of it, and where ways are those of a tree there is one range for each of its edges: 16,383 of
16,384 ranks, where the pieces themselves are passed on 327,680 times.

Complexity: the longest way times pieces × log.
"""

from typing import NamedTuple

import numpy as np

from solvers.schedules.computed.exchange import Exchange
from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray, integers


class Stretches(NamedTuple):
    """Ranges of pieces, each with a transfer that all of them share; by depth, then by range.

    Attributes:
        pieces: of the schedule, in the order of their ways.
        arrival: of each of these the stretch that brings it to its end; -1 where it stays.
        row: of each stretch a transfer of the schedule.
        first: where its range begins.
        last: where it ends.
        above: the stretch that it was a part of before; -1 at the rank that holds it.
    """

    pieces: IntArray
    arrival: IntArray
    row: IntArray
    first: IntArray
    last: IntArray
    above: IntArray


def find_stretches(schedule: Schedule, what: Exchange) -> Stretches | None:
    """Find the ranges; None where some piece has another way than from its holder to its wanter.

    Args:
        schedule: one that is sound.
        what: its collective.
    """
    length = np.bincount(schedule.transfers.piece, minlength=schedule.pieces)
    begin = np.cumsum(length) - length
    if not _are_ways(schedule, what, begin, length):
        return None
    codes = _prefixes(schedule, what, begin, length)
    order = np.argsort(codes[-1], kind="stable")
    arrival = np.full(len(order), -1, dtype=np.int64)
    found: list[tuple[IntArray, ...]] = []
    made = 0
    for depth, code in enumerate(codes[1:]):
        live = np.flatnonzero(length[order] > depth)
        fresh = np.flatnonzero(np.diff(code[order][live], prepend=-1))
        first, last = live[fresh], live[np.append(fresh[1:], len(live)) - 1] + 1
        found.append((begin[order][first] + depth, first, last, arrival[first]))
        arrival[live] = made + np.repeat(np.arange(len(fresh)), last - first)
        made += len(fresh)
    columns = (np.concatenate(each) for each in zip(*found, strict=True))
    return Stretches(order, arrival, *columns)


def _are_ways(schedule: Schedule, what: Exchange, begin: IntArray, length: IntArray) -> bool:
    """Tell whether each piece goes from who holds it to who wants it, hop by hop."""
    rows, moved = schedule.transfers, length > 0
    if not moved.any() or rows.reduce.any() or (np.diff(rows.piece) < 0).any():
        return False
    holder, wanter = (integers(what.ranks)[end] for end in what.ends(schedule.block))
    same = np.diff(rows.piece) == 0
    return bool(
        (rows.src[begin[moved]] == holder[moved]).all()
        and (rows.dst[(begin + length - 1)[moved]] == wanter[moved]).all()
        and (rows.src[1:] == rows.dst[:-1])[same].all()
        and (np.diff(rows.step)[same] > 0).all()
        and (holder == wanter)[~moved].all()
    )


def _prefixes(
    schedule: Schedule, what: Exchange, begin: IntArray, length: IntArray
) -> list[IntArray]:
    """Give numbers to the beginnings of ways, for each length of them.

    Codes of a length are equal where pieces begin alike, and are in the order of ways: what ends
    before comes in front of what goes on.
    """
    rows = schedule.transfers
    name = np.unique(rows.step * schedule.topology.vertices + rows.dst, return_inverse=True)[1]
    codes = [what.ends(schedule.block)[0]]
    for depth in range(int(length.max())):
        live = length > depth
        letter = np.zeros(len(length), dtype=np.int64)
        letter[live] = name[begin[live] + depth] + 1
        word = codes[-1] * (len(name) + 1) + letter
        codes.append(np.unique(word, return_inverse=True)[1])
    return codes
