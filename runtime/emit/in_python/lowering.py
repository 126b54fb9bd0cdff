"""The plan made to fit one size: what this process copies, sends, receives and adds."""

import math
from functools import cache
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import numpy as np

from runtime.emit.in_python.plan import (
    CHUNKS_LINEAR,
    CHUNKS_MOST,
    CHUNKS_SQUARE,
    CHUNKS_STEADY,
    KEPT,
    LAYOUT,
    LEAD,
    PARTS,
    PHASES,
    PIECES,
    RANKS,
    SIZES,
    TRANSFERS,
)
from runtime.execute.part import FIELDS, connect
from runtime.program.buffer_plan import Moves
from runtime.program.dependencies import buffers_in_a_row
from runtime.program.lower import arrange
from runtime.program.memory_layout import block_elements, places
from runtime.program.program import Buffer
from runtime.program.receive_mode import Landing
from topologies.model.topology import IntArray

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
    best = max(math.sqrt(CHUNKS_SQUARE * size) + 0.5, CHUNKS_STEADY * size)
    return max(1, int(min(best, CHUNKS_LINEAR * size, CHUNKS_MOST)))


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
        phases=PHASES,
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
        plan, self.lead = own_moves(me), lead or LEAD
        at = places(plan, count, in_place)
        rows, scratch = arrange(plan, at, chunks, joined // width, in_place, self.lead)
        self.me, self.in_place, self.sizes = me, in_place, at.blocks.tolist()
        self.counts = [*at.counts[me].tolist(), int(scratch[me])]
        self.starts: list[int] = at.starts[me].tolist()
        counts, starts = (np.array([each]) * width for each in (self.counts, self.starts))
        bases = buffers_in_a_row(counts, starts, in_place=in_place)
        own = rows[rows["process"] == me]
        mine = {name: own[name] for name in FIELDS}
        self.lines, self.followers = connect(mine, width, bases, self.lead)

    def offsets(self, side: Buffer) -> dict[int, int]:
        """Give where each block begins in the input or output."""
        blocks = LAYOUT[self.me][side]
        ends = accumulate(self.sizes[b] for b in blocks)
        return {b: end - self.sizes[b] for b, end in zip(blocks, ends, strict=True)}
