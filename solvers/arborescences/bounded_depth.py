"""Cheap trees of bounded height: each vertex has a level, and a parent on a lower one.

Statement. Let every vertex but the root have a level 1 .. h, and take as its parent the cheapest
vertex of a lower level. Any levels make a tree of height at most h, and every such tree comes from
some levels: its depths. So only levels are searched for. Moving one vertex down by some levels
costs it what its parent costs more, and spares the vertices above that it now serves better;
moving it up, those that it served take their second best. All n·h moves are judged at once.

The least such tree is NP-hard to find (h = 2 is uncapacitated facility location). The search ends
where no single move helps; without the limit it is a minimum arborescence, and where that is low
enough it is the answer, exactly.

Complexity: O(n²·h) for all moves of a round; moves that do not touch each other are made together.

Source: for levels instead of trees Gouveia, Using the Miller-Tucker-Zemlin constraints to formulate
a minimal spanning tree problem with hop constraints, Computers & OR 22 (1995).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from solvers.certify.arborescence import cheapest_arborescence
from solvers.certify.distances import hops
from topologies.model.errors import NO, CommplanError
from topologies.model.forests import depths
from topologies.model.topology import BoolArray, FloatArray, IntArray, frozen

GAIN = 1e-9  # least improvement of a move, relative to the tree
ROUNDS = 200  # of moves, at most
FIRSTS = 4  # the nearest vertices that are tried as the only child of a root
BOTH = 16  # vertices up to which the search starts twice, from the minimum arborescence if low
MANY = 128  # the same, where there are levels to start from
TALL = 8  # height from which that is tried with more vertices too
JUDGED = 128  # moves that are looked at in a round


class BoundedDepthTree(NamedTuple):
    """A tree: its cost, and each vertex's parent, -1 at the root and where it is not."""

    total: float
    parent: IntArray


class Unreachable(CommplanError, ValueError):
    """Some vertex cannot be reached in so few steps."""

    exit_code = NO


def bounded_depth_tree(
    cost: FloatArray,
    root: int,
    needed: BoolArray,
    height: int,
    known: IntArray | None = None,
) -> BoundedDepthTree:
    """Search for a cheap tree out of the root of at most so many levels below it.

    cost[u, v]: of the arc u -> v, inf for none. Vertices that are not `needed` may be left out.

    Args:
        cost: of the arc from each vertex (row) to each (column), inf where there is none.
        root: a vertex.
        needed: marks the vertices that the tree must reach.
        height: levels below the root, at most.
        known: levels to start from, where there are some; the tree then costs no more than theirs.

    Raises:
        Infinite: a needed vertex is too far away.
    """
    if height < 1 and needed.sum() > 1:
        raise Unreachable(f"some rank cannot be reached in {height} messages")
    cost = np.array(cost, dtype=np.float64)
    np.fill_diagonal(cost, np.inf)
    starts = []
    if needed.all() and (len(cost) <= BOTH or height >= TALL):
        total, parent = cheapest_arborescence(cost, root)
        if depths(parent).max() <= height:
            return BoundedDepthTree(float(total), parent)
    more = len(cost) <= (BOTH if known is None else MANY)
    if known is not None:
        starts.append(known.copy())
    if not needed.all() or more:
        starts.append(np.where(needed, height, height + 1))
    if more or not starts:
        starts.append(_grow(cost, root, needed, height))
    best = min(_searches(cost, root, needed, height, starts), key=lambda tree: tree.total)
    if not np.isfinite(best.total) and not more:
        starts = [_grow(cost, root, needed, height)]  # from nothing, single moves do not reach all
        best = next(_searches(cost, root, needed, height, starts))
    if not np.isfinite(best.total):
        raise Unreachable(f"some rank cannot be reached in {height} messages")
    return best


def _searches(
    cost: FloatArray, root: int, needed: BoolArray, height: int, starts: list[IntArray]
) -> Iterator[BoundedDepthTree]:
    """Search from each of some levels."""
    for level in starts:
        level[root] = 0
        yield _Levels(cost, level, needed, height).search()


