"""A problem of trees: packed over the ranks that take part, with others where that may help."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain
from typing import NamedTuple

import numpy as np

from solvers.bounds.dual_certificate import certify
from solvers.certify.distances import hops
from solvers.lp.linear_program import Infeasible
from solvers.packing.column_generation import ColumnGeneration, Goal, Packing, Prove
from solvers.packing.families import Family, Heights, orient
from solvers.packing.order_lp import path_loads
from solvers.routing.quotient import Quotient
from solvers.schedules.capabilities import Relays, helpers
from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.settings.deadline import NotFound, Watch
from solvers.trees.extract import extract_trees
from solvers.trees.planting import Planting
from solvers.trees.tuning import CROWDED_ROOT, HELPED_MEMBERS, NEAR_OPTIMUM
from topologies.model.forests import depths
from topologies.model.topology import FloatArray, IntArray, Topology
from topologies.symmetry.group import Group


class Size(NamedTuple):
    """How large a problem is.

    Attributes:
        nearest: messages between a root and the farthest member, at least.
        families: how many.
        members: how many.
        rooted: so many members for each root that each family needs many trees.
    """

    nearest: int
    families: int
    members: int
    rooted: bool


class Hubs(NamedTuple):
    """Ranks outside a group that may be roots and helpers of its trees.

    Attributes:
        ranks: that may be.
        boxes: of each vertex, -1 for none: where several of the group are in one, another one there
            may stand between them and a root.
    """

    ranks: IntArray
    boxes: IntArray | None = None


@dataclass(frozen=True, eq=False)
class PackedTrees:
    """Trees that were packed: over which members, for which roots, and the bound if one is proved.

    time: what the trees take, exactly, in capacity units for each unit of a block.
    """

    quotient: Quotient
    families: tuple[Family, ...]
    packing: Packing
    bound: Bound | None

    def time(self) -> Fraction:
        """Work out the largest load for each unit of capacity."""
        quotient, packing = self.quotient, self.packing
        loads = path_loads(quotient, packing.paths)
        total = [Fraction(0)] * len(quotient.orbit_size)
        for path, share in zip(packing.columns.path.tolist(), packing.share, strict=True):
            if share:
                row = slice(loads.indptr[path], loads.indptr[path + 1])
                for orbit, load in zip(loads.indices[row], loads.data[row], strict=True):
                    total[orbit] += share * int(load)
        return max(t / int(c) for t, c in zip(total, quotient.orbit_capacity, strict=True))

    def height(self) -> int:
        """Count the messages from the root to the farthest member, in any of the trees."""
        hops = np.array(
            [
                (self.quotient.topology.dst[list(path)] < self.quotient.topology.ranks).sum()
                for path in self.packing.paths.links
            ]
        )
        hops = np.maximum(hops, 1)[self.packing.columns.path]
        found = 0
        for tree in chain.from_iterable(extract_trees(self.quotient, self.packing).values()):
            found = max(found, _height(tree.column, self.packing.columns.parent, hops))
        return found


def _farthest(quotient: Quotient, families: Sequence[Family]) -> dict[Family, int]:
    """Count the messages between each root and the farthest member, at least."""
    ones = np.ones(quotient.topology.links)
    reach = quotient.between_members(quotient.distances(ones)[0])
    found = {}
    for family in families:
        root = int(np.searchsorted(quotient.members, family.root))
        usable = quotient.usable(family.inward).copy()
        usable[root] = True
        arcs = np.where(usable[:, None] & usable, orient(reach, family), np.inf)
        found[family] = int(hops(arcs, root)[quotient.needed].max())
    return found


def _height(column: IntArray, parent_of: IntArray, hops: IntArray) -> int:
    """Compute the most messages from a member of a tree up to its root."""
    inner = column >= 0
    return int(depths(np.where(inner, parent_of[column], -1), hops[column]).max())


@dataclass(frozen=True, eq=False)
class TreeProblem:
    """What to pack trees for.

    Attributes:
        families: lists them, once the members are known.
        in_network: switches copy and add.
        relays: what ranks outside the collective do.
        free: the roots' shares are variables (all_reduce).
        heights: bound those of the trees, in messages.
        limit: bounds that of a whole schedule, so that the bound speaks of no higher ones.
        mirror, open: as of `Quotient`.
        known: the quotients so far, which problems share that differ in heights alone.
    """

    topology: Topology
    collective: Collective
    group: Group
    families: Callable[[Quotient], Sequence[Family]]
    in_network: bool = False
    relays: Relays = "all"
    free: bool = False
    heights: Heights | None = None
    limit: int | None = None
    mirror: IntArray | None = None
    open: bool = False
    known: dict[tuple[bool, bytes, bytes], Quotient] = field(default_factory=dict)

    def pack(self, bound: Bound | None, watch: Watch, scale: float | None = None) -> PackedTrees:
        """Pack the trees; ranks outside branch only if the bound is not attained without that.

        Of bounded height, they may branch from the start.

        What is packed comes with the tightest bound found.

        Args:
            bound: what is known before.
            watch: says when to stop.
            scale: about how long the trees take, where that is not the time of the bound.

        Raises:
            Infeasible: some rank cannot be reached.
            NotFound: the time limit came first.
        """
        if self.heights:
            return self._over(self._nearby(), bound, watch, scale)
        first, *wider = self._helpers()
        best = self._over(first, bound, watch, scale)
        for chosen in wider:
            members = len(self.collective.ranks) + len(chosen)
            if members > HELPED_MEMBERS or self.is_attained(best):
                break
            try:
                now = self._over(chosen, best.bound, watch)
            except NotFound:
                break
            kept = now if now.time() < best.time() else best
            best = PackedTrees(kept.quotient, kept.families, kept.packing, now.bound)
        return best

    def attain(self, bound: Bound, watch: Watch, rounds: int) -> PackedTrees:
        """Pack trees of the height that attain a bound.

        Args:
            bound: what the trees have to attain.
            watch: says when to stop.
            rounds: as of `ColumnGeneration.attain`.

        Raises:
            Infeasible, NotFound: as `pack`; or none were found in so many rounds.
        """
        goal = self.goal(bound)
        if goal is None:
            raise NotFound("there is nothing to attain")
        packer = self.column_generation(self._nearby(), watch)
        packing = packer.attain(goal, rounds, self._teller(watch))
        return PackedTrees(packer.quotient, packer.pool.families, packing, bound)

    def pack_stars(
        self, bound: Bound | None, watch: Watch, hubs: Hubs | None = None
    ) -> PackedTrees:
        """Pack trees that attain a bound by sending straight from each root to all.

        Args:
            bound: to be attained.
            watch: says when to stop.
            hubs: outside, where these are not all that may help; then what is near the bound does
                as well.

        Raises:
            NotFound: they do not attain it, or the time limit came first.
        """
        goal = self.goal(bound)
        if goal is None:
            raise NotFound("there is nothing to attain")
        packer = self.column_generation(hubs.ranks if hubs else self._nearby(), watch)
        packing = packer.attain_straight(
            goal,
            self._prover(packer),
            self._teller(watch),
            nearly=hubs is not None,
            boxes=hubs.boxes if hubs else None,
        )
        found = PackedTrees(packer.quotient, packer.pool.families, packing, packing.bound)
        if hubs is None and not self.is_attained(found):
            raise NotFound("the bound was attained in floats only")
        return found

    def pack_near_optimum(self, bound: Bound, watch: Watch, *, stars: bool = False) -> PackedTrees:
        """Pack trees that are near the optimum of many roots, soon (see solvers/trees/planting.py).

        Args:
            bound: ends the search where the trees come near it.
            watch: says when to stop.
            stars: the root sends straight to all.

        Raises:
            Infeasible: some rank cannot be reached.
            NotFound: they are not as near as `NEAR`, or the time limit came first.
        """
        packer, goal = self.column_generation(self._helpers()[0], watch), self.goal(bound)
        if goal is None:
            raise NotFound("there is nothing to be near")
        planting = Planting(packer, float(goal.time), stars=stars)
        found = planting.run(self._teller(watch))
        if planting.due > goal.time:
            goal = self._prove(packer.quotient, planting.prices, planting.due) or goal
        if found.time > goal.time * (1 + NEAR_OPTIMUM):
            raise NotFound("the trees are not near the optimum")
        families = packer.pool.families
        return PackedTrees(packer.quotient, families, planting.packing(found), goal.bound)

    def _helpers(self) -> list[IntArray]:
        """List sets of vertices that may branch besides the ranks, each larger than the last."""
        ranks, network = self.collective.ranks, self.in_network
        return helpers(self.topology, ranks, self.relays, in_network=network)

    def _nearby(self) -> IntArray:
        """List all helpers, or where these are too many the switches alone."""
        first, *wider = self._helpers()
        few = [h for h in wider if len(self.collective.ranks) + len(h) <= HELPED_MEMBERS]
        return few[-1] if few else first

    def _quotient(self, chosen: IntArray) -> Quotient:
        direct = self.heights is not None
        key = direct, chosen.tobytes(), b"" if self.mirror is None else self.mirror.tobytes()
        if key not in self.known:
            members = np.union1d(np.array(self.collective.ranks), chosen)
            ends = self.topology, members, self.group, chosen
            self.known[key] = Quotient(*ends, self.in_network, direct, self.mirror, self.open)
        return self.known[key]

    def size(self) -> Size:
        """Measure the problem, without solving any of it."""
        quotient = replace(self, heights=Heights(0, 0))._quotient(self._nearby())
        far = _farthest(quotient, self.families(quotient))
        images = sum(quotient.orbit_of(family.root) for family in far)
        members = len(quotient.members)
        return Size(max(far.values()), len(far), members, images * CROWDED_ROOT <= members)

    def _low_enough(self, quotient: Quotient) -> tuple[Family, ...]:
        """List the families; where the roots' shares are free, those that the heights allow.

        Raises:
            Infeasible: they allow none.
        """
        families = tuple(self.families(quotient))
        if not (self.free and self.heights):
            return families
        far = _farthest(quotient, families)
        out = {family.root for family in far if far[family] > self.heights.of(family)}
        low = tuple(family for family in families if family.root not in out)
        if not low:
            raise Infeasible("no rank is reached by all and reaches all in so few messages")
        return low

    def _over(
        self, chosen: IntArray, bound: Bound | None, watch: Watch, scale: float | None = None
    ) -> PackedTrees:
        """Pack over the ranks and the chosen helpers."""
        packer = self.column_generation(chosen, watch)
        prove = self._prover(packer)
        packing = packer.solve(self.goal(bound), prove, self._teller(watch), scale)
        return PackedTrees(packer.quotient, packer.pool.families, packing, packing.bound or bound)

    def _prover(self, packer: ColumnGeneration) -> Prove:
        return lambda prices, time: self._prove(packer.quotient, prices, time)

    def _prove(self, quotient: Quotient, prices: FloatArray, time: float) -> Goal | None:
        """Work out the bound that prices prove, when about this time is expected."""
        found = certify(
            quotient,
            self.collective,
            prices,
            self._amount() / time,
            in_network=self.in_network,
            relays=self.relays,
            height=self.limit,
        )
        return self.goal(found)

    def column_generation(self, chosen: IntArray, watch: Watch) -> ColumnGeneration:
        """Begin the packing over the ranks and the chosen helpers."""
        quotient = self._quotient(chosen)
        families = self._low_enough(quotient)
        return ColumnGeneration(
            quotient, families, free=self.free, watch=watch, heights=self.heights
        )

    def _amount(self) -> float:
        return float(self.collective.total * self.topology.unit)

    def _teller(self, watch: Watch) -> Callable[[float], None]:
        """Make what hears the time of a round and tells the watch the rate."""
        return lambda time: watch.tell(best=self._amount() / time)

    def goal(self, bound: Bound | None) -> Goal | None:
        """Compute the time that a bound allows, in capacity units for each unit of a block."""
        if bound is None or bound.algbw is None:
            return None
        return Goal(self.collective.total * self.topology.unit / bound.algbw, bound)

    def is_attained(self, found: PackedTrees) -> bool:
        """Tell whether trees are as fast as the bound allows, exactly."""
        goal = self.goal(found.bound)
        return goal is not None and found.time() == goal.time
