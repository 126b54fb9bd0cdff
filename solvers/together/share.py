"""One task of a set: its trees or paths as a linear program, and the schedule that they become.

Trees of gathers and sums are those of `solvers/trees`. What goes from each rank to each, or from
and to a root, are trees of one level: the root sends to each member over paths of its own, which
may pass through the others.
"""

from fractions import Fraction

import numpy as np

from solvers.lp.min_max_load import LoadLP
from solvers.packing import rounding
from solvers.packing.column_generation import ColumnGeneration, Packing
from solvers.packing.families import Family
from solvers.packing.low_trees import arrivals
from solvers.packing.order_lp import Columns, Order
from solvers.routing.quotient import Quotient
from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.collective import Movement
from solvers.schedules.ensembles.ensemble import Task
from solvers.schedules.schedule import Schedule, Transfer, schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from solvers.together.shares import LEAST, Priced, TaskPart, on_whole
from solvers.trees.extract import TransferBuilder
from solvers.trees.forest import state_problem, state_sums, to_schedule
from solvers.trees.problem import PackedTrees, TreeProblem
from topologies.model.topology import BoolArray, FloatArray, IntArray, Topology, frozen
from topologies.symmetry.group import Group

Held = tuple[tuple[Order, ...], Columns]
KEPT_ORDERS, IDLE = 6, 1e-9  # orders of each root up to which none is dropped; and no weight


