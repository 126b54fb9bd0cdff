"""The columns of the restricted master problem: paths, orders, and choices of parents."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain

import numpy as np
from scipy.sparse import csr_array

from solvers.arborescences.bounded_depth import (
    levels,
)
from solvers.certify.distances import hops
from solvers.certify.multigraph import dijkstra
from solvers.lp.linear_program import Infeasible
from solvers.packing.families import Family, Heights, find_tree, orient, usable_members
from solvers.packing.hubs import gathered_orders, hub_orders
from solvers.packing.likeness import Kinds, Unfolding
from solvers.packing.order_lp import (
    Columns,
    Order,
    all_paths,
    cheapest_tree_in,
    concatenate,
    places,
    start_at_roots,
    union,
)
from solvers.packing.tuning import (
    EVERY,
    HELPER_ORDERS,
    NEARBY,
    ORDER_WORK,
    PAIR_WORK,
    PAIRS,
    RANDOM_ORBITS,
    SHUFFLES,
    TREE_WORK,
)
from solvers.routing.path_pool import HOP, PathPool
from solvers.routing.quotient import Quotient
from solvers.settings.deadline import NO_DEADLINE, Watch
from topologies.model.forests import depths
from topologies.model.topology import BoolArray, FloatArray, IntArray, frozen
from topologies.model.units import Share


class ColumnPool:
    """The paths, orders and columns of one problem, from the nearest parents up.

    Adding an order or a parent also adds every column that it permits: an order the candidate
    parents that it puts before each member, a parent every known path to it. With heights
    all orders are levels, so many below the root at most; the paths then should be direct.
    """

    def __init__(
        self,
        quotient: Quotient,
        families: Sequence[Family],
        watch: Watch = NO_DEADLINE,
        heights: Heights | None = None,
    ) -> None:
        self.quotient, self.families, self.watch = quotient, tuple(families), watch
        self.paths = PathPool(quotient, watch)
        most = len(quotient.members) - 1
        self.heights = heights and Heights(min(heights.out, most), min(heights.into, most))
        self.place = {int(v): i for i, v in enumerate(quotient.members)}
        near = quotient.topology.alpha + HOP
        self.near = quotient.between_members(quotient.distances(near)[0])
        self.kinds = self._kinds()
        self._reached: dict[tuple[int, bool, bytes], tuple[FloatArray, IntArray]] = {}
        self.orders = []
        self.columns = Columns(*(frozen(np.zeros(0, dtype=np.int64)) for _ in range(4)))

    def _kinds(self) -> Kinds | None:
        """Tell members by kinds, where there are many around one root that a symmetry keeps."""
        quotient, one = self.quotient, len(self.families) == 1 and self.heights is None
        one = one and quotient.orbit_of(self.families[0].root) == 1
        many = len(quotient.members) > EVERY and not len(quotient.helpers)
        return Kinds(quotient, self.near) if one and many and quotient.group.order > 1 else None

    @property
    def orders(self) -> Sequence[Order]:
        """Look up the orders that were taken in."""
        return self._orders

    @orders.setter
    def orders(self, orders: Sequence[Order]) -> None:
        self._orders = list(orders)
        self._known = {order.key for order in orders}

    @property
    def columns(self) -> Columns:
        """Look up all choices of parents with their paths."""
        self.settle()
        return self._columns

    @columns.setter
    def columns(self, columns: Columns) -> None:
        self._columns = columns
        self._chosen: list[Columns] = []

    def family_of(self, order: Order) -> Family:
        """Tell whose trees an order is for."""
        return Family(int(self.quotient.members[order.root]), order.inward)

    def nearest_first(
        self, family: Family, cost: FloatArray, helpers: Sequence[int] = ()
    ) -> IntArray:
        """Take in the order by distance from the root, to a millionth, then by cost of arrival.

        A member never comes before the one over which it is reached. Gives the cheapest earlier
        parent of each member, -1 at the root and for helpers that are not listed (by place in
        `members`), which are left out.
        """
        root = self.place[family.root]
        present = self.quotient.needed.copy()
        present[[root, *helpers]] = True
        if self.heights and not self.quotient.usable(family.inward)[root]:
            return self.cheapest_first(family, cost)
        distance, before = self.reach(root, family.inward, present)
        coarse = np.round(distance / distance[present].max() * 1e6)
        keys = np.stack([coarse, depths(before)])
        level = np.unique(keys, axis=1, return_inverse=True)[1].reshape(-1)
        reach = orient(cost, family)
        arrival = np.where(level[:, None] < level[None, :], reach, np.inf).min(axis=0)
        sequence = np.lexsort((arrival, level))[: present.sum()]
        if self.heights:
            return self._by_hops(family, cost, sequence, self.heights.of(family))
        order = self.grow(family, before, places(sequence, len(present)))
        return cheapest_tree_in(order, cost)

    def _by_hops(
        self, family: Family, cost: FloatArray, sequence: IntArray, height: int
    ) -> IntArray:
        """Take in levels by the messages from the root; give parents as `nearest_first`."""
        root, usable = self.place[family.root], usable_members(self.quotient, family)
        present = np.isin(np.arange(len(cost)), sequence) & usable
        reach = np.where(present[:, None] & present, orient(self.near, family), np.inf)
        least = hops(reach, root)
        if least[present].max() > height:
            raise Infeasible(f"some rank cannot be reached in {height} messages")
        place = np.where(present, least, len(cost))
        above = np.where(place[:, None] < place[None, :], reach, np.inf)
        return cheapest_tree_in(self.grow(family, np.argmin(above, axis=0), frozen(place)), cost)

    def ask_each_helper(self) -> None:
        """Take in an order with each helper alone, where these are few: their trees are low."""
        if len(self.quotient.helpers) * len(self.families) <= HELPER_ORDERS:
            for family in self.families:
                for helper in np.flatnonzero(
                    usable_members(self.quotient, family) & ~self.quotient.needed
                ):
                    self.nearest_first(family, self.near, [int(helper)])

    def straight(self, boxes: IntArray | None = None) -> None:
        """Take in trees around hubs (see solvers/packing/hubs.py), and nothing besides."""
        self.kinds = None  # each member stands for itself
        alone = sum(self.quotient.orbit_of(family.root) for family in self.families) == 1
        for family in self.families:
            root, into = self.place[family.root], family.inward
            found = hub_orders(self.quotient, root, inward=into, alone=alone)
            if boxes is not None:
                found = chain(found, gathered_orders(self.quotient, root, boxes, inward=into))
            for each in found:
                self._take(each.order)
                self.choose(len(self.orders) - 1, each.parent, each.child)
        pairs = concatenate(self._chosen)
        inward = np.array([order.inward for order in self.orders])[pairs.order]
        src = np.where(inward, pairs.child, pairs.parent)
        dst = np.where(inward, pairs.parent, pairs.child)
        self.paths.ask_ports(*start_at_roots(self.quotient, src, dst))

    def cheapest_first(self, family: Family, cost: FloatArray) -> IntArray:
        """Take in the order that follows a cheap tree, and give that (see `tree`)."""
        parent = self.tree(family, cost)[1]
        self.follow(family, parent)
        return parent

    def tree(
        self, family: Family, cost: FloatArray, known: IntArray | None = None
    ) -> tuple[float, IntArray]:
        """Find the cheapest tree, or a cheap one where it has a height or may branch at helpers.

        Gives the total, and the parents, -1 at the root and for members that are not in the tree.

        Args:
            family: whose tree it is.
            cost: between members.
            known: levels to start from.
        """
        self.watch.check(TREE_WORK * len(cost) + PAIR_WORK * len(cost) ** 2)
        height = None if self.heights is None else self.heights.of(family)
        return find_tree(self.quotient, family, cost, height, known)

    def cheapest_trees(self, cost: FloatArray) -> dict[Family, tuple[float, IntArray]]:
        """Find each family's tree; of bounded height, none costs more than those of the orders."""
        known: dict[Family, tuple[float, IntArray]] = {}
        for order in self.orders if self.heights else []:
            family = self.family_of(order)
            reach, child = orient(cost, family), order.children
            total = float(reach[order.cheapest_parents(cost)[child], child].sum())
            if family not in known or total < known[family][0]:
                known[family] = total, order.place
        return {f: self.tree(f, cost, known[f][1] if f in known else None) for f in self.families}

    def follow(self, family: Family, tree: IntArray) -> None:
        """Take in an order that goes through a tree level by level."""
        root = self.place[family.root]
        if self.heights:
            height = self.heights.of(family)
            place = levels(tree, root, height)
            self.grow(family, tree, frozen(np.where(place > height, len(tree), place)))
            return
        within = np.flatnonzero((tree >= 0) | (np.arange(len(tree)) == root))
        depth = depths(np.where(tree >= 0, tree, root))[within]
        self.grow(family, tree, places(within[np.lexsort((within, depth))], len(tree)))

    def reach(self, root: int, inward: bool, present: BoolArray) -> tuple[FloatArray, IntArray]:
        """Measure how late each member is reached from the root, and over which other member.

        Members that are not `present` come last, from the root. A root that does not branch
        reaches the others over the nearest one that does.
        """
        key = root, inward, present.tobytes()
        if key not in self._reached:
            self._reached[key] = self._reach(root, inward, present)
        return self._reached[key]

    def _reach(self, root: int, inward: bool, present: BoolArray) -> tuple[FloatArray, IntArray]:
        hops = self.near.T if inward else self.near
        usable = np.isfinite(hops) & present & present[:, None]
        branching = self.quotient.usable(inward)
        if not branching[root]:
            first = np.argmin(np.where(usable[root] & branching, hops[root], np.inf))
            usable[root, np.arange(len(usable)) != first] = False
        graph = csr_array(np.where(usable, hops, 0.0))
        distance, before = dijkstra(graph, indices=root, return_predecessors=True)
        if not np.isfinite(distance[present]).all():
            raise Infeasible("some rank cannot be reached from another")
        return distance, np.where(present, before, root).astype(np.int64)

    def grow(self, family: Family, tree: IntArray, place: IntArray) -> Order:
        """Take in an order that follows a tree, with its candidate parents and the tree's.

        An order is taken in once. Complexity: members², or members × kinds, however many orders
        there are.

        Args:
            family: whose order it is.
            tree: the parent of each member.
            place: of each member, as in `Order`.
        """
        self.watch.check(ORDER_WORK + PAIR_WORK * len(place) ** 2)
        root = self.place[family.root]
        tree = np.where(place < len(place), tree, root)
        tree[root] = root
        branches = bool(self.quotient.usable(family.inward)[root])
        depth = frozen(depths(tree))
        order = Order(root, place, depth, family.inward, branches)
        if order.key in self._known:
            return order
        parent, child = self._candidates(order) if self.kinds is None else np.zeros((2, 0), int)
        if self.kinds is not None:
            earliest = self.kinds.earliest(order)
            order = self.kinds.lead(order, earliest)
            parent, child = _list_pairs(earliest, order.leaders)
        self._take(order)
        own = order.leaders
        self.choose(len(self.orders) - 1, np.append(parent, tree[own]), np.append(child, own))
        return order

    def _take(self, order: Order) -> None:
        self._orders.append(order)
        self._known.add(order.key)

    def shuffle_orbits(self, draw: np.random.Generator) -> None:
        """Take in orders in which orbits of members come one after the other, in random order.

        So each is fed by others in turn, and is not always fed before them. Only where there are
        kinds, so that the orders are small.
        """
        if self.kinds is None or self.kinds.orbits > RANDOM_ORBITS:
            return
        (family,), (first, *_) = self.families, self.orders
        for _ in range(SHUFFLES * self.kinds.orbits):
            turn = draw.permutation(self.kinds.orbits)[self.kinds.orbit]
            turn[first.root] = -1
            place = places(np.lexsort((first.place, turn)), len(turn))
            order = replace(first, place=place)
            nearest = self.kinds.nearest(order)
            if (nearest[order.children] >= 0).all():
                self.grow(family, nearest, place)

    def unfold(
        self, columns: Columns, share: Sequence[Share]
    ) -> tuple[Columns, tuple[Fraction, ...]] | None:
        """Give every member of the orders choices of its own, where others stand for it.

        None where some have nothing alike: they stand for themselves from now on.
        """
        if self.kinds is None:
            return columns, tuple(share[: len(columns)])
        unfolding = Unfolding(self.kinds, self.paths, self.orders)
        whole, shares, amiss = unfolding.unfold(columns, share)
        for k, children in amiss:
            like = np.array(self.orders[k].like)
            like[children] = children
            self._orders[k] = replace(self.orders[k], like=frozen(like))
            self.choose(k, *_list_pairs(self.kinds.earliest(self.orders[k]), children))
        return None if amiss else (whole, shares)

    def choose(self, order: int, parent: IntArray, child: IntArray) -> None:
        """Take in choices of parents; their paths are found later, for many at once (`settle`)."""
        self._chosen.append(
            Columns(np.full(len(parent), order), parent, child, np.zeros_like(parent))
        )

    def settle(self) -> None:
        """Give the choices taken in since the last time every path that is known by now."""
        if self._chosen:
            wider = all_paths(self.quotient, self.paths, self.orders, concatenate(self._chosen))
            self.columns = union([self._columns, wider], len(self.place))

    def _candidates(self, order: Order) -> tuple[IntArray, IntArray]:
        """List (parent, child): every earlier member, or the nearest ones where there are many."""
        members = len(order.place)
        distance = self.near if order.inward else self.near.T
        near = np.where(order.earlier, distance, np.inf)
        chosen = np.isfinite(near)
        if members > EVERY or len(self.families) * members**2 > EVERY**2 * 4:
            # Equals come in turn, so that not everyone leans on the same ones.
            turn = (np.arange(members)[None, :] - np.arange(members)[:, None]) % members
            tie = (order.place[None, :] + turn / members) * HOP / members
            nearby = min(max(PAIRS // (len(self.families) * members), 1), NEARBY)
            chosen &= _smallest(near + tie, nearby) | _smallest(near - tie, nearby)
        child, parent = np.nonzero(chosen)
        return parent, child

    def spread(self) -> None:
        """Let every choice of a parent have all the paths that are known by now."""
        wider = all_paths(self.quotient, self.paths, self.orders, self.columns)
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
            columns.path[mine],
        )


def _list_pairs(earliest: IntArray, children: IntArray) -> tuple[IntArray, IntArray]:
    """List (parent, child) of some children."""
    row, kind = np.nonzero(earliest[children] >= 0)
    return earliest[children[row], kind], children[row]


def _smallest(key: FloatArray, count: int) -> BoolArray:
    """Mark the smallest entries of each row."""
    return np.asarray(key < np.partition(key, count, axis=1)[:, [count]])
