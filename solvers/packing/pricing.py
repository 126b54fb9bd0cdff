"""What prices ask for: cheaper paths, orders that follow cheaper trees, cheaper parents."""

from math import inf

import numpy as np

from solvers.packing.column_pool import ColumnPool
from solvers.packing.congestion_prices import Congestion
from solvers.packing.families import Family
from solvers.packing.tuning import (
    CLOSE,
    FEW_FAMILIES,
    FIRST_ROWS,
    FIRST_TREES,
    GAIN,
    MORE_TREES,
    MOVES,
    NEAR_OPTIMUM,
    PAIR_WORK,
    PLENTY_TREES,
    PRICE_TIE,
    TRIES,
    TRUSTED,
)
from solvers.routing.path_pool import HOP
from solvers.routing.quotient import trace
from solvers.settings.deadline import NotFound
from topologies.model.topology import FloatArray, IntArray


class Pricing:
    """Adds to the pool of an order LP what the duals of its optimum show to be missing.

    due: the time that the last prices prove, if the trees found for them are the cheapest.
    """

    def __init__(self, pool: ColumnPool, *, free: bool) -> None:
        self.pool, self.free = pool, free
        self.quotient, self.families = pool.quotient, pool.families
        self.draw = np.random.default_rng(0)
        self.spread = False
        self.due = 0.0
        self.tries = TRIES if pool.heights else 0

    def begin(self, scale: float) -> None:
        """Take in a first order for each family.

        Args:
            scale: about the time of the optimum.
        """
        shares = self.shares()
        weights = {f: f.size * shares[f] for f in self.families}
        self.congestion = Congestion(self.quotient, weights, scale)
        empty = 1.0 / self.quotient.orbit_capacity
        self.congestion.run(self.pool.nearest_first, empty, 1, self.draw)
        self.pool.ask_each_helper()
        self.pool.shuffle_orbits(self.draw)
        # Where there is room below the farthest members, other trees may do better.
        deepest = max(order.place[order.present].max() for order in self.pool.orders)
        if self.pool.heights and deepest < max(self.pool.heights):
            self._spread(empty, 1)

    def _spread(self, prices: FloatArray, trees: int) -> None:
        """Take in orders that avoid each other, for about so many trees with their images."""
        order = self.quotient.group.order
        images = sum(order // self.quotient.orbit_of(f.root) for f in self.families)
        members = len(self.quotient.members)
        most = FIRST_ROWS // (len(self.families) * members)
        if self.pool.heights:
            most = min(most, MOVES // (len(self.families) * members**2))
        rounds = max(min(trees // images, most), 1)
        self.congestion.run(self.pool.cheapest_first, prices, rounds, self.draw)

    def price_out(self, prices: FloatArray, time: float, hopeless: float = inf) -> bool:
        """Add what the prices ask for: better paths, orders and parents; say whether any was.

        Raises NotFound where the prices prove about a time that is `hopeless`.

        Where the cheapest trees cost as much as the time, nothing can improve, and nothing is
        added. (Of bounded height, the trees are cheap, but not surely the cheapest.)
        """
        length, entry = self._distances(prices)
        cost = self.quotient.between_members(length)
        found = self.pool.cheapest_trees(cost)
        self.due = due = self.time_of({f: float(total) for f, (total, _) in found.items()})
        trusted = self.spread or len(cost) <= TRUSTED or self.pool.heights is None
        if trusted and due > hopeless:
            raise NotFound("the goal is out of reach")
        before = len(self.pool.orders), len(self.pool.columns)
        if trusted and due >= time * (1 - CLOSE):
            # Trees of bounded height were looked for where others might be better.
            self.tries -= 1
            if self.tries < 0 or hopeless < inf:
                return False
        if len(self.families) <= FEW_FAMILIES or due > time * (1 - NEAR_OPTIMUM):
            for family, (_, parent) in found.items():
                self.pool.follow(family, parent)
        if not self.spread:
            self._spread(1.0 / self.quotient.orbit_capacity, FIRST_TREES)
            self.spread = True
        more = MORE_TREES if len(cost) <= TRUSTED else PLENTY_TREES
        self._spread((prices + prices.mean() / 2) * self.draw.uniform(0.5, 1.5, len(prices)), more)
        self._new_parents(cost)
        self.pool.settle()
        self._new_paths(prices, length, entry, time)
        return (len(self.pool.orders), len(self.pool.columns)) != before

    def better_paths(self, prices: FloatArray, time: float) -> bool:
        """Add cheaper paths between members and their parents alone; say whether there were any."""
        before = len(self.pool.paths)
        self._new_paths(prices, *self._distances(prices), time)
        return len(self.pool.paths) > before

    def _distances(self, prices: FloatArray) -> tuple[FloatArray, IntArray]:
        """Find the cheapest paths from the roots, the shorter of two that cost the same."""
        tie = self.quotient.topology.alpha + HOP
        tie = tie / tie.max() * prices.max() * PRICE_TIE
        return self.quotient.distances(prices[self.quotient.link_orbit] + tie)

    def time_of(self, total: dict[Family, float]) -> float:
        """Work out the time that the costs of the cheapest trees prove."""
        shares = self.shares()
        if not self.free:
            return sum(shares[f] * f.size * total[f] for f in total)
        pairs: dict[int, float] = {}
        for family in self.families:
            pairs[family.root] = pairs.get(family.root, 0.0) + total[family]
        return min(pairs.values()) / self.quotient.group.order

    def shares(self) -> dict[Family, float]:
        """Give the weight of each family's trees; with free shares, if all roots had the same."""
        order, roots = self.quotient.group.order, len({f.root for f in self.families})
        if self.free:
            return dict.fromkeys(self.families, 1 / order / roots)
        return {f: self.quotient.orbit_of(f.root) / order for f in self.families}

    def _new_paths(
        self, prices: FloatArray, length: FloatArray, entry: IntArray, time: float
    ) -> None:
        """Take in the cheapest path of each pair in use, where it beats the paths known."""
        paths = self.pool.paths
        known = np.full(length.shape, np.inf)
        cost = paths.crossings() @ prices
        np.minimum.at(known, (np.array(paths.root), np.array(paths.target)), cost)
        better = length < known - GAIN * time / len(self.quotient.members)
        fresh = len(paths)
        for root, target in zip(*np.nonzero(better & paths.asked), strict=True):
            paths.add(int(root), trace(self.quotient, int(root), entry[root], int(target)))
        if len(paths) > fresh:
            self.pool.spread()

    def _new_parents(self, cost: FloatArray) -> None:
        """Give each member of each order the earlier parent that is cheapest now."""
        for i, order in enumerate(self.pool.orders):
            self.pool.watch.check(PAIR_WORK * len(cost) ** 2)
            child = order.leaders
            self.pool.choose(i, order.cheapest_parents(cost)[child], child)