class Share(TaskPart):
    """The part of one task in the program of all; see `TaskPart`."""

    def __init__(
        self, topology: Topology, task: Task, group: Group, relays: Relays, watch: Watch
    ) -> None:
        super().__init__(topology, task, group, relays, watch)
        what = task.collective
        self.straight = what.shape.movement in (Movement.PERSONALISED, Movement.STAY)
        self.problem = self._state()
        self.packer: ColumnGeneration = self.problem.column_generation(
            np.zeros(0, dtype=np.int64), watch
        )
        self.quotient = self.packer.quotient
        self.amount = Fraction(task.size, what.total)  # bytes of one unit of the amounts
        self._begin()

    @property
    def held(self) -> Held:
        """Give the orders and columns that there are."""
        return tuple(self.packer.pool.orders), self.packer.pool.columns

    def lp(self) -> LoadLP:
        """Write the program of the task alone down."""
        return self.packer.assemble()

    def price(self, prices: FloatArray, cost: float) -> Priced:
        """Take in what the prices ask for, where that is cheaper than what is in use.

        Args:
            prices: of all links of the whole machine, what a crossing costs.
            cost: what the amounts in use pay.
        """
        own = prices[self.first_link]
        if own.max(initial=0.0) <= 0:
            return Priced(False, 0.0)
        own = own + LEAST * own.max()
        pricing = self.packer.pricing
        if self.straight:
            return Priced(pricing.better_paths(own, cost), self._shortest(own))
        return Priced(pricing.price_out(own, cost), pricing.due)

    def prune(self, held: Held, x: FloatArray, kept: BoolArray) -> None:
        """Drop columns that are not worth keeping, and orders of no weight, where there are many.

        Args:
            held: the orders and columns that an optimum had; what came in since then stays.
            x: its amounts.
            kept: those that are worth it.
        """
        if self.straight:
            return
        pool, (orders, columns) = self.packer.pool, held
        dropped = _numbers(columns)[~kept[: len(columns)]]
        if len(dropped):
            now = pool.columns
            pool.columns = now.at(np.flatnonzero(~np.isin(_numbers(now), dropped)))
        if len(pool.orders) > KEPT_ORDERS * len(pool.families):
            alive = np.ones(len(pool.orders), dtype=np.bool_)
            alive[: len(orders)] = x[len(columns) :] > IDLE
            alive[: len(pool.families)] = True
            pool.keep(alive)

    def restore(self, held: Held) -> None:
        """Take back the orders and columns of an optimum."""
        pool = self.packer.pool
        pool.orders, pool.columns = list(held[0]), held[1]

    def lateness(self) -> FloatArray:
        """Guess how late each of the amounts comes to where it is wanted: byte-seconds."""
        pool = self.packer.pool
        late = arrivals(pool) * float(self.amount)
        return np.append(late, np.zeros(len(pool.orders)))

    def pack(
        self,
        share: tuple[Fraction, ...] | None,
        x: FloatArray,
    ) -> Schedule | None:
        """Make the schedule of exact amounts, or of rounded ones where there are none.

        None where some members have to stand for themselves first.

        Args:
            share: the amounts.
            x: the same in floats.
        """
        pool = self.packer.pool
        if share is None:
            budgets = self.packer.budgets(pool.orders)
            share = tuple(rounding.round_shares(pool.columns, len(pool.orders), budgets, x))
        whole = pool.unfold(pool.columns, share)
        if whole is None:
            return None
        packing = Packing(tuple(pool.orders), *whole, UNPROVED, pool.paths)
        made = PackedTrees(self.quotient, pool.families, packing, UNPROVED)
        found = self._paths(made) if self.straight else to_schedule(self.problem, made)
        return on_whole(found, self.whole, self.links)

    def _state(self) -> TreeProblem:
        """Write down which trees the task may use."""
        what, options = self.task.collective, SolverOptions(relays=self.relays)
        asked = self.machine, what, self.group
        if not self.straight:
            sums = what.shape.movement is Movement.COPY_OF_SUM
            made = (state_sums if sums else state_problem)(*asked, options)
            return TreeProblem(
                *asked, made.families, relays=self.relays, free=made.free, mirror=None
            )

        def families(quotient: Quotient) -> list[Family]:
            root = what.shape.root
            roots = quotient.roots.tolist() if root is None else [root]
            return [Family(rank, what.shape.inward) for rank in roots]

        return TreeProblem(*asked, families, relays=self.relays, open=True)

    def _begin(self) -> None:
        """Take in the first trees, or all straight ones."""
        scale = len(self.quotient.members) / float(self.quotient.orbit_capacity.max())
        if not self.straight:
            self.packer.pricing.begin(scale)
            return
        pool = self.packer.pool
        for family in pool.families:
            root = pool.place[family.root]
            place = np.ones(len(self.quotient.members), dtype=np.int64)
            place[root] = 0
            pool.grow(family, np.full(len(place), root), frozen(place))
        pool.settle()

    def _shortest(self, own: FloatArray) -> float:
        """Add up what all blocks pay on their cheapest paths."""
        length = self.quotient.distances(own[self.quotient.link_orbit])[0]
        shares, due = self.packer.pricing.shares(), 0.0
        between = self.quotient.between_members(length)
        for family in self.packer.pool.families:
            root = self.packer.pool.place[family.root]
            far = between[:, root] if family.inward else between[root]
            due += shares[family] * float(np.delete(far, root).sum())
        return due

    def _paths(self, made: PackedTrees) -> Schedule:
        """Make a piece of each path; what stays is a piece as well."""
        what, branches = self.task.collective, TransferBuilder(made.quotient, made.packing).branch
        pieces, transfers = self._stay(), list[Transfer]()
        for column, branch in branches.items():
            hops = branch.hops
            for step, (src, dst, links) in enumerate(hops):
                transfers.append(Transfer(len(pieces), step, src, dst, links))
            block = self._block(hops[0][0], hops[-1][1])
            pieces.append((block, made.packing.share[column]))
        return schedule(self.machine, what, pieces, transfers, UNPROVED, self.group)

    def _stay(self) -> list[tuple[int, Fraction]]:
        """Make a piece of what each root keeps of its own."""
        found = []
        for family in self.packer.pool.families:
            share = Fraction(self.quotient.orbit_of(family.root), self.group.order)
            found.append((self._block(family.root, family.root), share))
        return found

    def _block(self, src: int, dst: int) -> int:
        """Find the block that goes from one rank to another."""
        what = self.task.collective
        src, dst = what.place[src], what.place[dst]
        both = np.intersect1d(what.inputs[src], what.outputs[dst], assume_unique=True)
        return int(both[0])


def _numbers(columns: Columns) -> IntArray:
    """Give each choice of a parent and a path a number of its own, of 62 bits."""
    fields = ((columns.parent, 12), (columns.child, 12), (columns.path, 22))
    number = columns.order.astype(np.int64)
    for field, bits in fields:
        number = (number << bits) + field
    return frozen(number)
