"""all_to_all on mesh: 3 processes, 4 messages at any size.

Written by commplan. Run it with `mpiexec -n 3 python -m mpi4py FILE -b 1MiB`; -h lists
the options. Every process makes its part of the plan below fit the size, checks its result against
the definition of the collective, and process 0 prints the table of nccl-tests.
"""

import argparse
import json
import math
import os
import re
import sys
import time
import traceback
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from heapq import heappop, heappush
from itertools import accumulate
from statistics import median
from types import SimpleNamespace
from typing import Any, NoReturn, TypeVar

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

# The plan, made by commplan: figures for any size.


COLLECTIVE = "all_to_all"
TOPOLOGY = "mesh"
ROOT = -1
REDUCES = False
BUSBW = 0.5  # busbw / algbw

# Process i plays rank RANKS[i] of the topology.
RANKS = list(range(3))

# The blocks' sizes, in a common unit; and the blocks in each process's input and output, in order.
SIZES = [1] * 4
LAYOUT = [
    (range(0, 2), range(0, 3, 2)),
    (range(2, 4), range(1, 4, 2)),
    (range(0, 0), range(0, 0)),
]

# Pieces: block, first part, last part. A block of n elements has PARTS parts; part k begins at
# element k * n // PARTS.
PARTS = 1
PIECES = """
0 0 1
1 0 1
2 0 1
3 0 1
"""

# Pieces of its input that a process keeps, without any message: process, piece.
KEPT = """
0 0
1 3
"""

# Transfers, in the order of starting: step, piece, src, dst, where src has the piece, where it
# comes to at dst, and how: put there; put there, then join the own input to it; or taken beside,
# and then added or copied to its place, or folded into the message of transfer `held`, before that
# is joined or added. They are added in the order of `turn`.
TRANSFERS = """
0 1 0 2 in scratch put 0 -1
0 2 1 2 in scratch put 1 -1
1 1 2 1 scratch out put 2 -1
1 2 2 0 scratch out put 3 -1
"""

# Steps in which messages are under way at a time: all of older ones are complete.
LEAD = 2

# For each byte of size: the square of the best number of chunks, and how many there may be.
CHUNKS_SQUARE, CHUNKS_LINEAR = 0.0005, 1.52587890625e-05


Collective = Any  # no more is needed of it here


# topologies/model/topology.py
# The machine as a value: ranks, switches, and the links that join them.


IntArray = NDArray[np.int64]


BoolArray = NDArray[np.bool_]


Column = TypeVar("Column", bound=NDArray[np.generic])


def frozen(column: Column) -> Column:
    """Make a column read-only."""
    column.setflags(write=False)
    return column


def integers(values: Iterable[int]) -> IntArray:
    """Make a read-only column of integers."""
    return frozen(np.fromiter(values, dtype=np.int64))


# topologies/model/ragged.py
# Rows of unequal lengths, one after the other in one column.


def starts(length: IntArray) -> IntArray:
    """Compute where each row begins, and at last where all end: (rows + 1,).

    Example:
        >>> starts(np.array([2, 0, 3])).tolist()
        [0, 2, 2, 5]
    """
    return np.concatenate([[0], np.cumsum(length)])


def within(length: IntArray) -> IntArray:
    """Compute the place of each entry in its own row, from 0: (entries,).

    Example:
        >>> within(np.array([2, 0, 3])).tolist()
        [0, 1, 0, 1, 2]
    """
    return stretches(np.zeros_like(length), length)


def stretches(start: IntArray, length: IntArray) -> IntArray:
    """Write out start, start + 1, ... of each row, as many as it is long: (entries,).

    Example:
        >>> stretches(np.array([5, 0]), np.array([2, 3])).tolist()
        [5, 6, 0, 1, 2]
    """
    begin = np.cumsum(length) - length
    return np.asarray(np.arange(length.sum()) + np.repeat(start - begin, length))


# runtime/metrics/pacing.py
# How a program goes about a schedule: in how many chunks, how far ahead, in what order.


MOST_LEAD = (
    8  # program steps; beyond it more messages get in each other's way than links are filled
)


# runtime/program/elements.py
# What an element is: its width, how numpy stores it, and how two of them become one.


Array = NDArray[np.generic]


# runtime/program/program.py
# How each process does a collective at one size: messages and local actions, in order.


class Action(IntEnum):
    """What an instruction does; SEND and RECV are the ends of a message."""

    COPY = 0
    SEND = 1
    RECV = 2
    ADD = 3


class Buffer(IntEnum):
    """The memory of a process."""

    INPUT = 0
    OUTPUT = 1
    SCRATCH = 2


# runtime/program/dependencies.py
# What waits for what within a process: all that touches the same elements, in their order.


@dataclass(frozen=True, eq=False)
class Touched:
    """Stretches of memory that instructions touch: one or two for each, as columns.

    line: the number of the instruction. start, end: addresses. writes: else it only reads.
    """

    line: IntArray
    start: IntArray
    end: IntArray
    writes: BoolArray


def touched(
    action: IntArray,
    targets: tuple[IntArray, IntArray],
    sources: tuple[IntArray, IntArray],
    size: IntArray,
    base: IntArray,
) -> Touched:
    """Give what instructions touch, those of no elements left out.

    Args:
        action: of each instruction.
        targets: the buffer and the offset of what each writes, or sends.
        sources: the same of what each reads besides.
        size: of each, in the unit of the offsets.
        base: (instructions, 3), the addresses where the buffers of its process begin.
    """
    rows = np.arange(len(action))
    local = (action == Action.COPY) | (action == Action.ADD)
    writes = [action != Action.SEND, np.zeros(int((local & (size > 0)).sum()), dtype=np.bool_)]
    chosen = [rows[size > 0], rows[local & (size > 0)]]
    writes[0] = writes[0][chosen[0]]
    line = np.concatenate(chosen)
    start = np.concatenate(
        [
            base[some, buffer[some]] + offset[some]
            for some, (buffer, offset) in zip(chosen, (targets, sources), strict=True)
        ]
    )
    return Touched(line, start, start + size[line], np.concatenate(writes))