def bounded_depth_tree_from_one(
    cost: FloatArray, root: int, needed: BoolArray, height: int
) -> BoundedDepthTree:
    """Find a cheap tree as `bounded_depth_tree` does, whose root has one child only."""
    rest = np.flatnonzero(np.arange(len(cost)) != root)
    near = rest[np.argsort(cost[root, rest], kind="stable")][:FIRSTS]
    found = []
    for child in near[np.isfinite(cost[root, near])].tolist():
        must, start = needed[rest], int(np.searchsorted(rest, child))
        must[start] = True
        try:
            total, above = bounded_depth_tree(cost[np.ix_(rest, rest)], start, must, height - 1)
        except Unreachable:
            continue
        parent = np.full(len(cost), -1, dtype=np.int64)
        parent[rest[above >= 0]] = rest[above[above >= 0]]
        parent[child] = root
        found.append(BoundedDepthTree(total + float(cost[root, child]), frozen(parent)))
    if not found:
        raise Unreachable(f"some rank cannot be reached in {height} messages")
    return min(found, key=lambda tree: tree.total)


def levels(parent: IntArray, root: int, height: int) -> IntArray:
    """Give the vertices of a tree levels: leaves the last one, others their depth.

    So leaves have the widest choice of parents. Vertices that are not in the tree are behind.
    """
    inner = np.zeros(len(parent), dtype=np.bool_)
    inner[parent[parent >= 0]] = True
    level = np.where(inner, depths(parent), height)
    level[(parent < 0) & (np.arange(len(parent)) != root)] = height + 1
    level[root] = 0
    return level


def _grow(cost: FloatArray, root: int, needed: BoolArray, height: int) -> IntArray:
    """Grow a tree from the root by the cheapest arc that is not too deep (Prim); its levels."""
    n = len(cost)
    parent = np.full(n, -1, dtype=np.int64)
    depth = np.full(n, height)
    depth[root] = 0
    near, above = cost[root].copy(), np.full(n, root)
    waiting = needed.copy()
    waiting[root] = False
    while waiting.any():
        offers = np.where(waiting, near, np.inf)
        v = int(np.argmin(offers))
        if not np.isfinite(offers[v]):
            return _hop_levels(cost, root, needed, height)
        waiting[v] = False
        parent[v], depth[v] = above[v], depth[above[v]] + 1
        if depth[v] < height:
            better = waiting & ((cost[v] < near) | ((cost[v] == near) & (depth[v] < depth[above])))
            near[better], above[better] = cost[v][better], v
    return levels(parent, root, height)


def _hop_levels(cost: FloatArray, root: int, needed: BoolArray, height: int) -> IntArray:
    """Give each vertex the level at which it is first reached."""
    return np.where(needed, np.minimum(hops(cost, root), height), height + 1)


