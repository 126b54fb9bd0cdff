"""Where each message lands: straight in its place, or beside it, to be added or copied."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

import numpy as np

from runtime.metrics.adding_order import TABLE, First, adding_order
from runtime.program.program import Buffer
from topologies.model.topology import BoolArray, IntArray


class Landing(IntEnum):
    """What a receiver does with a message.

    PUT: take it straight into place. JOIN: take it into place and add the own input.
    ADD, COPY: take it beside, then add or copy it to its place.
    FOLD: take it beside, then add it to the first message of the step for this piece, before that
    is joined or added.
    """

    PUT = 0
    JOIN = 1
    ADD = 2
    COPY = 3
    FOLD = 4


BESIDE = (Landing.ADD, Landing.COPY, Landing.FOLD)


class Owned:
    """Answers whether a process has the block of a piece among its blocks."""

    def __init__(self, blocks: list[IntArray], block: IntArray) -> None:
        self.block = block
        self.span = int(block.max(initial=0)) + 1
        near = {id(owned): owned[owned < self.span] for owned in blocks}  # ranks share buffers
        rows = [i * self.span + near[id(owned)] for i, owned in enumerate(blocks)]
        self.keys = np.concatenate(rows)
        self.table = None
        if len(blocks) * self.span <= TABLE:
            self.table = np.zeros(len(blocks) * self.span, dtype=np.bool_)
            self.table[self.keys] = True

    def of(self, process: IntArray, piece: IntArray) -> BoolArray:
        """Answer for each pair."""
        wanted = process * self.span + self.block[piece]
        return np.isin(wanted, self.keys) if self.table is None else self.table[wanted]


class Ownership(Protocol):
    """What answers as `Owned` does."""

    def of(self, process: IntArray, piece: IntArray) -> BoolArray:
        """Answer for each pair of a process and a piece."""
        ...


def home(wanted: BoolArray) -> IntArray:
    """Give the buffer in which a process keeps a piece."""
    return np.where(wanted, np.int64(Buffer.OUTPUT), np.int64(Buffer.SCRATCH))


@dataclass(frozen=True, eq=False)
class Received:
    """Of each transfer, how its message comes to the receiver.

    landing: what is done with it. turn: a number by which the messages of one step and piece are
    added at a receiver. held: of those that FOLD, the transfer to whose message they are added,
    else -1. relayed: the sender got the piece in an earlier step. opens: it is the first message of
    the piece into the receiver.
    """

    landing: IntArray
    turn: IntArray
    held: IntArray
    relayed: BoolArray
    opens: BoolArray


def choose_receive_modes(
    rows: tuple[IntArray, IntArray, IntArray, IntArray, BoolArray],
    processes: int,
    holds: Ownership,
    wants: Ownership,
    adding: tuple[IntArray, IntArray] | None = None,
) -> Received:
    """Say how messages land.

    Messages of one step and piece are added in the order of `adding_order`: those before the own
    part are added up first, which is the same, as a + b is b + a.

    Args:
        rows: piece, step, src, dst and reduce of each transfer, those of one piece and step in the
            order of the schedule.
        processes: how many numbers src and dst may have.
        holds: what is in the input of each.
        wants: what is in the output of each.
        adding: as `adding_order` gives it, where the rows are not all that there are.
    """
    piece, step, src, dst, reduce = rows
    turn, own = adding or adding_order(piece, step, src, dst, processes)
    order = np.lexsort((turn, step))
    back = np.argsort(order)
    ahead = _history(piece[order], step[order], src[order], dst[order], processes)
    relayed, opens, alone, busy = (marks[back] for marks in ahead)
    joined, wanted = holds.of(dst, piece), wants.of(dst, piece)
    landing = _landings(reduce, opens, alone, busy, joined, joined & wanted)
    held = np.full(len(piece), -1, dtype=np.int64)
    before = reduce & (own >= 0) & (turn < own)
    group = (piece * (int(step.max(initial=0)) + 1) + step) * processes + dst
    chosen = order[before[order]]
    held[chosen] = chosen[First(group[chosen]).row(group[chosen])]
    held[held == np.arange(len(held))] = -1
    return Received(np.where(held >= 0, Landing.FOLD, landing), turn, held, relayed, opens)


def _history(
    piece: IntArray, step: IntArray, src: IntArray, dst: IntArray, processes: int
) -> tuple[BoolArray, BoolArray, BoolArray, BoolArray]:
    """Tell of each row, given in order of steps, what came before it.

    Results: src got the piece in an earlier step; this is the first message of the piece into dst;
    it is the first of its step into dst; dst sends the piece in this very step.
    """
    into, outof = piece * processes + dst, piece * processes + src
    first = First(into)
    before = first.row(outof)
    got = (before >= 0) & (step[before] < step)
    steps = int(step.max(initial=0)) + 1
    now_into, now_outof = into * steps + step, outof * steps + step
    first_ever = first.mark()
    alone = first_ever if first_ever.all() else First(now_into).mark()
    return got, first_ever, alone, First(now_outof).row(now_into) >= 0


def _landings(
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
