"""The order LP: an optimal packing of trees from linear choices of parents.

Statement. Fix for a root r a total order of the members that starts with r, and let every other
member v take its parent among the members before it: y[u, v] >= 0 with sum over u of y[u, v] = w.
Any choice of one earlier parent for each member is a tree, so a fractional y is a packing of trees
of total weight w: lay the parents of each v end to end on [0, w); between two neighbouring
breakpoints each v has one parent, and the trees of all these intervals carry exactly the loads of
y. One linear program over all roots and orders minimises the largest load per capacity. A parent
is reached over a path through switches, which loads the links of that path; several paths to one
parent are several columns.

An order may have ties: members of one level, none of which is the parent of another. Then h levels
below the root make trees of height h at most, and with all levels this is the LP over those.

Every tree has a topological order, so with all orders this is the LP over all packings of trees,
and generating orders is Dantzig-Wolfe: the duals price the links; a minimum arborescence under
these prices is the tree that would help most, and its order comes next. Where no arborescence is
cheaper than the trees in use, the packing is optimal, and the prices prove it.

A tree may also branch at vertices that want nothing: ranks outside the collective, and switches
that copy (outward) or add (inward). An order may hold some of these helpers; in that order each is
as good as a member, and must be reached. So one LP mixes orders with different helpers, and with
all sets of helpers it is the LP over all packings of Steiner trees; the tree that would help most
is then a cheapest Steiner arborescence (certify/steiner.py), found exactly where helpers are few.
A helper that turns out to be a leaf of a tree, or to have one child, is cut out of it.

With a group that keeps machine and collective only one root for each orbit is written down; loads
are added up over orbits of links (averaging over the group shows that nothing is lost).

Size: members × candidate parents × paths columns for each root and order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array, csr_matrix

from solvers.lp.min_max_load import LoadLP
from solvers.routing.path_pool import PathPool
from solvers.routing.quotient import Quotient
from topologies.model.ragged import stretches
from topologies.model.topology import BoolArray, FloatArray, IntArray, frozen


@dataclass(frozen=True, eq=False)
class Order:
    """One order for one root: members (by place in `members`) by their `place` in it.

    Parents have a lower place than their children. Members that its trees do not touch (helpers)
    have the place len(place). A root that does not branch has one child, alone on the second place.
    A tree is outward (data flows from the root) or inward (sums flow to the root). Those that one
    stands for have parents as it has, which load the links as its parents do; so it alone has
    columns, and these count for all (see solvers/packing/likeness.py).

    Attributes:
        depth: how many steps from the root each member is in the tree that the order came from.
        like: for each member the one that stands for it, None where each stands for itself.
    """

    root: int
    place: IntArray
    depth: IntArray
    inward: bool = False
    root_branches: bool = True
    like: IntArray | None = None

    @property
    def key(self) -> tuple[int, bool, bytes]:
        """Give what orders have in common that allow the same trees."""
        return self.root, self.inward, np.asarray(self.place, dtype=np.int64).tobytes()

    @property
    def present(self) -> BoolArray:
        """Mark the members in the order."""
        return self.place < len(self.place)

    @property
    def waiting(self) -> BoolArray:
        """Mark the members that need a parent."""
        return self.present & (self.place > 0)

    @property
    def children(self) -> IntArray:
        """List the members that need a parent."""
        return np.flatnonzero(self.waiting)

    @property
    def standing(self) -> IntArray:
        """Count the members that need a parent and that each member stands for, itself too."""
        if self.like is None:
            return self.waiting.astype(np.int64)
        return np.bincount(self.like[self.waiting], minlength=len(self.place))

    @property
    def leaders(self) -> IntArray:
        """List the members that have columns: all that need a parent, but for those led."""
        return np.flatnonzero(self.standing)

    @property
    def earlier(self) -> BoolArray:
        """Tell which members ([child, parent]) may be a parent of which."""
        found = (self.place[None, :] < self.place[:, None]) & self.present[:, None]
        if not self.root_branches:
            found[self.place > 1, self.root] = False
        return found

    def cheapest_parents(self, cost: FloatArray) -> IntArray:
        """Give each child the earlier parent that is cheapest.

        Args:
            cost: between members.
        """
        reach = cost if self.inward else cost.T
        return np.asarray(np.argmin(np.where(self.earlier, reach, np.inf), axis=1))


@dataclass(frozen=True)
class Budget:
    """Orders whose weights together equal `total` (or zero, with minus for some): one LP row."""

    plus: tuple[int, ...]
    minus: tuple[int, ...]
    total: Fraction


@dataclass(frozen=True, eq=False)
class Columns:
    """Choices of a parent: in order `order`, member `child` takes `parent` over path `path`."""

    order: IntArray
    parent: IntArray
    child: IntArray
    path: IntArray

    def __len__(self) -> int:
        return len(self.order)

    def at(self, places: IntArray) -> "Columns":
        """Look up the columns at some places."""
        fields = (self.order, self.parent, self.child, self.path)
        return Columns(*(frozen(field[places]) for field in fields))


def assemble(
    quotient: Quotient,
    paths: PathPool,
    orders: Sequence[Order],
    columns: Columns,
    budgets: Sequence[Budget],
) -> LoadLP:
    """Write the order LP down.

    Variables: one for each choice of a parent, one for each order (its weight), and the time.
    Equalities: each order's members (their parents' shares are the order's weight), the budgets.
    """
    choices, count = len(columns), len(orders)
    standing = np.array([order.standing for order in orders])
    waiting = standing > 0
    children = waiting.sum(axis=1)
    number, trees = np.cumsum(waiting.reshape(-1)) - 1, int(children.sum())
    row = number.reshape(waiting.shape)[columns.order, columns.child]
    weights = choices + np.arange(count)
    entries: list[tuple[Any, Any, Any]] = [(np.ones(choices), row, np.arange(choices))]
    entries.append((-np.ones(trees), np.arange(trees), np.repeat(weights, children)))
    for i, budget in enumerate(budgets):
        signs = np.repeat([1, -1], [len(budget.plus), len(budget.minus)])
        at = choices + np.array([*budget.plus, *budget.minus], dtype=np.int64)
        entries.append((signs, np.full(len(at), trees + i), at))
    first = trees + len(budgets)
    loads = path_loads(quotient, paths)[columns.path].tocoo()
    times = standing[columns.order, columns.child]
    entries.append((loads.data * times[loads.row], first + loads.col, loads.row))
    orbits = np.arange(len(quotient.orbit_size))
    last = np.full(len(orbits), choices + count)
    entries.append((-quotient.orbit_capacity, first + orbits, last))
    data, rows, cols = (np.concatenate(part) for part in zip(*entries, strict=True))
    shape = (first + len(orbits), choices + count + 1)
    matrix = coo_array((data.astype(np.int64), (rows, cols)), shape=shape)
    totals = (Fraction(0),) * trees + tuple(budget.total for budget in budgets)
    return LoadLP(csr_matrix(matrix), totals)


def path_loads(quotient: Quotient, paths: PathPool) -> csr_array:
    """Compute the load that all images of a path together put on one link of each orbit."""
    return csr_array(paths.crossings().multiply(quotient.repeats[None, :]))


def start_at_roots(quotient: Quotient, src: IntArray, dst: IntArray) -> tuple[IntArray, IntArray]:
    """Move pairs of members so that they start at a root: its place in `roots`, and the target."""
    root, element = (column[quotient.members[src]] for column in quotient.from_root)
    return root, quotient.group.origins(element, quotient.members[dst])


def all_paths(
    quotient: Quotient, paths: PathPool, orders: Sequence[Order], pairs: Columns
) -> Columns:
    """Give every pair (its `path` is not looked at) each of the paths between its ends."""
    inward = np.array([order.inward for order in orders])[pairs.order]
    src = np.where(inward, pairs.child, pairs.parent)
    dst = np.where(inward, pairs.parent, pairs.child)
    root, target = start_at_roots(quotient, src, dst)
    paths.ask(root, target)
    vertices = quotient.topology.vertices
    key = np.array(paths.root, dtype=np.int64) * vertices + np.array(paths.target, dtype=np.int64)
    by_key = np.argsort(key, kind="stable")
    wanted = root * vertices + target
    start = np.searchsorted(key[by_key], wanted, side="left")
    count = np.searchsorted(key[by_key], wanted, side="right") - start
    pair = np.repeat(np.arange(len(pairs)), count)
    return Columns(
        pairs.order[pair],
        pairs.parent[pair],
        pairs.child[pair],
        frozen(by_key[stretches(start, count)]),
    )


def concatenate(parts: Sequence[Columns]) -> Columns:
    """Put columns one after the other."""
    return Columns(
        *(
            frozen(np.concatenate([getattr(part, field) for part in parts]).astype(np.int64))
            for field in ("order", "parent", "child", "path")
        )
    )


def union(parts: Sequence[Columns], members: int) -> Columns:
    """Join columns; each appears once. Columns are told apart by one number for all four."""
    every = concatenate(parts)
    key = (every.order * members + every.child) * members + every.parent
    key = key * (int(every.path.max(initial=0)) + 1) + every.path
    return every.at(np.unique(key, return_index=True)[1])


def cheapest_tree_in(order: Order, cost: FloatArray) -> IntArray:
    """Give each member its cheapest parent in an order, -1 for those that need none."""
    parent = np.full(len(cost), -1, dtype=np.int64)
    parent[order.children] = order.cheapest_parents(cost)[order.children]
    return frozen(parent)


def places(sequence: IntArray, members: int) -> IntArray:
    """Turn a sequence of some of the members into each one's place in it; others come last."""
    place = np.full(members, members)
    place[sequence] = np.arange(len(sequence))
    return frozen(place)
