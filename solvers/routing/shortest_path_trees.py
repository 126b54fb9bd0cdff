"""Trees of short paths from many roots at once, as columns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from solvers.certify.multigraph import dijkstra, simplify
from solvers.lp.linear_program import Infeasible
from solvers.routing.nearest_ranks import NearestRanks, PathTable
from topologies.model.forests import depths
from topologies.model.topology import BoolArray, FloatArray, IntArray, Topology

Charge = Callable[[IntArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees out of roots, a row for each rank that a tree reaches and that leads to a member.

    Rows are sorted by `tree` (the place of its root). The rank `child` is reached from the rank
    `parent` over the links route[route_start[i] : route_start[i + 1]], which pass switches only.

    Attributes:
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


class TreeFinder:
    """Finds trees of short paths in one machine under changing prices of the links.

    Args:
        neighbours: where they are known, a rank hangs on the cheapest of those nearer to the root
            than itself, rather than on the rank before it on its shortest path.
    """

    def __init__(self, topology: Topology, neighbours: NearestRanks | None = None) -> None:
        self.topology, self.neighbours = topology, neighbours
        self.pair = topology.src * topology.vertices + topology.dst

    def trees(self, roots: IntArray, members: IntArray, price: FloatArray, charge: Charge) -> Trees:
        """Find one tree for each root that reaches all members.

        Complexity: one search for each root.

        Args:
            roots: a vertex for each tree.
            members: the ranks that each tree must reach.
            price: of each link, positive.
            charge: where ranks lean on neighbours, hears of the links that each tree uses, and
                gives the prices for the next one.

        Raises:
            Infeasible: a member cannot be reached.
        """
        length, entry = self._paths(roots, price)
        reached = np.isfinite(length[:, : self.topology.ranks])
        if not reached[:, members].all():
            raise Infeasible("some rank cannot be reached from another")
        reached[np.arange(len(roots)), roots] = False
        tree, child = np.nonzero(reached)
        routes, parent = self._back(entry, tree, child)
        above = np.tile(np.arange(self.topology.ranks), (len(roots), 1))
        above[tree, child] = parent
        if self.neighbours is not None:
            routes = self._lean(length, above, tree, child, routes, price, charge)
        needed = np.flatnonzero(_mark_leading(above, roots, members)[tree, child])
        tree, child, routes = tree[needed], child[needed], routes.rows(needed)
        parent, depth = above[tree, child], _depths(above)[tree, child]
        return Trees(tree, parent, child, depth, routes.start, routes.links)

    def _lean(
        self,
        length: FloatArray,
        above: IntArray,
        tree: IntArray,
        child: IntArray,
        routes: PathTable,
        price: FloatArray,
        charge: Charge,
    ) -> PathTable:
        """Hang ranks on neighbours where that is cheaper: change `above`, and give the routes."""
        assert self.neighbours is not None
        known = routes.concatenate(self.neighbours.routes)
        chosen = np.arange(len(child))
        ends = np.searchsorted(tree, np.arange(1, len(above)))
        for row, rows in enumerate(np.split(np.arange(len(child)), ends)):
            mine, far = child[rows], length[row, : self.topology.ranks]
            own = routes.rows(rows).costs(price)
            found = self.neighbours.hang(far, mine, own, price)
            at = np.flatnonzero(found >= 0)
            above[row, mine[at]] = self.neighbours.rank.reshape(-1)[found[at]]
            chosen[rows[at]] = found[at] + len(child)
            price = charge(known.rows(chosen[rows]).links)
        return known.rows(chosen)

    def _paths(self, roots: IntArray, price: FloatArray) -> tuple[FloatArray, IntArray]:
        """Compute the length of the path to each vertex, and its last link, -1 for none."""
        vertices = self.topology.vertices
        graph, first = simplify(self.topology.src, self.topology.dst, price, vertices)
        length, before = dijkstra(graph, indices=roots, return_predecessors=True)
        key = before.astype(np.int64) * vertices + np.arange(vertices)
        place = np.minimum(np.searchsorted(self.pair[first], key), len(first) - 1)
        return length, np.where(before >= 0, first[place], -1)

    def _back(self, entry: IntArray, tree: IntArray, child: IntArray) -> tuple[PathTable, IntArray]:
        """Walk back from each child to the next rank: the route from there, and that rank."""
        at, links = child.copy(), []
        going = np.ones(len(child), dtype=np.bool_)
        while going.any():
            link = np.where(going, entry[tree, at], -1)
            links.append(link)
            at = np.where(going, self.topology.src[link], at)
            going = at >= self.topology.ranks
        rows = np.array(links[::-1]).reshape(len(links), -1).T
        return PathTable.from_padded(rows), at


def _mark_leading(above: IntArray, roots: IntArray, members: IntArray) -> BoolArray:
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


def _depths(above: IntArray) -> IntArray:
    """Count the steps up from each rank of each tree to its root, which is above itself."""
    first = np.arange(len(above))[:, None] * above.shape[1]
    return depths((above + first).reshape(-1)).reshape(above.shape)
