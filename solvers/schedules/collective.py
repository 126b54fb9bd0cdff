"""What a collective asks for: blocks of data, who holds them before, who wants them after."""

from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from solvers.schedules import owners as owning
from topologies.model.arguments import column, of, refuse, whole
from topologies.model.cached import cached_property
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.topology import IntArray, frozen, integers
from topologies.model.units import Rank, Share
from topologies.symmetry.group import Group


class CollectiveError(CommplanError, ValueError):
    """A collective that cannot be asked for."""

    exit_code = WRONG_INPUT


class Movement(Enum):
    """What a collective does with its blocks; those that stay where they are do not count."""

    STAY = "nothing moves"
    PERSONALISED = "from one rank to one rank"
    COPY = "from one rank to one or several"
    SUM = "the sum of one or several ranks' parts, to one rank"
    COPY_OF_SUM = "the sum of several ranks' parts, to several"
    MIXED = "some blocks are copied, and others are sums"


BLOCK_LIMIT = 2**24  # blocks of an all_to_all that are laid out: a column of them takes 128 MB
Blocks = Callable[[int], Sequence[int]]  # those of the i-th rank
MOST_RANKS = 2**20
WHOLE = (0,)  # the blocks of a buffer that is one block
MANY = (Movement.COPY, Movement.SUM, Movement.COPY_OF_SUM)


class Shape(NamedTuple):
    """What a collective is, whatever its name: derived from who holds and who wants its blocks.

    Attributes:
        everyone: each block is copied or a sum, and every rank holds or wants it (of sums for
            several: holds and wants it).
        root: the one rank that holds everything or, if inward, wants everything.
        inward: on reversed links, and from the end, it is a collective that copies, or one of a
            root that holds everything.
    """

    movement: Movement
    everyone: bool
    root: Rank | None
    inward: bool


