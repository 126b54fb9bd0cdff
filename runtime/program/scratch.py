"""The scratch memory that a rank needs for a schedule."""

from fractions import Fraction

import numpy as np

from runtime.metrics import chunking
from runtime.metrics.chunking import LARGE
from runtime.metrics.link_loads import weights
from runtime.metrics.pacing import pacing_of
from runtime.program.program import Buffer
from runtime.program.receive_mode import (
    BESIDE,
    Owned,
    Ownership,
    choose_receive_modes,
    home,
)
from solvers.schedules.computed.exchange import Exchange
from solvers.schedules.schedule import IntegerColumn, Schedule, remembered
from topologies.model.topology import BoolArray, IntArray


def scratch(schedule: Schedule, chunks: int | None = None, lead: int | None = None) -> Fraction:
    """Give the scratch that a rank needs, as a part of the size: the most over all ranks.

    What a rank gets of blocks that it does not want stays in scratch, and so does, for `lead`
    program steps, what must land beside its place. In programs pieces are rounded to whole
    elements, so that it can be an element more for each piece; and where small messages are
    joined, those of a step are put together and taken apart in scratch, which is not counted.
    Ranks of one orbit of the group need the same, so the representatives suffice.
    Complexity: transfers × log + (steps + chunks) × ranks that are not alike.

    Args:
        schedule: any that is right.
        chunks: of each piece; those at LARGE bytes where they are not given.
        lead: of the program; the schedule's where it is not given.
    """
    rows = schedule.transfers
    if not len(rows):
        return Fraction(0)
    chunks = chunking.chunks(schedule, LARGE) if chunks is None else chunks
    pacing = pacing_of(schedule)
    piece, step, dst = rows.piece, rows.step, rows.dst
    lasting, beside = _landed(schedule)
    orbit = schedule.group.vertex_orbits
    amount, unit = weights(schedule)
    orbit_size = np.bincount(orbit).tolist()
    needed = np.zeros(len(orbit_size), dtype=amount.dtype)
    np.add.at(needed, orbit[dst[lasting]], amount[piece[lasting]])
    passing = _beside(
        orbit[dst[beside]],
        step[beside],
        amount[piece[beside]],
        (chunks, pacing.phases, pacing.lead if lead is None else lead),
        len(needed),
    )
    each = [
        Fraction((int(needed[i]) * chunks + int(passing[i])) * schedule.group.order, orbit_size[i])
        for i in np.unique(orbit[: schedule.topology.ranks])
    ]
    return max(each) / (unit * chunks)


class _OwnedExchange:
    """Tells who has a block of an exchange at first, or in the end, without a list of blocks."""

    def __init__(self, what: Exchange, block: IntArray, *, sent: bool) -> None:
        self.what, self.block, self.sent = what, block, sent

    def of(self, process: IntArray, piece: IntArray) -> BoolArray:
        """Answer for each pair of a rank and a piece."""
        return self.what.owned(process, self.block[piece], sent=self.sent)


@remembered
def _landed(schedule: Schedule) -> tuple[BoolArray, BoolArray]:
    """Mark the messages that open a slot in scratch, and those that land beside their place."""
    what = schedule.collective
    vertices = schedule.topology.vertices
    if isinstance(what, Exchange):
        ends = (_OwnedExchange(what, schedule.block, sent=sent) for sent in (True, False))
        return _marked(schedule, *ends)
    holds, wants = (
        Owned([buffers.get(rank, _NOTHING) for rank in range(vertices)], schedule.block)
        for buffers in (
            dict(zip(what.ranks, what.inputs, strict=True)),
            dict(zip(what.ranks, what.outputs, strict=True)),
        )
    )
    return _marked(schedule, holds, wants)


def _marked(schedule: Schedule, holds: Ownership, wants: Ownership) -> tuple[BoolArray, BoolArray]:
    """Mark them, given who holds and who wants the pieces."""
    rows = schedule.transfers
    columns = (rows.piece, rows.step, rows.src, rows.dst, rows.reduce)
    how = choose_receive_modes(columns, schedule.topology.vertices, holds, wants)
    lasting = how.opens & (home(wants.of(rows.dst, rows.piece)) == Buffer.SCRATCH)
    return lasting, np.isin(how.landing, BESIDE)


_NOTHING = np.zeros(0, dtype=np.int64)


def _beside(
    label: IntArray, step: IntArray, amount: IntegerColumn, cut: tuple[int, int, int], labels: int
) -> IntegerColumn:
    """Give for each label the room for what lands beside: of the steps that take turns the most.

    cut: the number of chunks, of which one of each of so many steps in a row falls into a program
    step; the phases, as many as which these steps are apart; and the lead, of as many stretches as
    which the program steps take turns.
    """
    chunks, phases, lead = cut
    room = np.zeros(labels, dtype=amount.dtype)
    if not len(label):
        return room
    known, place = np.unique(label, return_inverse=True)
    steps = int(step.max()) + 1
    over = chunks * phases
    each = np.zeros((len(known), steps + 2 * over), dtype=amount.dtype)
    np.add.at(each, (place, step + over), amount)
    for phase in range(phases):
        each[:, phase::phases] = np.cumsum(each[:, phase::phases], axis=1)
    at_once = each[:, over:] - each[:, :-over]
    for turn in range(min(lead, at_once.shape[1])):
        room[known] += at_once[:, turn::lead].max(axis=1)
    return room
