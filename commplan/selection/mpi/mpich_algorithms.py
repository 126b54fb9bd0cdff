"""The algorithms that MPICH 5.0 lets a selection file name, with their parameters.

Their names are those of the tree that lies in its library; what they send was read in its sources
and compared with what they take on emulated machines (`python -m bench.select --all`). What
sends the same as another is left out, and so is what goes by processes of one host.
"""

from collections.abc import Iterator
from functools import partial

from commplan.selection.algorithm import Algorithm, Catalogue, power_of_two
from solvers.selectable import exchanges, gathers, spreads, sums, trees
from solvers.selectable.messages import Pattern
from topologies.model.units import Bytes

BRANCHES = (3, 4, 8)  # of algorithms that have 2 where nothing is said
# Bytes, of trees whose sends block. Such a send is over when it is buffered, a larger one when the
# other side has it: segments of 128 KiB go neither at once nor one by one, and were never fastest.
SEGMENTS = (2**13, 2**15)
# What a selection file calls a collective, and how the key of a size counts.
WORDS = {
    "all_gather": "allgather",
    "all_reduce": "allreduce",
    "broadcast": "bcast",
    "all_to_all": "alltoall",
    "reduce_scatter": "reduce_scatter_block",
}


def at_least(k: int, n: int) -> bool:
    """Take as many processes as a group has, or more."""
    return n >= k


def name(collective: str, algorithm: str) -> str:
    """Write the name of an algorithm as the library does."""
    return f"MPIR_{WORDS[collective].capitalize()}_intra_{algorithm}"


def _gathers() -> Iterator[Algorithm]:
    call = partial(name, "all_gather")
    yield Algorithm(call("ring"), (), gathers.ring)
    yield Algorithm(call("recursive_doubling"), (), gathers.recursive_doubling, power_of_two)
    yield Algorithm(call("brucks"), (), gathers.bruck)
    for k in BRANCHES:
        made = partial(gathers.bruck, k=k)
        yield Algorithm(call("k_brucks"), (("k", str(k)),), made, partial(at_least, k))
    for k in (2, *BRANCHES):
        for way, far in (("doubling", False), ("halving", True)):
            figures = (("k", str(k)), ("single_phase_recv", "0"))
            made = partial(gathers.exchange, k=k, far_first=far)
            yield Algorithm(call(f"recexch_{way}"), figures, made, partial(at_least, k))


def _sums() -> Iterator[Algorithm]:
    call = partial(name, "all_reduce")
    yield Algorithm(call("recursive_doubling"), (), sums.whole_exchange)
    yield Algorithm(call("reduce_scatter_allgather"), (), sums.halving_doubling)
    yield Algorithm(call("ring"), (), sums.ring)
    for k in BRANCHES:
        figures = (("k", str(k)), ("single_phase_recv", "0"))
        fits = partial(at_least, k)
        yield Algorithm(call("recexch"), figures, partial(sums.whole_exchange, k=k), fits)
        made = partial(sums.halving_doubling, k=k)
        yield Algorithm(call("k_reduce_scatter_allgather"), figures, made, fits)
    for kind in trees.TREES:
        for k in (2, 4):
            shape = (("tree_type", kind), ("k", str(k)))
            rest = (("chunk_size", "0"), ("buffer_per_child", "0"))
            yield Algorithm(call("tree"), (*shape, *rest), partial(_summed, kind, k))


def _summed(kind: str, k: int, n: int) -> Pattern:
    """Add up a tree, whole: segments were measured to gain little, since they go one by one."""
    return sums.up_and_down(trees.TREES[kind](n, k))


def _spreads() -> Iterator[Algorithm]:
    call = partial(name, "broadcast")
    yield Algorithm(call("binomial"), (), lambda n: spreads.one_by_one(trees.binomial(n)))
    yield Algorithm(
        call("scatter_recursive_doubling_allgather"),
        (),
        partial(spreads.scatter_gather, ring=False),
        power_of_two,
    )
    yield Algorithm(call("scatter_ring_allgather"), (), partial(spreads.scatter_gather, ring=True))
    for kind in trees.TREES:
        for k in (2, 4, 8):
            # With 1, a broadcast of several segments now and then never ends on a busy computer
            # (MPICH 5.0: 3 of 64 programs; with 0 none of 40).
            shape = (("tree_type", kind), ("k", str(k)), ("is_non_blocking", "0"))
            yield Algorithm(call("tree"), shape, partial(_sent, kind, k, 0))
    for kind, branches in (("kary", (1, 2, 4)), ("knomial_1", (2,)), ("knomial_2", (2,))):
        for k in branches:
            for segment in SEGMENTS:
                shape = (("tree_type", kind), ("k", str(k)), ("is_non_blocking", "0"))
                rest = (("chunk_size", str(segment)), ("recv_pre_posted", "0"))
                made = partial(_sent, kind, k, segment)
                yield Algorithm(call("pipelined_tree"), (*shape, *rest), made)


def _sent(kind: str, k: int, segment: Bytes, n: int) -> Pattern:
    return spreads.one_by_one(trees.TREES[kind](n, k), segment)


def _exchanges() -> Iterator[Algorithm]:
    call = partial(name, "all_to_all")
    yield Algorithm(call("brucks"), (), exchanges.bruck)
    yield Algorithm(call("pairwise"), (), exchanges.pairwise)
    yield Algorithm(call("scattered"), (), partial(exchanges.in_batches, batch=32))
    for k in BRANCHES:
        made = partial(exchanges.bruck, k=k)
        yield Algorithm(call("k_brucks"), (("k", str(k)),), made, partial(at_least, k))


def _shares() -> Iterator[Algorithm]:
    call = partial(name, "reduce_scatter")
    yield Algorithm(call("recursive_halving"), (), sums.shares_halving)
    yield Algorithm(call("pairwise"), (), sums.shares_pairwise)


ALGORITHMS: Catalogue = {
    "all_gather": tuple(_gathers()),
    "all_reduce": tuple(_sums()),
    "broadcast": tuple(_spreads()),
    "all_to_all": tuple(_exchanges()),
    "reduce_scatter": tuple(_shares()),
}
