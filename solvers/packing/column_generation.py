"""Optimal tree packings: the order LP, solved, grown and solved again until nothing improves."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import NamedTuple

import numpy as np

from solvers.lp.linear_program import NotFound, Optimum, solve
from solvers.lp.min_max_load import LoadLP
from solvers.packing import rounding
from solvers.packing.column_pool import ColumnPool
from solvers.packing.families import Family, Heights
from solvers.packing.low_trees import prefer_low_trees
from solvers.packing.order_lp import Budget, Columns, Order, assemble
from solvers.packing.pricing import Pricing
from solvers.packing.tuning import (
    AT_HAND,
    CLOSE,
    FULLNESS_STEEP,
    HOPELESS,
    HUB_COLUMNS,
    IDLE,
    KEPT_ORDERS,
    LARGE_COLUMNS,
    LITTLE,
    ROUND_COLUMNS,
    STALLED,
    STRAIGHT_COLUMNS,
)
from solvers.routing.path_pool import PathPool
from solvers.routing.quotient import Quotient
from solvers.schedules.certificate import Bound
from solvers.settings.deadline import NO_DEADLINE, Watch
from topologies.model.topology import FloatArray, IntArray
from topologies.model.units import Share


class Goal(NamedTuple):
    """The least time that a bound allows, in capacity units for each unit of a block."""

    time: Fraction
    bound: Bound


Prove = Callable[[FloatArray, float], Goal | None]
Reached = Callable[[float], None]


class _Iteration(NamedTuple):
    """An LP that was solved, what its columns stand for, and the time of its optimum."""

    lp: LoadLP
    optimum: Optimum
    orders: tuple[Order, ...]
    columns: Columns
    time: float


class _Pace:
    """How fast the rounds come near a goal: too slow where the distance hardly shrinks, twice."""

    def __init__(self, goal: Fraction) -> None:
        self.goal = float(goal)
        self.distance, self.stalled, self.columns = inf, 0, 0

    def is_promising(self, now: _Iteration) -> bool:
        """Tell whether another round is worth its while."""
        distance = now.time / self.goal - 1
        self.stalled += distance > STALLED * self.distance
        self.distance = distance
        self.columns += len(now.columns)
        if distance < AT_HAND and not self.stalled:
            return True
        return self.stalled < 2 and self.columns < ROUND_COLUMNS


@dataclass(frozen=True, eq=False)
class Packing:
    """Trees as choices of parents, with exact shares, and the bound if one is proved."""

    orders: tuple[Order, ...]
    columns: Columns
    share: tuple[Share, ...]
    bound: Bound | None
    paths: PathPool


class ColumnGeneration:
    """The order LP of one problem, from its first orders to the optimum.

    With free shares the roots' weights are variables, each inward family paired with the outward
    one of the same root (all_reduce; there is none with a mirror, as each tree stands for both);
    without, each root has its full share (all_gather).

    Args:
        heights: bound those of the trees; the optimum then is approached, but not surely met.
    """

    def __init__(
        self,
        quotient: Quotient,
        families: Sequence[Family],
        *,
        free: bool,
        watch: Watch = NO_DEADLINE,
        heights: Heights | None = None,
    ) -> None:
        self.quotient, self.free, self.watch = quotient, free, watch
        self.pool = ColumnPool(quotient, families, watch, heights)
        self.pricing = Pricing(self.pool, free=free)

    def solve(
        self,
        goal: Goal | None,
        prove: Prove,
        reached: Reached = lambda _: None,
        scale: float | None = None,
    ) -> Packing:
        """Generate columns until the goal is reached or nothing improves; solve exactly.

        When the time is over, or where the optimum has no exact solution in reach, the trees are
        the best so far, and the bound says how far from the best possible they are.

        Args:
            goal: what a bound allows, if one is known.
            prove: works out what given prices allow, when they are those of an optimum (and its
                time).
            reached: hears the time of each round.
            scale: about the time of the optimum, where it is not the goal's.

        Raises:
            NotFound: the time was over before there were any trees.
        """
        scale = scale or (float(goal.time) if goal else self._rough_time())
        for now in self._rounds(scale, reached):
            if goal and _attains(now, goal):
                if packing := self._finish(now, goal):
                    return packing
                continue
            prices = self._prices(now, scale)
            if not self._improve(prices, now.time):
                known = [g for g in (goal, prove(prices, now.time)) if g]
                best = max(known, key=lambda g: g.time, default=None)
                if packing := self._finish(now, best):
                    return packing
        raise AssertionError("the rounds have no end")

    def attain(self, goal: Goal, rounds: int, reached: Reached = lambda _: None) -> Packing:
        """Generate columns until the goal is reached, in so many rounds; solve exactly.

        Raises:
            NotFound: the rounds or the time were over before that, or it seems out of reach.
        """
        scale, pace = float(goal.time), _Pace(goal.time)
        hopeless = HOPELESS * scale
        for made, now in enumerate(self._rounds(scale, reached), 1):
            if _attains(now, goal) and (packing := self._finish(now, goal)):
                return packing
            if made == rounds or not pace.is_promising(now):
                break
            if not self._improve(self._prices(now, scale), now.time, hopeless):
                break
        raise NotFound("the goal was not reached in so many rounds")

    def attain_straight(
        self,
        goal: Goal,
        prove: Prove,
        reached: Reached = lambda _: None,
        *,
        nearly: bool = False,
        boxes: IntArray | None = None,
    ) -> Packing:
        """Reach a goal by trees around hubs (see solvers/packing/hubs.py), or prove that none can.

        The program is small: a column for each path between a hub and a member.

        Args:
            goal: what a bound allows.
            prove: as of `solve`, for what no path can improve.
            reached: hears the time of each round.
            nearly: whether the best trees do that were found, where they do not reach it.
            boxes: of each vertex, as of `hubs.gathered_orders`.

        Raises:
            NotFound: they do not reach it.
        """
        scale, columns, best = float(goal.time), 0, inf
        self.pool.straight(boxes)
        if len(self.pool.columns) > HUB_COLUMNS:
            raise NotFound("there are too many trees around hubs")
        while (columns := columns + len(self.pool.columns)) < STRAIGHT_COLUMNS:
            now = self._solve(scale)
            reached(now.time)
            prices = self._prices(now, scale)
            if not _attains(now, goal) and not self.pricing.better_paths(prices, now.time):
                goal = prove(prices, now.time) or goal
                columns = STRAIGHT_COLUMNS
            if _attains(now, goal) and (packing := self._exact(*_vertex(now), goal.time, goal)):
                return packing
            if now.time > best * (1 - LITTLE):
                break
            best = now.time
            self.pricing.better_paths(self._fullness_prices(now), now.time)
        if nearly and best < inf:
            self.pool.columns = now.columns
            if packing := self._exact(*_vertex(now), None, goal):
                return packing
        raise NotFound("the goal was not reached by trees around hubs")

    def _rounds(self, scale: float, reached: Reached) -> Iterator[_Iteration]:
        """Solve the LP again and again, as it grows; the last round anew where the time is over.

        Raises:
            NotFound: there is no time for the first one.
        """
        self.pricing.begin(scale)
        now = self._solve(scale)
        while True:
            reached(now.time)
            yield now
            self._prune(now)
            try:
                now = self._solve(scale)
            except NotFound:
                self.pool.orders, self.pool.columns = list(now.orders), now.columns

    def _solve(self, scale: float) -> _Iteration:
        self.watch.check()
        lp = self.assemble()
        optimum = solve(lp.program(scale), self.watch)
        orders = tuple(self.pool.orders)
        return _Iteration(lp, optimum, orders, self.pool.columns, optimum.cost * scale)

    def _improve(self, prices: FloatArray, time: float, hopeless: float = inf) -> bool:
        """Grow by what the prices ask for; say whether anything was missing, and time enough.

        hopeless: a time that is too long: where the prices prove about that, the answer is no.
        """
        try:
            return self.pricing.price_out(prices, time, hopeless)
        except NotFound:
            return False

    def _prune(self, now: "_Iteration") -> None:
        """Drop orders that the last optimum gave no weight, once there are many."""
        if len(self.pool.orders) <= KEPT_ORDERS * len(self.pool.families):
            return
        if len(self.pool.orders) < len(now.orders):
            return  # those without weight are gone
        weight = now.optimum.x[len(now.columns) :][: len(now.orders)]
        kept = np.ones(len(self.pool.orders), dtype=np.bool_)
        kept[: len(weight)] = weight > IDLE
        # The first order of each family stays: a root that is idle now may be needed later.
        kept[: len(self.pool.families)] = True
        self.pool.keep(kept)

    def _finish(self, now: _Iteration, goal: Goal | None) -> Packing | None:
        """Turn the optimum into exact shares; of the least height, if the goal is attained.

        None where members that others stood for have to stand for themselves.
        """
        self.pool.orders, self.pool.columns = list(now.orders), now.columns
        lp, x, target = now.lp, now.optimum.x[:-1], None
        if self.pool.kinds is not None and len(x) > LARGE_COLUMNS:
            # There are many small orders; those in use do.
            amounts, weights = np.split(x, [len(now.columns)])
            used = weights > IDLE
            self.pool.keep(used)
            lp, x = self.assemble(), np.append(amounts[used[now.columns.order]], weights[used])
        if goal is not None and _nears(now.time, goal):
            target = goal.time
            x = prefer_low_trees(self.pool, lp, float(target), x, self.watch)
        return self._exact(lp, x, now.time, target, goal)

    def _exact(
        self, lp: LoadLP, x: FloatArray, time: float, target: Fraction | None, goal: Goal | None
    ) -> Packing | None:
        """Solve for the shares in rationals, or round them where that does not succeed."""
        columns, orders = self.pool.columns, len(self.pool.orders)
        try:
            share, _ = lp.exact(x, time, target, self.watch)
        except NotFound:
            share = rounding.round_shares(columns, orders, self.budgets(self.pool.orders), x)
        whole = self.pool.unfold(columns, share)
        if whole is None:
            return None
        bound = goal.bound if goal else None
        return Packing(tuple(self.pool.orders), *whole, bound, self.pool.paths)

    def solve_chosen(
        self, orders: Sequence[Order], columns: Columns, scale: float
    ) -> tuple[LoadLP, Optimum]:
        """Solve for the shares of given orders and choices alone, which become those at hand.

        Raises:
            Infeasible, NotFound: as of `linear.solve`.
        """
        self.pool.orders, self.pool.columns = list(orders), columns
        lp = self.assemble()
        return lp, solve(lp.program(scale), self.watch)

    def settle(self, lp: LoadLP, optimum: Optimum, time: float, goal: Goal | None) -> Packing:
        """Turn the optimum of what is at hand into exact shares, as it is."""
        target = goal.time if goal is not None and _nears(time, goal) else None
        packing = self._exact(lp, optimum.x[:-1], time, target, goal)
        assert packing is not None  # with heights each member stands for itself
        return packing

    def assemble(self) -> LoadLP:
        """Write the program of what is at hand down."""
        return assemble(
            self.quotient,
            self.pool.paths,
            self.pool.orders,
            self.pool.columns,
            self.budgets(self.pool.orders),
        )

    def budgets(self, orders: Sequence[Order]) -> list[Budget]:
        """Tie the orders' weights to the roots' shares."""
        mine: dict[Family, list[int]] = {family: [] for family in self.pool.families}
        for i, order in enumerate(orders):
            mine[self.pool.family_of(order)].append(i)
        order_of_group = self.quotient.group.order
        if not self.free:
            times = {f: Fraction(self.quotient.orbit_of(f.root), order_of_group) for f in mine}
            return [Budget(tuple(mine[f]), (), f.size * times[f]) for f in mine]
        outward = [f for f in mine if not f.inward]
        back = {f.root: f for f in mine if f.inward}
        pairs = [
            Budget(tuple(mine[f]), tuple(mine[back[f.root]]), Fraction(0))
            for f in outward
            if f.root in back
        ]
        whole = tuple(i for f in outward for i in mine[f])
        return [*pairs, Budget(whole, (), Fraction(1, order_of_group))]

    def _rough_time(self) -> float:
        """Guess the time's magnitude, where no bound is known."""
        return len(self.quotient.members) / float(self.quotient.orbit_capacity.max())

    def _prices(self, now: _Iteration, scale: float) -> FloatArray:
        """Give the price of one link of each orbit: what a crossing of all images costs in time."""
        return now.lp.prices(now.optimum, scale) * self.quotient.repeats

    def _fullness_prices(self, now: _Iteration) -> FloatArray:
        """Price the links by how full they are, in the units of `_prices`."""
        repeats, capacity = self.quotient.repeats, self.quotient.orbit_capacity
        load = now.lp.matrix[now.lp.equalities :, :-1] @ now.optimum.x[:-1]
        prices = np.exp(FULLNESS_STEEP * (load / capacity / now.time - 1.0)) / capacity
        return np.asarray(prices / (prices / repeats @ capacity))


def _vertex(now: _Iteration) -> tuple[LoadLP, FloatArray, float]:
    return now.lp, now.optimum.x[:-1], now.time


def _attains(now: _Iteration, goal: Goal) -> bool:
    return now.time <= float(goal.time) * (1 + CLOSE)


def _nears(time: float, goal: Goal) -> bool:
    return abs(float(goal.time) - time) <= CLOSE * time
