"""Among the optimal packings of trees, one whose trees are low and reach their members early."""

import numpy as np

from solvers.lp.linear_program import Infeasible, NotFound, solve
from solvers.lp.min_max_load import LoadLP
from solvers.packing.column_pool import ColumnPool
from solvers.packing.tuning import HEIGHT_WORK, LARGE_COLUMNS, TALL_HOPS
from solvers.routing.path_pool import HOP
from solvers.settings.deadline import Watch
from topologies.model.topology import BoolArray, FloatArray, IntArray
from topologies.model.units import Seconds


def prefer_low_trees(
    pool: ColumnPool, lp: LoadLP, scale: float, x: FloatArray, watch: Watch
) -> FloatArray:
    """Among the optimal packings find a low one whose members are reached early.

    Where parents that are nearer to the root than their children suffice, the heights of the
    orders bound those of the trees, and the least bound that suffices is searched for. Where
    there is no time for that, x stays as it is.
    """
    watch = watch.part(HEIGHT_WORK, "trees reached earlier")
    columns, depth = pool.columns, np.array([o.depth for o in pool.orders])
    if len(x) > LARGE_COLUMNS:
        # One program takes seconds, and where members are far away it changes little.
        known = pool.heights is not None or depth.max(axis=1).min() > TALL_HOPS
        return x if known else _earliest(pool, lp, scale, x, watch)
    if pool.heights or len(pool.families) > 1:
        # With several families, lower trees are searched for height by height (`shallow`).
        return _earliest(pool, lp, scale, x, watch)
    rises = depth[columns.order, columns.parent] < depth[columns.order, columns.child]
    best = _lowest(pool, lp, scale, depth.max(axis=1), rises, watch)
    return _earliest(pool, lp, scale, x, watch) if best is None else best


def _lowest(
    pool: ColumnPool, lp: LoadLP, scale: float, heights: IntArray, rises: BoolArray, watch: Watch
) -> FloatArray | None:
    """Search for the least height of orders that suffices; rises: choices that are allowed."""
    levels, order = np.unique(heights), pool.columns.order
    best, low, high = None, 0, len(levels) - 1
    while low <= high:
        middle = high if best is None else (low + high) // 2
        kept = heights <= levels[middle]
        try:
            now = np.append(rises & kept[order], kept)
            best = _early(pool, lp, scale, now, watch, once=True)
            high = middle - 1
        except (Infeasible, NotFound):
            if best is None:
                break
            low = middle + 1
    return best


def _earliest(
    pool: ColumnPool, lp: LoadLP, scale: float, x: FloatArray, watch: Watch
) -> FloatArray:
    """Let members be reached early, of whatever height; x where that cannot be done."""
    try:
        return _early(pool, lp, scale, np.ones(len(x), dtype=np.bool_), watch)
    except (Infeasible, NotFound):
        return x


def _early(
    pool: ColumnPool, lp: LoadLP, scale: float, kept: BoolArray, watch: Watch, *, once: bool = False
) -> FloatArray:
    """Solve for the choices marked as `kept` and the least sum of arrival times.

    once: as of `linear.solve`.
    """
    late = arrivals(pool)
    cost = np.append(late / late.max(), np.zeros(len(pool.orders)))
    x = np.zeros(len(kept))
    program = lp.cheapest(scale, cost, kept)
    x[kept] = solve(program, watch, once=once).x
    return x


def arrivals(pool: ColumnPool) -> FloatArray:
    """Guess for each choice of a parent how late its child is reached: seconds."""
    columns = pool.columns
    alpha = np.array(
        [sum(pool.quotient.topology.alpha[e] + HOP for e in path) for path in pool.paths.links]
    )
    starts = _starts(pool, alpha.mean())
    return np.asarray(starts[columns.order, columns.parent] + alpha[columns.path])


def _starts(pool: ColumnPool, alpha: Seconds) -> FloatArray:
    """Guess when each member of each order can send at the soonest: (orders, members).

    alpha: about that of a message, for orders that are levels.
    """
    orders = pool.orders
    if pool.heights:
        return np.array([order.place * alpha for order in orders])
    if pool.kinds is not None:
        return np.array([order.depth * alpha for order in orders])
    return np.array([pool.reach(o.root, o.inward, o.present)[0] for o in orders])
