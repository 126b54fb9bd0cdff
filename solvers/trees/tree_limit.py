"""Few trees for each root: whole choices, where packings are fractional.

How many trees the highest throughput takes is up to the machine; with fewer, which ones is a hard
question (for one tree and one root, to spread a load over links without splitting it). So this is a
search, and its answer has the bound of all packings, not one of its own:

1. Every root has k places for trees of equal share. In turn each gets the tree that is cheapest
   while links cost exponentially in the load of all other trees (as in congestion_prices.py), the
   steeper the later; what comes out depends on the order, so this is done several times.
2. Of all trees that good rounds ended with, and those of the packing, a mixed integer program
   chooses at most k for each root, with the best shares.
3. The shares are solved for exactly.

Complexity: for each place and sweep the cheapest paths from all roots, and one tree.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from solvers.lp.linear_program import Infeasible, solve_limited
from solvers.packing.column_generation import ColumnGeneration, Packing
from solvers.packing.families import Family, Heights
from solvers.packing.order_lp import Columns, Order, start_at_roots
from solvers.routing.path_pool import HOP
from solvers.routing.quotient import trace
from solvers.settings.deadline import NotFound, Watch
from solvers.trees.extract import extract_trees
from solvers.trees.problem import PackedTrees, TreeProblem
from solvers.trees.tuning import (
    CHOOSING,
    HEIGHT_FACTOR,
    NO_WEIGHT,
    PATH_WORK,
    POOL_TREES,
    PRICE_TIE,
    STARTS,
    SWEEPS,
)
from topologies.model.forests import depths
from topologies.model.topology import FloatArray, IntArray, frozen


@dataclass(frozen=True, eq=False)
class Fixed:
    """A tree as it is: each member's parent and path, -1 where it has none.

    Attributes:
        load: of the orbits.
    """

    family: Family
    parent: IntArray
    path: IntArray
    load: FloatArray


def limit_trees(problem: TreeProblem, found: PackedTrees, most: int, watch: Watch) -> PackedTrees:
    """Choose at most so many trees for each root, near the throughput of a packing.

    Where the packing has no more, it is the answer; its bound is kept in any case.

    Args:
        problem: that was solved.
        found: its packing of highest throughput.
        most: trees of each root.
        watch: says when to stop.

    Raises:
        NotFound: the time was over, or a group leaves a root with more images of a tree.
    """
    if problem.free and problem.mirror is None:
        # Pairs of k trees in and k trees out are cut into 2 k - 1 pieces at most.
        most = (most + 1) // 2
    counts = [len(own) for own in extract_trees(found.quotient, found.packing).values()]
    stabiliser = max(_stabiliser(found, family) for family in found.families)
    if max(counts) * stabiliser <= most:
        return found
    if stabiliser > most:
        raise NotFound(f"every tree has {stabiliser} images at its root")
    return _Search(problem, found, most // stabiliser, watch).best()


def _stabiliser(found: PackedTrees, family: Family) -> int:
    return found.quotient.group.order // found.quotient.orbit_of(family.root)


class _Search:
    """The trees met so far, and the packer that gives shares to a choice of them."""

    def __init__(self, problem: TreeProblem, found: PackedTrees, most: int, watch: Watch) -> None:
        self.problem, self.found, self.most, self.watch = problem, found, most, watch
        self.quotient, self.families = found.quotient, found.families
        height = HEIGHT_FACTOR * found.height()
        heights = problem.heights or Heights(height, height)
        self.packer = ColumnGeneration(
            self.quotient, self.families, free=problem.free, watch=watch, heights=heights
        )
        self.pool = self.packer.pool
        self.pool.paths = found.packing.paths
        self.scale = float(found.time())
        self.room = self.quotient.orbit_capacity * self.scale
        tie = self.quotient.topology.alpha + HOP
        self.tie = tie / tie.max() * PRICE_TIE
        self.paths_work = PATH_WORK * len(self.quotient.roots) * self.quotient.topology.links
        self.tree_pool: dict[tuple[Family, bytes, bytes], Fixed] = {}

    def best(self) -> PackedTrees:
        """Search, choose, and give shares to what was chosen."""
        shares = self._weights()
        ends = []
        places = len(self.families) * self.most
        for seed in range(max(STARTS // places, 2)):
            draw = np.random.default_rng(seed)
            ends.append(self._sweep(shares, draw))
            if self.watch.over:
                break
        for tree in self._known_trees():
            self._keep(tree)
        best = min(ends, key=self._time)
        return self._settle(self._choose(best))

    def _weights(self) -> dict[Family, float]:
        """Compute what all trees of a family carry, those of free shares in equal parts."""
        order = self.quotient.group.order
        if self.problem.free:
            roots = {family.root for family in self.families}
            return dict.fromkeys(self.families, 1 / order / len(roots))
        return {f: f.size * self.quotient.orbit_of(f.root) / order for f in self.families}

    def _sweep(self, weights: dict[Family, float], draw: np.random.Generator) -> list[Fixed]:
        """Plant all trees, and each one anew while the prices get steeper; keep what they end as.

        Raises:
            NotFound: the time was over before all were planted.
        """
        places = [family for family in self.families for _ in range(self.most)]
        trees: list[Fixed | None] = [None] * len(places)
        load = np.zeros(len(self.room))
        for steep in SWEEPS:
            for i in draw.permutation(len(places)).tolist():
                if self.watch.over and None not in trees:
                    break
                family, old = places[i], trees[i]
                share = weights[family] / self.most
                if old is not None:
                    load -= share * old.load
                trees[i] = new = self._plant(family, load, steep, draw)
                load += share * new.load
        ends = [tree for tree in trees if tree is not None]
        for tree in ends:
            self._keep(tree)
        return ends

    def _keep(self, tree: Fixed) -> None:
        if len(self.tree_pool) < POOL_TREES:
            self.tree_pool[tree.family, tree.parent.tobytes(), tree.path.tobytes()] = tree

    def _plant(
        self, family: Family, load: FloatArray, steep: float, draw: np.random.Generator
    ) -> Fixed:
        """Plant the tree that is cheapest under the load of the others."""
        self.watch.check(self.paths_work)
        full = load / self.room
        prices = np.exp(np.minimum(steep * full / max(full.max(), 0.5), 500.0))
        prices *= draw.uniform(1.0, 1.0 + 1.0 / steep, len(prices)) / self.quotient.orbit_capacity
        weight = (prices / prices.max())[self.quotient.link_orbit]
        length, entry = self.quotient.distances(weight + self.tie)
        parent = self.pool.tree(family, self.quotient.between_members(length))[1]
        return self._fix(family, parent, entry)

    def _fix(self, family: Family, parent: IntArray, entry: IntArray) -> Fixed:
        """Give each member of a tree the path that the entering links tell."""
        child = np.flatnonzero(parent >= 0)
        ends = (child, parent[child]) if family.inward else (parent[child], child)
        path = np.full(len(parent), -1, dtype=np.int64)
        for at, root, target in zip(child, *start_at_roots(self.quotient, *ends), strict=True):
            links = trace(self.quotient, int(root), entry[root], int(target))
            path[at] = self.pool.paths.add(int(root), links)
        return self._load(family, parent, path)

    def _load(self, family: Family, parent: IntArray, path: IntArray) -> Fixed:
        load = np.zeros(len(self.room))
        for at in path[path >= 0].tolist():
            orbits = self.quotient.link_orbit[list(self.pool.paths.links[at])]
            np.add.at(load, orbits, 1.0)
        return Fixed(family, frozen(parent), frozen(path), load * self.quotient.repeats)

    def _known_trees(self) -> Iterator[Fixed]:
        """List the trees of the packing, those of large shares first."""
        columns = self.found.packing.columns
        own = extract_trees(self.quotient, self.found.packing)
        for tree in sorted((t for f in own for t in own[f]), key=lambda t: -t.share):
            inside = tree.column >= 0
            parent = np.where(inside, columns.parent[tree.column], -1)
            yield self._load(tree.family, parent, np.where(inside, columns.path[tree.column], -1))

    def _problem(self, chosen: list[Fixed]) -> tuple[list[Order], Columns]:
        """Write trees as orders with one choice for each member."""
        orders, parts = [], []
        for k, tree in enumerate(chosen):
            root = self.pool.place[tree.family.root]
            child = np.flatnonzero(tree.parent >= 0)
            depth = depths(np.where(tree.parent >= 0, tree.parent, root))
            present = (tree.parent >= 0) | (np.arange(len(depth)) == root)
            place = frozen(np.where(present, depth, len(depth)))
            branches = bool(self.quotient.usable(tree.family.inward)[root])
            orders.append(Order(root, place, frozen(depth), tree.family.inward, branches))
            parts.append((np.full(len(child), k), tree.parent[child], child, tree.path[child]))
        return orders, Columns(*(frozen(np.concatenate(part)) for part in zip(*parts, strict=True)))

    def _time(self, chosen: list[Fixed]) -> float:
        """Compute the time of trees with their best shares, in units of the scale."""
        try:
            return self.packer.solve_chosen(*self._problem(chosen), self.scale)[1].cost
        except (Infeasible, NotFound):
            return inf

    def _choose(self, best: list[Fixed]) -> list[Fixed]:
        """Choose trees from the pool, no more for each root than allowed; or the best known."""
        pool = list(dict.fromkeys([*best, *self.tree_pool.values()]))
        lp, _ = self.packer.solve_chosen(*self._problem(pool), self.scale)
        weights = lp.matrix.shape[1] - 1 - len(pool) + np.arange(len(pool))
        kinds = [[i for i, tree in enumerate(pool) if tree.family == f] for f in self.families]
        limits = [(weights[kind], self.most) for kind in kinds]
        try:
            x = solve_limited(
                lp.program(self.scale), limits, self.watch.stage(min(CHOOSING, self.watch.room / 2))
            )
        except (Infeasible, NotFound):
            return best
        # Integers are whole to a millionth only, so what is heaviest counts.
        heavy = [sorted(kind, key=lambda i: -x[weights[i]])[: self.most] for kind in kinds]
        found = [pool[i] for own in heavy for i in own if x[weights[i]] > NO_WEIGHT]
        return found if self._time(found) < self._time(best) else best

    def _settle(self, chosen: list[Fixed]) -> PackedTrees:
        """Solve for the shares exactly."""
        lp, optimum = self.packer.solve_chosen(*self._problem(chosen), self.scale)
        goal = self.problem.goal(self.found.bound)
        packing: Packing = self.packer.settle(lp, optimum, optimum.cost * self.scale, goal)
        return PackedTrees(self.quotient, self.families, packing, self.found.bound)
