"""A schedule made ready for any size: where each transfer is read from and where it lands."""

from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

import numpy as np

from runtime.metrics.pacing import pacing_of, turns
from runtime.program.program import Buffer, ProgramError
from runtime.program.receive_mode import Owned, choose_receive_modes, home
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import IntegerColumn, Schedule
from solvers.schedules.unfold import unfold
from topologies.model.ragged import stretches
from topologies.model.topology import BoolArray, IntArray, frozen, integers

PARTS_LIMIT = 2**62
WRITTEN = 2**25  # messages of all ranks that are written out: some gigabytes


@dataclass(frozen=True, eq=False)
class Moves:
    """All transfers of a schedule between processes, with places, for every size.

    Process i plays rank ranks[i]; layout[i] holds the blocks of its input and of its output.
    Piece p covers [first[p], last[p]) of its block, which has `parts` parts: of a block of n
    elements the elements from first[p] * n // parts to last[p] * n // parts.
    Per transfer, in the order of starting (`turns`): src and dst are processes; what is sent lies
    in `source` (INPUT, OUTPUT or SCRATCH) and comes to `target` (OUTPUT or SCRATCH) in the way of
    `landing`; those of one step and piece are added in the order of `turn`, and those that FOLD to
    the message of transfer `held`. lead, phases: of the programs made of it.
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
    phases: int

    def __len__(self) -> int:
        return len(self.piece)


class Sent(NamedTuple):
    """Transfers between processes, in the order of starting; columns as of `Moves`.

    Attributes:
        piece: what is sent.
        step: when.
        src: the process that sends.
        dst: the process that hears.
        reduce: whether it adds.
    """

    piece: IntArray
    step: IntArray
    src: IntArray
    dst: IntArray
    reduce: BoolArray


class Pieces(NamedTuple):
    """Where pieces lie: the block of each, and their boundaries, as of `Moves`.

    Attributes:
        block: of each.
        parts: of a block.
        first: of its parts, where a piece begins.
        last: where it ends.
    """

    block: IntArray
    parts: int
    first: IntArray
    last: IntArray


def moves(schedule: Schedule) -> Moves:
    """Write out a schedule's transfers with the places they are read from and written to.

    A process keeps a piece in its OUTPUT if it wants the block, else in SCRATCH; its own
    contribution stays in INPUT until the first message for the piece joins it.

    Raises:
        ProgramError: a rank sends a piece of which it holds nothing, a step is negative, a switch
            copies or adds, or there are more than `WRITTEN` messages.
    """
    refuse_switches(schedule)
    messages = len(schedule.transfers) * schedule.group.order
    if messages > WRITTEN:
        raise ProgramError(
            f"{messages:,} messages are too many for one program, the limit is {WRITTEN:,}; "
            "`commplan show --rank` prints the part of a rank"
        )
    whole = unfold(schedule)
    rows = whole.transfers
    if rows.step.min(initial=0) < 0:
        raise ProgramError(f"step {rows.step.min()}: steps count from 0")
    order = turns(rows.piece, rows.step, pacing_of(schedule).order)
    taking_part = {*whole.collective.ranks, *rows.src.tolist(), *rows.dst.tolist()}
    ranks = np.array(sorted(taking_part), dtype=np.int64)
    src, dst = (np.searchsorted(ranks, end[order]) for end in (rows.src, rows.dst))
    sent = Sent(rows.piece[order], rows.step[order], src, dst, rows.reduce[order])
    pieces = Pieces(whole.block, *boundaries(whole.block, *whole.parts))
    made, empty = place_transfers(schedule, ranks, _layout(whole.collective, ranks), pieces, sent)
    refuse_empty_hands(made, empty, np.arange(whole.pieces))
    return made


def place_transfers(
    schedule: Schedule,
    ranks: IntArray,
    layout: tuple[tuple[IntArray, IntArray], ...],
    pieces: Pieces,
    sent: Sent,
    adding: tuple[IntArray, IntArray] | None = None,
) -> tuple[Moves, BoolArray]:
    """Give transfers the buffers that they are read from and come to.

    Args:
        schedule: whose transfers they are, or images of them.
        ranks: that the processes play.
        layout: of each process, the blocks in its input and its output.
        pieces: where they lie.
        sent: the transfers, in the order of starting.
        adding: as of `adding_order`, where the transfers are not all that there are.

    Returns:
        the moves, and which transfers send what nobody gave their process, as far as the layout
        says.
    """
    piece, src, dst = sent.piece, sent.src, sent.dst
    holds, wants = (Owned([pair[side] for pair in layout], pieces.block) for side in (0, 1))
    how = choose_receive_modes(sent, len(ranks), holds, wants, adding)
    copy_process, copy_piece = untouched(holds, wants, dst, piece, len(pieces.block))
    pacing = pacing_of(schedule)
    made = Moves(
        ranks=tuple(ranks.tolist()),
        collective=schedule.collective,
        layout=layout,
        parts=pieces.parts,
        block=frozen(pieces.block),
        first=pieces.first,
        last=pieces.last,
        piece=frozen(piece),
        step=frozen(sent.step),
        src=frozen(src),
        dst=frozen(dst),
        source=frozen(np.where(how.relayed, home(wants.of(src, piece)), Buffer.INPUT)),
        target=frozen(home(wants.of(dst, piece))),
        landing=frozen(how.landing),
        turn=frozen(how.turn),
        held=frozen(how.held),
        copy_process=copy_process,
        copy_piece=copy_piece,
        lead=pacing.lead,
        phases=pacing.phases,
    )
    return made, ~how.relayed & ~holds.of(src, piece)


def refuse_switches(schedule: Schedule) -> None:
    """Stop where a switch is more than a part of a route: a program runs on ranks alone."""
    if schedule.at_switches:
        last = int(np.append(schedule.transfers.src, schedule.transfers.dst).max())
        name = schedule.topology.vertex_name(last)
        raise ProgramError(f"in-network schedule: {name} copies or adds, and no program runs on it")


def _layout(collective: Collective, ranks: IntArray) -> tuple[tuple[IntArray, IntArray], ...]:
    """List the blocks in each process's input and output; a mere relay has none."""
    buffers = dict(
        zip(
            collective.ranks,
            zip(collective.inputs, collective.outputs, strict=True),
            strict=True,
        )
    )
    return tuple(buffers.get(int(rank), (integers([]), integers([]))) for rank in ranks)


