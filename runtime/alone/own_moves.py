"""The moves of one process, from the representatives alone.

Statement. What a process does follows from the transfers that it sends or receives. Of a transfer
of the schedule these are its images under the elements that bring one of its ends there. In what
order messages are started, and in which they are added up, is said by places among the transfers of
one piece, which all images of the piece share; so both are looked up at the representatives. Where
a piece begins on its block is said by the shares of all pieces of that block, in the order of
`unfold`. So what is found is what `moves` finds of this process, without that of the others.

Complexity: the pieces of all images, and the transfers of this process × log.
"""

from typing import NamedTuple

import numpy as np

from runtime.metrics.adding_order import adding_order
from runtime.metrics.pacing import Order, pacing_of, turns
from runtime.program.buffer_plan import (
    Moves,
    Pieces,
    Sent,
    boundaries,
    place_transfers,
    refuse_empty_hands,
    refuse_switches,
)
from runtime.program.program import ProgramError
from solvers.schedules.computed.exchange import Exchange
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import rows_of
from topologies.model.ragged import earlier
from topologies.model.topology import BoolArray, IntArray, frozen, integers
from topologies.model.units import Rank


class _Rows(NamedTuple):
    """Images of transfers in the order in which a program starts them; piece: as `unfold` does.

    turn, own: as of `adding_order`, comparable with each other.
    """

    piece: IntArray
    step: IntArray
    src: IntArray
    dst: IntArray
    reduce: BoolArray
    turn: IntArray
    own: IntArray


def own_moves(schedule: Schedule, rank: Rank) -> tuple[Moves, IntArray]:
    """Write out the moves of the process that plays a rank.

    Its peers are the other processes; what they do besides is left out, and so is their memory.

    Args:
        schedule: one that is sound.
        rank: that takes part, or passes something on.

    Returns:
        the moves, with the pieces that this process has to do with, and their numbers in `unfold`.

    Raises:
        ProgramError: as of `moves`.
    """
    refuse_switches(schedule)
    rows = _rows(schedule, rank)
    if rows.step.min(initial=0) < 0:
        raise ProgramError(f"step {rows.step.min()}: steps count from 0")
    ranks = np.unique(np.concatenate([[rank], rows.src, rows.dst]))
    src, dst = (np.searchsorted(ranks, end) for end in (rows.src, rows.dst))
    layout, me = _layout(schedule, ranks, rank), int(np.searchsorted(ranks, rank))
    own, pieces = _pieces(schedule, rows.piece, layout[me])
    sent = Sent(np.searchsorted(own, rows.piece), rows.step, src, dst, rows.reduce)
    made, empty = place_transfers(schedule, ranks, layout, pieces, sent, (rows.turn, rows.own))
    refuse_empty_hands(made, empty & (src == me), own)
    return made, own


def _rows(schedule: Schedule, rank: Rank) -> _Rows:
    """Write out what a rank sends or receives, in the order of starting."""
    rows, group, order = schedule.transfers, schedule.group, pacing_of(schedule).order
    row, element = rows_of(schedule, rank)
    place = earlier(rows.piece)
    piece = rows.piece[row] * group.order + element
    sequence = turns(piece, rows.step[row], order, place[row])
    row, element, piece = row[sequence], element[sequence], piece[sequence]
    turn, own = (column[row] for column in _adding(schedule, order))
    ahead = _ranked(piece, rows.step[row], [place[turn], np.where(own < 0, -1, place[own])], order)
    src, dst = (group.images(element, end[row]) for end in (rows.src, rows.dst))
    return _Rows(
        piece, rows.step[row], src, dst, rows.reduce[row], ahead[0], np.where(own < 0, -1, ahead[1])
    )


