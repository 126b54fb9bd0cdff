"""The best trees on what is left of a machine, made of the trees for the whole of it.

Statement. Trees that lost no arc stay; the others are put together again (`reattach.py`), and a
linear program (`master.py`) shares the load out. Its prices ask for other parents, other paths and
other trees, until the time is that of a cut, or until no tree costs less than it earns: then the
prices prove it, as they do where a machine is planned for from nothing.

The tightest cut around a single rank is looked at first: where something is lost at one rank, it
mostly is the bound. Then the tightest of all is found by maximum flows.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from math import inf

import numpy as np

from solvers.bounds.cuts import cut_bound, rank_bound
from solvers.bounds.dual_certificate import certify
from solvers.certify.certificates import prove, scope
from solvers.certify.dual_bound import Unproven
from solvers.lp.linear_program import Infeasible, Optimum, solve
from solvers.lp.min_max_load import LoadLP
from solvers.packing.tuning import CLOSE
from solvers.repair.expand import OldTrees, expand, roots_of, samples
from solvers.repair.growth import Growth
from solvers.repair.lay_down import lay_down
from solvers.repair.master import Master, Variant
from solvers.routing.path_pool import PathPool
from solvers.routing.quotient import Quotient
from solvers.schedules.certificate import Bound, Prices
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.schedule import Schedule, schedule
from solvers.settings.deadline import NotFound, Watch
from topologies.derive.part import Submachine
from topologies.model.topology import FloatArray, IntArray, frozen, integers
from topologies.symmetry.group import Group

ROUNDS, STALLED = 40, 10  # in all, and such that brought nothing one after the other


def repair(
    old: Schedule, left: Submachine, what: Collective, group: Group, watch: Watch
) -> Schedule:
    """Find the schedule of highest throughput on what is left, of the trees that there were.

    Args:
        old: for the whole machine.
        left: of it.
        what: the collective on what is left.
        group: keeps what is left and the collective.
        watch: says when to stop.

    Returns:
        the schedule, not checked yet, with its bound; it attains it.

    Raises:
        NotFound: the old one is no schedule of trees over all ranks, or the bound was not attained.
        Infeasible: some rank cannot be reached.
    """
    roots = roots_of(old)
    quotient = Quotient(left.topology, integers(what.ranks), group)
    goal, few = _old_bound(old, left, what, group), samples(quotient)
    for sample in few:
        trees = expand(old, roots, left, what, quotient, sample)
        try:
            return replace(_Repair(trees, watch).run(goal), relays=old.relays)
        except NotFound:
            if watch.late or sample == few[-1]:
                raise
    raise AssertionError("there is a last sample")


def _old_bound(old: Schedule, left: Submachine, what: Collective, group: Group) -> Bound | None:
    """Give the bound that the old prices prove on what is left, if there are any."""
    proof = old.bound.certificate
    if not isinstance(proof, Prices) or proof.height is not None:
        return None
    kept = Prices(proof.of_class, frozen(proof.of_link[left.links]))
    try:
        return Bound(
            prove(left.topology, what, kept, group, relays=old.relays), scope(kept, what), kept
        )
    except Unproven:
        return None


class _Repair:
    """One repair: its program, and what it may grow by."""

    def __init__(self, trees: OldTrees, watch: Watch) -> None:
        self.trees, self.watch, self.quotient = trees, watch, trees.quotient
        self.topology, self.what = trees.quotient.topology, trees.what
        self.free = self.what.shape.movement is Movement.COPY_OF_SUM
        self.paths = PathPool(self.quotient, watch)
        touched = trees.touched()
        self.master = Master(trees, np.flatnonzero(~touched), self.paths, free=self.free)
        torn = list(_torn(trees, np.flatnonzero(touched)))
        if self.free and not self.master.weighted:
            raise NotFound("the roots' shares may have to change, of too many trees for that")
        self.growth = Growth(trees, self.master, torn, free=self.free)
        self.amount = self.what.total * self.topology.unit

    def run(self, goal: Bound | None) -> Schedule:
        """Grow the program until its optimum is proved, and lay it down.

        Args:
            goal: a bound that is known.
        """
        if goal is None and not self.free:
            goal = rank_bound(self.topology, self.what)
        scale, tightest = self._scale() * self.master.images, self.free
        self.growth.begin()
        best, since = inf, 0
        for _ in range(ROUNDS):
            self.watch.check()
            lp = self.master.program()
            optimum = solve(lp.program(scale), self.watch)
            time = optimum.cost * scale / self.master.images
            self.watch.tell(best=float(self.amount) / time)
            if not tightest and not self._attains(time, goal):
                goal, tightest = cut_bound(self.topology, self.what, self.watch), True
            if goal is not None and self._attains(time, goal):
                with suppress(NotFound):  # where it is exact: else one of the next rounds may be
                    return self._finish(lp, optimum, goal)
            prices = lp.prices(optimum, scale) * self.quotient.repeats
            grown, due = self.growth.grow(prices, time)
            if due is not None and due >= time * (1 - CLOSE):
                goal = self._prove(prices, time)
                if goal is None or self._time(goal) < time * (1 - CLOSE):
                    break
                return self._finish(lp, optimum, goal)
            since = 0 if time < best * (1 - CLOSE) else since + 1
            best = min(best, time)
            if not grown or since == STALLED:
                break
        raise NotFound("the old trees could not be repaired up to the bound")

    def _attains(self, time: float, goal: Bound | None) -> bool:
        return goal is not None and time <= self._time(goal) * (1 + CLOSE)

    def _time(self, bound: Bound) -> Fraction:
        assert bound.algbw is not None
        return self.amount / bound.algbw

    def _scale(self) -> float:
        load = self.trees.loads().sum(axis=0) / self.quotient.orbit_capacity
        weight = float(max(self.trees.weight))
        return float(load.max()) * weight

    def _prove(self, prices: FloatArray, time: float) -> Bound | None:
        return certify(self.quotient, self.what, prices, float(self.amount) / time)

    def _finish(self, lp: LoadLP, optimum: Optimum, goal: Bound) -> Schedule:
        """Choose the fewest changes at the least time, exactly."""
        time = self._time(goal) * self.master.images
        cost, kept = self.master.changes(), np.ones(len(optimum.x) - 1, dtype=np.bool_)
        with suppress(NotFound, Infeasible):
            x = solve(lp.cheapest(float(time), cost, kept), self.watch, once=True).x
            return self._laid_down(lp.exact(x, float(time), time, self.watch)[0], goal)
        x = optimum.x[:-1]
        return self._laid_down(lp.exact(x, float(time), time, self.watch)[0], goal)

    def _laid_down(self, share: Sequence[Fraction], goal: Bound) -> Schedule:
        pieces, transfers = lay_down(self.master, share)
        return schedule(
            self.topology, self.what, pieces, transfers, goal, self.quotient.group, solver="repair"
        )


def _torn(trees: OldTrees, pieces: IntArray) -> Iterator[Variant]:
    """Give both trees of each piece that something befell, without the arcs that are gone.

    Of a tree over slower links a part has to go other ways: it is given as it was, its slow arcs
    open, and as if these were gone, so that what hangs on them may hang on elsewhere.
    """
    child, parent = trees.child, trees.parent
    ends = np.searchsorted(trees.rows.piece, np.arange(len(trees.root) + 1))
    for piece in pieces.tolist():
        root, rows = int(trees.root[piece]), np.arange(ends[piece], ends[piece + 1])
        for inward in trees.sides:
            own = rows[trees.rows.reduce[rows] == inward]
            slow, fast = own[trees.slower[own]], own[~(trees.broken | trees.slower)[own]]
            old = np.full(trees.members, -1, dtype=np.int64)
            above, row, none = old.copy(), old.copy(), old.copy()
            old[child[own]] = parent[own]
            above[child[fast]], row[child[fast]] = parent[fast], fast
            if len(slow):
                as_it_was, same = above.copy(), row.copy()
                as_it_was[child[slow]], same[child[slow]] = parent[slow], slow
                yield Variant(root, inward, as_it_was, same, none, none, frozen(child[slow]), old)
            yield Variant(root, inward, above, row, none, none, integers([]), old)
