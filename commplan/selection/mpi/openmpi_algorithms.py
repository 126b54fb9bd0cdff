"""The algorithms of Open MPI 5.0's coll/tuned that a rules file names, and what it takes by itself.

Numbers are those that `ompi_info --param coll tuned --level 9` lists; sizes at which the library's
own choice changes are those of its fixed decisions (coll_tuned_decision_fixed.c, the same in 4.1
and 5.0). What is made of other collectives, whose algorithms are chosen anew, is not modelled;
where the library takes such a one by itself, no rule is written.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from commplan.selection.algorithm import (
    Algorithm,
    Catalogue,
    any_number,
    even,
    power_of_two,
)
from solvers.selectable import exchanges, gathers, spreads, sums, trees
from solvers.selectable.messages import Pattern
from topologies.model.units import Bytes

SEGMENTS = (2**13, 2**15, 2**17)  # bytes
# Of a collective: its number in a file, its name in JSON, and its algorithms by number.
NUMBERS = {
    "all_gather": (0, "allgather"),
    "all_reduce": (2, "allreduce"),
    "all_to_all": (3, "alltoall"),
    "broadcast": (7, "bcast"),
    "reduce_scatter": (12, "reduce_scatter"),
}
NAMES = {
    "all_gather": ("linear", "bruck", "recursive_doubling", "ring", "neighbor", "two_proc"),
    "all_reduce": (
        *("basic_linear", "nonoverlapping", "recursive_doubling", "ring", "segmented_ring"),
        "rabenseifner",
    ),
    "all_to_all": ("linear", "pairwise", "modified_bruck", "linear_sync", "two_proc"),
    "broadcast": (
        *("basic_linear", "chain", "pipeline", "split_binary_tree", "binary_tree", "binomial"),
        *("knomial", "scatter_allgather", "scatter_allgather_ring"),
    ),
    "reduce_scatter": ("non-overlapping", "recursive_halving", "ring", "butterfly"),
}
RADIX = 4  # of the knomial tree, where nothing is said


def named(
    collective: str,
    number: int,
    pattern: Callable[[int], Pattern],
    fits: Callable[[int], bool] = any_number,
    segment: Bytes = 0,
) -> Algorithm:
    """Make an algorithm of its number; its segment is in bytes, 0 for none."""
    name = f"{number} {NAMES[collective][number - 1]}"
    figures = (("segment", str(segment)),) if segment else ()
    return Algorithm(name, figures, pattern, fits)


def _gathers() -> Iterator[Algorithm]:
    made = partial(named, "all_gather")
    yield made(2, gathers.bruck)
    yield made(3, gathers.recursive_doubling, power_of_two)
    yield made(4, gathers.ring)
    yield made(5, gathers.neighbour_exchange, even)


def _sums() -> Iterator[Algorithm]:
    made = partial(named, "all_reduce")
    yield made(1, sums.reduced_then_sent)
    yield made(3, sums.whole_exchange)
    yield made(4, sums.ring)
    yield made(6, sums.halving_doubling)


def _exchanges() -> Iterator[Algorithm]:
    made = partial(named, "all_to_all")
    yield made(1, exchanges.at_once)
    yield made(2, partial(exchanges.pairwise, swaps=False))
    yield made(3, exchanges.bruck)


def _spreads() -> Iterator[Algorithm]:
    made = partial(named, "broadcast")
    shapes: tuple[tuple[int, Callable[[int], trees.Children]], ...] = (
        (1, lambda n: trees.kary(n, max(n - 1, 1))),
        (5, lambda n: trees.strided(n, 2)),
        (6, trees.doubling),
        (7, lambda n: trees.knomial_right(n, RADIX)),
    )
    for number, shape in shapes:
        yield made(number, partial(_down, shape, 0))
    for number, shape in ((3, trees.chain), *shapes[1:3]):
        for segment in SEGMENTS:
            yield made(number, partial(_down, shape, segment), segment=segment)
    yield made(2, partial(_down, trees.chain, 0))
    yield made(8, partial(spreads.scatter_gather, ring=False), power_of_two)
    yield made(9, partial(spreads.scatter_gather, ring=True))


def _down(shape: Callable[[int], trees.Children], segment: Bytes, n: int) -> Pattern:
    return spreads.down_tree(shape(n), segment)


def _shares() -> Iterator[Algorithm]:
    yield named("reduce_scatter", 2, sums.shares_halving)
    yield named("reduce_scatter", 3, sums.shares_ring)


ALGORITHMS: Catalogue = {
    "all_gather": tuple(_gathers()),
    "all_reduce": tuple(_sums()),
    "all_to_all": tuple(_exchanges()),
    "broadcast": tuple(_spreads()),
    "reduce_scatter": tuple(_shares()),
}
# What is the same as another for these numbers of processes, or with no segments.
SAME = {
    "all_gather": {6: 4},
    "all_reduce": {5: 4},
    "all_to_all": {4: 1, 5: 1},
    "broadcast": {3: 2},
    "reduce_scatter": {},
}
K, M = 2**10, 2**20
End = int
Choices = Sequence[tuple[End, int]]
ALWAYS = 2**62
# By collective: for fewer processes than so many, an algorithm below each size (of the block of
# one process for all_gather and all_to_all, else of the whole buffer).
FIXED: dict[str, Sequence[tuple[End, Choices]]] = {
    "all_gather": (
        (3, ((ALWAYS, 6),)),
        (32, ((ALWAYS, 3),)),
        (64, ((K, 3), (64 * K, 5), (ALWAYS, 4))),
        (128, ((512, 3), (64 * K, 5), (ALWAYS, 4))),
        (256, ((512, 3), (128 * K, 5), (512 * K, 4), (M, 5), (ALWAYS, 4))),
        (512, ((32, 3), (128, 2), (K, 3), (128 * K, 5), (512 * K, 4), (M, 5), (ALWAYS, 4))),
        (1024, ((64, 3), (256, 2), (2 * K, 3), (ALWAYS, 5))),
    ),
    "all_reduce": (
        (
            4,
            (
                *((8, 4), (4 * K, 3), (8 * K, 4), (16 * K, 3), (64 * K, 4), (256 * K, 5)),
                (ALWAYS, 6),
            ),
        ),
        (8, ((16, 4), (8 * K, 3), (ALWAYS, 6))),
        (16, ((8 * K, 3), (ALWAYS, 6))),
        (32, ((64, 5), (4 * K, 3), (ALWAYS, 6))),
        (64, ((128, 5), (ALWAYS, 6))),
        (128, ((256 * K, 3), (ALWAYS, 6))),
        (256, ((128 * K, 2), (256 * K, 3), (ALWAYS, 6))),
        (512, ((4 * K, 2), (ALWAYS, 6))),
        (2048, ((2 * K, 2), (16 * K, 3), (ALWAYS, 6))),
    ),
    "all_to_all": (
        (
            3,
            (
                *((2, 2), (4, 5), (16, 2), (64, 5), (256, 2), (4 * K, 5), (32 * K, 2)),
                *((256 * K, 4), (M, 5), (ALWAYS, 2)),
            ),
        ),
        (8, ((8 * K, 4), (16 * K, 1), (64 * K, 4), (512 * K, 1), (M, 2), (ALWAYS, 1))),
        (16, ((256 * K, 4), (ALWAYS, 1))),
        (
            32,
            (
                *((4, 4), (512, 3), (8 * K, 4), (32 * K, 1), (256 * K, 4), (512 * K, 1)),
                (ALWAYS, 4),
            ),
        ),
        (64, ((512, 3), (512 * K, 1), (ALWAYS, 4))),
        (128, ((K, 3), (2 * K, 1), (4 * K, 4), (256 * K, 1), (ALWAYS, 2))),
        (256, ((K, 3), (2 * K, 4), (256 * K, 1), (ALWAYS, 2))),
        (512, ((K, 3), (8 * K, 4), (32 * K, 1), (ALWAYS, 2))),
        (1024, ((512, 3), (8 * K, 4), (16 * K, 1), (128 * K, 4), (256 * K, 1), (ALWAYS, 2))),
    ),
    "broadcast": (
        (
            4,
            (
                *((32, 3), (256, 5), (512, 3), (K, 7), (32 * K, 1), (128 * K, 5)),
                *((256 * K, 2), (512 * K, 1), (M, 6), (ALWAYS, 5)),
            ),
        ),
        (8, ((64, 5), (128, 6), (2 * K, 5), (8 * K, 6), (M, 1), (ALWAYS, 2))),
        (16, ((8, 7), (64, 5), (4 * K, 7), (16 * K, 5), (32 * K, 6), (ALWAYS, 1))),
        (32, ((4 * K, 7), (M, 6), (ALWAYS, 8))),
        (64, ((2 * K, 6), (ALWAYS, 7))),
        (128, ((ALWAYS, 7),)),
        (256, ((2, 6), (16 * K, 5), (32 * K, 1), (64 * K, 5), (ALWAYS, 7))),
        (1024, ((16 * K, 7), (32 * K, 4), (ALWAYS, 7))),
    ),
    "reduce_scatter": (
        (4, ((64 * K, 3), (128 * K, 4), (ALWAYS, 3))),
        (8, ((8, 1), (256 * K, 2), (ALWAYS, 3))),
        (32, ((256 * K, 2), (ALWAYS, 3))),
        (64, ((64, 1), (2 * K, 2), (512 * K, 4), (ALWAYS, 3))),
        (128, ((256, 1), (512, 2), (2 * K, 4), (4 * K, 2), (ALWAYS, 4))),
        (256, ((256, 1), (512, 2), (ALWAYS, 4))),
        (512, ((256, 1), (K, 2), (ALWAYS, 4))),
        (1024, ((512, 1), (2 * K, 2), (8 * K, 4), (16 * K, 2), (ALWAYS, 4))),
    ),
}
BLOCKWISE = frozenset({"all_gather", "all_to_all"})


def fixed(collective: str, processes: int) -> Choices:
    """Look up what the library takes by itself, by size, for a number of processes."""
    return next((choices for end, choices in FIXED[collective] if processes < end), ((ALWAYS, 0),))
