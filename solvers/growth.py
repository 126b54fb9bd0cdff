"""What the order LP grows by: ways, orders, and choices of parents."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from solvers.arborescence import cheapest
from solvers.linear import Infeasible
from solvers.order_lp import Columns, Order, all_ways, union
from solvers.quotient import Quotient
from solvers.watch import UNHURRIED, Watch
from solvers.ways import HOP, Ways
from topologies.topology import BoolArray, FloatArray, IntArray, frozen

NEARBY = 6  # early and late candidate parents of a member at first, where there are many members
PAIRS = 8192  # about how many pairs of roots and members there may be for each nearby candidate
EVERY = 48  # members up to which every earlier member is a candidate


@dataclass(frozen=True)
class Family:
    """The trees of one root (a vertex): outward, or inward for sums.

    size: what the trees carry, in units of the collective's sizes.
    """

    root: int
    inward: bool
    size: int = field(default=1, compare=False)


class Growth:
    """The ways, orders and columns of one problem, from the nearest parents up.

    Whatever is taken in comes with the columns that it allows: an order with the candidate parents
    that it puts before each member, a parent with every way that is known to it.
    """

    def __init__(
        self, quotient: Quotient, families: Sequence[Family], watch: Watch = UNHURRIED
    ) -> None:
        self.quotient, self.families, self.watch = quotient, tuple(families), watch
        self.ways = Ways(quotient, watch)
        self.place = {int(v): i for i, v in enumerate(quotient.members)}
        near = quotient.topology.alpha + HOP
        self.near = quotient.between_members(quotient.distances(near)[0])
        self.orders: list[Order] = []
        self.columns = Columns(*(frozen(np.zeros(0, dtype=np.int64)) for _ in range(4)))

    def family_of(self, order: Order) -> Family:
        """Tell whose trees an order is for."""
        return Family(int(self.quotient.members[order.root]), order.inward)

    def nearest_first(self, family: Family, cost: FloatArray) -> IntArray:
        """Take in the order by distance from the root, to a millionth, then by cost of arrival.

        A member never comes before the one over which it is reached. Gives the cheapest earlier
        parent of each member, -1 at the root.
        """
        root = self.place[family.root]
        distance, before = self.reach(root, family.inward)
        coarse = np.round(distance / distance.max() * 1e6)
        keys = np.stack([coarse, depth_in(before, root)])
        level = np.unique(keys, axis=1, return_inverse=True)[1].reshape(-1)
        reach = seen(cost, family)
        arrival = np.where(level[:, None] < level[None, :], reach, np.inf).min(axis=0)
        sequence = np.lexsort((arrival, level))
        place = places(sequence)
        earlier = place[:, None] < place[None, :]
        parent = np.argmin(np.where(earlier, reach, np.inf), axis=0).astype(np.int64)
        parent[root] = -1
        self.grow(family, before, sequence)
        return frozen(parent)

    def cheapest_first(self, family: Family, cost: FloatArray) -> IntArray:
        """Take in the order that follows the cheapest tree, and give that, -1 at the root."""
        parent = cheapest(seen(cost, family), self.place[family.root])[1]
        self.follow(family, parent)
        return parent

    def follow(self, family: Family, tree: IntArray) -> None:
        """Take in an order that goes through a tree level by level."""
        depth = depth_in(tree, self.place[family.root])
        self.grow(family, tree, np.lexsort((np.arange(len(tree)), depth)))

    def reach(self, root: int, inward: bool) -> tuple[FloatArray, IntArray]:
        """Measure how late each member is reached from the root, and over which other member."""
        hops = self.near.T if inward else self.near
        graph = csr_array(np.where(np.isfinite(hops), hops, 0.0))
        distance, before = dijkstra(graph, indices=root, return_predecessors=True)
        if not np.isfinite(distance).all():
            raise Infeasible("some rank cannot be reached from another")
        return distance, before.astype(np.int64)

    def grow(self, family: Family, tree: IntArray, sequence: IntArray) -> None:
        """Take in an order that follows a tree, with its candidate parents and the tree's."""
        self.watch.check()
        root = self.place[family.root]
        place = places(sequence)
        order = Order(root, frozen(place), frozen(depth_in(tree, root)), family.inward)
        if any(
            o.root == root and o.inward == order.inward and np.array_equal(o.place, place)
            for o in self.orders
        ):
            return
        self.orders.append(order)
        parent, child = self._candidates(order)
        others = np.flatnonzero(np.arange(len(place)) != root)
        parent, child = np.append(parent, tree[others]), np.append(child, others)
        self.choose(len(self.orders) - 1, parent, child)

    def choose(self, order: int, parent: IntArray, child: IntArray) -> None:
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
            nearby = min(max(PAIRS // (len(self.families) * members), 1), NEARBY)
            chosen &= _smallest(near + tie, nearby) | _smallest(near - tie, nearby)
        child, parent = np.nonzero(chosen)
        return parent, child

    def spread(self) -> None:
        """Let every choice of a parent have all the ways that are known by now."""
        wider = all_ways(self.quotient, self.ways, self.orders, self.columns)
        self.columns = union([self.columns, wider], len(self.place))

    def keep(self, kept: BoolArray) -> None:
        """Keep the orders marked, and their columns."""
        number = np.cumsum(kept) - 1
        columns, mine = self.columns, kept[self.columns.order]
        self.orders = [order for order, keep in zip(self.orders, kept, strict=True) if keep]
        self.columns = Columns(
            number[columns.order[mine]],
            columns.parent[mine],
            columns.child[mine],
            columns.way[mine],
        )


def seen(cost: FloatArray, family: Family) -> FloatArray:
    """Turn costs between members so that trees grow out of the root."""
    return cost.T if family.inward else cost


def depth_in(parent: IntArray, root: int) -> IntArray:
    """Count the steps from each member up to the root of a tree."""
    depth, above = np.zeros(len(parent), dtype=np.int64), np.arange(len(parent))
    while (moving := above != root).any():
        depth += moving
        above = np.where(moving, parent[above], root)
    return depth


def places(sequence: IntArray) -> IntArray:
    """Turn a sequence of members into each member's place in it."""
    place = np.empty(len(sequence), dtype=np.int64)
    place[sequence] = np.arange(len(sequence))
    return place


def _smallest(key: FloatArray, count: int) -> BoolArray:
    """Mark the smallest entries of each row."""
    return np.asarray(key < np.partition(key, count, axis=1)[:, [count]])