@dataclass(frozen=True, eq=False)
class Collective:
    """The precondition and the postcondition, and the layout of both buffers.

    Before, rank ranks[i] holds in its input buffer its own contribution to each block of inputs[i],
    one after the other. After, its output buffer holds each block of outputs[i], added up over
    every rank that had the block in its input, each contribution once.

    Attributes:
        sizes: the blocks' sizes in any common unit.
        root: a rank, where the collective has one.
    """

    name: str
    ranks: tuple[Rank, ...]
    sizes: IntArray
    inputs: Sequence[IntArray]
    outputs: Sequence[IntArray]
    root: Rank | None = None

    def __post_init__(self) -> None:
        """Refuse what is of another kind; whether it fits together is up to `verify`."""
        of("name", self.name, str, "a name", CollectiveError)
        of("ranks", self.ranks, tuple, "a tuple of ranks", CollectiveError)
        for i, rank in enumerate(self.ranks):
            whole(f"ranks[{i}]", rank, error=CollectiveError)
        column("sizes", self.sizes, error=CollectiveError)
        for side in ("inputs", "outputs"):
            lists = of(side, getattr(self, side), tuple, "a tuple of columns", CollectiveError)
            for i, blocks in enumerate(lists):
                column(f"{side}[{i}]", blocks, error=CollectiveError)
        if self.root is not None:
            whole("root", self.root, error=CollectiveError)

    @property
    def blocks(self) -> int:
        """Count the blocks."""
        return len(self.sizes)

    @cached_property
    def place(self) -> dict[int, int]:
        """Look up the place of each rank among those that take part."""
        return {rank: place for place, rank in enumerate(self.ranks)}

    @cached_property
    def total(self) -> int:
        """Compute the largest buffer of a rank, in units of `sizes`: what a user calls the size."""
        buffers = owning.different(*self.inputs, *self.outputs)
        return max(int(self.sizes[own].sum()) for own in buffers)

    @cached_property
    def crossing(self) -> int:
        """Compute the most that must leave one rank, or enter it, in units of `sizes`."""
        return max(amount for others in self.counts for amount in self.moved(others))

    def moved(self, others: IntArray) -> list[int]:
        """Compute how much must leave the input of each rank, or enter its output, in `sizes`.

        Args:
            others: one of `counts`: how many want each block, or how many hold it.
        """
        leaves = others is self.counts[1]
        known: dict[int, int] = {}  # of buffers that ranks share
        found = []
        for mine, ours, both in owning.common(self.inputs, self.outputs, self.blocks):
            own = mine if leaves else ours
            if id(own) not in known:
                known = {id(own): int(self.sizes[own[others[own] > 0]].sum())}
            found.append(known[id(own)] - int(self.sizes[both[others[both] == 1]].sum()))
        return found

    @cached_property
    def holders(self) -> tuple[IntArray, ...]:
        """List for each block the ranks that contribute to it."""
        return self.owners[0].lists()

    @cached_property
    def wanters(self) -> tuple[IntArray, ...]:
        """List for each block the ranks that want it."""
        return self.owners[1].lists()

    @cached_property
    def owners(self) -> tuple[owning.Side, owning.Side]:
        """Look up the ranks that contribute to each block, and those that want it, in columns."""
        ranks, sides = integers(self.ranks), (self.inputs, self.outputs)
        held, wanted = (owning.owners_of(ranks, side, self.blocks) for side in sides)
        return held, wanted

    @cached_property
    def counts(self) -> tuple[IntArray, IntArray]:
        """Count for each block the ranks that contribute to it, and those that want it."""
        held, wanted = (owning.count(side, self.blocks) for side in (self.inputs, self.outputs))
        return held, wanted

    @cached_property
    def shape(self) -> Shape:
        """Derive the shape; complexity: sorting the buffers."""
        held, wanted = self.counts
        both = np.zeros(self.blocks, dtype=np.int64)
        for _, _, own in owning.common(self.inputs, self.outputs, self.blocks):
            both[own] += 1
        moving = wanted > (both * (held == 1))
        path = _movement(held[moving], wanted[moving])
        holder, wanter = (self._find_only(buffers) for buffers in (self.inputs, self.outputs))
        gathered = path is Movement.PERSONALISED and holder is None and wanter is not None
        inward = path is Movement.SUM or gathered
        near = both if path is Movement.COPY_OF_SUM else held + wanted - both
        everyone = path in MANY and bool((near == len(self.ranks)).all())
        return Shape(path, everyone, wanter if inward else holder, inward)

    def _find_only(self, buffers: Sequence[IntArray]) -> int | None:
        """Find the only rank with anything in its buffer."""
        some = [rank for rank, own in zip(self.ranks, buffers, strict=True) if len(own)]
        return some[0] if len(some) == 1 else None

    def fraction(self, block: int) -> Share:
        """Compute a block's share of the size."""
        return Fraction(int(self.sizes[block]), self.total)

    def images(self, block: int, group: Group) -> IntArray:
        """Look up the block that each element of a group of the vertices makes of `block`.

        A block is known by its size, holders and wanters; they are compared through sums of random
        64-bit words, blocks that agree in all by their order.

        Args:
            block: its number.
            group: of permutations of the vertices.

        Raises:
            CollectiveError: a permutation does not map the collective to itself.
        """
        (holds, wants, size), keys, order = self._signatures
        own = np.array([size[int(self.sizes[block])]])
        signature = np.full(group.order, own[0])
        try:
            for side, word in zip(self.owners, (holds, wants), strict=True):
                signature += side.moved_sum(block, word, group)
                own += word[side.of(block)].sum()
        except ValueError:
            raise self._not_kept(block) from None
        start, end = (int(np.searchsorted(keys, own, side)[0]) for side in ("left", "right"))
        place = np.searchsorted(keys, signature) + np.searchsorted(order[start:end], block)
        place = np.minimum(place, len(order) - 1)
        if not np.array_equal(keys[place], signature):
            raise self._not_kept(block)
        image: IntArray = order[place]
        return image

    def _not_kept(self, block: int) -> CollectiveError:
        return CollectiveError(f"{self.name}: the symmetry does not keep block {block}")

    @cached_property
    def _signatures(
        self,
    ) -> tuple[tuple[IntArray, IntArray, dict[int, np.int64]], IntArray, IntArray]:
        """Draw words for ranks and sizes; give them, the blocks' keys sorted, and their order."""
        draw = np.random.default_rng(0)
        top = max(self.ranks) + 2
        holds, wants = (draw.integers(-(2**62), 2**62, top) for _ in range(2))
        size = {int(s): draw.integers(-(2**62), 2**62) for s in np.unique(self.sizes)}
        different, which = np.unique(self.sizes, return_inverse=True)
        keys = np.array([size[int(s)] for s in different])[which.reshape(-1)]
        for word, buffers in ((holds, self.inputs), (wants, self.outputs)):
            if owning.is_shared(buffers, self.blocks):
                keys += word[list(self.ranks)].sum()
                continue
            for rank, blocks in zip(self.ranks, buffers, strict=True):
                np.add.at(keys, blocks, word[rank])
        order = np.argsort(keys, kind="stable")
        return (holds, wants, size), keys[order], order


def _movement(held: IntArray, wanted: IntArray) -> Movement:
    """Name what happens to blocks that move, by how many ranks hold and want each."""
    copies, sums = bool((wanted > 1).any()), bool((held > 1).any())
    if copies and sums:
        return Movement.COPY_OF_SUM if ((held > 1) & (wanted > 1)).all() else Movement.MIXED
    if copies or sums:
        return Movement.COPY if copies else Movement.SUM
    return Movement.PERSONALISED if len(held) else Movement.STAY


