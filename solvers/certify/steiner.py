"""Cheap trees that may pass through vertices that they need not: Steiner arborescences.

A tree out of a root must reach the needed vertices and may branch at any of the others (switches
that copy, ranks outside the collective). The cheapest one is NP-hard to find, so there are two
functions: `steiner_bound` is a lower bound, which a certificate may use, and `steiner_tree` a tree.
Both are exact where the choices are few enough to try, and where bound and tree meet.

Dual ascent: pay for a set W that holds a needed vertex and lacks the root until an arc into it is
paid in full; W is what reaches some needed vertex over paid arcs, the smallest such set. Every
tree enters every such W, so the payments together are a lower bound. Where all vertices are
needed this is Edmonds' algorithm, and exact.

Source: Wong, A dual ascent approach for Steiner tree problems on a directed graph, Mathematical
Programming 28 (1984).
"""

from itertools import chain, combinations
from typing import Any

import numpy as np

from solvers.certify.arborescence import Costs, cheapest_arborescence
from topologies.model.topology import BoolArray, IntArray, frozen

TRIED = 2**6  # sets of other vertices up to which all are tried
TRIED_TO_PROVE = 2**12  # the same, where the dual ascent falls short of the best tree found
FIRSTS = 16  # the nearest vertices that are tried as the only child of a root
SEARCHED = 24  # other vertices up to which taking one in or out is tried


def steiner_bound(cost: Costs, root: int, needed: BoolArray) -> Any:  # noqa: ANN401 (of the costs' kind)
    """Compute a lower bound on the price of every tree out of the root over the needed vertices.

    Complexity: dual ascent takes O(n² × needed) operations on arrays of n² at most.

    Args:
        cost: (n, n), whole numbers, those of missing arcs beyond what a tree costs; exact.
        root: a vertex.
        needed: marks the vertices that a tree must reach.
    """
    if needed.all():
        least = _by_cheapest_arcs(cost, root)
        return cheapest_arborescence(cost, root)[0] if least is None else least
    if _few(needed, TRIED):
        return _exact(cost, root, needed)[0]
    bound = _ascent(cost, root, needed)[0]
    if _few(needed, TRIED_TO_PROVE) and bound < steiner_tree(cost, root, needed)[0]:
        return _exact(cost, root, needed)[0]
    return bound


def _by_cheapest_arcs(cost: Costs, root: int) -> Any:  # noqa: ANN401 (of the costs' kind)
    """Add up the cheapest arcs into all vertices, where some of these lead from the root to each.

    No tree costs less, and one of these arcs costs as much. None where they do not reach all, and
    where the diagonal is cheaper than they are.
    """
    least = cost.min(axis=0)
    tight = cost == least
    reached = front = np.arange(len(cost)) == root
    while front.any():
        front = tight[front].any(axis=0) & ~reached
        reached = reached | front
    return sum(np.delete(least, root).tolist()) if reached.all() else None


def steiner_tree(cost: Costs, root: int, needed: BoolArray) -> tuple[Any, IntArray]:
    """Search for a cheap tree: its total, and each vertex's parent, -1 where there is none.

    Where arcs pay no detour (cost obeys the triangle inequality) other vertices only branch.

    Args:
        cost: of the arc from each vertex (row) to each (column).
        root: a vertex.
        needed: marks the vertices that the tree must reach.
    """
    if needed.all():
        return cheapest_arborescence(cost, root)
    if _few(needed, TRIED):
        return _exact(cost, root, needed)
    reach = _ascent(cost, root, needed)[1]
    found = [_prune(cost, root, needed, needed | chosen) for chosen in (needed, reach)]
    best = min(found, key=lambda tree: tree[0])
    return _search(cost, root, needed, best) if (~needed).sum() <= SEARCHED else best


