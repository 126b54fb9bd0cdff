"""A tree that has lost arcs, put together again at least cost.

What still hangs on the root stays as it is. What fell off is small as a rule: then each of its
ranks may get a new parent, so that a part may hang on by another rank than it did. Where much fell
off, each part stays as it is and hangs on by its own first rank; where that leads nowhere, all
ranks are free. Arcs that there were cost a little less, and so do parents near the root, so that
little changes, and trees stay low, where prices allow it.

Complexity: square of the ranks that are free, and one row of costs for each.
"""

from collections.abc import Callable

import numpy as np

from solvers.certify.arborescence import cheapest_arborescence
from topologies.model.forests import depths
from topologies.model.topology import BoolArray, FloatArray, IntArray

SMALL = 96  # ranks that fell off, up to which each of them is free
KEEPING = 1e-3  # of the mean cost: what a new arc costs more, and a level
Vary = Callable[[FloatArray], FloatArray]


def reattach(
    root: int, parent: IntArray, reach: FloatArray, tie: float, vary: Vary = np.copy
) -> IntArray:
    """Give every rank a parent again.

    Args:
        root: of the tree.
        parent: of each rank, -1 where it has none now; of the root too.
        reach: what it costs to reach one rank (column) from another (row); inf where no way leads.
        tie: what a new arc costs more, and a level.
        vary: makes other costs of those that are looked at.

    Raises:
        ValueError: some rank cannot be reached.
    """
    top = _tops(parent)
    off = top != root
    free = np.flatnonzero(off)
    if not len(free):
        return parent
    if len(free) > SMALL:
        try:
            return _by_parts(root, parent, reach, top, tie, vary)
        except ValueError:
            off = np.arange(len(parent)) != root
            free = np.flatnonzero(off)
    return _each(parent, reach, free, off, tie, vary)


def tie_between(reach: FloatArray) -> float:
    """Compute what a new arc is to cost more where reaching ranks costs so much."""
    return KEEPING * float(reach[np.isfinite(reach)].mean())


def _tops(parent: IntArray) -> IntArray:
    """Find the first rank of the part that each rank is in."""
    above = np.where(parent < 0, np.arange(len(parent)), parent)
    while (above[above] != above).any():
        above = above[above]
    return above


def _each(
    parent: IntArray, reach: FloatArray, free: IntArray, off: BoolArray, tie: float, vary: Vary
) -> IntArray:
    """Choose a parent for each rank that is free."""
    stays = np.flatnonzero(~off)
    late = depths(parent)[stays] * tie
    outside = vary(reach[np.ix_(stays, free)]) + late[:, None] + tie
    outside[parent[free][None, :] == stays[:, None]] -= tie
    best = np.argmin(outside, axis=0)
    inner = vary(reach[np.ix_(free, free)]) + 2 * tie
    inner[parent[free][None, :] == free[:, None]] -= tie
    size = len(free) + 1
    cost = np.full((size, size), np.inf)
    cost[0, 1:] = outside[best, np.arange(len(free))]
    cost[1:, 1:] = inner
    above = cheapest_arborescence(cost, 0)[1][1:]
    found = parent.copy()
    found[free] = np.where(above == 0, stays[best], free[above - 1])
    return found


def _by_parts(
    root: int, parent: IntArray, reach: FloatArray, top: IntArray, tie: float, vary: Vary
) -> IntArray:
    """Hang each part on by its own first rank."""
    tops = np.unique(top)
    tops = np.append(root, tops[tops != root])
    cost = np.full((len(tops), len(tops)), np.inf)
    by = np.zeros((len(tops), len(tops)), dtype=np.int64)
    late = depths(parent) * tie
    for i, part in enumerate(tops.tolist()):
        own = np.flatnonzero(top == part)
        some = vary(reach[np.ix_(own, tops)]) + late[own][:, None]
        best = np.argmin(some, axis=0)
        cost[i], by[i] = some[best, np.arange(len(tops))], own[best]
    above = cheapest_arborescence(cost, 0)[1]
    found = parent.copy()
    found[tops[1:]] = by[above[1:], np.arange(1, len(tops))]
    return found