def _layout(
    name: str,
    ranks: tuple[Rank, ...],
    sizes: Sequence[int] | IntArray,
    inputs: Blocks,
    outputs: Blocks,
    root: Rank | None = None,
) -> Collective:
    """Make a collective from the blocks in each rank's buffers; i counts the ranks from 0."""
    return Collective(
        name, tuple(ranks), integers(sizes), _buffers(ranks, inputs), _buffers(ranks, outputs), root
    )


def _buffers(ranks: tuple[Rank, ...], blocks: Blocks) -> tuple[IntArray, ...]:
    """Make the buffers of all ranks; those that are given one and the same range share a column."""
    made: dict[int, tuple[Sequence[int], IntArray]] = {}
    found = []
    for i in range(len(ranks)):
        own = blocks(i)
        if id(own) not in made:
            made = {id(own): (own, integers(own))}
        found.append(made[id(own)][1])
    return tuple(found)


def all_gather(ranks: tuple[Rank, ...], sizes: Sequence[int] = ()) -> Collective:
    """Give everyone's block to everyone; with unequal sizes this is all_gatherv."""
    everything = range(len(ranks))
    return _layout(
        "all_gather", ranks, sizes or [1] * len(ranks), lambda i: [i], lambda _: everything
    )


def reduce_scatter(ranks: tuple[Rank, ...], sizes: Sequence[int] = ()) -> Collective:
    """Give each rank the sum of its block; with unequal sizes this is reduce_scatterv."""
    everything = range(len(ranks))
    return _layout(
        "reduce_scatter", ranks, sizes or [1] * len(ranks), lambda _: everything, lambda i: [i]
    )


def all_reduce(ranks: tuple[Rank, ...]) -> Collective:
    """Give everyone the sum of everyone's vector."""
    return _layout("all_reduce", ranks, [1], lambda _: WHOLE, lambda _: WHOLE)


def all_to_all(ranks: tuple[Rank, ...]) -> Collective:
    """Send from each rank another block to each, itself included.

    Those of the same ranks are one, and their buffers parts of one column: they may be large.
    """
    known = _ALL_TO_ALL.get(ranks)
    if known is None:
        n = len(ranks)
        block = frozen(np.arange(n * n).reshape(n, n))
        known = Collective("all_to_all", ranks, ones(n * n), tuple(block), tuple(block.T))
        _ALL_TO_ALL[ranks] = known
    return known


_ALL_TO_ALL: WeakValueDictionary[tuple[Rank, ...], Collective] = WeakValueDictionary()


def ones(count: int) -> IntArray:
    """Make a column of ones that takes no memory."""
    return np.broadcast_to(np.int64(1), (count,))


def broadcast(ranks: tuple[Rank, ...], root: Rank) -> Collective:
    """Give everyone the root's vector."""
    return _layout("broadcast", ranks, [1], _only(ranks, root, [0]), lambda _: WHOLE, root)


def reduce(ranks: tuple[Rank, ...], root: Rank) -> Collective:
    """Give the root the sum of everyone's vector."""
    return _layout("reduce", ranks, [1], lambda _: WHOLE, _only(ranks, root, [0]), root)


def scatter(ranks: tuple[Rank, ...], root: Rank) -> Collective:
    """Give each rank its block from the root."""
    blocks = range(len(ranks))
    return _layout(
        "scatter", ranks, [1] * len(ranks), _only(ranks, root, blocks), lambda i: [i], root
    )


def gather(ranks: tuple[Rank, ...], root: Rank) -> Collective:
    """Give the root each rank's block."""
    blocks = range(len(ranks))
    return _layout(
        "gather", ranks, [1] * len(ranks), lambda i: [i], _only(ranks, root, blocks), root
    )


def _only(ranks: tuple[Rank, ...], root: Rank, blocks: Sequence[int]) -> Blocks:
    """Give `blocks` to the root and nothing to the others."""
    return lambda i: blocks if ranks[i] == root else []


def check_ranks(name: str, ranks: object) -> tuple[int, ...]:
    """Take only ranks: whole numbers from 0.

    Raises:
        CollectiveError: something else.
    """
    if isinstance(ranks, str | bytes) or not isinstance(ranks, Iterable):
        refuse(f"{name}: ranks", ranks, "a list of whole numbers from 0", CollectiveError)
    if isinstance(ranks, Sized) and len(ranks) > MOST_RANKS:
        raise CollectiveError(f"{name}: {len(ranks):,} ranks, expected at most {MOST_RANKS:,}")
    return tuple(whole(f"{name}: rank", rank, error=CollectiveError) for rank in ranks)
