"""Trees of highest throughput that are as low as can be found.

Where there are many roots and the bound is known, low heights are tried first: where every member
is near every root, they suffice, and the linear programs are small. Elsewhere trees of any height
come first. Then lower ones are looked for, between the height that is known and the one that is
known not to do: at heights that are likely, and then at the geometric mean of the two, since low
heights are quickly found or given up. With several families of many members the lowest heights
seldom do, and to find that out is slow; there the search starts a little above.

A height counts as not enough after some rounds of pricing that did not reach the bound; that is no
proof, so lower trees may exist.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import isqrt

from solvers.lp.linear_program import Infeasible
from solvers.packing.families import Heights
from solvers.schedules.certificate import Bound
from solvers.settings.deadline import NotFound, Watch
from solvers.trees.problem import PackedTrees, Size, TreeProblem
from solvers.trees.tuning import (
    HEIGHT_PATIENCE,
    HEIGHT_ROUNDS,
    LARGE_FAMILIES,
    LARGE_MORE,
    LIKELY_HEIGHTS,
    LOW_ENOUGH,
    MANY_CHOICES,
    MANY_FAMILIES,
    MISSES,
    SHALLOW_HOPS,
    TALL_ENOUGH,
)


def search_heights(
    problem: TreeProblem, bound: Bound | None, watch: Watch, scale: float | None = None
) -> PackedTrees:
    """Pack trees at the highest throughput; at equal throughput, low ones.

    With heights of its own the problem keeps to those.

    Args:
        problem: what to pack trees for.
        bound: as in `TreeProblem.pack`.
        watch: says when to stop.
        scale: as in `TreeProblem.pack`.

    Raises:
        as `TreeProblem.pack`.
    """
    if problem.heights:
        return problem.pack(bound, watch, scale)
    size = problem.size()
    likely, low = _likely_heights(size), size.nearest
    if size.rooted and problem.group.order > 1:
        return problem.pack(bound, watch, scale)
    if size.rooted:
        found = (
            _try_height(problem, TALL_ENOUGH, bound, watch)
            if bound and low <= SHALLOW_HOPS
            else None
        )
        return found or problem.pack(bound, watch, scale)
    if bound and (size.families > MANY_FAMILIES or _is_crowded(size)):
        for height in likely:
            if found := _try_height(problem, height, bound, watch):
                return _lower(problem, found, bound, (low, likely), watch)
            low = height + 1
    best = problem.pack(bound, watch, scale)
    if best.bound is None or not problem.is_attained(best):
        return best
    return _lower(problem, best, best.bound, (low, likely), watch)


def _is_crowded(size: Size) -> bool:
    return size.families > 1 and size.members > LARGE_FAMILIES


def _likely_heights(size: Size) -> list[int]:
    """List heights at which trees are common that are as fast as any."""
    if _is_crowded(size):
        return [size.nearest + LARGE_MORE]
    return [size.nearest + more for more in range(LIKELY_HEIGHTS)]


def _lower(
    problem: TreeProblem,
    best: PackedTrees,
    bound: Bound,
    at: tuple[int, Sequence[int]],
    watch: Watch,
) -> PackedTrees:
    """Look for lower trees that attain the bound as the best do.

    at: the least height that is not known to be too low, and those that are likely.
    """
    low, likely = at
    high = best.height()
    if len(best.packing.columns) > MANY_CHOICES:
        low = max(low, LOW_ENOUGH)
    missed = 0
    while low < high and missed < MISSES and not watch.over:
        height = next((h for h in likely if low <= h < high), isqrt(low * high))
        if found := _try_height(problem, height, bound, watch):
            best, high, missed = found, found.height(), 0
        else:
            low, missed = height + 1, missed + (height not in likely)
    return best


def _try_height(
    problem: TreeProblem, height: int, bound: Bound, watch: Watch
) -> PackedTrees | None:
    """Pack trees of a height that attain the bound, if a few rounds find some."""
    low = replace(problem, heights=Heights(height, height))
    try:
        found = low.attain(
            bound, watch.part(HEIGHT_PATIENCE, f"trees of height {height}"), HEIGHT_ROUNDS
        )
    except (Infeasible, NotFound):
        return None
    return found if problem.is_attained(found) else None