def dependencies(what: Touched) -> tuple[IntArray, IntArray]:
    """Give pairs of instructions: the first must be done before the second begins.

    Memory is cut wherever a stretch begins or ends; in each part a read waits for the last write
    before it, and a write for all reads since the last write, or for that where there are none.
    What follows from other pairs is left out.

    Returns:
        The numbers of the first and of the second of each pair, every pair once, sorted by the
        second.

    Complexity: n log n for n stretches that are each cut into few parts.
    """
    cuts = np.unique(np.concatenate([what.start, what.end]))
    first = np.searchsorted(cuts, what.start)
    parts = np.searchsorted(cuts, what.end) - first
    row = np.repeat(np.arange(len(parts)), parts)
    cell, line, writes = stretches(first, parts), what.line[row], what.writes[row]
    order = np.lexsort((line, cell))
    cell, line, writes = cell[order], line[order], writes[order]
    place = np.arange(len(cell))
    begin = np.searchsorted(cell, cell)
    written = np.maximum.accumulate(np.where(writes, place, -1))
    last = np.concatenate([[-1], written])[:-1]
    after_write = (last >= begin) & (~writes | (last == place - 1))
    ahead = np.minimum.accumulate(np.where(writes, place, len(place))[::-1])[::-1]
    following = np.concatenate([ahead, [len(place)]])[1:]
    same = np.concatenate([cell, [-1]])[following] == cell
    before_write = ~writes & same
    pairs = np.stack(
        [
            np.concatenate([line[last[after_write]], line[before_write]]),
            np.concatenate([line[after_write], line[following[before_write]]]),
        ]
    )
    pairs = pairs[:, pairs[0] != pairs[1]]
    span = int(pairs.max(initial=0)) + 1
    after, before = np.divmod(np.unique(pairs[1] * span + pairs[0]), span)
    return before, after


def buffers_in_a_row(counts: IntArray, starts: IntArray, *, in_place: bool) -> IntArray:
    """Give where INPUT, OUTPUT and SCRATCH begin in a memory of their process.

    Args:
        counts: (processes, 3), the sizes of the buffers.
        starts: (processes, 2), where the first two begin in the one memory that they share.
        in_place: whether they do; else they lie one after the other.
    """
    if not in_place:
        return np.asarray(np.cumsum(counts, axis=1) - counts)
    shared = np.column_stack([starts, np.zeros(len(starts), dtype=np.int64)])
    ends = shared + counts
    shared[:, Buffer.SCRATCH] = ends[:, : Buffer.SCRATCH].max(axis=1)
    return shared


# runtime/execute/part.py
# What one process does in a program, in bytes: the form that executors run.


MESSAGE_LIMIT = 2**30  # bytes; the counts of MPI are ints, and not every MPI has larger ones


FIELDS = (
    *("action", "peer", "buffer", "offset", "size"),
    *("source", "source_offset", "step", "piece"),
)


# As the core in C has them: what stands in the program, and what follows from it.
LINE = np.dtype([(name, np.int64) for name in (*FIELDS, "needs", "after", "until", "next", "gate")])


Lines = NDArray[Any]


def connect(
    rows: Mapping[str, IntArray], size: int, bases: IntArray, lead: int, limit: int = MESSAGE_LIMIT
) -> tuple[Lines, IntArray]:
    """Make lines that know what they wait for; give them and the followers of all.

    Args:
        rows: the instructions of one process as columns, in elements.
        size: the bytes of an element.
        bases: (1, 3), where the buffers begin in one memory of the process, in bytes.
        lead: of the program.
        limit: the bytes of the longest message.
    """
    lines = np.zeros(len(rows["action"]), dtype=LINE)
    for name in FIELDS:
        lines[name] = rows[name]
    for name in ("offset", "size", "source_offset"):
        lines[name] *= size
    lines = _cut(lines, limit)
    return lines, _connect(lines, bases, lead)


def messages(lines: Lines) -> IntArray:
    """List the lines that are messages."""
    return np.flatnonzero((lines["action"] == Action.SEND) | (lines["action"] == Action.RECV))


