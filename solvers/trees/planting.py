"""Trees planted one after the other, and weighed together: near the optimum of many roots, soon.

Statement. Links get prices that grow exponentially with the load that the trees so far have put on
them; the next root's tree is the cheapest arborescence over the members at these prices, where an
arc is the cheapest path between two of them. So each tree avoids what the others lean on, and after
some rounds over all roots there are good trees of every kind: over relays, over members beside the
root, and over members beside those that they feed. A linear program then chooses how much each tree
carries, and for sums how much each root does. It has a column for each tree and a row for each
link, where the order LP (order_lp.py) has one for each choice of a parent and a path to it; and
what is asked of it is nearness, not a vertex. Its loads are what the next rounds begin with.
Its duals often prove little, as they blame one of many full links for all; but where all links
that are about full cost the same, the cheapest trees mostly prove how near the optimum is.

Complexity: for each tree cheapest paths from all members, and one arborescence.

Source: Plotkin, Shmoys and Tardos, Fast approximation algorithms for fractional packing and
covering problems, Mathematics of Operations Research 20 (1995).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.sparse import coo_array, csr_matrix

from solvers.lp.linear_program import solve_roughly
from solvers.lp.min_max_load import LoadLP
from solvers.packing import rounding
from solvers.packing.column_generation import ColumnGeneration, Packing, Reached
from solvers.packing.families import Family
from solvers.packing.order_lp import Columns, Order, concatenate, places, start_at_roots
from solvers.routing.path_pool import HOP
from solvers.routing.quotient import trace
from solvers.settings.deadline import NotFound
from topologies.model.forests import depths
from topologies.model.topology import FloatArray, IntArray, frozen, integers

TURNS, ROUNDS = 4, 5  # linear programs, and rounds over all roots before each
ENOUGH = 0.02  # distance from what is proved at which to end, relative
STEEP = 20.0  # a link that is full costs e to this times as much as an empty one
FULL = 0.5, 0.8, 0.95  # links as full as this, of the fullest, are those that count in proofs
TIE = 1e-6  # what alphas weigh against the highest price, so that shorter paths win ties
LOOKS = 64  # times in a round that the cheapest paths are looked up anew
LOOK = 8e-8  # work of that, for each root and link
LOYAL = 0.8  # part of the roots' shares that follows the program; the rest is the same for all
LEAST = 1e-5  # part of the heaviest tree's weight, below which a tree is left out


@dataclass(frozen=True, eq=False)
class _Tree:
    """A tree: the parent of each child, the path between them, and the orbits that all cross."""

    family: Family
    order: Order
    parent: IntArray
    child: IntArray
    path: IntArray
    crossed: IntArray


@dataclass(frozen=True, eq=False)
class Weighed:
    """How much each tree carries, the time that all take, and the program's prices of links."""

    trees: Sequence[_Tree]
    weights: Sequence[Fraction]
    time: float
    prices: FloatArray


