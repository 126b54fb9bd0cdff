"""Where each message lands: straight in its place, or beside it, to be added or copied."""

from enum import IntEnum

import numpy as np

from runtime.program.program import Buffer
from topologies.model.topology import BoolArray, IntArray


class Landing(IntEnum):
    """What a receiver does with a message.

    PUT: take it straight into place. JOIN: take it into place and add the own input.
    ADD, COPY: take it beside, then add or copy it to its place.
    """

    PUT = 0
    JOIN = 1
    ADD = 2
    COPY = 3


TABLE = 2**28  # bytes up to which a table with an entry for each key is made, rather than sorted
EMPTY = 16  # times the keys that it has entries, at most


class Owned:
    """Answers whether a process has the block of a piece among its blocks."""

    def __init__(self, blocks: list[IntArray], block: IntArray) -> None:
        self.block = block
        self.span = int(block.max(initial=0)) + 1
        rows = [i * self.span + owned[owned < self.span] for i, owned in enumerate(blocks)]
        self.keys = np.concatenate(rows)
        self.table = None
        if len(blocks) * self.span <= TABLE:
            self.table = np.zeros(len(blocks) * self.span, dtype=np.bool_)
            self.table[self.keys] = True

    def of(self, process: IntArray, piece: IntArray) -> BoolArray:
        """Answer for each pair."""
        wanted = process * self.span + self.block[piece]
        return np.isin(wanted, self.keys) if self.table is None else self.table[wanted]


def home(wanted: BoolArray) -> IntArray:
    """Give the buffer in which a process keeps a piece."""
    return np.where(wanted, np.int64(Buffer.OUTPUT), np.int64(Buffer.SCRATCH))


def history(
    piece: IntArray, step: IntArray, src: IntArray, dst: IntArray, processes: int
) -> tuple[BoolArray, BoolArray, BoolArray, BoolArray]:
    """Tell of each row, given in order of steps, what came before it.

    Results: src got the piece in an earlier step; this is the first message of the piece into dst;
    it is the first of its step into dst; dst sends the piece in this very step.
    """
    into, outof = piece * processes + dst, piece * processes + src
    first = _First(into)
    before = first.row(outof)
    got = (before >= 0) & (step[before] < step)
    steps = int(step.max(initial=0)) + 1
    now_into, now_outof = into * steps + step, outof * steps + step
    first_ever = first.mark()
    alone = first_ever if first_ever.all() else _First(now_into).mark()
    return got, first_ever, alone, _First(now_outof).row(now_into) >= 0


class _First:
    """The first row of each key."""

    def __init__(self, keys: IntArray) -> None:
        self.keys = keys
        span = int(keys.max(initial=0)) + 1
        self.known, self.rows = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        if span * 8 <= min(TABLE, EMPTY * keys.nbytes):
            self.rows = np.full(span, -1, dtype=np.int64)
            # Of several rows with one key the last to be written stays: the first.
            self.rows[keys[::-1]] = np.arange(len(keys))[::-1]
        else:
            self.known, self.rows = np.unique(keys, return_index=True)

    def row(self, keys: IntArray) -> IntArray:
        """Give the first row of each key, -1 for none."""
        if not len(self.keys):
            return np.full(len(keys), -1, dtype=np.int64)
        if not len(self.known):
            inside = keys < len(self.rows)
            return np.where(inside, self.rows[np.where(inside, keys, 0)], -1)
        place = np.minimum(np.searchsorted(self.known, keys), len(self.known) - 1)
        return np.where(self.known[place] == keys, self.rows[place], -1)

    def mark(self) -> BoolArray:
        """Mark the first rows."""
        return np.asarray(self.row(self.keys) == np.arange(len(self.keys)))


def landings(
    reduce: BoolArray,
    first_ever: BoolArray,
    first_of_step: BoolArray,
    busy: BoolArray,
    joined: BoolArray,
    in_one_place: BoolArray,
) -> IntArray:
    """Choose how each message lands.

    A second message of one step, and one into a place that is being sent from, must land beside.
    In place, INPUT is the place of a piece that is held and wanted: there `busy` counts at once.
    """
    replaced = first_of_step & ~(busy & (~first_ever | in_one_place))
    put = np.where(reduce, first_ever & ~joined, replaced)
    conditions = [put, reduce & first_ever, reduce]
    return np.select(
        conditions, [np.int64(Landing.PUT), Landing.JOIN, Landing.ADD], Landing.COPY
    ).astype(np.int64)
