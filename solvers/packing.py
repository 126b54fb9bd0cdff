"""Optimal tree packings: the order LP with orders, ways and parents generated as prices ask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from time import monotonic
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from solvers import nearly
from solvers.arborescence import cheapest
from solvers.certificate import Bound
from solvers.linear import Infeasible, NotFound, Optimum, solve
from solvers.load_lp import LoadLP
from solvers.order_lp import (
    Budget,
    Columns,
    Order,
    all_ways,
    assemble,
    union,
)
from solvers.quotient import Quotient
from solvers.ways import HOP, Ways, shortest
from topologies.topology import BoolArray, FloatArray, IntArray, frozen

NEARBY = 6  # early and late candidate parents of a member at first, where there are many members
EVERY = 48  # members up to which every earlier member is a candidate
CLOSE = 1e-9  # relative distance from the bound at which the exact solution is tried
TIE = 1e-7  # what alphas weigh against the highest price, so that shorter ways win ties
EXTRA = 4  # trees of slightly different prices that are added in a round, over all families
VARIANTS = 24  # orders that break ties at random, over all families
COLUMNS = 20_000  # about the most columns that these may take
KEPT = 4  # orders for each family up to which none is dropped
IDLE = 1e-9  # an order of no more weight may be dropped
GAIN = 1e-7  # least improvement, relative, that a new column must promise


@dataclass(frozen=True)
class Family:
    """The trees of one root (a vertex): outward, or inward for sums.

    size: what the trees carry, in units of the collective's sizes.
    """

    root: int
    inward: bool
    size: int = field(default=1, compare=False)


class Goal(NamedTuple):
    """The least time that a bound allows, in capacity units for each unit of a block."""

    time: Fraction
    bound: Bound


class _Round(NamedTuple):
    """An LP that was solved, and what its columns stand for."""

    lp: LoadLP
    optimum: Optimum
    orders: tuple[Order, ...]
    columns: Columns


Prove = Callable[[FloatArray, float], Goal | None]


@dataclass(frozen=True, eq=False)
class Packing:
    """Trees as choices of parents, with exact shares, and the bound if one is proved."""

    orders: tuple[Order, ...]
    columns: Columns
    share: tuple[Fraction, ...]
    bound: Bound | None
    ways: Ways


class Packer:
    """The order LP of one problem as it grows: orders, ways and columns are only ever added.

    With free shares the roots' weights are variables, each inward family paired with the outward
    one of the same root (all_reduce); without, each root has its full share (all_gather).
    """

    def __init__(self, quotient: Quotient, families: Sequence[Family], *, free: bool) -> None:
        self.quotient, self.families, self.free = quotient, tuple(families), free
        self.ways = shortest(quotient)
        self.place = {int(v): i for i, v in enumerate(quotient.members)}
        near = quotient.topology.alpha + HOP
        self.near = quotient.between_members(quotient.distances(near)[0])
        self.varied = False
        self.draw = np.random.default_rng(0)
        self.orders: list[Order] = []
        self.columns = Columns(*(frozen(np.zeros(0, dtype=np.int64)) for _ in range(4)))
        for family in self.families:
            self._nearest_first(family, self._ties(family))

    def _ties(self, family: Family) -> FloatArray:
        """Break ties by number, or at random where several roots should lean on different members."""
        if len({f.root for f in self.families}) == 1:
            return np.arange(len(self.place), dtype=np.float64)
        return np.random.default_rng(family.root).random(len(self.place))

    def solve(self, goal: Goal | None, prove: Prove, seconds: float) -> Packing:
        """Generate columns until the goal is reached or nothing improves; solve exactly.

        goal: what a bound allows, if one is known. prove: works out what given prices allow, when
        they are those of an optimum (and its time).

        When the time is over, or where the optimum has no exact solution in reach, the trees are
        the best so far, and the bound says how far from the best possible they are.

        Raises:
            NotFound: the time was over before there were any trees.
        """
        deadline = monotonic() + seconds
        scale = float(goal.time) if goal else self._rough_time()
        best: _Round | None = None
        while True:
            try:
                now = self._solved(scale, max(deadline - monotonic(), 1.0))
            except NotFound:
                if best is None:
                    raise
                now = best
            best = now
            time, prices = now.optimum.cost * scale, self._prices(now.lp, now.optimum, scale)
            if not (goal and now.optimum.cost <= 1 + CLOSE):
                if monotonic() < deadline and self._price(prices, time):
                    self._prune(now)
                    continue
                known = [g for g in (goal, prove(prices, time)) if g]
                goal = max(known, key=lambda g: g.time, default=None)
            self.orders, self.columns = list(now.orders), now.columns
            return self._finish(now.lp, now.optimum, time, goal, deadline)

    def _solved(self, scale: float, seconds: float) -> "_Round":
        lp = self._assemble()
        optimum = solve(lp.program(scale), seconds=seconds)
        return _Round(lp, optimum, tuple(self.orders), self.columns)

    def _prune(self, now: "_Round") -> None:
        """Drop orders that the last optimum gave no weight, once there are many."""
        if len(self.orders) <= KEPT * len(self.families):
            return
        weight = now.optimum.x[len(now.columns) :][: len(now.orders)]
        kept = np.ones(len(self.orders), dtype=np.bool_)
        kept[: len(weight)] = weight > IDLE
        number = np.cumsum(kept) - 1
        columns, mine = self.columns, kept[self.columns.order]
        self.orders = [order for order, keep in zip(self.orders, kept, strict=True) if keep]
        self.columns = Columns(
            number[columns.order[mine]],
            columns.parent[mine],
            columns.child[mine],
            columns.way[mine],
        )

    def _finish(
        self, lp: LoadLP, optimum: Optimum, time: float, goal: Goal | None, deadline: float
    ) -> Packing:
        """Turn the optimum into exact shares; of the least height, if the goal is attained."""
        x, target = optimum.x[:-1], None
        if goal is not None and abs(float(goal.time) - time) <= CLOSE * time:
            target = goal.time
            x = self._shallow(lp, float(target), max(deadline - monotonic(), 1.0))
        columns, orders = self.columns, len(self.orders)
        try:
            share, _ = lp.exact(x, time, target)
        except NotFound:
            share = nearly.shares(columns, orders, self._budgets(), x)
        bound = goal.bound if goal else None
        return Packing(tuple(self.orders), columns, share[: len(columns)], bound, self.ways)

    def _assemble(self) -> LoadLP:
        return assemble(self.quotient, self.ways, self.orders, self.columns, self._budgets())

    def _budgets(self) -> list[Budget]:
        """Tie the orders' weights to the roots' shares."""
        mine: dict[Family, list[int]] = {family: [] for family in self.families}
        for i, order in enumerate(self.orders):
            mine[self._family(order)].append(i)
        order_of_group = self.quotient.group.order
        if not self.free:
            times = {f: Fraction(self.quotient.orbit_of(f.root), order_of_group) for f in mine}
            return [Budget(tuple(mine[f]), (), f.size * times[f]) for f in mine]
        outward = [f for f in mine if not f.inward]
        pairs = [
            Budget(tuple(mine[f]), tuple(mine[Family(f.root, True)]), Fraction(0)) for f in outward
        ]
        whole = tuple(i for f in outward for i in mine[f])
        return [*pairs, Budget(whole, (), Fraction(1, order_of_group))]

    def _family(self, order: Order) -> Family:
        return Family(int(self.quotient.members[order.root]), order.inward)

    def _nearest_first(self, family: Family, ties: FloatArray) -> None:
        """Take in the order by distance from the root, to a millionth, then by `ties`.

        A member never comes before the one over which it is reached.
        """
        root = self.place[family.root]
        distance, before = self._reach(root, family.inward)
        coarse = np.round(distance / distance.max() * 1e6)
        self._grow(family, before, np.lexsort((ties, _depth(before, root), coarse)))

    def _reach(self, root: int, inward: bool) -> tuple[FloatArray, IntArray]:
        """Measure how late each member is reached from the root, and over which other member."""
        hops = self.near.T if inward else self.near
        graph = csr_array(np.where(np.isfinite(hops), hops, 0.0))
        distance, before = dijkstra(graph, indices=root, return_predecessors=True)
        if not np.isfinite(distance).all():
            raise Infeasible("some rank cannot be reached from another")
        return distance, before.astype(np.int64)

    @staticmethod
    def _places(sequence: IntArray) -> IntArray:
        place = np.empty(len(sequence), dtype=np.int64)
        place[sequence] = np.arange(len(sequence))
        return place

    def _grow(self, family: Family, tree: IntArray, sequence: IntArray) -> None:
        """Take in an order that follows a tree, with its candidate parents and the tree's."""
        root = self.place[family.root]
        place = self._places(sequence)
        order = Order(root, frozen(place), frozen(_depth(tree, root)), family.inward)
        if any(
            o.root == root and o.inward == order.inward and np.array_equal(o.place, place)
            for o in self.orders
        ):
            return
        self.orders.append(order)
        parent, child = self._candidates(order)
        others = np.flatnonzero(np.arange(len(place)) != root)
        parent, child = np.append(parent, tree[others]), np.append(child, others)
        self._choose(len(self.orders) - 1, parent, child)

    def _choose(self, order: int, parent: IntArray, child: IntArray) -> None:
        """Take in choices of parents, over every way known."""
        pairs = Columns(np.full(len(parent), order), parent, child, np.zeros_like(parent))
        self.columns = union(
            [self.columns, all_ways(self.quotient, self.ways, self.orders, pairs)], len(self.place)
        )

    def _candidates(self, order: Order) -> tuple[IntArray, IntArray]:
        """List (parent, child): every earlier member, or the nearest ones where there are many."""
        members = len(order.place)
        distance = self.near if order.inward else self.near.T
        earlier = order.place[None, :] < order.place[:, None]
        near = np.where(earlier, distance, np.inf)
        chosen = np.isfinite(near)
        if members > EVERY or len(self.families) * members**2 > EVERY**2 * 4:
            tie = order.place[None, :] * HOP / members
            chosen &= _smallest(near + tie, NEARBY) | _smallest(near - tie, NEARBY)
        child, parent = np.nonzero(chosen)
        return parent, child

    def _rough_time(self) -> float:
        """Guess the time's magnitude, where no bound is known."""
        return len(self.quotient.members) / float(self.quotient.orbit_capacity.max())

    def _prices(self, lp: LoadLP, optimum: Optimum, scale: float) -> FloatArray:
        """Give the price of one link of each orbit: what a crossing of all images costs in time."""
        stabiliser = self.quotient.group.order // self.quotient.orbit_size
        return lp.prices(optimum, scale) * stabiliser

    def _price(self, prices: FloatArray, time: float) -> bool:
        """Add what the prices ask for: better ways, orders and parents; say whether any was.

        Where the cheapest trees cost as much as the time, nothing can improve, and nothing is
        added.
        """
        length, entry = self._distances(prices)
        cost = self.quotient.between_members(length)
        found = self._cheapest(cost)
        if self._due({f: float(total) for f, (total, _) in found.items()}) >= time * (1 - CLOSE):
            return False
        before = len(self.orders), len(self.columns)
        self._new_ways(prices, length, entry, time)
        self._follow(found)
        self._vary()
        for _ in range(EXTRA // len(self.families)):
            near = (prices + prices.mean() / 2) * self.draw.uniform(0.5, 1.5, len(prices))
            self._follow(self._cheapest(self.quotient.between_members(self._distances(near)[0])))
        self._new_parents(cost)
        return (len(self.orders), len(self.columns)) != before

    def _distances(self, prices: FloatArray) -> tuple[FloatArray, IntArray]:
        """Find the cheapest ways from the roots, the shorter of two that cost the same."""
        tie = self.quotient.topology.alpha + HOP
        tie = tie / tie.max() * prices.max() * TIE
        return self.quotient.distances(prices[self.quotient.link_orbit] + tie)

    def _cheapest(self, cost: FloatArray) -> dict[Family, tuple[float, IntArray]]:
        """Find each family's cheapest tree."""
        return {f: cheapest(_seen(cost, f), self.place[f.root]) for f in self.families}

    def _follow(self, found: dict[Family, tuple[float, IntArray]]) -> None:
        """Take in an order that follows each tree."""
        for family, (_, parent) in found.items():
            depth = _depth(parent, self.place[family.root])
            self._grow(family, parent, np.lexsort((np.arange(len(parent)), depth)))

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
        room = COLUMNS // max(len(self.columns), 1)
        for seed in range(min(VARIANTS // len(self.families), room)):
            draw = np.random.default_rng(seed)
            for family in self.families:
                self._nearest_first(family, draw.random(len(self.place)))

    def _new_ways(
        self, prices: FloatArray, length: FloatArray, entry: IntArray, time: float
    ) -> None:
        """Take in the cheapest way of each pair, where it beats the ways known."""
        known = np.full(length.shape, np.inf)
        cost = self.ways.crossings() @ prices
        np.minimum.at(known, (np.array(self.ways.root), np.array(self.ways.target)), cost)
        better = length < known - GAIN * time / len(self.quotient.members)
        member = np.zeros(length.shape[1], dtype=np.bool_)
        member[self.quotient.members] = True
        fresh = len(self.ways)
        for root, target in zip(*np.nonzero(better & member), strict=True):
            if target != self.quotient.roots[root]:
                self.ways.add(int(root), _trace(self.quotient, entry[root], int(target)))
        if len(self.ways) > fresh:
            self.columns = union(
                [self.columns, all_ways(self.quotient, self.ways, self.orders, self.columns)],
                len(self.place),
            )

    def _new_parents(self, cost: FloatArray) -> None:
        """Give each member of each order the earlier parent that is cheapest now."""
        for i, order in enumerate(self.orders):
            reach = cost if order.inward else cost.T
            earlier = order.place[None, :] < order.place[:, None]
            parent = np.argmin(np.where(earlier, reach, np.inf), axis=1)
            child = np.flatnonzero(np.arange(len(parent)) != order.root)
            self._choose(i, parent[child], child)

    def _shallow(self, lp: LoadLP, scale: float, seconds: float) -> FloatArray:
        """Among the optimal packings find a low one whose members are reached early.

        Where parents that are nearer to the root than their children suffice, the heights of the
        orders bound those of the trees, and the least bound that suffices is searched for.
        """
        deadline = monotonic() + seconds
        columns, orders = self.columns, self.orders
        depth = np.array([order.depth for order in orders])
        rises = depth[columns.order, columns.parent] < depth[columns.order, columns.child]
        heights = depth.max(axis=1)
        levels = np.unique(heights)
        best, low, high = None, 0, len(levels) - 1
        while low <= high:
            middle = high if best is None else (low + high) // 2
            kept = heights <= levels[middle]
            try:
                best = self._early(
                    lp, scale, np.append(rises & kept[columns.order], kept), deadline
                )
                high = middle - 1
            except (Infeasible, NotFound):
                if best is None:
                    break
                low = middle + 1
        everything = np.ones(len(columns) + len(orders), dtype=np.bool_)
        return self._early(lp, scale, everything, deadline) if best is None else best

    def _early(self, lp: LoadLP, scale: float, kept: BoolArray, deadline: float) -> FloatArray:
        """Solve for the choices marked as `kept` and the least sum of arrival times."""
        columns = self.columns
        reach = np.array([self._reach(o.root, o.inward)[0] for o in self.orders])
        start = reach[columns.order, columns.parent]
        alpha = [sum(self.quotient.topology.alpha[e] + HOP for e in way) for way in self.ways.links]
        late = start + np.array(alpha)[columns.way]
        cost = np.append(late / late.max(), np.zeros(len(self.orders)))
        x = np.zeros(len(kept))
        program = lp.cheapest(scale, cost, kept)
        x[kept] = solve(program, seconds=max(deadline - monotonic(), 1.0)).x
        return x


def _depth(parent: IntArray, root: int) -> IntArray:
    """Count the steps from each member up to the root of a tree."""
    depth, above = np.zeros(len(parent), dtype=np.int64), np.arange(len(parent))
    while (moving := above != root).any():
        depth += moving
        above = np.where(moving, parent[above], root)
    return depth


def _seen(cost: FloatArray, family: Family) -> FloatArray:
    """Turn costs between members so that trees grow out of the root."""
    return cost.T if family.inward else cost


def _smallest(key: FloatArray, count: int) -> BoolArray:
    """Mark the smallest entries of each row."""
    return np.asarray(key < np.partition(key, count, axis=1)[:, [count]])


def _same(a: Order, b: Order) -> bool:
    return (a.root, a.inward) == (b.root, b.inward) and np.array_equal(a.place, b.place)


def _trace(quotient: Quotient, entry: IntArray, target: int) -> tuple[int, ...]:
    """Walk back over the entering links to the root."""
    way = [int(entry[target])]
    while True:
        tail = int(quotient.topology.src[way[0]])
        if tail in quotient.member_set:
            return tuple(way)
        way.insert(0, int(entry[tail]))
