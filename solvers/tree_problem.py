"""A problem of trees: packed over the ranks that take part, with others where that may help."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from solvers.branching import helpers
from solvers.certificate import Bound
from solvers.collective import Collective
from solvers.growth import Family
from solvers.order_lp import loads_of
from solvers.packing import Goal, Packer, Packing
from solvers.prices import price_bound
from solvers.quotient import Quotient
from solvers.watch import NotFound, Watch
from topologies.symmetry import Group
from topologies.topology import FloatArray, IntArray, Topology

HELPED = 128  # members up to which ranks outside branch; with more the LPs take too long


@dataclass(frozen=True, eq=False)
class Packed:
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
        loads = loads_of(quotient, packing.ways)
        total = [Fraction(0)] * len(quotient.orbit_size)
        for way, share in zip(packing.columns.way.tolist(), packing.share, strict=True):
            if share:
                row = slice(loads.indptr[way], loads.indptr[way + 1])
                for orbit, load in zip(loads.indices[row], loads.data[row], strict=True):
                    total[orbit] += share * int(load)
        return max(t / int(c) for t, c in zip(total, quotient.orbit_capacity, strict=True))


@dataclass(frozen=True, eq=False)
class TreeProblem:
    """What to pack trees for. families: lists them, once the members are known.

    in_network: switches copy and add. free: the roots' shares are variables (all_reduce).
    """

    topology: Topology
    collective: Collective
    group: Group
    families: Callable[[Quotient], Sequence[Family]]
    in_network: bool = False
    free: bool = False

    def pack(self, bound: Bound | None, watch: Watch, scale: float | None = None) -> Packed:
        """Pack the trees; ranks outside branch only if the bound is not attained without that.

        bound: what is known before, scale: about how long the trees take, where that is not the
        bound's time. What is packed comes with the tightest bound found.

        Raises:
            Infeasible: some rank cannot be reached.
            NotFound: the time limit came first.
        """
        first, *wider = helpers(self.topology, self.collective.ranks, in_network=self.in_network)
        best = self._over(first, bound, watch, scale)
        for chosen in wider:
            members = len(self.collective.ranks) + len(chosen)
            if members > HELPED or self._attained(best):
                break
            try:
                now = self._over(chosen, best.bound, watch)
            except NotFound:
                break
            kept = now if now.time() < best.time() else best
            best = Packed(kept.quotient, kept.families, kept.packing, now.bound)
        return best

    def _over(
        self, chosen: IntArray, bound: Bound | None, watch: Watch, scale: float | None = None
    ) -> Packed:
        """Pack over the ranks and the chosen helpers."""
        members = np.union1d(np.array(self.collective.ranks), chosen)
        quotient = Quotient(self.topology, members, self.group, chosen, self.in_network)
        families = tuple(self.families(quotient))
        packer = Packer(quotient, families, free=self.free, watch=watch)
        size = float(self.collective.total * self.topology.unit)

        def prove(prices: FloatArray, time: float) -> Goal | None:
            what, network = self.collective, self.in_network
            return self.goal(price_bound(quotient, what, prices, size / time, in_network=network))

        def reached(time: float) -> None:
            watch.tell(best=size / time)

        packing = packer.solve(self.goal(bound), prove, reached, scale)
        return Packed(quotient, families, packing, packing.bound or bound)

    def goal(self, bound: Bound | None) -> Goal | None:
        """Give the time that a bound allows, in capacity units for each unit of a block."""
        if bound is None or bound.algbw is None:
            return None
        return Goal(self.collective.total * self.topology.unit / bound.algbw, bound)

    def _attained(self, found: Packed) -> bool:
        goal = self.goal(found.bound)
        return goal is not None and found.time() == goal.time