def _adding(schedule: Schedule, order: Order) -> tuple[IntArray, IntArray]:
    """Find the adding order of the representatives, as numbers of their rows."""
    rows, vertices = schedule.transfers, schedule.topology.vertices
    sequence = turns(rows.piece, rows.step, order)
    piece, step, src, dst = (c[sequence] for c in (rows.piece, rows.step, rows.src, rows.dst))
    found = []
    for numbers in adding_order(piece, step, src, dst, vertices):
        at = np.full(len(sequence), -1, dtype=np.int64)
        at[sequence] = np.where(numbers < 0, -1, sequence[numbers])
        found.append(at)
    return found[0], found[1]


def _ranked(
    piece: IntArray, step: IntArray, places: list[IntArray], order: Order
) -> list[IntArray]:
    """Count transfers off, given by their places in pieces, in the order of starting; from 0."""
    count = len(places)
    piece, step, place = np.tile(piece, count), np.tile(step, count), np.concatenate(places)
    keys = np.stack([step, place, piece] if order == "place" else [step, piece, place])
    sequence = np.lexsort(keys[::-1])
    fresh = (np.diff(keys[:, sequence], axis=1) != 0).any(axis=0)
    number = np.empty(len(piece), dtype=np.int64)
    number[sequence] = np.concatenate([[0], np.cumsum(fresh)])[: len(piece)]
    return np.split(number, count)


def _layout(
    schedule: Schedule, ranks: IntArray, rank: Rank
) -> tuple[tuple[IntArray, IntArray], ...]:
    """List the blocks in the input and the output of one rank; those of others are left out."""
    none, what = integers([]), schedule.collective
    buffers = none, none
    place = int(np.searchsorted(what.ranks, rank))
    if place < len(what.ranks) and what.ranks[place] == rank:
        buffers = what.inputs[place], what.outputs[place]
    return tuple(buffers if each == rank else (none, none) for each in ranks.tolist())


def _pieces(
    schedule: Schedule, moved: IntArray, buffers: tuple[IntArray, IntArray]
) -> tuple[IntArray, Pieces]:
    """Find the pieces that are moved, or held and wanted: their numbers in `unfold`, and places."""
    what, group = schedule.collective, schedule.group
    if isinstance(what, Exchange):
        return _exchanged(schedule, what, moved, buffers)
    known = {block: what.images(block, group) for block in dict.fromkeys(schedule.block.tolist())}
    block = np.concatenate([known[block] for block in schedule.block.tolist()])
    share, unit = schedule.parts
    if int(share.max(initial=0)) * len(block) >= 2**62:
        share = share.astype(object)
    parts, first, last = boundaries(block, np.repeat(share, group.order), unit)
    kept = np.flatnonzero(np.isin(block, np.intersect1d(*buffers)))
    own = np.union1d(moved, kept)
    return own, Pieces(block[own], parts, frozen(first[own]), frozen(last[own]))


def _exchanged(
    schedule: Schedule, what: Exchange, moved: IntArray, buffers: tuple[IntArray, IntArray]
) -> tuple[IntArray, Pieces]:
    """Find the same of an exchange, whose images are too many to be listed.

    The group moves no rank but by the identity. So where no two blocks of the schedule have an
    image in common, an image of a block has images of its pieces alone, cut where these are.

    Raises:
        ProgramError: two of them have.
    """
    group, (share, unit) = schedule.group, schedule.parts
    orbit, senders = group.vertex_orbits, np.unique(what.ends(schedule.block)[0])
    if len(np.unique(orbit[integers(what.ranks)[senders]])) < len(senders):
        raise ProgramError("blocks of ranks that are alike: expected those of one of them")
    parts, first, last = boundaries(schedule.block, share, unit)
    stays = what.ends(schedule.block)
    kept = [np.zeros(0, dtype=np.int64)]
    for piece in np.flatnonzero(stays[0] == stays[1]).tolist():
        images = what.images(int(schedule.block[piece]), group)
        stay = np.flatnonzero(np.isin(images, np.intersect1d(*buffers)))
        kept.append(piece * group.order + stay)
    own = np.union1d(moved, np.concatenate(kept))
    of, element = own // group.order, own % group.order
    block = what.images_of(schedule.block[of], element, group)
    return own, Pieces(block, parts, frozen(first[of]), frozen(last[of]))