class _Levels:
    """Levels of one tree in the course of the search.

    A vertex that is left out has the level height + 1.
    """

    def __init__(self, cost: FloatArray, level: IntArray, needed: BoolArray, height: int) -> None:
        self.cost, self.level, self.needed, self.height = cost, level, needed, height
        # What is infinite is huge here: reaching one vertex more outweighs all that is finite.
        self.huge = 1e6 * max(float(np.where(np.isfinite(cost), cost, 0.0).sum()), 1e-300)
        self.finite = np.minimum(cost, self.huge)

    def search(self) -> BoundedDepthTree:
        """Make moves as long as they help; give the tree."""
        self._judge()
        for _ in range(ROUNDS):
            if not (moves := self._moves()) or not self._make(moves):
                break
        parent = np.where(self.level > self.height, -1, self.parent)
        parent[self.level == 0] = -1
        return BoundedDepthTree(self.total, frozen(_drop_idle(parent, self.needed)))

    def _judge(self) -> None:
        """Find each vertex's best and second best parents, and what a parent of each level costs.

        own[l]: the cheapest parent of each vertex below level l; inf at level 0.
        """
        n, cost = len(self.level), self.cost
        self.own = np.full((self.height + 2, n), np.inf)
        for at in range(self.height):
            here = self.level == at
            nearest = cost[here].min(axis=0) if here.any() else np.inf
            self.own[at + 1] = np.minimum(self.own[at], nearest)
        self.own[self.height + 1] = np.where(self.needed, np.inf, 0.0)
        offers = np.where(self.level[:, None] < self.level[None, :], cost, np.inf)
        self.parent = np.argmin(offers, axis=0)
        vertices = np.arange(n)
        self.pays = np.where(self.level > self.height, 0.0, offers[self.parent, vertices])
        self.pays[self.level == 0] = 0.0
        offers[self.parent, vertices] = np.inf
        self.second = offers.min(axis=0)
        self.total = float(self.pays.sum())

    def _moves(self) -> list[tuple[int, int]]:
        """Choose (vertex, level) that help and do not touch each other, the best first."""
        change = self._changes()
        to = np.argmin(change, axis=1)
        gain = -change[np.arange(len(to)), to]
        least = GAIN * self.total if np.isfinite(self.total) else 0.0
        touched = np.zeros(len(to), dtype=np.bool_)
        moves = []
        for v in np.argsort(-gain, kind="stable")[:JUDGED].tolist():
            if gain[v] <= least:
                break
            affected = self._affected(v, int(to[v]))
            if not touched[affected].any():
                touched[affected] = True
                moves.append((v, int(to[v])))
        return moves

    def _changes(self) -> FloatArray:
        """Work out what each move of a vertex to a level changes: (vertices, levels)."""
        n, count = len(self.level), self.height + 2
        at = np.arange(n)
        # Sparse, as BLAS adds up in an order that depends on the number of its threads.
        start = np.searchsorted(np.sort(self.level), np.arange(count + 1))
        by_level = np.argsort(self.level, kind="stable")
        member = csr_array((np.ones(n), by_level, start), shape=(count, n))
        huge, cost = self.huge, self.finite
        pays = np.minimum(self.pays, huge)
        spared = np.cumsum((member @ np.maximum(pays[:, None] - cost.T, 0.0)).T, axis=1)
        lost = np.zeros((n, count))
        np.add.at(lost, (self.parent, self.level), np.minimum(self.second, huge) - pays)
        lost[:, [0, count - 1]] = 0.0
        lost = np.cumsum(lost, axis=1)
        change = np.minimum(self.own.T, huge) - pays[:, None]
        down = np.arange(count)[None, :] < self.level[:, None]
        change -= np.where(down, spared[at, self.level][:, None] - spared, 0.0)
        change += np.where(down, 0.0, lost - lost[at, self.level][:, None])
        change[:, 0] = change[self.level == 0] = np.inf
        change[at, self.level] = 0.0
        return np.asarray(change)

    def _affected(self, v: int, to: int) -> IntArray:
        """List the vertices whose parents a move changes, and v with its parents."""
        now = int(self.level[v])
        if to < now:
            served = (self.level > to) & (self.level <= now) & (self.cost[v] < self.pays)
        else:
            served = (self.level > now) & (self.level <= to) & (self.parent == v)
        served[[v, self.parent[v]]] = True
        return np.flatnonzero(served)

    def _make(self, moves: list[tuple[int, int]]) -> bool:
        """Make all moves or, where they hinder each other, the first one; say whether it helped."""
        before, total = self.level.copy(), self.total
        for chosen in (moves, moves[:1]):
            self.level = before.copy()
            for v, to in chosen:
                self.level[v] = to
            self._judge()
            if self.total < total:
                return True
        self.level = before
        self._judge()
        return False


def _drop_idle(parent: IntArray, needed: BoolArray) -> IntArray:
    """Leave out vertices that nobody needs and nobody hangs on."""
    while True:
        idle = (parent >= 0) & ~needed
        idle[parent[parent >= 0]] = False
        if not idle.any():
            return parent
        parent = np.where(idle, -1, parent)
