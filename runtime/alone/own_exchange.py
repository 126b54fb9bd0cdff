"""The program of one process in a large all_to_all: what travels together is moved as one.

Statement. Where no element of the group but the identity keeps a rank, each vertex of an orbit is
brought to this rank by exactly one element; so each stretch of pieces (`stretches`) that begins or
ends in the orbit is sent, or received, by this rank once. All ranks of an orbit therefore keep
things in the same places, and what a stretch is received into is one range of scratch, of which
every stretch that it falls into is a range again. What one process sends another in a step is one
message of such ranges, and lands as it is; what is wanted here is copied from there.

Scratch is used in turns: what comes in a program step lies there until it is sent on, and `lead`
steps more, so that nobody waits for room. Complexity: pieces × longest way × log, and stretches.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from runtime.alone.own_parts import Parts, Side, cut, in_turns, one_side
from runtime.alone.stretches import Stretches, find_stretches
from runtime.metrics.pacing import pacing_of
from runtime.program.buffer_plan import WRITTEN, boundaries
from runtime.program.lower import COLUMNS
from runtime.program.memory_layout import block_elements
from runtime.program.program import Action, Buffer, ProgramError
from solvers.schedules.collective import Collective
from solvers.schedules.computed.exchange import Exchange, exchange
from solvers.schedules.schedule import Schedule
from topologies.model.topology import BoolArray, IntArray, integers
from topologies.model.units import Rank
from topologies.symmetry.group import Group

# The order within a step: own copies, what is packed, messages, and what is wanted here.
_COPIES, _PACKS, _RECEIVES, _SENDS, _LANDINGS = range(5)
_Rows = dict[str, IntArray]


class Asked(NamedTuple):
    """What a program is asked for.

    Attributes:
        rank: whose it is.
        elements: of the size buffer.
        chunks: of each piece.
        limit: elements of what travels with others, at most.
        in_place: whether input and output share memory.
        lead: of the program.
    """

    rank: Rank
    elements: int
    chunks: int
    limit: int
    in_place: bool
    lead: int


class OwnRows(NamedTuple):
    """Instructions by the columns of a program, peers as ranks; and the elements they work on.

    Attributes:
        columns: `COLUMNS`, `process` 0.
        buffers: the elements of input, output and scratch.
        blocks: the elements of each block.
        starts: where input and output begin in the memory that they share, in place.
    """

    columns: _Rows
    buffers: tuple[int, int, int]
    blocks: IntArray
    starts: IntArray


@dataclass(frozen=True, eq=False)
class _Own:
    """What a process knows.

    Attributes:
        what: the collective.
        asked: for what the program is made.
        group: of the schedule.
        found: its stretches.
        begin: where each piece begins on its block, in the order of ways.
        length: how long it is.
        holder: the rank that holds it.
        wanter: the rank that wants it.
        bringing: the element that brings a vertex to this rank; -1 where none does.
        each: elements of a block.
    """

    what: Exchange
    asked: Asked
    group: Group
    found: Stretches
    begin: IntArray
    length: IntArray
    holder: IntArray
    wanter: IntArray
    bringing: IntArray
    each: int

    @property
    def buffer(self) -> int:
        """Count the elements of the input, and of the output."""
        return len(self.what.ranks) * self.each

    @property
    def source(self) -> Buffer:
        """Tell where the input lies: in place, it is copied to scratch before anything else."""
        return Buffer.SCRATCH if self.asked.in_place else Buffer.INPUT

    def named(self, piece: IntArray, element: IntArray) -> IntArray:
        """Give the numbers of images of pieces."""
        return np.asarray(self.found.pieces[piece] * self.group.order + element)

    def outside(self, piece: IntArray, chunk: IntArray, end: IntArray) -> IntArray:
        """Find where a chunk of a piece lies at the block of a rank, in the input or the output."""
        skip = chunk * self.length[piece] // self.asked.chunks
        return np.asarray(self.what.places[end] * self.each + self.begin[piece] + skip)


def large_exchange(schedule: Schedule) -> Exchange | None:
    """Give the collective of a schedule that is too large to be lowered for all, if it can be here.

    All ranks get the same answer.
    """
    large = len(schedule.transfers) * schedule.group.order > WRITTEN
    return as_exchange(schedule) if large else None


def without_blocks(schedule: Schedule) -> Schedule:
    """Give a schedule an all_to_all whose blocks are computed, where its own were laid out.

    That is where a rank's part is made so; columns of 17 million blocks take seconds and gigabytes.
    """
    what = large_exchange(schedule)
    return schedule if what is None else replace(schedule, collective=what)


def as_exchange(schedule: Schedule) -> Exchange | None:
    """Give the collective, if it is an all_to_all of equal blocks, and the symmetry keeps no rank.

    And of ranks that are alike one alone sends what is written down.
    """
    if (what := _computed(schedule.collective)) is None:
        return None
    rows, group = schedule.transfers, schedule.group
    orbit, ranks = group.vertex_orbits, integers(what.ranks)
    ends = np.zeros(len(orbit), dtype=np.bool_)
    for column in (rows.src, rows.dst, ranks):
        ends[column] = True
    free = bool((np.bincount(orbit)[orbit[ends]] == group.order).all())
    senders = ranks[np.unique(what.ends(schedule.block)[0])]
    return what if free and len(np.unique(orbit[senders])) == len(senders) else None


def _computed(what: Collective) -> Exchange | None:
    """Give an all_to_all as one whose blocks are computed."""
    if isinstance(what, Exchange):
        return what
    ascending = list(what.ranks) == sorted(set(what.ranks))
    if what.name != "all_to_all" or not ascending or len(what.sizes) != len(what.ranks) ** 2:
        return None
    return exchange(what.ranks) if (what.sizes == 1).all() else None


def own_exchange(schedule: Schedule, what: Exchange, asked: Asked) -> OwnRows | None:
    """Write the instructions of one process; None where some piece is more than passed on.

    Args:
        schedule: one that is sound.
        what: its collective, as of `as_exchange`.
        asked: size and rank, one that takes part or passes something on.
    """
    if (found := find_stretches(schedule, what)) is None:
        return None
    rows = schedule.transfers
    if (least := int(rows.step.min())) < 0:
        raise ProgramError(f"step {least}: steps count from 0")
    blocks = block_elements(what, asked.elements)
    own = _look_up(schedule, what, asked, found, int(blocks[0]))
    step, src, dst = (column[found.row] for column in (rows.step, rows.src, rows.dst))
    phases = pacing_of(schedule).phases
    parts = cut(found, step, own.length, asked.chunks, phases, asked.limit)
    came = one_side(parts, dst, src, own.bringing, own.group)
    sent = one_side(parts, src, dst, own.bringing, own.group)
    start = own.buffer if asked.in_place else 0
    direct, place = _direct(own, parts, came)
    stretch = parts.stretch[came.part]
    needless = direct & (found.last - found.first == 1)[stretch]
    slot, room = _slots(own, parts, came, step, np.where(needless, 0, parts.size[came.part]))
    slot += start
    known = _noted(parts, came, slot)
    buffer = np.where(direct, np.int64(Buffer.OUTPUT), Buffer.SCRATCH)
    place = np.where(direct, place, slot)
    received = _messages(own, parts, came, Action.RECV, buffer, place)
    sends, packs = _send(own, parts, sent, known, start + room)
    made = [*_kept(own), received, *sends, _landed(own, parts, known, came.part[direct], dst)]
    member = own.buffer if asked.rank in what.ranks else 0
    return OwnRows(
        _in_order(made), (member, member, start + room + packs), blocks, integers([0, 0])
    )


def _look_up(schedule: Schedule, what: Exchange, asked: Asked, found: Stretches, each: int) -> _Own:
    """Look up what all ranks share, and which element brings which vertex here."""
    parts, *edges = boundaries(schedule.block, *schedule.parts)
    different = {edge: edge * each // parts for side in edges for edge in set(side.tolist())}
    begin, end = (integers(different[e] for e in side[found.pieces].tolist()) for side in edges)
    bringing = np.full(schedule.topology.vertices, -1, dtype=np.int64)
    every = np.arange(schedule.group.order)
    bringing[schedule.group.origins(every, np.array(asked.rank))] = every
    block = schedule.block[found.pieces]
    holder, wanter = (integers(what.ranks)[side] for side in what.ends(block))
    shared = what, asked, schedule.group, found
    return _Own(*shared, begin, end - begin, holder, wanter, bringing, each)


def _slots(
    own: _Own, parts: Parts, came: Side, step: IntArray, size: IntArray
) -> tuple[IntArray, int]:
    """Give what comes its place in scratch, messages in one range; and count the elements."""
    part, above = came.part, own.found.above
    held = np.where(above < 0, 1, step - step[above])
    keys = (part, parts.alone[part], parts.chunk[part], came.peer, parts.step[part])
    order = np.lexsort(keys)
    turns = own.asked.lead + int(held.max(initial=1))
    slot = np.empty(len(part), dtype=np.int64)
    slot[order], room = in_turns(parts.step[part][order], size[order], turns)
    return slot, room


def _noted(parts: Parts, came: Side, slot: IntArray) -> IntArray:
    """Note where each stretch comes to: (chunks, stretches), -1 where nothing does."""
    known = np.full((len(parts.before), len(parts.place)), -1, dtype=np.int64)
    backward = came.part[::-1]  # the first part of a stretch is written last
    known[parts.chunk[backward], parts.stretch[backward]] = slot[::-1]
    return known


def _kept(own: _Own) -> list[_Rows]:
    """Copy what stays; before it, in place, the input aside."""
    stays = (own.found.arrival < 0) & (own.bringing[own.holder] >= 0) & (own.length > 0)
    piece = np.flatnonzero(stays)
    place = own.outside(piece, np.zeros_like(piece), np.full(len(piece), own.asked.rank))
    copies = _rows(_COPIES, Action.COPY, piece, np.zeros_like(piece))
    copies |= {"buffer": np.full(len(piece), Buffer.OUTPUT), "offset": place}
    copies |= {"source": np.full(len(piece), own.source), "source_offset": place}
    copies |= {"piece": own.named(piece, own.bringing[own.holder[piece]])}
    copies["size"] = own.length[piece]
    aside = _rows(_COPIES, Action.COPY, integers([-1]), integers([0]))
    aside |= {"buffer": integers([Buffer.SCRATCH]), "source": integers([Buffer.INPUT])}
    aside["size"] = integers([own.buffer])
    return [aside, copies] if own.asked.in_place and len(piece) else [copies]


def _direct(own: _Own, parts: Parts, came: Side) -> tuple[BoolArray, IntArray]:
    """Tell which parts come to the output at once, and where in it.

    That is where nothing else is in the message, and all of it belongs in one range.
    """
    part, first = came.part, parts.first[came.part]
    over = own.found.arrival[first] == parts.stretch[part]
    over &= parts.last[part] == first + 1
    end = own.group.images(came.element, own.holder[first])
    offset = own.outside(first, parts.chunk[part], end)
    whole = came.joints.is_contiguous(np.zeros_like(part), offset, parts.size[part])
    return whole & ~came.joints.any_of(~over), offset


def _send(
    own: _Own, parts: Parts, sent: Side, known: IntArray, start: int
) -> tuple[list[_Rows], int]:
    """Send messages, and pack those that do not lie in one range; count the elements for it."""
    part, joint = sent.part, sent.joints
    stretch, chunk, first = parts.stretch[part], parts.chunk[part], parts.first[part]
    above, size = own.found.above[stretch], parts.size[part]
    end = own.group.images(sent.element, own.wanter[first])
    skip = parts.inside(chunk, own.found.first[above], first)
    offset = np.where(above < 0, own.outside(first, chunk, end), known[chunk, above] + skip)
    buffer = np.where(above < 0, np.int64(own.source), Buffer.SCRATCH)
    packed = ~joint.is_contiguous(buffer, offset, size)
    some = np.flatnonzero(packed)
    some = some[np.lexsort((some, joint.leader[some], parts.step[part[some]]))]
    to = offset.copy()
    to[some], room = in_turns(parts.step[part[some]], size[some], own.asked.lead)
    to[some] += start
    packs = _rows(_PACKS, Action.COPY, part[some], parts.step[part[some]])
    packs |= {"buffer": np.full(len(some), Buffer.SCRATCH), "offset": to[some]}
    packs |= {"source": buffer[some], "source_offset": offset[some], "size": size[some]}
    packs["piece"] = own.named(first[some], sent.element[some])
    where = np.where(packed, np.int64(Buffer.SCRATCH), buffer)
    return [_joined(packs), _messages(own, parts, sent, Action.SEND, where, to)], room


def _landed(own: _Own, parts: Parts, known: IntArray, direct: IntArray, dst: IntArray) -> _Rows:
    """Copy what is wanted here out of the messages that brought it."""
    found = own.found
    piece = np.flatnonzero(found.arrival >= 0)
    piece = piece[own.bringing[dst[found.arrival[piece]]] >= 0]
    made = []
    for c in range(own.asked.chunks):
        chunk = np.full(len(piece), c)
        size = parts.inside(chunk, piece, piece + 1)
        some = (size > 0) & ~np.isin(parts.arriving(found, chunk, piece), direct)
        made.append((piece[some], chunk[some], size[some]))
    piece, chunk, size = (np.concatenate(column) for column in zip(*made, strict=True))
    stretch, part = found.arrival[piece], parts.arriving(found, chunk, piece)
    element = own.bringing[dst[stretch]]
    rows = _rows(_LANDINGS, Action.COPY, part, parts.step[part])
    rows |= {"buffer": np.full(len(piece), Buffer.OUTPUT), "size": size}
    rows["offset"] = own.outside(piece, chunk, own.group.images(element, own.holder[piece]))
    rows["source"] = np.full(len(piece), Buffer.SCRATCH)
    rows["source_offset"] = known[chunk, stretch] + parts.inside(chunk, found.first[stretch], piece)
    rows["piece"] = own.named(piece, element)
    return _joined(rows)


def _messages(
    own: _Own, parts: Parts, side: Side, action: Action, buffer: IntArray, offset: IntArray
) -> _Rows:
    """Make one end of each message, at its first part."""
    leads = side.joints.leads
    part = side.part[leads]
    phase = _SENDS if action is Action.SEND else _RECEIVES
    rows = _rows(phase, action, part, parts.step[part])
    rows |= {"peer": side.peer[leads], "size": side.joints.size[leads]}
    rows |= {"buffer": buffer[leads], "offset": offset[leads]}
    rows["piece"] = own.named(parts.first[part], side.element[leads])
    return rows


def _rows(phase: int, action: Action, row: IntArray, step: IntArray) -> _Rows:
    """Make instructions; columns not given hold -1, or 0 for offsets and sizes."""
    none = {name: np.full(len(row), -1) for name in ("peer", "buffer", "source", "piece")}
    zero = {name: np.zeros_like(row) for name in ("process", "offset", "source_offset", "size")}
    what = {"phase": np.full(len(row), phase), "action": np.full(len(row), action)}
    return {**none, **zero, **what, "row": row, "step": step}


def _joined(rows: _Rows) -> _Rows:
    """Make one copy of those that follow each other, and go from one range to one range."""
    if not len(rows["row"]):
        return rows
    same = np.ones(len(rows["row"]) - 1, dtype=np.bool_)
    for name in ("step", "buffer", "source"):
        same &= np.diff(rows[name]) == 0
    for name in ("offset", "source_offset"):
        same &= np.diff(rows[name]) == rows["size"][:-1]
    fresh = np.flatnonzero(np.append(True, ~same))
    found = {name: column[fresh] for name, column in rows.items()}
    found["size"] = np.add.reduceat(rows["size"], fresh)
    return found


def _in_order(made: list[_Rows]) -> _Rows:
    """Put instructions in the order of a program."""
    whole = {name: np.concatenate([rows[name] for rows in made]) for name in made[0]}
    order = np.lexsort([whole[name] for name in ("row", "phase", "step")])
    return {name: whole[name][order] for name in COLUMNS}
