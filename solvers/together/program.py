"""The linear program of tasks that share links: their own programs side by side.

What it states, and why its prices prove the optimum, is told in `joint.py`.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm
from typing import Any

import numpy as np
from scipy.sparse import block_array, block_diag, coo_array, csr_matrix, hstack

from solvers.bounds.dual_certificate import round_finer
from solvers.certify.dual_bound import Unproven
from solvers.certify.together import prove_together
from solvers.lp.linear_program import Infeasible, Optimum, solve
from solvers.lp.min_max_load import LoadLP
from solvers.routing.quotient import Quotient
from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import UNPROVED, Prices
from solvers.schedules.ensembles.ensemble import (
    Ensemble,
    Task,
    image_keys,
    keepers,
)
from solvers.schedules.ensembles.union import fluid_time
from solvers.schedules.schedule import Schedule, trivial_schedule
from solvers.settings.deadline import NotFound, Watch
from solvers.together.block_share import BlockShare, has_unlike_blocks
from solvers.together.share import Share
from topologies.model.topology import BoolArray, FloatArray, Topology, frozen, integers
from topologies.symmetry.group import Group

CLOSE = 1e-9  # relative distance at which floats count as equal
EARLY = 0.5  # of the work that is left, for the choice among optimal amounts
NONE = Fraction(0)
TIMES = 10**12  # denominators of times that are not proved
REWRITES = 8  # times that members which others stood for are written out
COLUMNS = 2  # for each row, up to which none is dropped


@dataclass(frozen=True, eq=False)
class Solved:
    """An optimum over the columns so far.

    Attributes:
        time: in units of the program.
        prices: of all links, what a crossing costs in time; all links together take in 1.
        paid: what each share pays under them, for each unit of its amounts.
        held: the columns of each share, as it has them.
        parts: where the amounts of each share begin, and the end.
        kept: the columns of each share that are worth keeping.
    """

    lp: LoadLP
    optimum: Optimum
    time: float
    prices: FloatArray
    paid: tuple[float, ...]
    held: tuple[Any, ...]
    parts: tuple[int, ...]
    kept: tuple[BoolArray, ...]

    def amounts(self, number: int) -> FloatArray:
        """Give the amounts of a share."""
        return self.optimum.x[self.parts[number] : self.parts[number + 1]]


class JointProgram:
    """The program of all tasks: the shares of those that are written down, and the links."""

    def __init__(
        self,
        topology: Topology,
        tasks: Sequence[Task],
        relays: Relays,
        group: Group,
        watch: Watch,
    ) -> None:
        self.topology, self.tasks, self.relays = topology, tuple(tasks), relays
        self.group, self.watch = group, watch
        everyone = integers(range(topology.ranks))
        self.quotient = Quotient(topology, everyone, group)
        self.leads = _leads(tasks, group)
        self.shares: dict[int, Share | BlockShare] = {}
        for number in self.leads:
            if len(tasks[number].collective.ranks) > 1:
                watch.tell(f"looking at collective {number}")
                own = keepers(tasks[number], group)
                kind = BlockShare if has_unlike_blocks(tasks[number]) else Share
                self.shares[number] = kind(topology, tasks[number], own, relays, watch)
        amounts = [share.amount for share in self.shares.values()]
        common = lcm(*(amount.denominator for amount in amounts))
        whole = [int(amount * common) for amount in amounts]
        divisor = gcd(*whole) or 1
        self.weights = [amount // divisor for amount in whole]
        # Seconds are the program's time times this.
        self.second = Fraction(divisor, common) / topology.unit
        self.scale = self._guess()

    def solve(self, before: Solved | None = None) -> Solved:
        """Solve over the columns that there are, but for those that were of no use before.

        Raises:
            NotFound: the time was over.
        """
        self.watch.check()
        shares = self.shares.values()
        if before is not None:
            for number, share in enumerate(shares):
                share.prune(before.held[number], before.amounts(number), before.kept[number])
        programs = [share.lp() for share in shares]
        lp = self._stack(programs)
        optimum = solve(lp.program(self.scale), self.watch)
        dual = lp.prices(optimum, self.scale)
        cost = (dual @ lp.matrix[lp.equalities :, :-1]) * optimum.x[:-1]
        parts = np.cumsum([0, *(each.matrix.shape[1] - 1 for each in programs)]).tolist()
        each = [float(cost[a:b].sum()) for a, b in pairwise(parts)]
        time = optimum.cost * self.scale
        kept = self._cheap(lp, optimum, parts)
        self.scale = time or self.scale
        return Solved(
            *(lp, optimum, time, frozen((dual * self.group.order)[self.quotient.link_orbit])),
            paid=tuple(paid / weight for paid, weight in zip(each, self.weights, strict=True)),
            held=tuple(share.held for share in shares),
            parts=tuple(parts),
            kept=kept,
        )

    def _cheap(self, lp: LoadLP, optimum: Optimum, parts: Sequence[int]) -> tuple[BoolArray, ...]:
        """Mark the columns of each share that are in use, or nearly as cheap as those that are."""
        program = lp.program(self.scale)
        extra = (program.cost - program.matrix.T @ optimum.dual)[:-1]
        most = COLUMNS * program.matrix.shape[0]
        marks = optimum.x[:-1] > 0
        if len(extra) > most:
            marks |= extra <= np.partition(extra, most)[most]
        else:
            marks[:] = True
        return tuple(frozen(marks[a:b]) for a, b in pairwise(parts))

    def price(self, now: Solved) -> tuple[float, bool]:
        """Let every share take in what it asks for; give the time that the prices prove, in floats.

        Prices prove the sum of what all tasks must pay.
        """
        due, grown = 0.0, False
        for share, weight, paid in zip(self.shares.values(), self.weights, now.paid, strict=True):
            found = share.price(now.prices, paid)
            due += weight * found.due
            grown |= found.grown
        return due, grown

    def certify(self, prices: FloatArray, time: float) -> tuple[Prices | None, Fraction]:
        """Round prices to fractions that prove about a time; give them, and what they prove."""
        best: tuple[Prices | None, Fraction] = (None, Fraction(0))
        if not len(prices) or prices.max() <= 0:
            return best
        of_orbit = np.zeros(len(self.quotient.orbit_size))
        of_orbit[self.quotient.link_orbit] = prices
        expected = time * float(self.second)
        for whole in round_finer(self.quotient, of_orbit):
            made = Prices(tuple(Fraction(int(p)) for p in whole), self.quotient.link_orbit)
            try:
                asked = self.topology, self.tasks, made, self.group, self.relays
                proved = prove_together(*asked)
            except Unproven:
                continue
            if proved > best[1]:
                best = made, proved
            if float(proved) >= expected * (1 - CLOSE):
                break
        return best

    def ensemble(
        self, now: Solved, prices: Prices | None, proved: Fraction, slack: Fraction = NONE
    ) -> Ensemble:
        """Make the schedules of an optimum: exactly, and at the time proved if that is near.

        Raises:
            NotFound: some cannot be written out, or there are no exact amounts with slack.
            Infeasible: with slack, floats did not find any.
        """
        schedules = self._schedules(now, proved, slack)
        for _ in range(REWRITES):
            if schedules is not None:
                break
            now = self.solve()  # members that others stood for stand for themselves
            schedules = self._schedules(now, proved, slack)
        if schedules is None:
            raise NotFound("the schedules of the set could not be written out")
        still = self.still()
        both = tuple(sorted({**schedules, **dict(still.schedules)}.items()))
        found = replace(still, schedules=both, prices=prices, least=proved)
        return replace(found, time=fluid_time(found))

    def still(self) -> Ensemble:
        """Make the set of the tasks of one rank, in which nothing moves."""
        single = [
            (number, self._single(number)) for number in self.leads if number not in self.shares
        ]
        made = self.topology, self.tasks, self.group, tuple(single)
        return Ensemble(*made, Fraction(0), None, Fraction(0), self.relays)

    def _single(self, number: int) -> Schedule:
        """Make the schedule of one rank, as all elements that keep it see it."""
        task = self.tasks[number]
        own, made = keepers(task, self.group), trivial_schedule(self.topology, task.collective)
        share = tuple(each / own.order for each in made.share)
        return replace(made, group=own, share=share, bound=UNPROVED, relays="forward")

    def _schedules(
        self, now: Solved, proved: Fraction, slack: Fraction
    ) -> dict[int, Schedule] | None:
        """Make a schedule for each share; None where some cannot be written out yet."""
        for share, held in zip(self.shares.values(), now.held, strict=True):
            share.restore(held)
        x = now.optimum.x[:-1]
        exact = self._slack(now, proved, slack) if slack else self._exact(now, proved)
        found = {}
        for k, (number, share) in enumerate(self.shares.items()):
            own = None if exact is None else exact[now.parts[k] : now.parts[k + 1]]
            made = share.pack(own, x[now.parts[k] : now.parts[k + 1]])
            if made is None:
                return None
            found[number] = made
        return found

    def _exact(self, now: Solved, proved: Fraction) -> tuple[Fraction, ...] | None:
        """Solve for exact amounts, of those that come early if the time is proved; None of none."""
        target, x = proved / self.second, now.optimum.x[:-1]
        near = abs(float(target) - now.time) <= CLOSE * now.time
        tries: list[tuple[FloatArray, Fraction | None]] = [(x, None)]
        if near:
            tries.insert(0, (x, target))
            with suppress(NotFound, Infeasible):
                tries.insert(0, (self._early(now, float(target)), target))
        for amounts, time in tries:
            with suppress(NotFound):
                return now.lp.exact(amounts, now.time, time, self.watch)[0]
        return None

    def _slack(self, now: Solved, proved: Fraction, slack: Fraction) -> tuple[Fraction, ...]:
        """Solve for exact amounts that come early, where links may take so much longer.

        Raises:
            NotFound, Infeasible: there are none that are exact, or floats found none.
        """
        least = max(proved / self.second, Fraction(now.time).limit_denominator(TIMES))
        goal = least * (1 + slack)
        early = self._early(now, float(goal))
        return now.lp.exact(early, float(goal), goal, self.watch)[0]

    def _early(self, now: Solved, time: float) -> FloatArray:
        """Among the amounts that take no longer find those that come early: fewer stops, low trees.

        Raises:
            NotFound, Infeasible: there was no time, or the time is too tight for floats.
        """
        cost = np.concatenate([share.lateness() for share in self.shares.values()])
        kept = np.ones(len(cost), dtype=np.bool_)
        program = now.lp.cheapest(time, cost / cost.max(), kept)
        return solve(program, self.watch.part(EARLY, "amounts that come early")).x

    def _stack(self, programs: Sequence[LoadLP]) -> LoadLP:
        """Put the programs side by side, with one row for each orbit of links under the group."""
        orbits = len(self.quotient.orbit_size)
        equal = block_diag([each.matrix[: each.equalities, :-1] for each in programs])
        loads = [
            self._gather(share, weight, orbits) @ each.matrix[each.equalities :, :-1]
            for share, weight, each in zip(
                self.shares.values(), self.weights, programs, strict=True
            )
        ]
        capacity = self.quotient.orbit_capacity * self.quotient.orbit_size
        top = coo_array((equal.shape[0], 1), dtype=np.int64)
        rows = [[equal, top], [hstack(loads), coo_array(-capacity[:, None])]]
        totals = tuple(total for each in programs for total in each.totals)
        return LoadLP(csr_matrix(block_array(rows), dtype=np.int64), totals)

    def _gather(self, share: Share | BlockShare, weight: int, orbits: int) -> csr_matrix:
        """Add what a share puts on its orbits of links up over those of the group, of all images.

        What its rows count is the load on one link of an orbit, of all images under its own group;
        of images under the whole one there are so many times more.
        """
        times = self.group.order // share.group.order * weight
        size = share.quotient.orbit_size
        row = self.quotient.link_orbit[share.first_link]
        entries = (size * times, (row, np.arange(len(size))))
        return csr_matrix(coo_array(entries, shape=(orbits, len(size))))

    def _guess(self) -> float:
        """Guess the time's magnitude: what the ranks' links take for what they have to move."""
        total = sum(
            weight * len(share.quotient.members)
            for share, weight in zip(self.shares.values(), self.weights, strict=True)
        )
        return float(total) / float(self.topology.capacity.max(initial=1)) or 1.0


def _leads(tasks: Sequence[Task], group: Group) -> list[int]:
    """List the first task of each orbit."""
    seen: set[object] = set()
    found = []
    for number, task in enumerate(tasks):
        if task.key not in seen:
            found.append(number)
            seen.update(image_keys(task, group))
    return found
