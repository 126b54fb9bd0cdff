"""What prices ask for: cheaper ways, orders that follow cheaper trees, cheaper parents."""

import numpy as np

from solvers.arborescence import cheapest
from solvers.growth import Family, Growth, depth_in
from solvers.quotient import Quotient
from solvers.ways import HOP
from topologies.topology import FloatArray, IntArray

CLOSE = 1e-9  # relative distance at which the trees' price counts as the time
TIE = 1e-7  # what alphas weigh against the highest price, so that shorter ways win ties
EXTRA = 4  # trees of slightly different prices that are added in a round, over all families
VARIANTS = 24  # orders that break ties at random, over all families
COLUMNS = 20_000  # about the most columns that these may take
GAIN = 1e-7  # least improvement, relative, that a new column must promise

Trees = dict[Family, tuple[float, IntArray]]  # what each costs, and each member's parent


class Pricing:
    """Adds to the growth of an order LP what the duals of its optimum show to be missing."""

    def __init__(self, growth: Growth, *, free: bool) -> None:
        self.growth, self.free = growth, free
        self.quotient, self.families = growth.quotient, growth.families
        self.draw = np.random.default_rng(0)
        self.varied = False

    def improve(self, prices: FloatArray, time: float) -> bool:
        """Add what the prices ask for: better ways, orders and parents; say whether any was.

        Where the cheapest trees cost as much as the time, nothing can improve, and nothing is
        added.
        """
        length, entry = self._distances(prices)
        cost = self.quotient.between_members(length)
        found = self._cheapest(cost)
        if self._due({f: float(total) for f, (total, _) in found.items()}) >= time * (1 - CLOSE):
            return False
        before = len(self.growth.orders), len(self.growth.columns)
        self._follow(found)
        self._vary()
        for _ in range(EXTRA // len(self.families)):
            near = (prices + prices.mean() / 2) * self.draw.uniform(0.5, 1.5, len(prices))
            self._follow(self._cheapest(self.quotient.between_members(self._distances(near)[0])))
        self._new_parents(cost)
        self._new_ways(prices, length, entry, time)
        return (len(self.growth.orders), len(self.growth.columns)) != before

    def _distances(self, prices: FloatArray) -> tuple[FloatArray, IntArray]:
        """Find the cheapest ways from the roots, the shorter of two that cost the same."""
        tie = self.quotient.topology.alpha + HOP
        tie = tie / tie.max() * prices.max() * TIE
        return self.quotient.distances(prices[self.quotient.link_orbit] + tie)

    def _cheapest(self, cost: FloatArray) -> Trees:
        """Find each family's cheapest tree."""
        return {f: cheapest(_seen(cost, f), self.growth.place[f.root]) for f in self.families}

    def _follow(self, found: Trees) -> None:
        """Take in an order that follows each tree."""
        for family, (_, parent) in found.items():
            depth = depth_in(parent, self.growth.place[family.root])
            self.growth.grow(family, parent, np.lexsort((np.arange(len(parent)), depth)))

    def _due(self, total: dict[Family, float]) -> float:
        """Work out the time that the costs of the cheapest trees prove."""
        if self.free:
            roots = {family.root for family in self.families}
            pairs = [total[Family(r, False)] + total[Family(r, True)] for r in roots]
            return min(pairs) / self.quotient.group.order
        shares = {f: self.quotient.orbit_of(f.root) / self.quotient.group.order for f in total}
        return sum(shares[f] * f.size * total[f] for f in total)

    def _vary(self) -> None:
        """Once, where the first orders do not do, add others that break ties at random."""
        if self.varied:
            return
        self.varied = True
        room = COLUMNS // max(len(self.growth.columns), 1)
        for seed in range(min(VARIANTS // len(self.families), room)):
            draw = np.random.default_rng(seed)
            for family in self.families:
                self.growth.nearest_first(family, draw.random(len(self.growth.place)))

    def _new_ways(
        self, prices: FloatArray, length: FloatArray, entry: IntArray, time: float
    ) -> None:
        """Take in the cheapest way of each pair in use, where it beats the ways known."""
        ways = self.growth.ways
        known = np.full(length.shape, np.inf)
        cost = ways.crossings() @ prices
        np.minimum.at(known, (np.array(ways.root), np.array(ways.target)), cost)
        better = length < known - GAIN * time / len(self.quotient.members)
        fresh = len(ways)
        for root, target in zip(*np.nonzero(better & ways.asked), strict=True):
            ways.add(int(root), _trace(self.quotient, entry[root], int(target)))
        if len(ways) > fresh:
            self.growth.spread()

    def _new_parents(self, cost: FloatArray) -> None:
        """Give each member of each order the earlier parent that is cheapest now."""
        for i, order in enumerate(self.growth.orders):
            reach = cost if order.inward else cost.T
            earlier = order.place[None, :] < order.place[:, None]
            parent = np.argmin(np.where(earlier, reach, np.inf), axis=1)
            child = np.flatnonzero(np.arange(len(parent)) != order.root)
            self.growth.choose(i, parent[child], child)


def _seen(cost: FloatArray, family: Family) -> FloatArray:
    """Turn costs between members so that trees grow out of the root."""
    return cost.T if family.inward else cost


def _trace(quotient: Quotient, entry: IntArray, target: int) -> tuple[int, ...]:
    """Walk back over the entering links to the root."""
    way = [int(entry[target])]
    while True:
        tail = int(quotient.topology.src[way[0]])
        if tail in quotient.member_set:
            return tuple(way)
        way.insert(0, int(entry[tail]))
