"""Trees one after the other, each around those before it.

Statement. Every link gets a price that grows exponentially with the load that the trees so far
have put on it, and the next family's tree is the cheapest under these prices. Going round and
round the families approaches the optimum of the packing (multiplicative weights); here one round
is enough, since the order LP chooses among all parents of the orders that the trees suggest. What
matters is that the families do not all lean on the same links, as they do when each answers the
same prices by itself.

Complexity: for each family one arborescence, and cheapest paths from all roots for each of at most
`LOOKS` of them.

Source: Plotkin, Shmoys and Tardos, Fast approximation algorithms for fractional packing and
covering problems, Mathematics of Operations Research 20 (1995).
"""

from collections.abc import Callable, Mapping

import numpy as np

from solvers.packing.families import Family
from solvers.packing.order_lp import start_at_roots
from solvers.packing.tuning import CONGESTION_LOOKS, CONGESTION_STEEP, CONGESTION_TIE
from solvers.routing.path_pool import HOP
from solvers.routing.quotient import Quotient
from topologies.model.topology import FloatArray, IntArray

# What makes a tree of a family where members reach each other at given costs; gives the parents.
Plant = Callable[[Family, FloatArray], IntArray]


class Congestion:
    """Link prices that answer to the trees planted.

    Args:
        weights: what each family's trees carry, per unit of time `scale`, as a share of the block.
    """

    def __init__(self, quotient: Quotient, weights: Mapping[Family, float], scale: float) -> None:
        self.quotient, self.weights = quotient, weights
        self.room = quotient.orbit_capacity * scale
        tie = quotient.topology.alpha + HOP
        self.tie = tie / tie.max() * CONGESTION_TIE

    def run(self, plant: Plant, prices: FloatArray, rounds: int, draw: np.random.Generator) -> None:
        """Plant so many trees of each family, in random order.

        Args:
            plant: makes a tree under given prices.
            prices: of one link of each orbit while all are empty, positive.
            rounds: how many trees of each family.
            draw: decides the order of the families.
        """
        load = np.zeros(len(self.room))
        families = list(self.weights) * rounds
        every = -(-len(families) // CONGESTION_LOOKS)
        for i, k in enumerate(draw.permutation(len(families)).tolist()):
            if i % every == 0:
                length, entry = self._distances(prices * self._surcharge(load))
                cost = self.quotient.between_members(length)
            family = families[k]
            parent = plant(family, cost)
            load += self.weights[family] / rounds * self._load(parent, family.inward, entry)

    def _surcharge(self, load: FloatArray) -> FloatArray:
        full = load / self.room
        return np.asarray(np.exp(CONGESTION_STEEP * full / max(full.max(), 1.0)))

    def _distances(self, prices: FloatArray) -> tuple[FloatArray, IntArray]:
        weight = (prices / prices.max())[self.quotient.link_orbit]
        return self.quotient.distances(weight + self.tie)

    def _load(self, parent: IntArray, inward: bool, entry: IntArray) -> FloatArray:
        """Add up what the images of a tree put on one link of each orbit."""
        child = np.flatnonzero(parent >= 0)
        ends = (child, parent[child]) if inward else (parent[child], child)
        root, vertex = start_at_roots(self.quotient, *ends)
        count = np.zeros(len(self.room))
        while len(root):
            link = entry[root, vertex]
            np.add.at(count, self.quotient.link_orbit[link], 1.0)
            vertex = self.quotient.topology.src[link]
            inside = vertex != self.quotient.roots[root]
            root, vertex = root[inside], vertex[inside]
        return count * self.quotient.repeats
