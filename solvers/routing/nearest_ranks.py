"""The ranks that are near to each rank, and the paths from there through switches."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from solvers.certify.multigraph import dijkstra
from topologies.model.ragged import starts, stretches
from topologies.model.topology import FloatArray, IntArray, Topology

COUNT = 24  # neighbours of a rank
TIE = 1e-12  # of the farthest path; breaks ties between equally near ranks towards the first
BATCH = 64  # ranks that are searched from at a time


@dataclass(frozen=True, eq=False)
class PathTable:
    """Paths one after the other: path i is links[start[i] : start[i + 1]]."""

    start: IntArray
    links: IntArray

    @classmethod
    def from_padded(cls, rows: IntArray) -> "PathTable":
        """Take the links in rows that are filled up with -1."""
        used = rows >= 0
        return cls(starts(used.sum(axis=1)), rows[used])

    def rows(self, chosen: IntArray) -> "PathTable":
        """Look up the paths with these numbers, in this order."""
        length = np.diff(self.start)[chosen]
        return PathTable(starts(length), self.links[stretches(self.start[chosen], length)])

    def costs(self, price: FloatArray) -> FloatArray:
        """Add up the prices of the links of each path."""
        before = np.concatenate([[0.0], np.cumsum(price[self.links])])
        return np.asarray(before[self.start[1:]] - before[self.start[:-1]])

    def concatenate(self, other: "PathTable") -> "PathTable":
        """Put other paths behind these."""
        start = np.concatenate([self.start, self.start[-1] + other.start[1:]])
        return PathTable(start, np.concatenate([self.links, other.links]))


class NearestRanks:
    """For each rank some of those that reach it cheaply through switches alone.

    rank: (ranks, neighbours), -1 for none; routes: the path from each, in the same order. They are
    the nearest by randomised distance (times 1 to 2), so that not everyone leans on the
    same ranks.
    """

    def __init__(self, topology: Topology, price: FloatArray, seed: int = 0) -> None:
        self.topology = topology
        self.draw = np.random.default_rng(seed)
        ranks = topology.ranks
        self.rank = np.full((ranks, min(COUNT, ranks)), -1, dtype=np.int64)
        parts = [
            self._search(np.arange(first, min(first + BATCH, ranks)), price)
            for first in range(0, ranks, BATCH)
        ]
        width = max(part.shape[1] for part in parts)
        rows = [np.pad(p, ((0, 0), (0, width - p.shape[1])), constant_values=-1) for p in parts]
        self.routes = PathTable.from_padded(np.concatenate(rows))
        self.luck = self.draw.uniform(1.0, 2.0, self.rank.shape)

    def hang(
        self, far: FloatArray, child: IntArray, own: FloatArray, price: FloatArray
    ) -> IntArray:
        """Choose for each child the cheapest neighbour that is nearer to the root of a tree.

        Args:
            far: of each rank, the length of the path from the root.
            child: the rank of each entry.
            own: what each child costs without.
            price: of each link.

        Returns:
            the place of the neighbour's path in `routes`, -1 where there is none as cheap.
        """
        far = far + np.arange(len(far)) * TIE * far[np.isfinite(far)].max()
        near = np.where(self.rank >= 0, far[self.rank], np.inf) < far[:, None]
        costs = self.routes.costs(price).reshape(self.rank.shape)
        offers = np.where(near, costs * self.luck, np.inf)[child]
        best = np.argmin(offers, axis=1)
        better = offers[np.arange(len(child)), best] < own
        return np.where(better, child * self.rank.shape[1] + best, -1)

    def _search(self, ranks: IntArray, price: FloatArray) -> IntArray:
        """Find the neighbours of some ranks; give the links from each of them, -1 behind."""
        topology, vertices = self.topology, self.topology.vertices
        # Against the links; a path may end at a rank but not pass it: those searched from have a
        # copy that the links into them start at.
        tail = topology.dst + np.where(topology.dst < topology.ranks, vertices, 0)
        pair = topology.src * (2 * vertices) + tail
        order = np.lexsort((price, pair))
        first = order[np.unique(pair[order], return_index=True)[1]]
        graph = csr_array((price[first], (tail[first], topology.src[first])), (2 * vertices,) * 2)
        far, after = dijkstra(graph, indices=ranks + vertices, return_predecessors=True)
        far[np.arange(len(ranks)), ranks] = np.inf
        count = self.rank.shape[1]
        luck = far[:, : topology.ranks] * self.draw.uniform(1.0, 2.0, (len(ranks), topology.ranks))
        chosen = np.argpartition(luck, count - 1, axis=1)[:, :count]
        row = np.arange(len(ranks))[:, None]
        self.rank[ranks] = np.where(np.isfinite(far[row, chosen]), chosen, -1)
        row, at = np.repeat(np.arange(len(ranks)), count), self.rank[ranks].reshape(-1)
        links = []
        going = at >= 0
        while going.any():
            then = np.where(going, after[row, at], -1)
            link = first[
                np.minimum(np.searchsorted(pair[first], at * (2 * vertices) + then), len(first) - 1)
            ]
            links.append(np.where(going, link, -1))
            going &= then < vertices
            at = np.where(going, then, at)
        return np.array(links, dtype=np.int64).reshape(len(links), len(row)).T
