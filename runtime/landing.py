"""Where each message lands: straight in its place, or beside it, to be added or copied."""

from enum import IntEnum

import numpy as np

from runtime.program import Buffer
from topologies.topology import BoolArray, IntArray


class Landing(IntEnum):
    """What a receiver does with a message.

    PUT: take it straight into place. JOIN: take it into place and add the own input.
    ADD, COPY: take it beside, then add or copy it to its place.
    """

    PUT = 0
    JOIN = 1
    ADD = 2
    COPY = 3


class Owned:
    """Answers whether a process has the block of a piece among its blocks."""

    def __init__(self, blocks: list[IntArray], block: IntArray) -> None:
        self.block = block
        self.span = int(block.max(initial=0)) + 1
        rows = [i * self.span + owned[owned < self.span] for i, owned in enumerate(blocks)]
        self.keys = np.unique(np.concatenate(rows))

    def of(self, process: IntArray, piece: IntArray) -> BoolArray:
        """Answer for each pair."""
        return np.isin(process * self.span + self.block[piece], self.keys)


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
    holders, first = np.unique(into, return_index=True)
    place = np.minimum(np.searchsorted(holders, outof), max(len(holders) - 1, 0))
    got = np.zeros(len(piece), dtype=np.bool_)
    if len(piece):
        got = (holders[place] == outof) & (step[first[place]] < step)
    steps = int(step.max(initial=0)) + 1
    now_into, now_outof = into * steps + step, outof * steps + step
    return got, _leaders(into), _leaders(now_into), np.isin(now_into, now_outof)


def _leaders(keys: IntArray) -> BoolArray:
    """Mark the first row of each key."""
    flags = np.zeros(len(keys), dtype=np.bool_)
    flags[np.unique(keys, return_index=True)[1]] = True
    return flags


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
