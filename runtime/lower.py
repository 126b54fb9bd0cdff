"""From moves to a program: offsets, chunks, tags and order for one size and element type."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.elements import OPERATIONS, TYPES, refusal
from runtime.landing import Landing
from runtime.moves import Moves, moves
from runtime.places import Places, places
from runtime.program import TAG_LIMIT, Action, Buffer, Program, ProgramError
from solvers.schedule import Schedule
from topologies.topology import IntArray, frozen

CHUNK_LIMIT = 2**16

# The order within a step: own copies, messages, the wait for them, and what they were fetched for.
_COPIES, _RECEIVES, _SENDS, _WAITS, _LANDINGS = range(5)

# Instructions in the making: the columns of a program, and `phase` and `row` to sort them by.
_COLUMNS = (
    *("process", "step", "action", "peer", "tag", "buffer", "offset", "size"),
    *("source", "source_offset", "piece"),
)
_FIELDS = (*_COLUMNS, "phase", "row")
_RECORD = np.dtype([(name, np.int64) for name in _FIELDS])
_Table = NDArray[Any]

# The offset of a message that lands beside, until its place is known.
_BESIDE = -1


def lower(
    schedule: Schedule | Moves,
    count: int,
    *,
    dtype: str = "float32",
    op: str = "sum",
    chunks: int = 1,
    in_place: bool = False,
) -> Program:
    """Make the program for a size buffer of `count` elements (for bytes see `elements`).

    Chunk c of a transfer at step s is sent in program step s + c. In a step every process starts
    its messages, waits for all of them, and only then adds and copies what they brought; both ends
    of a message are in the same step, so no process waits for ever.
    In place, input and output share memory where one is a range of the other; where they are not
    (all_to_all), a process first moves its input to scratch.

    Raises:
        ProgramError: an unknown element type or op, an op that means nothing for the type, a count
            below 1, or too many chunks.
    """
    _check(count, dtype, op, chunks)
    plan = schedule if isinstance(schedule, Moves) else moves(schedule)
    at = places(plan, count, in_place)
    table = _instructions(plan, at, _parts(plan, at, chunks), in_place)
    table = table[np.lexsort([table[key] for key in ("row", "phase", "step", "process")])]
    _take_input_from_scratch(table, at)
    scratch = at.scratch + _lay_beside(table, at)
    return Program(
        ranks=plan.ranks,
        dtype=dtype,
        op=op,
        in_place=in_place,
        chunks=chunks,
        blocks=at.blocks,
        counts=frozen(np.column_stack([at.counts, scratch])),
        starts=at.starts,
        divisor=max(map(len, plan.collective.holders)) if op == "avg" else 1,
        **{name: frozen(np.ascontiguousarray(table[name])) for name in _COLUMNS},
    )


def _instructions(plan: Moves, at: Places, parts: "_Parts", in_place: bool) -> _Table:
    landing = _ways(plan, at, in_place)[parts.row]
    messages = np.concatenate(_messages(plan, at, parts, landing))
    copies, landings = _own_copies(plan, at, in_place), _landings(plan, at, parts, landing)
    return np.concatenate([copies, messages, _waits(messages), landings])


def _check(count: int, dtype: str, op: str, chunks: int) -> None:
    if dtype not in TYPES:
        raise ProgramError(f"element type {dtype!r} is unknown; known: {', '.join(TYPES)}")
    if op not in OPERATIONS:
        raise ProgramError(f"op {op!r} is unknown; known: {', '.join(OPERATIONS)}")
    if why := refusal(op, dtype):
        raise ProgramError(why)
    if count < 1:
        raise ProgramError(f"count is {count}; a program moves at least one element")
    if not 1 <= chunks <= CHUNK_LIMIT:
        raise ProgramError(f"chunks is {chunks}; expected 1 to {CHUNK_LIMIT}")


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
    """The messages: chunk after chunk of each transfer `row`, those of no elements left out.

    skip: elements of the piece in front of the chunk. order: ascending with row, then chunk.
    """

    row: IntArray
    order: IntArray
    step: IntArray
    skip: IntArray
    size: IntArray
    tag: IntArray


def _parts(plan: Moves, at: Places, chunks: int) -> _Parts:
    """Cut every transfer into its chunks, each element of the piece in one of them."""
    order = np.arange(len(plan) * chunks)
    row, chunk = np.divmod(order, chunks)
    length = at.length[plan.piece[row]]
    skip = chunk * length // chunks
    size = (chunk + 1) * length // chunks - skip
    some = size > 0
    row, order, step = row[some], order[some], (plan.step[row] + chunk)[some]
    tag = _tags(plan.src[row] * len(plan.ranks) + plan.dst[row], step)
    return _Parts(row, order, step, skip[some], size[some], tag)


def _tags(pair: IntArray, step: IntArray) -> IntArray:
    """Give the messages of one pair and step numbers, up to the limit of tags.

    Both ends start their messages in the same order, and MPI matches messages of one pair and tag
    in the order they were started.
    """
    order = np.lexsort((step, pair))
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = (np.diff(pair[order]) != 0) | (np.diff(step[order]) != 0)
    place = np.arange(len(order))
    tag = np.empty(len(order), dtype=np.int64)
    tag[order] = (place - np.maximum.accumulate(np.where(fresh, place, 0))) % TAG_LIMIT
    return tag


def _messages(plan: Moves, at: Places, parts: _Parts, landing: IntArray) -> list[_Table]:
    """Make both ends of each message."""
    piece, src, dst = (column[parts.row] for column in (plan.piece, plan.src, plan.dst))
    source, target = plan.source[parts.row], plan.target[parts.row]
    direct = (landing == Landing.PUT) | (landing == Landing.JOIN)
    common = {"step": parts.step, "row": parts.order, "size": parts.size, "piece": piece}
    common["tag"] = parts.tag
    sends = _table(_SENDS, len(piece), process=src, peer=dst, buffer=source, **common)
    sends["action"] = Action.SEND
    sends["offset"] = at.offset(source, src, piece) + parts.skip
    receives = _table(_RECEIVES, len(piece), process=dst, peer=src, **common)
    receives["action"] = Action.RECV
    receives["buffer"] = np.where(direct, target, Buffer.SCRATCH)
    receives["offset"] = np.where(direct, at.offset(target, dst, piece) + parts.skip, _BESIDE)
    return [sends, receives]


def _landings(plan: Moves, at: Places, parts: _Parts, landing: IntArray) -> _Table:
    """Make what follows a message that does not land in place, or not alone."""
    piece, dst, target = (column[parts.row] for column in (plan.piece, plan.dst, plan.target))
    ins = np.full(len(piece), Buffer.INPUT)
    own = landing == Landing.JOIN
    table = _table(_LANDINGS, len(piece), process=dst, step=parts.step, row=parts.order)
    table["action"] = np.where(landing == Landing.COPY, Action.COPY, Action.ADD)
    table["buffer"], table["size"], table["piece"] = target, parts.size, piece
    table["offset"] = at.offset(target, dst, piece) + parts.skip
    table["source"] = np.where(own, ins, Buffer.SCRATCH)
    table["source_offset"] = np.where(own, at.offset(ins, dst, piece) + parts.skip, _BESIDE)
    kept: _Table = table[landing != Landing.PUT]
    return kept


def _ways(plan: Moves, at: Places, in_place: bool) -> IntArray:
    """Give each transfer's landing; in place, a message cannot land where the own input lies."""
    if not in_place:
        return plan.landing
    shared = (plan.target == Buffer.OUTPUT) & ~np.isin(plan.dst, at.moved)
    return np.where(shared & (plan.landing == Landing.JOIN), Landing.ADD, plan.landing)


