"""What a repair's program may grow by: torn trees put together, other parents, paths and trees."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from solvers.certify.arborescence import cheapest_arborescence
from solvers.lp.linear_program import Infeasible
from solvers.packing.tuning import CLOSE, GAIN, PRICE_TIE
from solvers.repair.expand import OldTrees
from solvers.repair.master import Choice, Master, Variant
from solvers.repair.reattach import Vary, reattach, tie_between
from solvers.routing.path_pool import HOP
from solvers.routing.quotient import trace
from topologies.model.forests import depths
from topologies.model.topology import FloatArray, IntArray, frozen, integers

NEAREST = 6  # parents that an open arc may choose from at first
ROOTS = 64  # up to which each root is asked for a cheaper tree
NOISE = 5e-4  # of the mean cost: so torn trees do not all lean on the same ranks at first


class Growth:
    """Adds to a program what its prices ask for.

    Args:
        torn: both trees of each piece that something befell, without the arcs that are gone.
        free: the roots' shares are variables.
    """

    def __init__(
        self, trees: OldTrees, master: Master, torn: Sequence[Variant], *, free: bool
    ) -> None:
        self.trees, self.master, self.torn, self.free = trees, master, torn, free
        self.quotient, self.paths = trees.quotient, master.paths
        self.topology, self.what = trees.quotient.topology, trees.what

    def begin(self) -> None:
        """Put each torn tree together again, at the prices of empty links."""
        cost = self._costs(1.0 / self.quotient.orbit_capacity)[0]
        some, draw = NOISE * cost[np.isfinite(cost)].mean(), np.random.default_rng(0)
        self._join_all(cost, lambda part: part + draw.uniform(0, some, part.shape))

    def _costs(self, prices: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
        """Price the cheapest paths: between members; from roots, and by which links."""
        tie = self.topology.alpha + HOP
        tie = tie / tie.max() * prices.max() * PRICE_TIE
        length, entry = self.quotient.distances(prices[self.quotient.link_orbit] + tie, quick=True)
        return self.quotient.between_members(length), length, entry

    def _join_all(self, cost: FloatArray, vary: Vary = np.copy) -> bool:
        """Put each torn tree together at some costs; say whether any is new."""
        tie = tie_between(cost)
        joined = (self._join(torn, cost, tie, vary) for torn in self.torn)
        added = [self.master.add(variant) for variant in joined]
        new = [number for number in added if number is not None]
        self._offer(new, cost)
        return bool(new)

    def _join(self, torn: Variant, cost: FloatArray, tie: float, vary: Vary) -> Variant:
        """Put a torn tree together at some costs; what is new in it is open."""
        reach = cost.T if torn.inward else cost
        try:
            parent = reattach(torn.root, torn.parent, reach, tie, vary)
        except ValueError as error:
            raise Infeasible(str(error)) from None
        other = parent != torn.parent
        other[torn.open] = True
        row = np.where(other, -1, torn.row)
        depth = depths(parent)
        place = np.empty(len(parent), dtype=np.int64)
        place[np.lexsort((other, depth))] = np.arange(len(parent))
        return replace(
            torn,
            parent=frozen(parent),
            row=frozen(row),
            place=frozen(place),
            open=frozen(np.flatnonzero(other)),
        )

    def _offer(self, numbers: Sequence[int], cost: FloatArray) -> None:
        """Let each open arc of variants choose from its parent, its old one, and near ones."""
        arcs = [
            (number, child, parent)
            for number in numbers
            for child in self.master.variants[number].open.tolist()
            for parent in self._near(self.master.variants[number], child, cost)
        ]
        if not arcs:
            return
        number, child, parent = np.array(arcs).T
        inward = np.array([self.master.variants[n].inward for n in numbers])
        turned = inward[np.searchsorted(numbers, number)]
        src, dst = np.where(turned, child, parent), np.where(turned, parent, child)
        root, element = (column[src] for column in self.quotient.from_root)
        target = self.quotient.group.origins(element, dst)
        self.paths.ask(root, target)
        for arc, *pair in zip(arcs, root.tolist(), target.tolist(), strict=True):
            for path in self.paths.between(*pair):
                self.master.choose(Choice(*arc, path))

    def _near(self, variant: Variant, child: int, cost: FloatArray) -> list[int]:
        """List the parents that an open arc may choose from at first."""
        reach = cost[child] if variant.inward else cost[:, child]
        before = np.flatnonzero(variant.place < variant.place[child])
        near = before[np.argsort(reach[before], kind="stable")[:NEAREST]]
        asked = {int(variant.parent[child]), *near.tolist()}
        old = int(variant.old[child])
        if old >= 0 and variant.place[old] < variant.place[child]:
            asked.add(old)
        return sorted(asked)

    def _start(self, variant: Variant, child: int, parent: int) -> tuple[int, int]:
        src, dst = (child, parent) if variant.inward else (parent, child)
        root, element = (int(column[src]) for column in self.quotient.from_root)
        return root, int(self.quotient.group.origins(np.array(element), np.array(dst)))

    def grow(self, prices: FloatArray, time: float) -> tuple[bool, float | None]:
        """Add what the prices ask for; say whether anything was, and what time they prove."""
        cost, _, entry = self._costs(prices)
        due, trees = None, list[Variant]()
        asked = len(self.quotient.roots) <= ROOTS
        if self.free and asked:
            due, trees = self._cheapest_trees(cost, entry)
            if due >= time * (1 - CLOSE):
                return False, due
        known = self.paths.crossings() @ prices
        least = GAIN * time / self.trees.members
        grown = self._new_parents(cost, entry, known, least)
        grown |= self._join_all(cost)
        if not (self.free or grown) and asked:
            due, trees = self._cheapest_trees(cost, entry)
            if due >= time * (1 - CLOSE):
                return False, due
        added = [self.master.add(tree) is not None for tree in trees]
        return grown or any(added), due

    def _new_parents(
        self, cost: FloatArray, entry: IntArray, known: FloatArray, least: float
    ) -> bool:
        """Give each open arc the parent that is cheapest now, where that is cheaper than all."""
        best: dict[tuple[int, int], float] = {}
        for choice in self.master.choices:
            key = choice.variant, choice.child
            best[key] = min(best.get(key, np.inf), float(known[choice.path]))
        grown = False
        for (number, child), price in best.items():
            variant = self.master.variants[number]
            reach = cost[child] if variant.inward else cost[:, child]
            allowed = np.where(variant.place < variant.place[child], reach, np.inf)
            parent = int(np.argmin(allowed))
            if allowed[parent] < price - least:
                path = self._cheapest(variant, child, parent, entry)
                grown |= self.master.choose(Choice(number, child, parent, path))
        return grown

    def _cheapest(self, variant: Variant, child: int, parent: int, entry: IntArray) -> int:
        root, target = self._start(variant, child, parent)
        return self.paths.add(root, trace(self.quotient, root, entry[root], target))

    def _cheapest_trees(self, cost: FloatArray, entry: IntArray) -> tuple[float, list[Variant]]:
        """Find each root's cheapest trees, and the time that they prove."""
        found: list[Variant] = []
        total: dict[int, float] = {}
        for root in self.quotient.roots.tolist():
            for inward in self.trees.sides:
                price, parent = cheapest_arborescence(cost.T if inward else cost, root)
                total[root] = total.get(root, 0.0) + float(price)
                found.append(self._tree(root, inward, parent, entry))
        order = self.quotient.group.order
        if self.free:
            return min(total.values()) / order, found
        size = dict(zip(self.trees.root.tolist(), self.trees.block.tolist(), strict=True))
        own = [tree for tree in found if tree.root in size]
        paid = sum(
            total[root] * int(self.what.sizes[size[root]]) * self.quotient.orbit_of(root)
            for root in {tree.root for tree in own}
        )
        return paid / order, own

    def _tree(self, root: int, inward: bool, parent: IntArray, entry: IntArray) -> Variant:
        """Make a variant of a tree, none of whose arcs is open."""
        none = np.full(len(parent), -1, dtype=np.int64)
        tree = Variant(root, inward, frozen(parent), none, none, none, integers([]), none)
        path = none.copy()
        for child in np.flatnonzero(parent >= 0).tolist():
            path[child] = self._cheapest(tree, child, int(parent[child]), entry)
        return replace(tree, path=frozen(path))
