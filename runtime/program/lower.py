"""From moves to a program: offsets, chunks and order for one size and element type."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.metrics.pacing import MOST_LEAD
from runtime.program.buffer_plan import Moves, moves
from runtime.program.coalescing import JOINED, Joints, joints
from runtime.program.elements import OPERATIONS, TYPES, refusal, rounds, width
from runtime.program.memory_layout import Places, elements, places
from runtime.program.program import Action, Buffer, Program, ProgramError
from runtime.program.receive_mode import BESIDE, Landing
from runtime.verify.determinism import find_unlike_pieces
from runtime.verify.structure import check_sound
from solvers.schedules.schedule import Schedule
from topologies.model.arguments import whole
from topologies.model.messages import unknown
from topologies.model.topology import BoolArray, IntArray, frozen
from topologies.model.units import Share

CHUNK_LIMIT = 2**16
MOST_COUNT = 2**56  # elements: 2^60 bytes of the widest type

# The order within a step: own copies, what is packed, messages, and what they were fetched for.
_COPIES, _PACKS, _RECEIVES, _SENDS, _LANDINGS = range(5)

# Instructions in the making: the columns of a program, and `phase` and `row` to sort them by.
COLUMNS = (
    *("process", "step", "action", "peer", "buffer", "offset", "size"),
    *("source", "source_offset", "piece"),
)
_FIELDS = (*COLUMNS, "phase", "row")
_RECORD = np.dtype([(name, np.int64) for name in _FIELDS])
_Table = NDArray[Any]


def lower(
    schedule: Schedule | Moves,
    count: int,
    *,
    dtype: str = "float32",
    op: str = "sum",
    chunks: int = 1,
    in_place: bool = False,
    joined: int = JOINED,
    lead: int | None = None,
) -> Program:
    """Make the program for a size buffer of `count` elements (for bytes see `elements`).

    Chunk c of a transfer at step s is sent in program step s + phases * c. A message waits only for
    what is of smaller steps, and for messages before it between the same two processes; so none
    waits for ever, whatever comes first. lead: of the program; the schedule's where not given.
    What one process sends another in one step and chunk, of at most `joined` bytes each, is one
    message. Where it does not lie in one stretch the sender packs it, and the receiver unpacks it.
    In place, input and output share memory where one is a range of the other; where they are not
    (all_to_all), a process first moves its input to scratch.

    Raises:
        ProgramError: an unknown element type or op, an op that means nothing for the type, a count
            below 1, too many chunks, or a schedule that would leave ranks with different bits of
            one result (Moves are taken as they are).
    """
    check_asked(count, dtype, op, chunks, joined, lead)
    if not isinstance(schedule, Moves):
        check_sound(schedule)
    plan = schedule if isinstance(schedule, Moves) else moves(schedule)
    if isinstance(schedule, Schedule):
        refuse_unlike(schedule, dtype, op)
    ahead = plan.lead if lead is None else lead
    at = places(plan, count, in_place)
    table, scratch = arrange(plan, at, chunks, joined // width(dtype), in_place, ahead)
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
        lead=ahead,
        **{name: frozen(np.ascontiguousarray(table[name])) for name in COLUMNS},
    )


def arrange(
    plan: Moves, at: Places, chunks: int, limit: int, in_place: bool, lead: int
) -> tuple[_Table, IntArray]:
    """Make all instructions in their order, as rows; and count the scratch of each process.

    limit: the elements of a message up to which it travels with others.
    """
    parts, landing, ends, needed = _lay_out(plan, at, chunks, limit, in_place, lead)
    tables = [_own_copies(plan, at, in_place), _packs(plan, parts, ends[0])]
    tables += [*_messages(plan, parts, *ends), *_landings(plan, at, parts, landing, ends[1])]
    table = np.concatenate(tables)
    table = table[np.lexsort([table[key] for key in ("row", "phase", "step", "process")])]
    _take_input_from_scratch(table, at)
    return table, at.scratch + needed


def check_asked(
    count: int, dtype: str, op: str, chunks: int, joined: int, lead: int | None
) -> None:
    """Refuse what no program is made of.

    Raises:
        ProgramError: an unknown element type or operation, one that means nothing for the type, a
            count below 1, too many chunks.
        ArgumentError: joined or lead is no such number.
    """
    whole("joined", joined)
    if lead is not None:
        whole("lead", lead, 1, MOST_LEAD)
    whole("count", count, 0, MOST_COUNT, error=ProgramError)
    whole("chunks", chunks, error=ProgramError)
    if dtype not in TYPES:
        raise ProgramError(unknown("element type", dtype, TYPES))
    if op not in OPERATIONS:
        raise ProgramError(unknown("operation", op, OPERATIONS))
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
    step = plan.step[row] + plan.phases * chunk
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
        beside = beside | ~parts.joints.is_contiguous(buffer, offset, parts.size)
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
    turn = step % lead
    room = np.zeros((len(at.scratch), int(turn.max(initial=0)) + 1), dtype=np.int64)
    np.maximum.at(room, (process, turn), place + size)
    place += (np.cumsum(room, axis=1) - room)[process, turn] + at.scratch[process]
    for number, end in enumerate(ends):
        own = side == number
        end.place[row[own]] = place[own]
    return np.asarray(room.sum(axis=1))


def _lay_out(
    plan: Moves, at: Places, chunks: int, limit: int, in_place: bool, lead: int
) -> tuple[_Parts, IntArray, tuple[_Ends, _Ends], IntArray]:
    """Cut transfers into parts and give their ends places; count what goes beside."""
    parts = _parts(plan, at, chunks, limit)
    landing = _ways(plan, at, in_place)[parts.row]
    ends = _ends(plan, at, parts, landing)
    return parts, landing, ends, _lay_beside(ends, parts, at, lead)


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


def refuse_unlike(schedule: Schedule, dtype: str = "float32", op: str = "sum") -> None:
    """Stop where rounding would leave ranks with different bits of one result.

    Raises:
        ProgramError: that.
    """
    if rounds(op, dtype) and len(found := find_unlike_pieces(schedule)):
        raise ProgramError(
            f"piece {found[0]} is added up in another order at some ranks than at others: "
            "rounding would leave them with different bits"
        )


def peak(schedule: Schedule, size: int, chunks: int, dtype: str = "float32") -> Share:
    """Count the scratch that the program of a size allocates at the rank that needs most.

    Other than `scratch` it counts what small messages are put together in, and whole elements.
    Complexity: messages × log.

    Args:
        schedule: any that is right, in which no switch copies or adds.
        size: in bytes.
        chunks: of each piece.
        dtype: the element type.

    Returns:
        a part of the size.

    Raises:
        ProgramError: a switch copies or adds.
    """
    plan, each = moves(schedule), width(dtype)
    at = places(plan, max(elements(schedule.collective, size, dtype), 1), in_place=False)
    beside = _lay_out(plan, at, chunks, JOINED // each, False, plan.lead)[-1]
    return Fraction(int((at.scratch + beside).max(initial=0)) * each, size)
