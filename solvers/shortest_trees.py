"""Trees of shortest ways from many roots at once, as columns."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from solvers.linear import Infeasible
from topologies.topology import BoolArray, FloatArray, IntArray, Topology


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees out of roots, a row for each rank that a tree reaches and that leads to a member.

    Rows are sorted by `tree` (the place of its root). The rank `child` is reached from the rank
    `parent` over the links route[route_start[i] : route_start[i + 1]], which pass switches only.
    depth: ranks between child and root, counted with one of both.
    """

    tree: IntArray
    parent: IntArray
    child: IntArray
    depth: IntArray
    route_start: IntArray
    route: IntArray

    def __len__(self) -> int:
        return len(self.tree)


class Shortest:
    """Finds the trees of shortest ways in one machine under changing prices of the links."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.pair = topology.src * topology.vertices + topology.dst

    def trees(self, roots: IntArray, members: IntArray, price: FloatArray) -> Trees:
        """Find one tree for each root that reaches all members.

        price: of each link, positive. Complexity: one search for each root.

        Raises:
            Infeasible: a member cannot be reached.
        """
        entry = self._entries(roots, price)
        reached = entry >= 0
        reached[np.arange(len(roots)), roots] = True
        if not reached[:, members].all():
            raise Infeasible("some rank cannot be reached from another")
        tree, child = np.nonzero(reached[:, : self.topology.ranks])
        other = child != roots[tree]
        tree, child = tree[other], child[other]
        back, parent = self._back(entry, tree, child)
        above = np.tile(np.arange(self.topology.ranks), (len(roots), 1))
        above[tree, child] = parent
        needed = _leading(above, roots, members)[tree, child]
        depth = _depths(above, roots)[tree[needed], child[needed]]
        start, route = _routes(back[needed])
        return Trees(tree[needed], parent[needed], child[needed], depth, start, route)

    def _entries(self, roots: IntArray, price: FloatArray) -> IntArray:
        """Give the link over which each root's tree enters each vertex, -1 for none."""
        vertices = self.topology.vertices
        order = np.lexsort((price, self.pair))
        first = order[np.unique(self.pair[order], return_index=True)[1]]
        ends = (self.topology.src[first], self.topology.dst[first])
        graph = csr_array((price[first], ends), shape=(vertices,) * 2)
        before = dijkstra(graph, indices=roots, return_predecessors=True)[1].astype(np.int64)
        key = before * vertices + np.arange(vertices)
        place = np.minimum(np.searchsorted(self.pair[first], key), len(first) - 1)
        return np.where(before >= 0, first[place], -1)

    def _back(self, entry: IntArray, tree: IntArray, child: IntArray) -> tuple[IntArray, IntArray]:
        """Walk back from each child to the next rank: the links, -1 behind them, and that rank."""
        at, links = child.copy(), []
        going = np.ones(len(child), dtype=np.bool_)
        while going.any():
            link = np.where(going, entry[tree, at], -1)
            links.append(link)
            at = np.where(going, self.topology.src[link], at)
            going = at >= self.topology.ranks
        return np.array(links).reshape(len(links), -1).T, at


def _leading(above: IntArray, roots: IntArray, members: IntArray) -> BoolArray:
    """Mark the ranks of each tree that are members or on the way to one."""
    found = np.zeros(above.shape, dtype=np.bool_)
    for tree, at in _climbs(above, roots, members):
        found[tree, at] = True
    return found


def _climbs(
    above: IntArray, roots: IntArray, members: IntArray
) -> Iterator[tuple[IntArray, IntArray]]:
    """Go up from all members of all trees at once, step by step."""
    tree = np.repeat(np.arange(len(above)), len(members))
    at = np.tile(members, len(above))
    while len(at):
        yield tree, at
        going = at != roots[tree]
        tree, at = tree[going], above[tree[going], at[going]]


def _depths(above: IntArray, roots: IntArray) -> IntArray:
    """Count the steps up from each rank to its root."""
    depth = np.zeros(above.shape, dtype=np.int64)
    ranks = np.arange(above.shape[1])
    row = np.arange(len(above))[:, None]
    at = np.tile(ranks, (len(above), 1))
    while (moved := (above[row, at] != at)).any():
        depth += moved
        at = above[row, at]
    return depth


def _routes(back: IntArray) -> tuple[IntArray, IntArray]:
    """Turn rows of links, last link first and -1 behind, into routes one after the other."""
    forth = back[:, ::-1]
    used = forth >= 0
    return np.concatenate([[0], np.cumsum(used.sum(axis=1))]), forth[used]
