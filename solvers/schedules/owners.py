"""Who holds the blocks of a collective, and who wants them, in columns; what all share but once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from topologies.model.topology import BoolArray, IntArray, frozen, integers
from topologies.symmetry.group import Group

AT_ONCE = 2**22  # images that are found together: arrays of 32 MB


class Owners(NamedTuple):
    """The ranks that hold, or want, each block: rank[start[b] : start[b + 1]], ascending."""

    rank: IntArray
    start: IntArray

    def of(self, block: int) -> IntArray:
        """Look up those of one block."""
        return self.rank[self.start[block] : self.start[block + 1]]

    def lists(self) -> tuple[IntArray, ...]:
        """List those of each block; a million of columns take a second."""
        return tuple(self.rank[a:b] for a, b in pairwise(self.start.tolist()))

    @property
    def lengths(self) -> IntArray:
        """Count those of each block."""
        return np.diff(self.start)

    def moved_sum(self, block: int, word: IntArray, group: Group) -> IntArray:
        """Add up the words of those to which each element of a group moves those of a block.

        What is beyond the words has the last one. Complexity: order × those of the block.
        """
        own, last = self.of(block), len(word) - 1
        sums = np.zeros(group.order, dtype=np.int64)
        for some in np.array_split(np.arange(group.order), group.order * len(own) // AT_ONCE + 1):
            moved = group.images(some[:, None], own[None])
            sums[some] = word[np.minimum(moved, last)].sum(axis=1)
        return sums


@dataclass(frozen=True, eq=False)
class Everyone:
    """All ranks, as holders or wanters of each of so many blocks: `Owners` without ranks²."""

    ranks: IntArray
    blocks: int

    def of(self, block: int) -> IntArray:
        """Look up those of one block."""
        return self.ranks

    def lists(self) -> tuple[IntArray, ...]:
        """List those of each block."""
        return (self.ranks,) * self.blocks

    def moved_sum(self, block: int, word: IntArray, group: Group) -> IntArray:
        """Add up the words of all: each element of a group that keeps them has the same sum.

        Raises:
            ValueError: the group does not keep them.
        """
        if not is_kept(self.ranks, group):
            raise ValueError("ranks are moved to others")
        return np.full(group.order, word[self.of(block)].sum())

    @property
    def lengths(self) -> IntArray:
        """Count those of each block."""
        return np.full(self.blocks, len(self.ranks))

    @property
    def rank(self) -> IntArray:
        """Write out the column of ranks."""
        return np.tile(self.ranks, self.blocks)

    @property
    def start(self) -> IntArray:
        """Compute where those of each block begin."""
        return np.arange(self.blocks + 1) * len(self.ranks)


Side = Owners | Everyone


def is_kept(ranks: IntArray, group: Group) -> bool:
    """Tell whether a group moves some ranks among themselves: all do if the generators do."""
    return bool(np.isin(group.generators[:, ranks], ranks).all())


def different(*columns: IntArray) -> tuple[IntArray, ...]:
    """Give each object among columns once, as ranks share buffers."""
    return tuple({id(column): column for column in columns}.values())


def same_columns(ours: Sequence[IntArray], theirs: Sequence[IntArray]) -> bool:
    """Tell whether columns are equal one by one; those shared on both sides are compared once."""
    if len(ours) != len(theirs):
        return False
    pairs = {(id(a), id(b)): (a, b) for a, b in zip(ours, theirs, strict=True)}
    return all(np.array_equal(a, b) for a, b in pairs.values())


def mark(chosen: IntArray, blocks: int) -> BoolArray:
    """Mark the blocks that were chosen: (blocks,)."""
    marked = np.zeros(blocks, dtype=np.bool_)
    marked[chosen] = True
    return marked


def is_shared(buffers: Sequence[IntArray], blocks: int) -> bool:
    """Tell whether all ranks have one and the same column, with each block once."""
    if len(buffers) < 2 or len(buffers[0]) != blocks or len(different(*buffers)) > 1:
        return False
    return bool(mark(buffers[0], blocks).all())


def count(buffers: Sequence[IntArray], blocks: int) -> IntArray:
    """Count for each block the buffers that it is in."""
    if is_shared(buffers, blocks):
        return np.full(blocks, len(buffers))
    return np.bincount(np.concatenate([integers([]), *buffers]), minlength=blocks)


def owners_of(ranks: IntArray, buffers: Sequence[IntArray], blocks: int) -> Side:
    """Look up for each block the ranks in whose buffers it is."""
    if len(buffers) == len(ranks) and is_shared(buffers, blocks):
        return Everyone(frozen(np.sort(ranks)), blocks)
    block = np.concatenate([integers([]), *buffers])
    rank = np.repeat(ranks[: len(buffers)], [len(own) for own in buffers])
    order = np.lexsort((rank, block))
    start = np.searchsorted(block[order], np.arange(blocks + 1))
    return Owners(frozen(rank[order]), frozen(start))


def common(
    inputs: Sequence[IntArray], outputs: Sequence[IntArray], blocks: int
) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """Give the input and the output of each rank, and the blocks that are in both.

    Complexity: the buffers; of one that ranks share only what is in the other.
    """
    last, marks = integers([]), mark(integers([]), blocks)
    for mine, ours in zip(inputs, outputs, strict=True):
        few, many = sorted((mine, ours), key=len)
        if many is not last:
            last, marks = many, mark(many, blocks)
        yield mine, ours, few[marks[few]]