def _cut(lines: Lines, limit: int) -> Lines:
    """Cut messages of more than `limit` bytes, one part after the other."""
    message = (lines["action"] == Action.SEND) | (lines["action"] == Action.RECV)
    parts = np.where(message, np.maximum(-(-lines["size"] // limit), 1), 1)
    if (parts == 1).all():
        return lines
    cut = np.repeat(lines, parts)
    place = within(parts)
    long = np.repeat(parts > 1, parts)
    cut["offset"][long] += place[long] * limit
    cut["size"][long] = np.minimum(cut["size"][long] - place[long] * limit, limit)
    return cut


def _connect(lines: Lines, bases: IntArray, lead: int) -> IntArray:
    """Write into lines what they wait for; give the lines that wait for each, one after the other.

    bases: (1, 3), where the buffers begin in one memory.
    """
    before, after = dependencies(
        touched(
            lines["action"],
            (lines["buffer"], lines["offset"]),
            (lines["source"], lines["source_offset"]),
            lines["size"],
            np.broadcast_to(bases, (len(lines), bases.shape[1])),
        )
    )
    lines["needs"] = np.bincount(after, minlength=len(lines))
    ends = starts(np.bincount(before, minlength=len(lines)))
    lines["after"], lines["until"] = ends[:-1], ends[1:]
    lines["gate"] = np.searchsorted(lines["step"], lines["step"] - lead, "right")
    rows = messages(lines)
    rows = rows[np.lexsort((rows, lines["action"][rows], lines["peer"][rows]))]
    follows = (np.diff(lines["peer"][rows]) == 0) & (np.diff(lines["action"][rows]) == 0)
    lines["next"] = -1
    lines["next"][rows[:-1][follows]] = rows[1:][follows]
    lines["needs"][rows[1:][follows]] += 1
    return np.ascontiguousarray(after[np.argsort(before, kind="stable")])


# runtime/program/receive_mode.py
# Where each message lands: straight in its place, or beside it, to be added or copied.


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


# runtime/program/buffer_plan.py
# A schedule made ready for any size: where each transfer is read from and where it lands.


@dataclass(frozen=True, eq=False)
class Moves:
    """All transfers of a schedule between processes, with places, for every size.

    Process i plays rank ranks[i]; layout[i] holds the blocks of its input and of its output.
    Piece p covers [first[p], last[p]) of its block, which has `parts` parts: of a block of n
    elements the elements from first[p] * n // parts to last[p] * n // parts.
    Per transfer, in the order of starting (`turns`): src and dst are processes; what is sent lies
    in `source` (INPUT, OUTPUT or SCRATCH) and comes to `target` (OUTPUT or SCRATCH) in the way of
    `landing`; those of one step and piece are added in the order of `turn`, and those that FOLD to
    the message of transfer `held`. lead: of the programs made of it.
    SCRATCH has a slot for each (dst, piece) that lands there.
    copy_process, copy_piece: pieces that start in INPUT and are wanted in OUTPUT with no message.
    """

    ranks: tuple[int, ...]
    collective: Collective
    layout: tuple[tuple[IntArray, IntArray], ...]
    parts: int
    block: IntArray
    first: IntArray
    last: IntArray
    piece: IntArray
    step: IntArray
    src: IntArray
    dst: IntArray
    source: IntArray
    target: IntArray
    landing: IntArray
    turn: IntArray
    held: IntArray
    copy_process: IntArray
    copy_piece: IntArray
    lead: int

    def __len__(self) -> int:
        return len(self.piece)


# runtime/program/coalescing.py
# Small messages of one step between two processes, made one message.


@dataclass(frozen=True, eq=False)
class Joints:
    """Which parts travel in one message, the first of them being its leader.

    Per part: leader, the row of the leader's part; joins, whether it shares its message. size: the
    elements of the message that a leader leads, 0 for other parts. Parts of one message lie in it
    in the order of their rows.
    """

    leader: IntArray
    joins: BoolArray
    size: IntArray

    @property
    def leads(self) -> BoolArray:
        """Mark the leaders: a message each."""
        return np.asarray(self.leader == np.arange(len(self.leader)))

    def adjoining(self, buffer: IntArray, offset: IntArray, size: IntArray) -> BoolArray:
        """Tell of each part whether all of its message lies in one stretch of one buffer."""
        order = np.argsort(self.leader, kind="stable")
        same = self.leader[order][1:] == self.leader[order][:-1]
        next_to = (buffer[order][1:] == buffer[order][:-1]) & (
            offset[order][1:] == (offset + size)[order][:-1]
        )
        broken = np.zeros(len(order), dtype=np.bool_)
        broken[self.leader[order][1:][same & ~next_to]] = True
        return ~broken[self.leader]

    def any_of(self, marked: BoolArray) -> BoolArray:
        """Tell of each part whether any of its message is marked."""
        some = np.zeros(len(marked), dtype=np.bool_)
        some[self.leader[marked]] = True
        return some[self.leader]


def joints(keys: IntArray, size: IntArray, limit: int) -> Joints:
    """Join parts of equal key that have at most `limit` elements each."""
    rows = np.arange(len(keys))
    leader = rows.copy()
    small = rows[size <= limit]
    order = small[np.argsort(keys[small], kind="stable")]
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = np.diff(keys[order]) != 0
    first = np.maximum.accumulate(np.where(fresh, np.arange(len(order)), 0))
    leader[order] = order[first]
    whole = np.zeros(len(keys), dtype=np.int64)
    np.add.at(whole, leader, size)
    return Joints(leader, np.bincount(leader, minlength=len(keys))[leader] > 1, whole)


# runtime/program/memory_layout.py
# Where everything lies at one size: blocks, pieces and scratch, in elements.


def block_elements(collective: Collective, count: int) -> IntArray:
    """Give the elements of each block when the size buffer has `count`.

    A block gets its share rounded down, at least one element unless its size is 0.
    """
    known = {
        size: max(count * size // collective.total, min(size, 1))
        for size in np.unique(collective.sizes).tolist()
    }
    return integers(known[size] for size in collective.sizes.tolist())


@dataclass(frozen=True, eq=False)
class Places:
    """Where everything lies at one size, in elements.

    blocks, length: the sizes of blocks and pieces. offset(buffer, process, piece): where a piece
    begins. starts, counts: of each process's INPUT and OUTPUT. moved: processes whose input goes
    to scratch first. scratch: the elements of scratch in front of the messages that land beside.
    """

    blocks: IntArray
    length: IntArray
    offset: Callable[[IntArray, IntArray, IntArray], IntArray]
    starts: IntArray
    counts: IntArray
    moved: IntArray
    scratch: IntArray


def places(plan: Moves, count: int, in_place: bool) -> Places:
    """Lay out the memory of every process for a size buffer of `count` elements."""
    sizes = block_elements(plan.collective, count)
    first, last = (_floors(part, sizes[plan.block], plan.parts) for part in (plan.first, plan.last))
    length = last - first
    counts = np.array(
        [[sizes[blocks].sum() for blocks in pair] for pair in plan.layout], dtype=np.int64
    )
    starts, moved = _sharing(plan.layout, sizes)
    moved = moved if in_place else moved[:0]
    before = np.zeros(len(plan.ranks), dtype=np.int64)
    before[moved] = counts[moved, Buffer.INPUT]
    slots, slot_offset, scratch = _slots(plan, length, before)
    blocks = [_block_offsets([pair[side] for pair in plan.layout], sizes) for side in (0, 1)]

    def offset(buffer: IntArray, process: IntArray, piece: IntArray) -> IntArray:
        key, block = process * len(length) + piece, process * len(sizes) + plan.block[piece]
        ins, outs = (_looked_up(keys, values, block) for keys, values in blocks)
        inside = np.where(buffer == Buffer.INPUT, ins, outs) + first[piece]
        return np.where(buffer == Buffer.SCRATCH, _looked_up(slots, slot_offset, key), inside)

    return Places(sizes, length, offset, frozen(starts), counts, moved, scratch)


def _floors(part: IntArray, size: IntArray, parts: int) -> IntArray:
    """Give part * size // parts in exact integers, each different pair once."""
    pairs, place = np.unique(np.stack([part, size]), axis=1, return_inverse=True)
    floors = [a * n // parts for a, n in zip(*pairs.tolist(), strict=True)]
    return integers(floors)[place.reshape(-1)]


def _looked_up(keys: IntArray, values: IntArray, wanted: IntArray) -> IntArray:
    """Give the value of each wanted key; 0 where it is not among the (sorted) keys."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


def _block_offsets(buffers: Sequence[IntArray], sizes: IntArray) -> tuple[IntArray, IntArray]:
    """Give the keys process * blocks + block, sorted, and where each block begins in its buffer."""
    keys = np.concatenate([i * len(sizes) + blocks for i, blocks in enumerate(buffers)])
    offsets = np.concatenate([_before(sizes[blocks]) for blocks in buffers])
    order = np.argsort(keys)
    return keys[order], offsets[order]


def _before(sizes: IntArray) -> IntArray:
    """Add up what stands before each entry."""
    return np.cumsum(sizes) - sizes


def _sharing(
    layout: Sequence[tuple[IntArray, IntArray]], sizes: IntArray
) -> tuple[IntArray, IntArray]:
    """Find where input and output begin in one shared memory, and whose do not fit together."""
    starts = np.zeros((len(layout), 2), dtype=np.int64)
    misfits = []
    for i, (ins, outs) in enumerate(layout):
        small, large, side = (ins, outs, 0) if len(ins) <= len(outs) else (outs, ins, 1)
        skip = int(np.argmax(large == small[0])) if len(small) else 0
        starts[i, side] = sizes[large[:skip]].sum()
        if not np.array_equal(large[skip : skip + len(small)], small):
            starts[i] = 0
            misfits.append(i)
    return starts, integers(misfits)


def _slots(plan: Moves, length: IntArray, before: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Give slots to what lands in scratch: keys process * pieces + piece, offsets, and the end."""
    landing = plan.target == Buffer.SCRATCH
    keys = np.unique(plan.dst[landing] * len(length) + plan.piece[landing])
    process, piece = np.divmod(keys, max(len(length), 1))
    offset = _before(length[piece])
    begin = np.searchsorted(process, np.arange(len(before) + 1))
    sums = np.concatenate([offset, [length[piece].sum()]])[begin]
    return keys, offset - sums[process] + before[process], before + np.diff(sums)


# runtime/program/lower.py
# From moves to a program: offsets, chunks and order for one size and element type.


# The order within a step: own copies, what is packed, messages, and what they were fetched for.
_COPIES, _PACKS, _RECEIVES, _SENDS, _LANDINGS = range(5)


# Instructions in the making: the columns of a program, and `phase` and `row` to sort them by.
_COLUMNS = (
    *("process", "step", "action", "peer", "buffer", "offset", "size"),
    *("source", "source_offset", "piece"),
)


_FIELDS = (*_COLUMNS, "phase", "row")


_RECORD = np.dtype([(name, np.int64) for name in _FIELDS])


_Table = NDArray[Any]


def arrange(
    plan: Moves, at: Places, chunks: int, limit: int, in_place: bool, lead: int
) -> tuple[_Table, IntArray]:
    """Make all instructions in their order, as rows; and count the scratch of each process.

    limit: the elements of a message up to which it travels with others.
    """
    parts = _parts(plan, at, chunks, limit)
    landing = _ways(plan, at, in_place)[parts.row]
    ends = _ends(plan, at, parts, landing)
    needed = _lay_beside(ends, parts, at, lead)
    tables = [_own_copies(plan, at, in_place), _packs(plan, parts, ends[0])]
    tables += [*_messages(plan, parts, *ends), *_landings(plan, at, parts, landing, ends[1])]
    table = np.concatenate(tables)
    table = table[np.lexsort([table[key] for key in ("row", "phase", "step", "process")])]
    _take_input_from_scratch(table, at)
    return table, at.scratch + needed


def _table(phase: int, rows: int, **columns: IntArray | int) -> _Table:
    """Make instructions of one phase; columns not given hold -1, or 0 for offsets and sizes."""
    table = np.full((rows, len(_FIELDS)), -1, dtype=np.int64).view(_RECORD).reshape(rows)
    zeroes = dict.fromkeys(("offset", "source_offset", "size", "row"), 0)
    for name, column in {**zeroes, **columns, "phase": phase}.items():
        table[name] = column
    return table


def _own_copies(plan: Moves, at: Places, in_place: bool) -> _Table:
    """Copy what a process keeps of its own input; before it, in place, all input in the way."""
    aside = _table(_COPIES, len(at.moved), process=at.moved, buffer=Buffer.SCRATCH, row=-1)
    aside["size"] = at.counts[at.moved, Buffer.INPUT]
    kept = np.isin(plan.copy_process, at.moved) | (not in_place)
    process, piece = plan.copy_process[kept], plan.copy_piece[kept]
    ins, outs = (np.full(len(piece), side) for side in (Buffer.INPUT, Buffer.OUTPUT))
    table = _table(_COPIES, len(piece), process=process, piece=piece, buffer=outs)
    table["row"], table["size"] = np.arange(len(piece)), at.length[piece]
    table["offset"] = at.offset(outs, process, piece)
    table["source_offset"] = at.offset(ins, process, piece)
    copies = np.concatenate([aside, table])
    copies["action"], copies["source"], copies["step"] = Action.COPY, Buffer.INPUT, 0
    some: _Table = copies[copies["size"] > 0]
    return some


@dataclass(frozen=True, eq=False)
class _Parts:
    """What is sent: chunk after chunk of each transfer `row`, those of no elements left out.

    skip: elements of the piece in front of the chunk. order: row * chunks + chunk, ascending.
    joints: which of them travel in one message.
    """

    row: IntArray
    order: IntArray
    step: IntArray
    skip: IntArray
    size: IntArray
    joints: Joints
    chunks: int


def _parts(plan: Moves, at: Places, chunks: int, limit: int) -> _Parts:
    """Cut every transfer into its chunks, each element of the piece in one of them."""
    order = np.arange(len(plan) * chunks)
    row, chunk = np.divmod(order, chunks)
    length = at.length[plan.piece[row]]
    skip = chunk * length // chunks
    size = (chunk + 1) * length // chunks - skip
    some = size > 0
    row, chunk, order, size = row[some], chunk[some], order[some], size[some]
    step = plan.step[row] + chunk
    pair = plan.src[row] * len(plan.ranks) + plan.dst[row]
    together = joints((pair * (int(step.max(initial=0)) + 1) + step) * chunks + chunk, size, limit)
    return _Parts(row, order, step, skip[some], size, together, chunks)


@dataclass(frozen=True, eq=False)
class _Ends:
    """One end of each part: the process, and where it is read from or shall come to.

    beside: it goes through scratch of the step, where it lies at `place`.
    """

    process: IntArray
    peer: IntArray
    buffer: IntArray
    offset: IntArray
    beside: BoolArray
    place: IntArray


def _ends(plan: Moves, at: Places, parts: _Parts, landing: IntArray) -> tuple[_Ends, _Ends]:
    """Give the ends that send and those that receive.

    What is sent together goes beside unless it lies in one stretch; what comes together, too, and
    so does what is added or copied after the step.
    """
    piece, src, dst = (column[parts.row] for column in (plan.piece, plan.src, plan.dst))
    made = []
    late = np.isin(landing, BESIDE)
    for process, peer, where, beside in (
        (src, dst, plan.source, np.zeros(len(piece), dtype=np.bool_)),
        (dst, src, plan.target, parts.joints.any_of(late)),
    ):
        buffer = where[parts.row]
        offset = at.offset(buffer, process, piece) + parts.skip
        beside = beside | ~parts.joints.adjoining(buffer, offset, parts.size)
        made.append(_Ends(process, peer, buffer, offset, beside, np.zeros_like(offset)))
    return made[0], made[1]


def _lay_beside(ends: tuple[_Ends, _Ends], parts: _Parts, at: Places, lead: int) -> IntArray:
    """Lay what goes beside one after the other behind the slots.

    Every process has `lead` stretches for it, and the steps take turns at them: what a step needs
    is free when all messages of the step `lead` before it are complete and have been taken up.
    Result: the elements each process needs for it.
    """
    side, row = np.nonzero(np.stack([end.beside for end in ends]))
    process = np.where(side == 0, ends[0].process[row], ends[1].process[row])
    order = np.lexsort((row, parts.joints.leader[row], side, parts.step[row], process))
    side, row, process = side[order], row[order], process[order]
    size, step = parts.size[row], parts.step[row]
    before = np.cumsum(size) - size
    fresh = np.ones(len(size), dtype=np.bool_)
    fresh[1:] = (np.diff(process) != 0) | (np.diff(step) != 0)
    place = before - np.maximum.accumulate(np.where(fresh, before, 0))
    room = np.zeros((len(at.scratch), lead), dtype=np.int64)
    np.maximum.at(room, (process, step % lead), place + size)
    place += (np.cumsum(room, axis=1) - room)[process, step % lead] + at.scratch[process]
    for number, end in enumerate(ends):
        own = side == number
        end.place[row[own]] = place[own]
    return np.asarray(room.sum(axis=1))


def _messages(plan: Moves, parts: _Parts, sends: _Ends, receives: _Ends) -> list[_Table]:
    """Make both ends of each message."""
    leads = parts.joints.leads
    made = []
    for phase, action, end in (
        (_SENDS, Action.SEND, sends),
        (_RECEIVES, Action.RECV, receives),
    ):
        table = _table(phase, int(leads.sum()), action=action, process=end.process[leads])
        table["peer"] = end.peer[leads]
        table["step"], table["row"] = parts.step[leads], parts.order[leads]
        table["size"], table["piece"] = parts.joints.size[leads], plan.piece[parts.row[leads]]
        table["buffer"] = np.where(end.beside, np.int64(Buffer.SCRATCH), end.buffer)[leads]
        table["offset"] = np.where(end.beside, end.place, end.offset)[leads]
        made.append(table)
    return made


def _packs(plan: Moves, parts: _Parts, sends: _Ends) -> _Table:
    """Put together what is sent together."""
    some = sends.beside
    table = _table(_PACKS, int(some.sum()), action=Action.COPY, process=sends.process[some])
    table["step"], table["row"] = parts.step[some], parts.order[some]
    table["size"], table["piece"] = parts.size[some], plan.piece[parts.row[some]]
    table["buffer"], table["offset"] = Buffer.SCRATCH, sends.place[some]
    table["source"], table["source_offset"] = sends.buffer[some], sends.offset[some]
    return table


def _landings(
    plan: Moves, at: Places, parts: _Parts, landing: IntArray, receives: _Ends
) -> list[_Table]:
    """Make what follows messages that do not land in place, and additions of the own input.

    They come in the order of the plan's turns; what others are folded into waits for the last.
    """
    piece, dst = plan.piece[parts.row], receives.process
    table = _table(_LANDINGS, len(piece), process=dst, step=parts.step)
    table["row"] = last_turns(plan)[parts.row]
    table["buffer"], table["offset"] = receives.buffer, receives.offset
    table["size"], table["piece"] = parts.size, piece
    own = table.copy()
    table["action"] = np.where(
        np.isin(landing, (Landing.ADD, Landing.FOLD)), Action.ADD, Action.COPY
    )
    table["source"], table["source_offset"] = Buffer.SCRATCH, receives.place
    folds = landing == Landing.FOLD
    into = _held(plan, parts, np.flatnonzero(folds))
    beside = receives.beside[into]
    table["buffer"][folds] = np.where(beside, np.int64(Buffer.SCRATCH), receives.buffer[into])
    table["offset"][folds] = np.where(beside, receives.place[into], receives.offset[into])
    ins = np.full(len(piece), Buffer.INPUT)
    own["action"], own["source"] = Action.ADD, Buffer.INPUT
    own["source_offset"] = at.offset(ins, dst, piece) + parts.skip
    kept = receives.beside & ~folds
    return [table[folds], table[kept], own[landing == Landing.JOIN]]


def last_turns(plan: Moves) -> IntArray:
    """Give each transfer's turn; of those that others are folded into the last turn of these."""
    last = plan.turn.copy()
    folds = plan.held >= 0
    np.maximum.at(last, plan.held[folds], plan.turn[folds])
    return last


def _held(plan: Moves, parts: _Parts, chosen: IntArray) -> IntArray:
    """Give the parts that the chosen ones are folded into: the same chunk of another transfer."""
    chunks = parts.order[chosen] - parts.row[chosen] * parts.chunks
    return np.searchsorted(parts.order, plan.held[parts.row[chosen]] * parts.chunks + chunks)


def _ways(plan: Moves, at: Places, in_place: bool) -> IntArray:
    """Give each transfer's landing; in place, a message cannot land where the own input lies."""
    if not in_place:
        return plan.landing
    shared = (plan.target == Buffer.OUTPUT) & ~np.isin(plan.dst, at.moved)
    return np.where(shared & (plan.landing == Landing.JOIN), Landing.ADD, plan.landing)


def _take_input_from_scratch(table: _Table, at: Places) -> None:
    """Turn every use of an input that was moved aside to the place it was moved to."""
    moved = np.isin(table["process"], at.moved)
    for name in ("buffer", "source"):
        aside = (name == "source") & (table["buffer"] == Buffer.SCRATCH)
        aside &= table["phase"] == _COPIES
        table[name][moved & (table[name] == Buffer.INPUT) & ~aside] = Buffer.SCRATCH


# runtime/execute/flow.py
# How far a process is in its part: what is done, what may be started, what is to be added.


Deed = tuple[Callable[..., object], tuple[Array, ...]]


class Flow:
    """Runs of a part, one after the other, as the engine of the core has it.

    needs: of each line, how many others it waits for. ready: messages that wait for no other, a
    heap. low: no message before is open; reach: none from there on may be started. under_way: the
    messages that are started. left: those that are not complete.
    """

    def __init__(self, lines: Lines, followers: IntArray, deeds: Mapping[int, Deed]) -> None:
        """Keep what is the same in each run.

        Args:
            lines: of a part.
            followers: the same.
            deeds: the copies and additions by their lines, as functions and what they are given.
        """
        behind = followers.tolist()
        self.deeds = deeds
        self.all_needs: list[int] = lines["needs"].tolist()
        spans = zip(lines["after"].tolist(), lines["until"].tolist(), strict=True)
        self.followers = [behind[begin:end] for begin, end in spans]
        self.next: list[int] = lines["next"].tolist()
        self.gate: list[int] = lines["gate"].tolist()
        self.messages: list[int] = messages(lines).tolist()
        self.left = 0

    def begin(self) -> None:
        """Begin a run, and copy what may be copied at once."""
        self.needs = self.all_needs.copy()
        self.closed = bytearray(b"\1") * len(self.needs)
        for line in self.messages:
            self.closed[line] = 0
        self.ready = [line for line in self.messages if not self.needs[line]]
        self.left = len(self.messages)
        self.low = self.reach = 0
        self.under_way: list[int] = []
        self._settle([line for line in self.deeds if not self.needs[line]])
        self._pass_by()

    def startable(self) -> list[int]:
        """Give the messages that are to be started now, in their order; they count as started."""
        found, ready, reach = [], self.ready, self.reach
        while ready and ready[0] < reach:
            line = heappop(ready)
            found.append(line)
            following = self.next[line]
            if following >= 0:
                self.needs[following] -= 1
                if not self.needs[following]:
                    heappush(ready, following)
        self.under_way += found
        return found

    def take_up(self, places: Sequence[int]) -> None:
        """Go on from messages that are complete, given by their descending places under way."""
        todo: list[int] = []
        for place in places:
            line = self.under_way.pop(place)
            self.closed[line] = 1
            self._finish(line, todo)
        self.left -= len(places)
        self._settle(todo)
        self._pass_by()

    def _settle(self, todo: list[int]) -> None:
        """Copy and add whatever is there."""
        for line in todo:  # which grows meanwhile
            deed, arrays = self.deeds[line]
            deed(*arrays)
            self._finish(line, todo)

    def _finish(self, line: int, todo: list[int]) -> None:
        """Note that a line is done, and what may follow."""
        for each in self.followers[line]:
            self.needs[each] -= 1
            if not self.needs[each]:
                if each in self.deeds:
                    todo.append(each)
                else:
                    heappush(self.ready, each)

    def _pass_by(self) -> None:
        """Bring `low` to the first message that is open, and see how far the lead reaches."""
        self.low = self.closed.find(0, self.low)
        if self.low < 0:
            self.low = len(self.closed)
        self.reach = bisect_right(self.gate, self.low, self.reach)


# How the processes are called and told apart.


OPS = {"sum": np.add, "min": np.minimum, "max": np.maximum, "prod": np.multiply}
TYPES = ("int8", "uint8", "int32", "uint32", "int64", "uint64", "float32", "float64")
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
UNITS |= {f"{unit}iB": factor for unit, factor in UNITS.items()}
UNITS |= {unit.lower(): factor for unit, factor in UNITS.items() if len(unit) == 1}
UNITS |= {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
MOST_BYTES = 2**50


class Parser(argparse.ArgumentParser):
    """A parser of which only process 0 is heard."""

    def format_help(self) -> str:
        """Give the help; argparse prints what is not empty."""
        return super().format_help() if MPI.COMM_WORLD.rank == 0 else ""

    def error(self, message: str) -> NoReturn:
        """End, the others without a word."""
        if MPI.COMM_WORLD.rank != 0:
            sys.exit(2)
        super().error(message)


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(description=f"{COLLECTIVE} on {TOPOLOGY}")
    add = parser.add_argument
    add(
        "-b", "--size", type=size_of, nargs="+", default=[2**20], help="bytes, as 64KiB, 64K or 1MB"
    )
    add("-e", "--end", type=size_of, help="go on from the size to this one")
    add("-f", "--factor", type=whole(2), default=2, help="by this factor (2)")
    add("-n", "--iterations", type=whole(1), default=20)
    add("-w", "--warm-up", type=whole(0), default=5)
    add("-c", "--check", type=int, choices=(0, 1), default=1)
    add("--type", choices=TYPES, default="float32")
    add("--op", choices=tuple(OPS), default="sum")
    add("--chunks", type=whole(0, 2**16), default=0, help="of each piece (by the compiler's rule)")
    add("--join", type=whole(0), default=2**14, help="bytes up to which messages are joined")
    add(
        "--lead", type=whole(0, MOST_LEAD), default=0, help="steps under way at a time (the plan's)"
    )
    add("--in-place", action="store_true", help="let input and output share memory")
    add("--map", default="", help="process i plays the i-th rank of this list, as 2,0,1")
    add("--watchdog", type=float, default=0.0, help="give up a step after so many seconds")
    args = parser.parse_args()
    if not 0 <= args.watchdog < 10**9:
        parser.error(f"argument --watchdog: {args.watchdog} is not from 0 to 999999999")
    args.sizes = list(args.size)
    while args.end and args.sizes[-1] * args.factor <= args.end:
        args.sizes.append(args.sizes[-1] * args.factor)
    return args


def whole(least: int, most: int = 999_999_999) -> Callable[[str], int]:
    """Give a reader of whole numbers from `least` to `most`."""

    def read(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number, {least} to {most}")
        return int(text)

    return read


def size_of(text: str) -> int:
    """Read a size: 4096, 64K, 64KiB or 1MB."""
    found = re.fullmatch(r"([0-9]{1,16})([A-Za-z]*)", text)
    size = int(found[1]) * UNITS.get(found[2], 0) if found else 0
    if not 1 <= size <= MOST_BYTES:
        raise argparse.ArgumentTypeError(f"{text!r} is no size from 1 byte to {MOST_BYTES}")
    return size


def cast(parts: str) -> MPI.Comm | None:
    """Give the communicator in which process i plays rank RANKS[i]; None if there is none."""
    world = MPI.COMM_WORLD
    fault = ""
    played = parts.split(",") if parts else [str(rank) for rank in RANKS]
    if world.size != len(RANKS):
        fault = f"{world.size} processes were started, the plan is for {len(RANKS)}"
    elif sorted(played) != sorted(str(rank) for rank in RANKS):
        fault = f"--map {parts}: expected each of {','.join(map(str, RANKS))} once"
    if fault:
        if world.rank == 0:
            complain(fault)
        return None
    return world.Split(0, RANKS.index(int(played[world.rank])))


def complain(message: str) -> None:
    """Say on standard error what went wrong."""
    sys.stderr.write(f"commplan: {message}\n")  # one write, so that no other comes between
    sys.stderr.flush()


# The plan made to fit one size: what this process copies, sends, receives and adds.


WORDS = {"in": int(Buffer.INPUT), "out": int(Buffer.OUTPUT), "scratch": int(Buffer.SCRATCH)}
WORDS |= {landing.name.lower(): int(landing) for landing in Landing}


def largest(sizes: list[int]) -> int:
    """Add up the blocks of the largest buffer."""
    return max(sum(sizes[b] for b in blocks) for pair in LAYOUT for blocks in pair)


# What the size of blocks depends on.
SIZED: Any = SimpleNamespace(sizes=np.array(SIZES, dtype=np.int64), total=largest(SIZES))


def blocks_of(count: int) -> list[int]:
    """Give the elements of each block when the largest buffer has `count`; at least one each."""
    sizes: list[int] = block_elements(SIZED, count).tolist()
    return sizes


def chunks_for(size: int) -> int:
    """Choose the number of chunks for a size in bytes."""
    best = min(math.sqrt(CHUNKS_SQUARE * size) + 0.5, CHUNKS_LINEAR * size, 128.0)
    return max(1, int(best))


def columns(text: str, width: int, key: slice, me: int = -1) -> tuple[IntArray, ...]:
    """Read a table of the plan, or the rows of one process: their numbers, and the columns."""
    lines = enumerate(text.split("\n")[1:-1])
    split = ((i, line.split()) for i, line in lines)
    rows = [(i, words) for i, words in split if me < 0 or str(me) in words[key]]
    numbers = [[WORDS[word] if word in WORDS else int(word) for word in row] for _, row in rows]
    table = np.array(numbers, dtype=np.int64).reshape(-1, width)
    return np.array([i for i, _ in rows], dtype=np.int64), *table.T.copy()


@cache
def own_moves(me: int) -> Moves:
    """Read what this process takes part in, in the form in which the compiler has it."""
    read = columns(TRANSFERS, 9, slice(2, 4), me)
    mine, step, piece, src, dst, source, target, landing, turn, held = read
    _, block, first, last = columns(PIECES, 3, slice(0))
    _, process, kept = columns(KEPT, 2, slice(0, 1), me)
    return Moves(
        ranks=tuple(RANKS),
        collective=SIZED,
        layout=tuple((np.array(a, np.int64), np.array(b, np.int64)) for a, b in LAYOUT),
        parts=PARTS,
        block=block,
        first=first,
        last=last,
        piece=piece,
        step=step,
        src=src,
        dst=dst,
        source=source,
        target=target,
        landing=landing,
        turn=turn,
        held=np.where((held < 0) | (src == me), -1, np.searchsorted(mine, held)),
        copy_process=process,
        copy_piece=kept,
        lead=LEAD,
    )


class Plan:
    """What this process does at one size: lines, and the followers that wait for them, in bytes.

    counts: the elements of its input, output and scratch; starts: where the first two begin in one
    memory, if they are in place.
    """

    def __init__(
        self, me: int, count: int, width: int, chunks: int, in_place: bool, joined: int, lead: int
    ) -> None:
        """Fit the plan to `count` elements of `width` bytes."""
        plan = own_moves(me)
        at = places(plan, count, in_place)
        rows, scratch = arrange(plan, at, chunks, joined // width, in_place, lead or LEAD)
        self.me, self.in_place, self.sizes = me, in_place, at.blocks.tolist()
        self.counts = [*at.counts[me].tolist(), int(scratch[me])]
        self.starts: list[int] = at.starts[me].tolist()
        counts, starts = (np.array([each]) * width for each in (self.counts, self.starts))
        bases = buffers_in_a_row(counts, starts, in_place=in_place)
        own = rows[rows["process"] == me]
        mine = {name: own[name] for name in FIELDS}
        self.lines, self.followers = connect(mine, width, bases, lead or LEAD)

    def offsets(self, side: Buffer) -> dict[int, int]:
        """Give where each block begins in the input or output."""
        blocks = LAYOUT[self.me][side]
        ends = accumulate(self.sizes[b] for b in blocks)
        return {b: end - self.sizes[b] for b, end in zip(blocks, ends, strict=True)}


# A plan with memory and requests: how it runs.


class Machine:
    """A plan with memory and persistent requests: ready to run as often as one likes."""

    def __init__(self, comm: MPI.Comm, plan: Plan, dtype: str, op: str, watchdog: float) -> None:
        """Lay out the memory and make the requests."""
        self.comm, self.add, self.watchdog, self.dtype = comm, OPS[op], watchdog, dtype
        (begin, start), (held, wanted, scratch) = plan.starts, plan.counts
        if not plan.in_place:
            begin, start = 0, held
        memory = np.zeros(max(begin + held, start + wanted), dtype)
        ins, outs = memory[begin : begin + held], memory[start : start + wanted]
        self.buffers = [ins, outs, np.zeros(scratch, dtype)]
        self.lines = plan.lines
        self.requests: dict[int, MPI.Prequest] = {}
        deeds: dict[int, Deed] = {}
        for i, line in enumerate(plan.lines):
            if line["action"] in (Action.SEND, Action.RECV):
                self.requests[i] = self.request(line)
            else:
                deeds[i] = self.deed(line)
        self.flow = Flow(plan.lines, plan.followers, deeds)

    def span(self, line: Lines, buffer: str = "buffer", offset: str = "offset") -> Array:
        """Give the bytes of a line."""
        start = int(line[offset])
        held = self.buffers[Buffer(int(line[buffer]))].view(np.uint8)
        return held[start : start + int(line["size"])]

    def deed(self, line: Lines) -> Deed:
        """Give the function that copies or adds, and what it is given."""
        to = self.span(line).view(self.dtype)
        source = self.span(line, "source", "source_offset").view(self.dtype)
        return (
            (np.copyto, (to, source))
            if line["action"] == Action.COPY
            else (self.add, (to, source, to))
        )

    def request(self, line: Lines) -> MPI.Prequest:
        """Make a persistent request for one end of a message."""
        make = self.comm.Send_init if line["action"] == Action.SEND else self.comm.Recv_init
        return make([self.span(line), MPI.BYTE], int(line["peer"]))

    def run(self) -> None:
        """Do the collective once."""
        flow, requests = self.flow, self.requests
        waited: list[MPI.Prequest] = []
        flow.begin()
        while flow.left:
            for line in flow.startable():
                requests[line].Start()
                waited.append(requests[line])
            places = sorted(self.wait(waited), reverse=True)
            for place in places:
                del waited[place]
            flow.take_up(places)

    def wait(self, waited: list[MPI.Prequest]) -> list[int]:
        """Wait for messages, but not for ever: name what does not come, and end all."""
        if not self.watchdog:
            return MPI.Request.Waitsome(waited) or []
        deadline = time.monotonic() + self.watchdog
        while not (places := MPI.Request.Testsome(waited)):
            if time.monotonic() > deadline:
                self.give_up()
            os.sched_yield()
        return places

    def give_up(self) -> None:
        """Say what does not come, and end all."""
        first: dict[tuple[int, int], int] = {}  # message to or from each peer
        for line in self.lines[sorted(self.flow.under_way)]:
            first.setdefault((int(line["action"]), int(line["peer"])), int(line["piece"]))
        ways = {int(Action.SEND): "to send to", int(Action.RECV): "for"}
        names = [f"{ways[a]} rank {RANKS[p]} (piece {first[a, p]})" for a, p in first]
        step = self.lines[min(self.flow.under_way)]["step"]
        me = f"rank {RANKS[self.comm.rank]}"
        complain(f"{me} blocked in step {step} waiting {', '.join(names)}")
        time.sleep(1)  # for the others to say what they wait for
        MPI.COMM_WORLD.Abort(124)

    def free(self) -> None:
        """Give the requests back to MPI."""
        for request in self.requests.values():
            request.Free()


# Whether the result is right.


PERIOD = 8191  # elements after which the test data repeat: a prime, so that shifts show


def contribution(rank: int, block: int, dtype: str, op: str) -> Array:
    """Give the first PERIOD elements of what a process puts into a block; then they repeat.

    The figures are small, or powers of two, so that sums and products of floats are exact.
    """
    word = np.arange(PERIOD, dtype=np.uint64) * np.uint64(0x94D049BB133111EB)
    word += np.uint64((rank * 0x9E3779B97F4A7C15 + block * 0xD1B54A32D192ED03) % 2**64)
    word = (word ^ (word >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    figure = (word >> np.uint64(57)).astype(dtype)
    if op != "prod":
        return figure
    return 2.0 ** (figure % 3 - 1) if dtype.startswith("f") else 1 + 2 * (figure % 4)


def fill(machine: Machine, plan: Plan, dtype: str, op: str) -> None:
    """Spoil all memory, then put this process's contributions into its input."""
    for buffer in machine.buffers:
        buffer[:] = 119
    for block, offset in plan.offsets(Buffer.INPUT).items():
        size = plan.sizes[block]
        own = contribution(plan.me, block, dtype, op)
        machine.buffers[Buffer.INPUT][offset : offset + size] = np.resize(own, size)


def wrong_elements(machine: Machine, plan: Plan, dtype: str, op: str) -> int:
    """Count this process's output elements that are not what the definition asks for."""
    wrong = 0
    for block, offset in plan.offsets(Buffer.OUTPUT).items():
        size = plan.sizes[block]
        holders = [i for i, (ins, _) in enumerate(LAYOUT) if block in ins]
        right = contribution(holders[0], block, dtype, op)
        for rank in holders[1:]:
            right = OPS[op](right, contribution(rank, block, dtype, op)).astype(dtype)
        got = machine.buffers[Buffer.OUTPUT][offset : offset + size]
        wrong += int(np.count_nonzero(got != np.resize(right, size)))
    return wrong


# What is printed: the table of nccl-tests, and a line of JSON for each size.


NCCL_NAMES = {"float32": "float", "float64": "double"}


def print_head(args: argparse.Namespace, processes: list[tuple[int, str]]) -> None:
    """Print what nccl-tests prints above its table; processes: their numbers and computers."""
    print(
        f"# nThread 1 nGpus 1 minBytes {args.sizes[0]} maxBytes {args.sizes[-1]} "
        f"step: {args.factor}(factor) warmup iters: {args.warm_up} iters: {args.iterations} "
        f"agg iters: 1 validation: {args.check} graph: 0"
    )
    print("#")
    print(f"# {COLLECTIVE} on {TOPOLOGY}, {len(RANKS)} processes")
    for rank, (pid, host) in zip(RANKS, processes, strict=True):
        print(f"#  Rank {rank:2} Group  0 Pid {pid:6} on {host:>10}")
    print("#")
    lead = "# %10s  %12s  %8s  %6s  %6s"
    print(
        lead % ("", "", "", "", "") + " " * 11 + "out-of-place" + " " * 23 + "in-place" + " " * 10
    )
    rest = "  %7s  %6s  %6s  %6s" * 2 + " "
    names, units = ("time", "algbw", "busbw", "#wrong"), ("(us)", "(GB/s)", "(GB/s)", "")
    print((lead + rest) % ("size", "count", "type", "redop", "root", *names, *names))
    print((lead + rest) % ("(B)", "(elements)", "", "", "", *units, *units), flush=True)


def print_row(row: dict[str, Any]) -> None:
    """Print a row of the table of nccl-tests."""
    op = row["op"] if REDUCES else "none"
    kind = NCCL_NAMES.get(row["type"], row["type"])
    lead = f"{row['size']:12}  {row['count']:12}  {kind:>8}  {op:>6}  {ROOT:6}"
    shown = f"  {short(row['seconds'] * 1e6, 7)}"
    shown += "".join(f"  {short(row[name] / 1e9, 6)}" for name in ("algbw", "busbw"))
    shown += "    N/A" if row["wrong"] is None else f"  {row['wrong']:6}"
    absent = "      N/A     N/A     N/A    N/A"
    print(lead + (absent + shown if row["in_place"] else shown + absent), flush=True)


def short(figure: float, width: int) -> str:
    """Give a figure with as many decimals as the width allows, at most two."""
    forms = (f"{figure:{width}.{decimals}f}" for decimals in (2, 1, 0))
    return next((form for form in forms if len(form) <= width), f"{figure:.1e}")


def print_end(rows: list[dict[str, Any]], wrong: int) -> None:
    """Print the end of the table, and a line of JSON for each size."""
    mean = sum(row["busbw"] for row in rows) / len(rows) / 1e9
    print(f"# Out of bounds values : {wrong} {'FAILED' if wrong else 'OK'}")
    print(f"# Avg bus bandwidth    : {mean:g} ")
    print("#")
    print(f"# Collective test concluded: {COLLECTIVE}_perf")
    for row in rows:
        print(f"# commplan {json.dumps(row)}")
    sys.stdout.flush()


# Measuring every size that is asked for.


def main() -> int:
    """Measure every size asked for; give the exit code."""
    args = options()
    comm = cast(args.map)
    if comm is None:
        return 2
    processes = comm.gather((os.getpid(), MPI.Get_processor_name())) or []
    if comm.rank == 0:
        print_head(args, processes)
    rows = [measure(comm, size, args) for size in args.sizes]
    wrong = sum(row["wrong"] or 0 for row in rows)
    if comm.rank == 0:
        print_end(rows, wrong)
    return 1 if wrong else 0


def measure(comm: MPI.Comm, size: int, args: argparse.Namespace) -> dict[str, Any]:
    """Check and time one size; on process 0, print its row."""
    width = np.dtype(args.type).itemsize
    sizes = blocks_of(size // width)
    count = largest(sizes)
    chunks = args.chunks or chunks_for(count * width)
    plan = Plan(comm.rank, size // width, width, chunks, args.in_place, args.join, args.lead)
    machine = Machine(comm, plan, args.type, args.op, args.watchdog)
    fill(machine, plan, args.type, args.op)
    comm.Barrier()
    machine.run()
    wrong = comm.allreduce(wrong_elements(machine, plan, args.type, args.op) if args.check else 0)
    seconds = timed(comm, machine, args)
    machine.free()
    row = {"size": count * width, "count": sizes[0], "type": args.type}
    row |= {"op": args.op, "chunks": chunks, "in_place": args.in_place, "ranks": len(RANKS)}
    row |= {"iterations": args.iterations, "seconds": seconds, "algbw": row["size"] / seconds}
    row |= {"busbw": row["algbw"] * BUSBW, "wrong": wrong if args.check else None}
    if comm.rank == 0:
        print_row(row)
    return row


def timed(comm: MPI.Comm, machine: Machine, args: argparse.Namespace) -> float:
    """Give the median over the iterations of the time that the slowest process took."""
    times = np.zeros(args.iterations)
    for i in range(-args.warm_up, args.iterations):
        comm.Barrier()
        start = time.perf_counter()
        machine.run()
        times[max(i, 0)] = time.perf_counter() - start
    slowest = np.zeros_like(times)
    comm.Allreduce(times, slowest, MPI.MAX)
    return max(float(median(slowest.tolist())), 1e-9)


if __name__ == "__main__":
    try:
        code = main()
    except SystemExit as wanted:  # the command line was wrong, or asked for help
        code = int(wanted.code or 0)
    except BaseException as fault:  # who ends alone would leave the others waiting for ever
        complain(f"process {MPI.COMM_WORLD.rank}: {type(fault).__name__}: {fault}")
        traceback.print_exc()
        time.sleep(0.5)  # for mpirun to hand this on
        MPI.COMM_WORLD.Abort(70)
    MPI.Finalize()
    sys.exit(code)
