"""Patterns of two and three levels: between boxes first, then inside them; sums the other way.

Statement. Let ranks be (a, i): box a, place i. An all_gather first goes along a, among the ranks of
one place, and then along i: the second phase moves everything that the first one brought. So every
piece crosses between boxes once for each box, which is the least, whatever pattern each phase uses;
a pattern for each is what there is to choose. With boxes in boxes it is the same with one phase
more. reduce_scatter is the mirror image, all_reduce both; what has a root goes from leader to
leaders down a tree, one for each box.

Source: Thakur and Gropp, Improving the performance of collective operations in MPICH, EuroPVM/MPI
2003, section 7 (levels); the phases along coordinates are those of Jain and Sabharwal, Optimal
bucket algorithms for large MPI collectives on torus interconnects, ICS 2010.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import combinations, pairwise, product
from math import prod

import numpy as np

from solvers.routing.partitions import Boxes, list_partitions
from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import ROOTED, pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates import binomial, bruck, ring
from solvers.templates.layout import Sends, TemplateError, blocks, expect, lay_out, mirror
from topologies.model.topology import IntArray, Topology, integers

TREES = ("broadcast", "reduce", "scatter", "gather", "all_reduce")
GRIDS = ("all_gather", "reduce_scatter", "all_reduce")
COLLECTIVES = tuple(dict.fromkeys(TREES + GRIDS))
DEEP = 2  # pairs of partings, one in the other, that are tried

Levels = tuple[Boxes, ...]


def list_patterns(
    topology: Topology, collective: Collective, bound: Bound = UNPROVED
) -> Iterator[tuple[str, Callable[[], Schedule]]]:
    """Name every pattern of levels for every way to part the machine into boxes, and its maker.

    Raises (the makers):
        TemplateError: ranks that are not joined, or a machine that cannot relay the sums.
    """
    single = [(parted,) for parted in list_partitions(topology, collective.ranks)]
    for levels in [*single, *_pair_nested(single)]:
        yield from _of_levels(topology, collective, levels, bound)


def grid(
    topology: Topology,
    collective: Collective,
    levels: Levels,
    patterns: Sequence[str],
    bound: Bound = UNPROVED,
) -> Schedule:
    """Gather along one coordinate after the other, the outermost first; add in the mirror.

    Args:
        topology: the machine.
        collective: what is to be done.
        levels: partings, the outermost first, each in boxes of those before; all of equal sizes.
        patterns: of `PATTERNS`, one for each coordinate.
        bound: goes with the schedule as it is.

    Raises:
        TemplateError: boxes of different sizes, another collective, ranks that are not joined, or
            a machine that cannot relay the sums.
    """
    name = _name_pattern(levels, collective, patterns)
    expect(name, collective, GRIDS)
    ranks, shape = _grid(levels, collective.ranks)
    gathering = _phases(ranks, shape, patterns)
    block = {rank: i for i, rank in enumerate(collective.ranks)}
    pieces = [(block[rank], Fraction(1)) for rank in ranks.tolist()]
    sends = gathering if pattern_of(collective) == "all_gather" else mirror(gathering)
    if pattern_of(collective) == "all_reduce":
        pieces = [(0, Fraction(1, len(ranks)))] * len(ranks)
        sends = _one_after_the_other(sends, gathering)
    return lay_out(name, Router(topology), collective, pieces, sends, bound)


def tree(
    topology: Topology,
    collective: Collective,
    levels: Levels,
    patterns: Sequence[str],
    bound: Bound = UNPROVED,
) -> Schedule:
    """Send from the root to a leader in each box, and on from there; sums in the mirror.

    Args:
        topology: the machine.
        collective: what is to be done.
        levels: as of `grid`, of any sizes.
        patterns: of `SPREADS`, one for each level and the ranks.
        bound: goes with the schedule as it is.

    Raises:
        TemplateError: as of `grid`.
    """
    name = _name_pattern(levels, collective, patterns)
    expect(name, collective, TREES)
    root = collective.ranks[0] if collective.root is None else collective.root
    down = _down(levels, collective.ranks, root, patterns)
    if pattern_of(collective) in ("scatter", "gather"):
        block = {rank: i for i, rank in enumerate(collective.ranks)}
        down = _carry_blocks(down, block)
    up = mirror(down, reduce=pattern_of(collective) != "gather")
    sends = down if pattern_of(collective) in ("broadcast", "scatter") else up
    if pattern_of(collective) == "all_reduce":
        sends = _one_after_the_other(up, down)
    return lay_out(name, Router(topology), collective, blocks(collective), sends, bound)


def _one_after_the_other(first: Sequence[Sends], second: Sequence[Sends]) -> list[Sends]:
    rounds = 1 + max((s.round for s in first), default=-1)
    return [*first, *(s.later(rounds) for s in second)]


def _of_levels(
    topology: Topology, collective: Collective, levels: Levels, bound: Bound
) -> Iterator[tuple[str, Callable[[], Schedule]]]:
    """Name the patterns over given levels; inside the smallest boxes few are of use."""
    for make, known, outer, inner in (
        (grid, GRIDS, PATTERNS, ("direct", "bruck")),
        (tree, TREES, SPREADS, SPREADS),
    ):
        if pattern_of(collective) not in known:
            continue
        for first, last in product(outer, inner):
            if last != "direct" and max(map(len, levels[-1])) == 2:  # all patterns are one
                continue
            patterns = (*[first] * len(levels), last)
            if make is tree and pattern_of(collective) not in ROOTED and "direct" in patterns[:1]:
                continue  # everyone to one rank and back: binomial is never slower there
            name = _name_pattern(levels, collective, patterns)
            yield name, partial(make, topology, collective, levels, patterns, bound)


def _name_pattern(levels: Levels, collective: Collective, patterns: Sequence[str]) -> str:
    counts = [len(parted) for parted in levels]
    inner = [b // a for a, b in zip([1, *counts], [*counts, len(collective.ranks)], strict=False)]
    return f"levels {' x '.join(map(str, inner))}: {', '.join(patterns)}"


def _pair_nested(single: Sequence[Levels]) -> list[Levels]:
    """Pair partings where the boxes of the second lie in those of the first."""
    found: list[Levels] = []
    for (outer,), (inner,) in combinations(single, 2):
        if all(_home(box, outer) is not None for box in inner):
            found.append((outer, inner))
    return found[:DEEP]


def _home(box: IntArray, parted: Boxes) -> int | None:
    """Find the box that another one lies in."""
    return next((i for i, other in enumerate(parted) if np.isin(box, other).all()), None)


def _grid(levels: Levels, ranks: Sequence[int]) -> tuple[IntArray, list[int]]:
    """Put the ranks in the order of their coordinates; give the size of each.

    Raises:
        TemplateError: boxes of one level differ in size.
    """
    keys = [integers(ranks)]
    counts = [1]
    for parted in levels:
        sizes = {len(box) for box in parted}
        if len(sizes) > 1 or len(parted) % counts[-1]:
            raise TemplateError(f"levels: boxes of {min(sizes)} to {max(sizes)} ranks")
        keys.append(integers(_home(integers([rank]), parted) or 0 for rank in ranks))
        counts.append(len(parted))
    order = np.lexsort([keys[0], *keys[:0:-1]])
    counts.append(len(ranks))
    return integers(ranks)[order], [b // a for a, b in pairwise(counts)]


def _phases(ranks: IntArray, shape: Sequence[int], patterns: Sequence[str]) -> list[Sends]:
    """Gather along each coordinate; piece p is that of ranks[p] in the beginning."""
    sends: list[Sends] = []
    for axis, pattern in enumerate(patterns):
        sizes = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
        grid, piece = ranks.reshape(sizes), np.arange(len(ranks)).reshape(sizes)
        began = 1 + max((s.round for s in sends), default=-1)
        outer, inner = np.arange(sizes[0]), np.arange(sizes[2])
        for one in PATTERNS[pattern](sizes[1]):
            send, here, there, after = np.meshgrid(
                np.arange(len(one.piece)), outer, outer, inner, indexing="ij"
            )
            moved = piece[there, one.piece[send], after]
            ends = (grid[here, end[send], after] for end in (one.src, one.dst))
            columns = [integers(column.reshape(-1)) for column in (moved, *ends)]
            sends.append(Sends(began + one.round, columns[0], columns[1], columns[2]))
    return sends


def _direct(count: int) -> list[Sends]:
    """Let each place send its own to all others, the next ones first."""
    away, place = (grid.reshape(-1) for grid in np.indices((count - 1, count)))
    return [Sends(0, place, place, (place + away + 1) % count)]


def _bruck(count: int) -> list[Sends]:
    steps = [1 << bit for bit in range((count - 1).bit_length())]
    return bruck.gather(np.arange(count), steps)


def _ring(count: int) -> list[Sends]:
    return ring.send_around(np.arange(count), "all_gather")


def _down(levels: Levels, ranks: Sequence[int], root: int, patterns: Sequence[str]) -> list[Sends]:
    """Spread one piece: in each box of a level from its leader to those of the boxes in it."""
    every = integers(ranks)
    partings: list[Boxes] = [(every,), *levels, tuple(integers([rank]) for rank in ranks)]
    sends: list[Sends] = []
    for outer, inner, pattern in zip(partings, partings[1:], patterns, strict=False):
        began = 1 + max((s.round for s in sends), default=-1)
        for box in outer:
            own = [each for each in inner if each[0] in box]
            first = _leader(box, outer, root)
            leaders = [_leader(each, inner, root) for each in own]
            order = integers([first, *(leader for leader in leaders if leader != first)])
            sends += [s.later(began) for s in SPREADS[pattern](order)]
    return sends


def _leader(box: IntArray, parted: Boxes, root: int) -> int:
    """Choose the root itself, or who has its place in another box: that is often one rail."""
    home = parted[_home(integers([root]), parted) or 0]
    place = int(np.searchsorted(home, root))
    return int(box[place % len(box)])


def _order_straight(order: IntArray) -> list[Sends]:
    count = len(order) - 1
    return [Sends(0, np.zeros(count, dtype=np.int64), order[:1].repeat(count), order[1:])]


def _carry_blocks(down: Sequence[Sends], block: dict[int, int]) -> list[Sends]:
    """Let each message of a spreading carry the blocks of all ranks that are reached through it."""
    below = {rank: [number] for rank, number in block.items()}
    found = []
    for sends in sorted(down, key=lambda s: -s.round):
        pairs = list(zip(sends.src.tolist(), sends.dst.tolist(), strict=True))
        rows = [(piece, src, dst) for src, dst in pairs for piece in below[dst]]
        for src, dst in pairs:
            below[src] = below[src] + below[dst]
        piece, src_, dst_ = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        found.append(Sends(sends.round, piece, src_, dst_))
    return found[::-1]


# Patterns of an all_gather among places 0 .. count - 1, piece p being that of place p.
PATTERNS: dict[str, Callable[[int], list[Sends]]] = {
    "direct": _direct,
    "bruck": _bruck,
    "ring": _ring,
}
# Patterns that spread piece 0 from the first of some ranks to the others.
SPREADS: dict[str, Callable[[IntArray], list[Sends]]] = {
    "direct": _order_straight,
    "binomial": lambda order: binomial.broadcast(order, order),
}