class Planting:
    """The trees of one problem so far, and the loads that they put on the links.

    Args:
        scale: the time that a bound allows.
        stars: the root sends straight to all, as each gets something else.
    """

    def __init__(self, packer: ColumnGeneration, scale: float, *, stars: bool = False) -> None:
        self.packer, self.scale, self.stars = packer, scale, stars
        self.quotient, self.pool = packer.quotient, packer.pool
        tie = self.quotient.topology.alpha + HOP
        self.tie = tie / tie.max() * TIE
        self.shares = packer.pricing.shares()
        self.trees: list[_Tree] = []
        self.load = np.zeros(len(self.quotient.orbit_size))
        self.draw = np.random.default_rng(0)
        self.due, self.prices = 0.0, 1.0 / self.quotient.orbit_capacity

    def run(self, reached: Reached = lambda _: None) -> Weighed:
        """Plant and weigh until it is near what is proved, or the rounds are over.

        Args:
            reached: hears the time of each program.

        Raises:
            NotFound: the time was over before there was a first program.
        """
        best: Weighed | None = None
        try:
            for _ in range(TURNS):
                for _ in range(ROUNDS):
                    self._round()
                now = self._weighed()
                best = now if best is None or now.time < best.time else best
                reached(now.time)
                self._prove(now.prices)
                if best.time <= max(self.scale, self.due) * (1 + ENOUGH):
                    break
        except NotFound:
            if best is None:
                raise
        assert best is not None
        return best

    def packing(self, found: Weighed) -> Packing:
        """List the trees that carry something."""
        least = max(found.weights) * Fraction(LEAST)
        chosen = [k for k, weight in enumerate(found.weights) if weight > least]
        trees = [found.trees[k] for k in chosen]
        weights = self._exact(trees, np.array([float(found.weights[k]) for k in chosen]))
        columns = concatenate(
            [
                Columns(np.full(len(t.child), k), t.parent, t.child, t.path)
                for k, t in enumerate(trees)
            ]
        )
        share = tuple(weights[k] for k in columns.order.tolist())
        orders = tuple(tree.order for tree in trees)
        return Packing(orders, columns, share, None, self.pool.paths)

    def _round(self) -> None:
        """Plant a tree of each family, in random order; of few families several each."""
        families = self.pool.families
        times = max(LOOKS // len(families), 1)
        order = np.concatenate([self.draw.permutation(len(families)) for _ in range(times)])
        every = -(-len(order) // LOOKS)
        for i, k in enumerate(order.tolist()):
            if i % every == 0:
                length, entry = self._distances(self._congested())
                cost = self.quotient.between_members(length)
            tree = self._planted(families[k], cost, entry)
            self.trees.append(tree)
            weight = self.shares[tree.family] * tree.family.size
            np.add.at(self.load, tree.crossed, weight * self.quotient.repeats[tree.crossed])

    def _congested(self) -> FloatArray:
        """Price the links by how full they are."""
        return np.exp(STEEP * (self._fullness() - 1.0)) / self.quotient.orbit_capacity

    def _fullness(self) -> FloatArray:
        """Compare what the links carry for their capacity with the fullest one."""
        full = self.load / self.quotient.orbit_capacity
        return np.asarray(full / (full.max() or 1.0))

    def _distances(self, prices: FloatArray) -> tuple[FloatArray, IntArray]:
        quotient = self.quotient
        self.pool.watch.check(LOOK * len(quotient.roots) * quotient.topology.links)
        scaled = prices / prices.max()
        return quotient.distances(scaled[quotient.link_orbit] + self.tie)

    def _planted(self, family: Family, cost: FloatArray, entry: IntArray) -> _Tree:
        """Find the cheapest tree of a family."""
        parent = self._tree(family, cost)[1]
        child = np.flatnonzero(parent >= 0)
        ends = (child, parent[child]) if family.inward else (parent[child], child)
        pairs = zip(
            *(column.tolist() for column in start_at_roots(self.quotient, *ends)), strict=True
        )
        links = [(i, trace(self.quotient, i, entry[i], target)) for i, target in pairs]
        path = integers(self.pool.paths.add(i, path) for i, path in links)
        crossed = self.quotient.link_orbit[integers(e for _, path in links for e in path)]
        order = self._order(family, parent)
        return _Tree(family, order, frozen(parent[child]), frozen(child), path, crossed)

    def _tree(self, family: Family, cost: FloatArray) -> tuple[float, IntArray]:
        """Find what the cheapest tree of a family costs, and its parents, -1 at the root."""
        if not self.stars:
            return self.pool.tree(family, cost)
        root = self.pool.place[family.root]
        parent = np.full(len(cost), root)
        parent[root] = -1
        return float(np.delete(cost[root], root).sum()), parent

    def _order(self, family: Family, parent: IntArray) -> Order:
        """Put the members of a tree in order, by their depth."""
        root = self.pool.place[family.root]
        within = np.flatnonzero((parent >= 0) | (np.arange(len(parent)) == root))
        depth = depths(np.where(parent >= 0, parent, root))
        place = places(within[np.argsort(depth[within], kind="stable")], len(parent))
        branches = bool(self.quotient.usable(family.inward)[root])
        return Order(root, place, frozen(depth), family.inward, branches)

    def _weighed(self) -> Weighed:
        """Choose what each tree carries, and go on from there."""
        lp = self._program()
        optimum = solve_roughly(lp.program(self.scale), self.pool.watch)
        weights = self._exact(self.trees, optimum.x[:-1])
        load = lp.matrix[lp.equalities :, :-1] @ np.array([float(w) for w in weights])
        self.load = load * ROUNDS
        if self.packer.free:
            self._share(weights)
        time = float((load / self.quotient.orbit_capacity).max())
        prices = lp.prices(optimum, self.scale) * self.quotient.repeats
        return Weighed(tuple(self.trees), weights, time, prices)

    def _program(self) -> LoadLP:
        """Write the program down: a column for each tree, and the time."""
        trees, orbits = len(self.trees), len(self.load)
        budgets = self.packer.budgets([tree.order for tree in self.trees])
        entries = []
        for i, budget in enumerate(budgets):
            signs = np.repeat([1, -1], [len(budget.plus), len(budget.minus)])
            entries.append((signs, np.full(len(signs), i), integers(budget.plus + budget.minus)))
        first = len(budgets)
        for k, tree in enumerate(self.trees):
            crossed = tree.crossed
            entries.append((self.quotient.repeats[crossed], first + crossed, crossed * 0 + k))
        own = np.arange(orbits)
        entries.append((-self.quotient.orbit_capacity, first + own, own * 0 + trees))
        data, rows, columns = (np.concatenate(part) for part in zip(*entries, strict=True))
        matrix = coo_array((data, (rows, columns)), shape=(first + orbits, trees + 1))
        return LoadLP(csr_matrix(matrix), tuple(budget.total for budget in budgets))

    def _exact(self, trees: Sequence[_Tree], weights: FloatArray) -> list[Fraction]:
        """Round weights so that they are what the roots' shares demand."""
        budgets = self.packer.budgets([tree.order for tree in trees])
        return rounding.round_weights(len(trees), budgets, weights)

    def _share(self, weights: Sequence[Fraction]) -> None:
        """Let the next rounds give the roots shares about as the program does."""
        found = dict.fromkeys(self.pool.families, 0.0)
        for tree, weight in zip(self.trees, weights, strict=True):
            found[tree.family] += float(weight)
        equal = self.packer.pricing.shares()
        self.shares = {f: LOYAL * found[f] + (1 - LOYAL) * equal[f] for f in found}

    def _prove(self, prices: FloatArray) -> None:
        """Note the greatest time that is proved by prices, or where full links cost the same."""
        full = self._fullness()
        for price in (*((full >= least) / self.quotient.orbit_capacity for least in FULL), prices):
            cost = self.quotient.between_members(self._distances(price)[0])
            total = {f: self._tree(f, cost)[0] for f in self.pool.families}
            income = float(price / self.quotient.repeats @ self.quotient.orbit_capacity)
            due = self.packer.pricing.time_of(total) * float(price.max()) / income
            if due > self.due:
                self.due, self.prices = due, price