def _waits(table: _Table) -> _Table:
    """Make one wait for each process and step with messages."""
    messages = table[np.isin(table["phase"], (_RECEIVES, _SENDS))]
    steps = int(messages["step"].max(initial=0)) + 1
    process, step = np.divmod(np.unique(messages["process"] * steps + messages["step"]), steps)
    return _table(_WAITS, len(step), process=process, step=step, action=Action.WAIT)


def _take_input_from_scratch(table: _Table, at: Places) -> None:
    """Turn every use of an input that was moved aside to the place it was moved to."""
    moved = np.isin(table["process"], at.moved)
    for name in ("buffer", "source"):
        aside = (name == "source") & (table["buffer"] == Buffer.SCRATCH)
        aside &= table["phase"] == _COPIES
        table[name][moved & (table[name] == Buffer.INPUT) & ~aside] = Buffer.SCRATCH


def _lay_beside(table: _Table, at: Places) -> IntArray:
    """Lay the messages of a step that land beside one after the other behind the slots.

    A step's receives and its landings stand in the same order, so one numbering serves both.
    Result: the elements each process needs for them.
    """
    received = np.flatnonzero((table["action"] == Action.RECV) & (table["offset"] == _BESIDE))
    landed = np.flatnonzero(table["source_offset"] == _BESIDE)
    process, step, size = (table[name][received] for name in ("process", "step", "size"))
    before = np.cumsum(size) - size
    fresh = np.ones(len(size), dtype=np.bool_)
    fresh[1:] = (np.diff(process) != 0) | (np.diff(step) != 0)
    place = before - np.maximum.accumulate(np.where(fresh, before, 0))
    table["offset"][received] = place + at.scratch[process]
    table["source_offset"][landed] = place + at.scratch[process]
    needed = np.zeros(len(at.scratch), dtype=np.int64)
    np.maximum.at(needed, process, place + size)
    return needed