def steiner_tree_from_one(cost: Costs, root: int, needed: BoolArray) -> tuple[Any, IntArray]:
    """Find a cheap tree as `steiner_tree` does, whose root has one child only."""
    rest = np.flatnonzero(np.arange(len(cost)) != root)
    near = rest[np.argsort(cost[root, rest], kind="stable")][:FIRSTS]
    below = cost[np.ix_(rest, rest)]
    found = []
    for child in near[np.isfinite(cost[root, near].astype(np.float64))].tolist():
        start = int(np.searchsorted(rest, child))
        must = needed[rest].copy()
        must[start] = True
        total, above = steiner_tree(below, start, must)
        parent = np.full(len(cost), -1, dtype=np.int64)
        parent[rest[above >= 0]] = rest[above[above >= 0]]
        parent[child] = root
        found.append((total + cost[root, child], frozen(parent)))
    return min(found, key=lambda tree: tree[0])


def spanning_tree(cost: Costs, root: int, chosen: BoolArray) -> tuple[Any, IntArray]:
    """Find the cheapest tree over exactly the chosen vertices, parents as in `steiner_tree`."""
    vertices = np.flatnonzero(chosen)
    total, above = cheapest_arborescence(
        cost[np.ix_(vertices, vertices)], int(np.searchsorted(vertices, root))
    )
    parent = np.full(len(cost), -1, dtype=np.int64)
    inner = above >= 0
    parent[vertices[inner]] = vertices[above[inner]]
    return total, frozen(parent)


def _few(needed: BoolArray, most: int) -> bool:
    return 1 << int((~needed).sum()) <= most


def _exact(cost: Costs, root: int, needed: BoolArray) -> tuple[Any, IntArray]:
    """Try every set of other vertices."""
    others = np.flatnonzero(~needed).tolist()
    found = []
    for more in chain.from_iterable(combinations(others, k) for k in range(len(others) + 1)):
        chosen = needed.copy()
        chosen[list(more)] = True
        found.append(spanning_tree(cost, root, chosen))
    return min(found, key=lambda tree: tree[0])


def _ascent(cost: Costs, root: int, needed: BoolArray) -> tuple[Any, BoolArray]:
    """Raise the payments; give their sum, and the vertices on paid paths from root to needed."""
    left = np.array(cost, copy=True)
    np.fill_diagonal(left, 0)
    reaches = _closure(left == 0)
    bound = left.dtype.type(0) if left.dtype != object else 0
    while True:
        open_ends = np.flatnonzero(needed & ~reaches[root])
        if not len(open_ends):
            break
        end = open_ends[np.argmin(reaches[:, open_ends].sum(axis=0))]
        inside = reaches[:, end].copy()
        rows, columns = np.flatnonzero(~inside), np.flatnonzero(inside)
        crossing = left[np.ix_(rows, columns)]
        paid = crossing.min()
        bound += paid
        crossing = crossing - paid
        left[np.ix_(rows, columns)] = crossing
        for a, b in zip(*np.nonzero(crossing == 0), strict=True):
            tail, head = rows[a], columns[b]
            if not reaches[tail, head]:
                reaches |= reaches[:, [tail]] & reaches[[head], :]
    return bound, reaches[root] & reaches[:, needed].any(axis=1)


def _closure(arcs: BoolArray) -> BoolArray:
    """Tell who reaches whom over arcs; everyone reaches itself."""
    reaches = arcs | np.eye(len(arcs), dtype=np.bool_)
    while True:
        wider = (reaches.astype(np.float32) @ reaches.astype(np.float32)) > 0
        if (wider == reaches).all():
            return reaches
        reaches = wider


def _prune(cost: Costs, root: int, needed: BoolArray, chosen: BoolArray) -> tuple[Any, IntArray]:
    """Span the chosen vertices, and again without those others that do not branch."""
    while True:
        total, parent = spanning_tree(cost, root, chosen)
        children = np.bincount(parent[parent >= 0], minlength=len(cost))
        idle = chosen & ~needed & (children < 2)
        if not idle.any():
            return total, parent
        chosen = chosen & ~idle


def _search(
    cost: Costs, root: int, needed: BoolArray, best: tuple[Any, IntArray]
) -> tuple[Any, IntArray]:
    """Take single vertices in or out as long as that helps."""
    others = np.flatnonzero(~needed)
    while True:
        chosen = needed | (best[1] >= 0)
        tries = np.tile(chosen, (len(others), 1))
        tries[np.arange(len(others)), others] ^= True
        found = min((_prune(cost, root, needed, row) for row in tries), key=lambda tree: tree[0])
        if not found[0] < best[0]:
            return best
        best = found
