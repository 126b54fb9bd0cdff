"""Where everything lies at one size: blocks, pieces and scratch, in elements."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from runtime.program.buffer_plan import Moves
from runtime.program.elements import width
from runtime.program.program import Buffer
from solvers.schedules.collective import Collective
from topologies.model.topology import IntArray, frozen, integers


def block_elements(collective: Collective, count: int) -> IntArray:
    """Give the elements of each block when the size buffer has `count`.

    A block gets its share rounded down, at least one element unless its size is 0. Where one size
    stands for all of very many blocks, so does one number.
    """
    if collective.sizes.strides == (0,):
        size = int(collective.sizes[0])
        each = max(count * size // collective.total, min(size, 1))
        return np.broadcast_to(np.int64(each), collective.sizes.shape)
    sizes, which = np.unique(collective.sizes, return_inverse=True)
    known = integers(max(count * size // collective.total, min(size, 1)) for size in sizes.tolist())
    return frozen(known[which.reshape(-1)])


def elements(collective: Collective, size: int, dtype: str = "float32") -> int:
    """Round a size in bytes to the elements of the size buffer that a program then uses."""
    blocks = block_elements(collective, size // width(dtype))
    if blocks.strides == (0,):
        return collective.total // int(collective.sizes[0]) * int(blocks[0])
    return max(int(blocks[b].sum()) for b in (*collective.inputs, *collective.outputs))


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