def refuse_empty_hands(made: Moves, empty: BoolArray, numbers: IntArray) -> None:
    """Stop at a transfer that sends what its process does not hold.

    Args:
        made: all moves.
        empty: those that do.
        numbers: of the pieces, as a user knows them.
    """
    if empty.any():
        fault = int(np.argmax(empty))
        piece = made.piece[fault]
        raise ProgramError(
            f"step {made.step[fault]}: rank {made.ranks[made.src[fault]]} sends piece "
            f"{numbers[piece]} (block {made.block[piece]}) but holds nothing of it"
        )


def untouched(
    holds: Owned, wants: Owned, dst: IntArray, piece: IntArray, pieces: int
) -> tuple[IntArray, IntArray]:
    """List (process, piece) that is held, wanted, and never received."""
    both = np.intersect1d(holds.keys, wants.keys)
    process, block = np.divmod(both, holds.span)
    order = np.argsort(holds.block, kind="stable")
    start, end = (np.searchsorted(holds.block[order], block, side) for side in ("left", "right"))
    length = end - start
    process, piece_of = np.repeat(process, length), order[stretches(start, length)]
    keep = ~np.isin(process * pieces + piece_of, dst * pieces + piece)
    return frozen(process[keep]), frozen(piece_of[keep])


def boundaries(
    block: IntArray, whole_parts: IntegerColumn, unit: int
) -> tuple[int, IntArray, IntArray]:
    """Lay the pieces of each block end to end; give parts and each piece's first and last part.

    This is the one rounding rule of all programs. Where the common denominator of the boundaries
    is below 2^62 it is `parts` and boundary * n // parts is floor(exact boundary * n). Else
    boundaries are rounded up to multiples of 2^-62, which changes that floor for no denominator d
    with d * n below 2^62. Every element belongs to exactly one piece in both cases.

    Args:
        block: of each piece.
        whole_parts: of each piece, its share.
        unit: how many of these make a block.
    """
    order = np.argsort(block, kind="stable")
    reached = np.cumsum(whole_parts[order])
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = np.diff(block[order]) != 0
    before = reached - whole_parts[order]
    first = before - before[fresh][np.cumsum(fresh) - 1] if len(order) else before
    last = first + whole_parts[order]
    parts = min(unit // gcd(unit, *set(last.tolist())), PARTS_LIMIT)
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return parts, _ceilings(first[back], unit, parts), _ceilings(last[back], unit, parts)


def _ceilings(ends: IntegerColumn, unit: int, parts: int) -> IntArray:
    """Give ends / unit in parts, which they are whole numbers of, or else rounded up."""
    if unit % parts == 0:
        return frozen(np.minimum(ends // (unit // parts), parts).astype(np.int64))
    return integers(min(-(-end * parts // unit), parts) for end in ends.tolist())
