"""Collectives with a number of bytes for each rank (gatherv, scatterv, ...), or each pair of them.

A rank whose number is 0 has no block; whatever else the collective says holds for it as well.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from solvers.schedules.collective import Collective, CollectiveError, check_ranks
from topologies.model.arguments import of, refuse, whole
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


def all_to_allv(ranks: tuple[Rank, ...], demand: IntArray) -> Collective:
    """Send demand[i, j] units from ranks[i] to ranks[j], what stays (i = j) included.

    Only pairs with something to send have a block; blocks count row by row.

    Args:
        ranks: those that take part.
        demand: what each of them sends to each, in any unit.

    Raises:
        CollectiveError: the ranks are not ascending, or the demand is not whole numbers from 0, a
            row and a column for each rank, with one above 0.
    """
    chosen = check_ranks("all_to_allv", ranks)
    if not chosen or list(chosen) != sorted(set(chosen)):
        raise CollectiveError("all_to_allv: the ranks must be different, and ascending")
    of("demand", demand, np.ndarray, "a numpy array of whole numbers", CollectiveError)
    ranks = chosen
    if demand.shape != (len(ranks),) * 2 or demand.dtype.kind not in "iu":
        found = f"{demand.shape} of {demand.dtype}"
        raise CollectiveError(f"all_to_allv: {found} for {len(ranks)} ranks, expected a square")
    if demand.min() < 0 or not demand.any():
        raise CollectiveError("all_to_allv: expected entries from 0, and one above")
    src, dst = np.nonzero(demand)
    return Collective(
        "all_to_allv",
        ranks,
        frozen(demand[src, dst].astype(np.int64)),
        tuple(frozen(np.flatnonzero(src == i)) for i in range(len(ranks))),
        tuple(frozen(np.flatnonzero(dst == i)) for i in range(len(ranks))),
    )


def demand_of(collective: Collective) -> IntArray:
    """Compute what each rank sends to each rank, where every block goes from one rank to one rank.

    Returns:
        (ranks, ranks) in units of `sizes`, by the places in the list of ranks.

    Raises:
        CollectiveError: a block has not exactly one holder and one wanter.
    """
    ends = []
    for buffers in (collective.inputs, collective.outputs):
        blocks = np.concatenate(buffers)
        if not np.array_equal(np.sort(blocks), np.arange(collective.blocks)):
            raise CollectiveError(f"{collective.name}: not every block goes from one rank to one")
        place = np.empty(collective.blocks, dtype=np.int64)
        place[blocks] = np.repeat(np.arange(len(buffers)), [len(own) for own in buffers])
        ends.append(place)
    demand = np.zeros((len(collective.ranks),) * 2, dtype=np.int64)
    np.add.at(demand, tuple(ends), collective.sizes)
    return frozen(demand)


def _blocks(
    name: str, ranks: tuple[Rank, ...], given: Sequence[int] | IntArray
) -> tuple[IntArray, Buffers, IntArray]:
    """Give the blocks' sizes, each rank's own blocks, and all blocks."""
    sizes = check_blocks(name, ranks, given)
    some = np.flatnonzero(sizes)
    own = tuple(frozen(np.flatnonzero(some == place)) for place in range(len(ranks)))
    return integers(size for size in sizes if size), own, integers(range(len(some)))
