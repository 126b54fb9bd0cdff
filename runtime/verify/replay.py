"""Which pieces of a schedule go wrong: all of them are replayed at once, step by step.

Of each (piece, rank) that occurs, a cell, it is kept who has contributed to what the rank holds,
as a bit for each of the piece's holders, 32 to a word.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.schedules.schedule import Schedule
from topologies.model.ragged import within
from topologies.model.topology import BoolArray, IntArray

Words = NDArray[np.uint32]

BITS = 32
ROOM = 2**23  # words that are kept at once
CROWDED = 2  # cells that all ranks get, for each row that names one, rather than sort the rows


def suspects(schedule: Schedule) -> list[int]:
    """List the pieces of a well-formed schedule whose data do not come to where they should.

    Complexity: transfers × words for each piece's holders.
    """
    found: list[IntArray] = []
    for first, last in _batches(schedule):
        found.append(first + np.flatnonzero(_Replay(schedule, first, last).wrong))
    return [int(piece) for pieces in found for piece in pieces]


def _batches(schedule: Schedule) -> Iterator[tuple[int, int]]:
    """Cut the pieces into ranges that fit into memory."""
    holders = int(schedule.collective.counts[0][schedule.block].max())
    ends = np.searchsorted(schedule.transfers.piece, np.arange(schedule.pieces + 1))
    wanted = schedule.collective.counts[1]
    cells = np.diff(ends) * 2 + wanted[schedule.block] + holders
    words = np.cumsum(cells * -(-holders // BITS))
    first = 0
    while first < schedule.pieces:
        before = int(words[first - 1]) if first else 0
        last = max(int(np.searchsorted(words, before + ROOM)), first + 1)
        yield first, last
        first = last


@dataclass(frozen=True, eq=False)
class _Owners:
    """The holders or the wanters of pieces, one after the other: (piece, rank, number of it)."""

    piece: IntArray
    rank: IntArray
    number: IntArray
    count: IntArray


class _Replay:
    """Pieces first to last; `wrong` marks those that something is wrong with."""

    def __init__(self, schedule: Schedule, first: int, last: int) -> None:
        what, rows = schedule.collective, schedule.transfers
        begin, end = np.searchsorted(rows.piece, [first, last])
        chosen = begin + np.argsort(rows.step[begin:end], kind="stable")
        piece = rows.piece[chosen] - first
        blocks = schedule.block[first:last].tolist()
        holders = _owners([what.owners[0].of(block) for block in blocks])
        wanters = _owners([what.owners[1].of(block) for block in blocks])
        parts = [(piece, rows.src[chosen]), (piece, rows.dst[chosen])]
        parts += [(side.piece, side.rank) for side in (holders, wanters)]
        topology = schedule.topology
        ends = topology.vertices if schedule.in_network else topology.ranks
        self.piece_of, (src, dst, held, wanted) = _cells(parts, ends)
        self.wrong = np.zeros(last - first, dtype=np.bool_)
        self.data = np.zeros(
            (len(self.piece_of), -(-int(holders.count.max()) // BITS)), dtype=np.uint32
        )
        bit = np.uint32(1) << (holders.number % BITS).astype(np.uint32)
        np.bitwise_or.at(self.data, (held, holders.number // BITS), bit)
        full = np.zeros((last - first, self.data.shape[1]), dtype=np.uint32)
        np.bitwise_or.at(full, (holders.piece, holders.number // BITS), bit)
        step = rows.step[chosen]
        for at_once in np.split(np.arange(len(step)), np.flatnonzero(np.diff(step)) + 1):
            self._move(src[at_once], dst[at_once], rows.reduce[chosen[at_once]])
        self._mark(wanted[(self.data[wanted] != full[wanters.piece]).any(axis=1)])

    def _move(self, src: IntArray, dst: IntArray, add: BoolArray) -> None:
        """Do the transfers of one step; messages that meet must all add, or bring the same."""
        order = np.argsort(dst, kind="stable")
        src, dst, add = src[order], dst[order], add[order]
        sent = self.data[src]
        self._mark(src[~sent.any(axis=1)])
        starts = np.flatnonzero(np.diff(dst, prepend=-1))
        count = np.diff(np.append(starts, len(dst)))
        into, adds, arrived = dst[starts], add[starts], sent[starts]
        if (count > 1).any():
            several = np.repeat(count > 1, count)
            arrived[count > 1] = self._meet(sent[several], dst[several], add[several])
        before = self.data[into] * adds[:, None]
        self._mark(into[adds & ((before & arrived) != 0).any(axis=1)])
        self.data[into] = before | arrived

    def _meet(self, sent: Words, dst: IntArray, add: BoolArray) -> Words:
        """Join the messages, sorted by receiver, that meet at one."""
        starts = np.flatnonzero(np.diff(dst, prepend=-1))
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(dst))))
        same = add | (sent == sent[starts][group]).all(axis=1)
        self._mark(dst[~same | (add != add[starts][group])])
        union = np.bitwise_or.reduceat(sent, starts, axis=0)
        # Sums of words of 32 bits fit into 64: they equal the union only if no bit comes twice.
        twice = np.add.reduceat(sent, starts, axis=0, dtype=np.uint64) != union
        self._mark(dst[starts][add[starts] & twice.any(axis=1)])
        return union

    def _mark(self, cells: IntArray) -> None:
        self.wrong[self.piece_of[cells]] = True


def _owners(ranks: list[IntArray]) -> _Owners:
    count = np.array([len(each) for each in ranks])
    piece = np.repeat(np.arange(len(ranks)), count)
    return _Owners(piece, np.concatenate(ranks), within(count), count)


def _cells(
    parts: list[tuple[IntArray, IntArray]], ranks: int
) -> tuple[IntArray, tuple[IntArray, ...]]:
    """Give a number to each cell that (piece, rank) columns name: each one's piece, the numbers."""
    keys = [piece * ranks + rank for piece, rank in parts]
    pieces = 1 + max(int(piece.max(initial=0)) for piece, _ in parts)
    if pieces * ranks <= CROWDED * sum(len(key) for key in keys):
        return np.repeat(np.arange(pieces), ranks), tuple(keys)
    known, place = np.unique(np.concatenate(keys), return_inverse=True)
    ends = np.cumsum([len(key) for key in keys])[:-1]
    return known // ranks, tuple(np.split(place.reshape(-1), ends))
