"""Collectives with a number of bytes for each rank: gatherv, scatterv, and those for everyone.

A rank whose number is 0 has no block; whatever else the collective says holds for it as well.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from solvers.schedules.collective import Collective, CollectiveError
from topologies.model.arguments import refuse, whole
from topologies.model.topology import IntArray, frozen, integers
from topologies.model.units import Rank

BYTES_LIMIT = 2**38  # of one block, so that sums are exact

Buffers = tuple[IntArray, ...]


def all_gatherv(ranks: tuple[Rank, ...], blocks: Sequence[int] | IntArray) -> Collective:
    """Give everyone's block to everyone."""
    sizes, own, everything = _blocks("all_gatherv", ranks, blocks)
    return Collective("all_gatherv", ranks, sizes, own, (everything,) * len(ranks))


def reduce_scatterv(ranks: tuple[Rank, ...], blocks: Sequence[int] | IntArray) -> Collective:
    """Give each rank the sum of its block over everyone."""
    sizes, own, everything = _blocks("reduce_scatterv", ranks, blocks)
    return Collective("reduce_scatterv", ranks, sizes, (everything,) * len(ranks), own)


def gatherv(ranks: tuple[Rank, ...], root: Rank, blocks: Sequence[int] | IntArray) -> Collective:
    """Give the root each rank's block."""
    sizes, own, everything = _blocks("gatherv", ranks, blocks)
    return Collective("gatherv", ranks, sizes, own, _only(ranks, root, everything), root)


def scatterv(ranks: tuple[Rank, ...], root: Rank, blocks: Sequence[int] | IntArray) -> Collective:
    """Give each rank its block from the root."""
    sizes, own, everything = _blocks("scatterv", ranks, blocks)
    return Collective("scatterv", ranks, sizes, _only(ranks, root, everything), own, root)


def sizes_in(side: str) -> Callable[[Collective], IntArray]:
    """Give a function that reads each rank's number back from its inputs, or outputs."""
    return lambda what: integers(int(what.sizes[own].sum()) for own in getattr(what, side))


def _only(ranks: tuple[Rank, ...], root: Rank, blocks: IntArray) -> Buffers:
    return tuple(blocks if rank == root else blocks[:0] for rank in ranks)


def check_blocks(name: str, ranks: Sequence[Rank], given: object) -> list[int]:
    """Check that there is a number for each rank.

    Raises:
        CollectiveError: there is not, one is not from 0 to BYTES_LIMIT, or all are 0.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        refuse(f"{name}: blocks", given, "a list of whole numbers from 0", CollectiveError)
    sizes = [whole(f"{name}: block", size, 0, BYTES_LIMIT, CollectiveError) for size in given]
    if len(sizes) != len(ranks):
        raise CollectiveError(f"{name}: found {len(sizes)} blocks, expected {len(ranks)}, one each")
    if not any(sizes):
        raise CollectiveError(f"{name}: all blocks are 0, expected something to send")
    return sizes


def _blocks(
    name: str, ranks: tuple[Rank, ...], given: Sequence[int] | IntArray
) -> tuple[IntArray, Buffers, IntArray]:
    """Give the blocks' sizes, each rank's own blocks, and all blocks."""
    sizes = check_blocks(name, ranks, given)
    some = np.flatnonzero(sizes)
    own = tuple(frozen(np.flatnonzero(some == place)) for place in range(len(ranks)))
    return integers(size for size in sizes if size), own, integers(range(len(some)))
