"""Cheapest spanning arborescence: the tree out of a root that costs least, exactly.

Source: Chu and Liu, On the shortest arborescence of a directed graph, Scientia Sinica 14 (1965);
Edmonds, Optimum branchings, J. Res. NBS 71B (1967); grown along one path, as in Gabow, Galil,
Spencer and Tarjan, Combinatorica 6 (1986).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from topologies.model.topology import IntArray, frozen

Costs = NDArray[Any]  # float64 (inf: no such arc), int64, or object (exact Python numbers)
Total = Any  # a number of the kind that the costs are


def cheapest_arborescence(cost: Costs, root: int) -> tuple[Total, IntArray]:
    """Find the arborescence out of `root` that spans everything at least cost.

    cost[u, v] is the cost of the arc u -> v; the diagonal is never looked at. Gives the total and
    each vertex's parent (-1 at the root). Integers and fractions stay exact. Complexity: O(n²), in
    O(n) array operations.

    Args:
        cost: of the arc from each vertex (row) to each (column).
        root: a vertex.

    Returns:
        its cost, and each vertex's parent.

    Raises:
        ValueError: some vertex cannot be reached, or integers are too large for int64.
    """
    growth = _Contraction(cost, root)
    for vertex in range(len(cost)):
        growth.connect(vertex)
    parent = growth.parents()
    children = np.flatnonzero(parent >= 0)
    return sum(cost[parent[children], children].tolist()), parent


class _Contraction:
    """Nodes, each with its cheapest entering arc; cycles of nodes are contracted to new nodes.

    Nodes 0 .. n-1 are the vertices. Per node, over the vertices u: enters[u], what an arc from u
    costs beyond what was paid for the nodes inside, and head[u], the vertex where it ends.
    node: of each vertex, the outermost node around it. above: of each node, the one around it.
    """

    def __init__(self, cost: Costs, root: int) -> None:
        n = len(cost)
        self.wall = _wall(cost)
        self.enters: list[Costs] = list(np.array(cost.T, order="C"))
        self.head = [np.full(n, v) for v in range(n)]
        for v in range(n):
            self.enters[v][v] = self.wall
        self.node = np.arange(n)
        self.arc = [(-1, v) for v in range(n)]
        self.above = [-1] * n
        self.done = [v == root for v in range(n)]

    def connect(self, vertex: int) -> None:
        """Walk from a vertex against cheapest arcs to something connected, contracting cycles."""
        path = [int(self.node[vertex])]
        while not self.done[path[-1]]:
            before = self._enter(path[-1])
            if before in path:
                start = path.index(before)
                path[start:] = [self._contract(path[start:])]
            else:
                path.append(before)
        for node in path:
            self.done[node] = True

    def parents(self) -> IntArray:
        """Open the nodes from the outermost in: an entering arc replaces one arc of each cycle."""
        parent = np.full(len(self.node), -1, dtype=np.int64)
        settled = [False] * len(self.arc)
        for node in reversed(range(len(self.arc))):
            if settled[node]:
                continue
            tail, head = self.arc[node]
            parent[head] = tail
            while head != node:
                settled[head] = True
                head = self.above[head]
        return frozen(parent)

    def _enter(self, node: int) -> int:
        """Choose the cheapest arc into a node; give the node where it starts."""
        tail = int(np.argmin(self.enters[node]))
        if self.enters[node][tail] == np.inf:
            raise ValueError(f"no arborescence: nothing enters vertex {self.head[node][tail]}")
        self.arc[node] = tail, int(self.head[node][tail])
        return int(self.node[tail])

    def _contract(self, cycle: list[int]) -> int:
        """Make one node of a cycle: an arc that enters it spares the arc it replaces."""
        new = len(self.arc)
        spared = np.stack([self.enters[c] - self.enters[c][self.arc[c][0]] for c in cycle])
        best = np.argmin(spared, axis=0)
        vertices = np.arange(len(self.node))
        within = np.zeros(new, dtype=np.bool_)
        within[cycle] = True
        inside = within[self.node]
        self.enters.append(spared[best, vertices])
        self.enters[new][inside] = self.wall
        self.head.append(np.stack([self.head[c] for c in cycle])[best, vertices])
        self.node[inside] = new
        for c in cycle:
            self.above[c] = new
            self.enters[c] = self.head[c] = vertices[:0]  # no longer needed: frees the memory
        self.arc.append((-1, -1))
        self.above.append(-1)
        self.done.append(False)
        return new


def _wall(cost: Costs) -> Total:
    """Compute a cost above all that occur, also after sparing: it bars arcs inside a node."""
    if cost.dtype.kind == "f":
        return np.inf
    highest = max((abs(int(c)) for c in (cost.max(), cost.min())), default=0) if cost.size else 0
    if cost.dtype.kind == "i" and highest >= 2**60:
        raise ValueError(f"costs up to {highest}, at most {2**60} are exact in int64")
    return 2 * highest + 3
