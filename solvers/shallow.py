"""Trees of highest throughput that are as low as can be found.

Low heights are tried first: where every member is near every root, they suffice, and the linear
programs are small. Elsewhere trees of any height come first, and then lower ones are looked for
halfway between the height that is known and the one that is known not to do.
A height counts as not enough after some rounds of pricing that did not reach the bound; that is no
proof, so lower trees may exist.
"""

from dataclasses import replace

from solvers.certificate import Bound
from solvers.growth import Heights
from solvers.linear import Infeasible
from solvers.tree_problem import Packed, TreeProblem
from solvers.watch import NotFound, Watch

AT_ONCE = 2  # heights, from the least possible one up, that are tried before others
MANY = 8  # families above which these come before trees of any height, which take long then
TALL = 64  # a height that bounds next to nothing
LARGE = 2**15  # choices of parents above which trees are not looked for that are lower than
ENOUGH = 5  # messages
ROUNDS = 8  # of pricing, for each height
PATIENCE = 0.3  # of the time that is left, for each height


def packed(
    problem: TreeProblem, bound: Bound | None, watch: Watch, scale: float | None = None
) -> Packed:
    """Pack trees at the highest throughput; at equal throughput, low ones.

    bound, scale: as in `TreeProblem.pack`. With heights of its own the problem keeps to those.

    Raises:
        as `TreeProblem.pack`.
    """
    if problem.heights:
        return problem.pack(bound, watch, scale)
    least, families, rooted = problem.nearest()
    low = least
    if families > MANY:
        for low in range(least + 1, least + AT_ONCE + 1):
            if found := _tried(problem, low - 1, bound, watch, scale):
                return found
    elif rooted and (found := _tried(problem, TALL, bound, watch, scale)):
        return found
    return _lowered(problem, problem.pack(bound, watch, scale), low, watch)


def _lowered(problem: TreeProblem, best: Packed, low: int, watch: Watch) -> Packed:
    """Look for trees as fast as the best, of heights from `low` up."""
    if not problem.attained(best):
        return best
    high, first = best.height(), low
    if len(best.packing.columns) > LARGE:
        low = max(low, ENOUGH)
    while low < high and not watch.over:
        # Trees as low as can be are common, and quickly found or given up.
        height = low if low == first else (low + high) // 2
        if found := _tried(problem, height, best.bound, watch):
            best, high = found, found.height()
        else:
            low = height + 1
    return best


def _tried(
    problem: TreeProblem,
    height: int,
    bound: Bound | None,
    watch: Watch,
    scale: float | None = None,
) -> Packed | None:
    """Pack trees of a height that attain the bound, if a few rounds find some."""
    try:
        found = replace(problem, heights=Heights(height, height)).low(
            bound, watch.part(PATIENCE), scale, ROUNDS
        )
    except (Infeasible, NotFound):
        return None
    return found if problem.attained(found) else None
