"""The program of one process: what `lower` says of it, without what it says of the others.

For 16,384 ranks that is a part in so many, in a fraction of a second and some megabytes, where the
program of all has billions of instructions.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from runtime.alone.own_exchange import Asked, OwnRows, large_exchange, own_exchange, without_blocks
from runtime.alone.own_moves import own_moves
from runtime.metrics.pacing import pacing_of
from runtime.program.coalescing import JOINED
from runtime.program.elements import width
from runtime.program.lower import COLUMNS, arrange, check_asked, refuse_unlike
from runtime.program.memory_layout import places
from runtime.program.program import Program, ProgramError
from runtime.verify.structure import check_sound
from solvers.schedules.computed.exchange import Exchange
from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray, frozen
from topologies.model.units import Rank


@dataclass(frozen=True, eq=False)
class OwnProgram:
    """A program in which one process alone has instructions, and memory.

    Attributes:
        program: of all processes, the others empty.
        process: the one.
        mark: a number that those of all processes share, and hardly any other program has.
    """

    program: Program
    process: int
    mark: int


def lower_for(
    schedule: Schedule,
    rank: Rank,
    count: int,
    *,
    dtype: str = "float32",
    op: str = "sum",
    chunks: int = 1,
    in_place: bool = False,
    joined: int = JOINED,
    lead: int | None = None,
) -> OwnProgram:
    """Make the program of the process that plays a rank, as `lower` does for all.

    All processes of a job have to take theirs from here, with the same arguments. Complexity: the
    pieces of all images, and the instructions of this process × log.

    Args:
        schedule: any that is right.
        rank: of its machine, that takes part or passes something on.
        count: elements of the size buffer.
        dtype: the element type.
        op: the operation.
        chunks: of each piece.
        in_place: whether input and output share memory.
        joined: bytes up to which messages travel together.
        lead: of the program; the schedule's where not given.

    Raises:
        ProgramError: as of `lower`; or the rank has nothing to do with the schedule.
    """
    check_asked(count, dtype, op, chunks, joined, lead)
    check_sound(schedule)
    schedule = without_blocks(schedule)
    refuse_unlike(schedule, dtype, op)
    ranks = processes_of(schedule)
    process = int(np.searchsorted(ranks, rank))
    if process == len(ranks) or ranks[process] != rank:
        raise ProgramError(f"rank {rank} neither takes part nor passes anything on")
    ahead = pacing_of(schedule).lead if lead is None else lead
    asked = Asked(rank, count, chunks, joined // width(dtype), in_place, ahead)
    what = large_exchange(schedule)
    rows = None if what is None else own_exchange(schedule, what, asked)
    rows = _arranged(schedule, asked) if rows is None else rows
    peer = rows.columns["peer"]
    number = np.where(peer < 0, -1, np.searchsorted(ranks, peer))
    columns = {**rows.columns, "peer": number, "process": np.full(len(peer), process)}
    counts, begins = np.zeros((len(ranks), 3), np.int64), np.zeros((len(ranks), 2), np.int64)
    counts[process], begins[process] = rows.buffers, rows.starts
    made = Program(
        ranks=tuple(ranks.tolist()),
        dtype=dtype,
        op=op,
        in_place=in_place,
        chunks=chunks,
        blocks=rows.blocks,
        counts=frozen(counts),
        starts=frozen(begins),
        divisor=int(schedule.collective.counts[0].max()) if op == "avg" else 1,
        lead=ahead,
        **{name: frozen(np.ascontiguousarray(columns[name])) for name in COLUMNS},
    )
    return OwnProgram(made, process, _mark(schedule, count, dtype, op, chunks, joined, ahead))


def _arranged(schedule: Schedule, asked: Asked) -> OwnRows:
    """Write the instructions of one process as those of all are, transfer by transfer."""
    plan, pieces = own_moves(schedule, asked.rank)
    at = places(plan, asked.elements, asked.in_place)
    table, scratch = arrange(plan, at, asked.chunks, asked.limit, asked.in_place, asked.lead)
    me = plan.ranks.index(asked.rank)
    table = table[table["process"] == me]
    columns = {name: table[name].copy() for name in COLUMNS}
    columns["peer"] = np.where(table["peer"] < 0, -1, np.array(plan.ranks)[table["peer"]])
    some = table["piece"] >= 0
    columns["piece"][some] = pieces[table["piece"][some]]
    ins, outs = at.counts[me].tolist()
    return OwnRows(columns, (ins, outs, int(scratch[me])), at.blocks, at.starts[me])


def processes_of(schedule: Schedule) -> IntArray:
    """List the ranks that take part, or pass something on, ascending: the processes of programs."""
    rows, orbit = schedule.transfers, schedule.group.vertex_orbits
    moving = np.isin(orbit, orbit[np.append(rows.src, rows.dst)])
    return np.union1d(np.array(schedule.collective.ranks), np.flatnonzero(moving))


def _mark(schedule: Schedule, *asked: object) -> int:
    """Digest what the programs of all processes are made of."""
    rows = schedule.transfers
    what, (share, unit) = schedule.collective, schedule.parts
    digest = hashlib.sha256(f"{asked} {what.name} {share.tolist()} {unit}".encode())
    sizes = what.sizes[:1] if isinstance(what, Exchange) else what.sizes
    own = (schedule.block, schedule.group.generators, sizes)
    for column in (rows.piece, rows.step, rows.src, rows.dst, *own):
        digest.update(np.ascontiguousarray(column).tobytes())
    return int.from_bytes(digest.digest()[:8])
