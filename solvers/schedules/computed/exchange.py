"""An all_to_all of so many ranks that its blocks are computed, and never laid out.

Block i * n + j goes from the i-th of n ranks to the j-th. 16,384 ranks have 268 million of them: a
column with a number for each takes 2 GB, and there would be ten. So what is asked of a block is
computed from its number, and what is asked of all from how many there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from solvers.schedules.collective import Collective, CollectiveError, Movement, Shape, ones
from topologies.model.cached import cached_property
from topologies.model.topology import BoolArray, IntArray, frozen, integers
from topologies.model.units import Rank
from topologies.symmetry.group import Group

MOST = 2**16  # ranks: a routing of theirs has a path to each, of 64 links in a torus


@dataclass(frozen=True)
class Rows(Sequence[IntArray]):
    """The blocks that each of n ranks sends, or gets, each computed when it is asked for."""

    ranks: int
    sent: bool

    def __len__(self) -> int:
        return self.ranks

    @overload
    def __getitem__(self, place: int) -> IntArray: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[IntArray]: ...

    def __getitem__(self, place: int | slice) -> IntArray | Sequence[IntArray]:
        """Compute those of one rank, by its place, or of some."""
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(self.ranks))]
        i, n = range(self.ranks)[place], self.ranks
        return frozen(np.arange(i * n, i * n + n) if self.sent else np.arange(i, n * n, n))

    def __iter__(self) -> Iterator[IntArray]:
        return (self[i] for i in range(self.ranks))


@dataclass(frozen=True, eq=False)
class Ends:
    """The one rank that holds, or wants, each block: `Owners` without a column of blocks."""

    ranks: IntArray
    sent: bool

    def of(self, block: int) -> IntArray:
        """Look up that of one block."""
        place = block // len(self.ranks) if self.sent else block % len(self.ranks)
        return self.ranks[place : place + 1]

    def lists(self) -> tuple[IntArray, ...]:
        """Refuse to list those of all blocks."""
        raise _too_many(len(self.ranks))

    def moved_sum(self, block: int, word: IntArray, group: Group) -> IntArray:
        """Compute the word of the rank to which each element of a group moves that of a block."""
        return word[np.minimum(group.column(int(self.of(block)[0])), len(word) - 1)]

    @property
    def lengths(self) -> IntArray:
        """Count those of each block: one."""
        return ones(len(self.ranks) ** 2)

    @property
    def rank(self) -> IntArray:
        """Refuse to write out the column."""
        raise _too_many(len(self.ranks))

    @property
    def start(self) -> IntArray:
        """Refuse to write out the column."""
        raise _too_many(len(self.ranks))


@dataclass(frozen=True, eq=False)
class Exchange(Collective):
    """An all_to_all of many ranks, ascending, whose blocks are equal."""

    def __post_init__(self) -> None:
        """Refuse what is no such all_to_all."""
        n = len(self.ranks)
        if list(self.ranks) != sorted(set(self.ranks)) or not n or n > MOST:
            raise CollectiveError(f"all_to_all: expected 1 to {MOST:,} ranks, ascending")
        sides = self.inputs == Rows(n, True) and self.outputs == Rows(n, False)
        even = self.sizes.shape == (n * n,) and self.sizes.strides == (0,) and self.sizes[0] == 1
        if self.name != "all_to_all" or self.root is not None or not sides or not even:
            raise CollectiveError("all_to_all: expected an equal block from each rank to each")

    @cached_property
    def total(self) -> int:
        """Count the blocks that a rank sends."""
        return len(self.ranks)

    @cached_property
    def crossing(self) -> int:
        """Count the blocks that must leave a rank."""
        return len(self.ranks) - 1

    def moved(self, others: IntArray) -> list[int]:
        """Count the blocks that must leave, or enter, each rank."""
        return [self.crossing] * len(self.ranks)

    @cached_property
    def owners(self) -> tuple[Ends, Ends]:  # type: ignore[override]
        """Tell who holds each block, and who wants it."""
        ranks = integers(self.ranks)
        return Ends(ranks, True), Ends(ranks, False)

    @cached_property
    def counts(self) -> tuple[IntArray, IntArray]:
        """Count those who hold each block, and who want it: one."""
        one = ones(self.blocks)
        return one, one[:]

    @cached_property
    def shape(self) -> Shape:
        """Tell what it is."""
        path = Movement.PERSONALISED if len(self.ranks) > 1 else Movement.STAY
        return Shape(path, False, None, False)

    @cached_property
    def places(self) -> IntArray:
        """Look up the place of each vertex up to the last rank, -1 of one that takes no part."""
        found = np.full(self.ranks[-1] + 2, -1, dtype=np.int64)
        found[list(self.ranks)] = np.arange(len(self.ranks))
        return frozen(found)

    def ends(self, blocks: IntArray) -> tuple[IntArray, IntArray]:
        """Compute the places of the rank that holds each of some blocks, and of who wants it."""
        return blocks // len(self.ranks), blocks % len(self.ranks)

    def images_of(self, blocks: IntArray, elements: IntArray, group: Group) -> IntArray:
        """Compute the block that an element of a group makes of a block, entry by entry.

        Raises:
            CollectiveError: a rank is moved to none of those that take part.
        """
        ranks, last = integers(self.ranks), len(self.places) - 1
        src, dst = (
            self.places[np.minimum(group.images(elements, ranks[end]), last)]
            for end in self.ends(blocks)
        )
        if min(src.min(initial=0), dst.min(initial=0)) < 0:
            raise CollectiveError(f"{self.name}: the symmetry does not keep its ranks")
        return src * len(self.ranks) + dst

    def images(self, block: int, group: Group) -> IntArray:
        """Compute the block that each element of a group makes of one."""
        every = np.arange(group.order)
        return self.images_of(np.full(group.order, block), every, group)

    def owned(self, vertex: IntArray, blocks: IntArray, *, sent: bool) -> BoolArray:
        """Tell whether a vertex holds a block, or wants it, entry by entry."""
        end = self.ends(blocks)[0 if sent else 1]
        return np.asarray(integers(self.ranks)[end] == vertex)


def exchange(ranks: tuple[Rank, ...]) -> Exchange:
    """Make an all_to_all of ranks, ascending.

    Raises:
        CollectiveError: they are more than `MOST`.
    """
    n = len(ranks)
    return Exchange("all_to_all", ranks, ones(n * n), Rows(n, True), Rows(n, False))


def _too_many(ranks: int) -> CollectiveError:
    return CollectiveError(
        f"all_to_all: {ranks:,} ranks have {ranks * ranks:,} blocks, too many to be laid out"
    )
