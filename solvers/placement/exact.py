"""The best of all placements on a small tree of tiers, and a bound for it: CP-SAT.

Which box of the finest tier each rank of the job is in decides its cost, as the loads of cuts are
functions of how many ranks of each group a set has (`cuts.py`). So the model has a variable for
each rank and finest box; for each group and box of each tier the number of its ranks there, one
literal for each value, whose loads are read off a table; a time for each flow above all of them;
and what of it is hidden (`judge.py`). Times are whole numbers of 1e-7 of the best known placement,
rounded down, so that what is proved is a bound; the placement found is judged by itself.

The work is counted, not timed: the same job and machine give the same answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from solvers.jobs.job import Flow, Hidden
from solvers.placement.bounds import alone, least_loads
from solvers.placement.crossing import shares
from solvers.placement.cuts import Family
from solvers.placement.judge import Judge
from solvers.settings.cp_sat import new_solver
from topologies.model.topology import IntArray
from topologies.model.units import Rank, Seconds

MOST = 160  # ranks times finest boxes
WORK = 3.0  # of CP-SAT, in about as many seconds
UNIT = 1e-7  # of the best known placement's seconds
PARTS = 10**4
MOST_UNITS = 2**40
COUNTED = ("all_gather", "reduce_scatter", "all_to_all", "all_reduce", "send")


@dataclass(frozen=True, eq=False)
class Exact:
    """A placement, and seconds that none beats."""

    placement: IntArray
    bound: Seconds


def search_all(
    judge: Judge, usable: IntArray, pins: Mapping[Rank, Rank], known: IntArray, seconds: Seconds
) -> Exact | None:
    """Search all placements; None where the machine is no small tree of tiers.

    Args:
        judge: of the job on its machine.
        usable: the ranks that may be used.
        pins: the machine's rank of some of the job's.
        known: a placement to begin with.
        seconds: what it costs, above 0.
    """
    tiers = _nested_tiers(judge, usable)
    if tiers is None or len(known) * tiers[-1].count > MOST:
        return None
    return _Model(judge, usable, pins, tiers, seconds * UNIT).solve(known)


def _nested_tiers(judge: Judge, usable: IntArray) -> list[Family] | None:
    """Give the tiers, the coarsest first, where they are boxes in boxes and nothing else counts."""
    tiers = [family for family in judge.families if family.tier]
    plain = not judge.forward and not judge.adds and len(tiers) == len(judge.families)
    known = all(flow.collective in COUNTED for flow in judge.flows)
    if not tiers or not plain or not known or any(len(family.direct) for family in tiers):
        return None
    for coarse, fine in pairwise(tiers):
        pairs = np.unique(np.column_stack([fine.label, coarse.label])[usable], axis=0)
        if len(pairs) > len(np.unique(pairs[:, 0])):
            return None
    return tiers


@dataclass(eq=False)
class _Model:
    """The model as it is built."""

    judge: Judge
    usable: IntArray
    pins: Mapping[Rank, Rank]
    tiers: list[Family]
    unit: Seconds
    inside: dict[tuple[int, int], Any] = field(default_factory=dict)  # rank, finest box

    def solve(self, known: IntArray) -> Exact | None:
        """Build it, search, and read the placement off."""
        from ortools.sat.python import cp_model  # a third of a second that only searches cost

        self.program: Any = cp_model.CpModel()
        self._ranks(known)
        self.program.minimize(sum(self._exposed()))
        solver = new_solver()
        solver.parameters.max_deterministic_time = WORK
        if solver.solve(self.program) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None
        boxes = [
            next(box for box in range(self.tiers[-1].count) if solver.value(self.inside[rank, box]))
            for rank in range(len(known))
        ]
        bound = max(solver.best_objective_bound, 0.0) * self.unit
        return Exact(self._seat(np.array(boxes)), bound)

    def _ranks(self, known: IntArray) -> None:
        """Put each rank into one finest box, and no more into a box than may be used there."""
        finest = self.tiers[-1]
        room = np.bincount(finest.label[self.usable], minlength=finest.count)
        for rank in range(len(known)):
            for box in range(finest.count):
                self.inside[rank, box] = self.program.new_bool_var("")
            self.program.add_exactly_one(self._row(rank))
        for box in range(finest.count):
            column = [self.inside[rank, box] for rank in range(len(known))]
            self.program.add(sum(column) <= int(room[box]))
        for rank, place in self.pins.items():
            self.program.add(self.inside[rank, int(finest.label[place])] == 1)
        for rank, place in enumerate(finest.label[known].tolist()):
            for box in range(finest.count):
                self.program.add_hint(self.inside[rank, box], box == place)
        if self._all_alike(room):
            for rank in range(len(known)):  # boxes are numbered by the least rank that is in them
                for box in range(rank + 1, finest.count):
                    self.program.add(self.inside[rank, box] == 0)

    def _all_alike(self, room: IntArray) -> bool:
        """Tell whether any boxes may change places: one tier of equal ones, and no pins."""
        finest = self.tiers[-1]
        alike = all(np.ptp(each) <= 1e-9 * each.max() for each in (finest.out, finest.into))
        return len(self.tiers) == 1 and alike and not np.ptp(room) and not self.pins

    def _row(self, rank: int) -> list[Any]:
        return [self.inside[rank, box] for box in range(self.tiers[-1].count)]

    def _within(self, rank: int, tier: int, box: int) -> Any:  # noqa: ANN401
        """Give whether a rank is in a box of a tier: in any finest box that lies in it."""
        finest, coarse = self.tiers[-1].label, self.tiers[tier].label
        own = np.unique(finest[self.usable][coarse[self.usable] == box])
        return sum(self.inside[rank, each] for each in own.tolist())

    def _exposed(self) -> Iterator[Any]:
        """Give what of each kind of group is exposed, in units."""
        flows: dict[str, list[Flow]] = {}
        for flow in self.judge.flows:
            flows.setdefault(flow.group, []).append(flow)
        hidden: dict[str, Hidden] = {
            str(kind): rule for kind, rule in self.judge.job.hidden.items()
        }
        for kind, own in flows.items():
            counts = self._counts(kind)
            whole = sum(self._time(flow, counts) for flow in own) + self._latency(kind, own, counts)
            rule = hidden.get(kind, Hidden())
            left = self.program.new_int_var(0, MOST_UNITS, "")
            self.program.add(PARTS * left >= int((1 - rule.part) * PARTS) * whole)
            self.program.add(
                left >= whole - int(min(rule.seconds / self.unit, float(MOST_UNITS))) - 1
            )
            yield left

    def _counts(self, kind: str) -> dict[tuple[int, int, int], list[Any]]:
        """Make, for each group and box of each tier, a literal for each number of its ranks."""
        found: dict[tuple[int, int, int], list[Any]] = {}
        for group, row in enumerate(self.judge.members[kind].tolist()):
            for tier, family in enumerate(self.tiers):
                for box in range(family.count):
                    literals = [self.program.new_bool_var("") for _ in range(len(row) + 1)]
                    self.program.add_exactly_one(literals)
                    number = sum(self._within(rank, tier, box) for rank in row)
                    told = sum(m * literal for m, literal in enumerate(literals))
                    self.program.add(number == told)
                    found[tier, box, group] = literals
        return found

    def _time(self, flow: Flow, counts: dict[tuple[int, int, int], list[Any]]) -> Any:  # noqa: ANN401
        """Give a time above what a rank alone, and every box, needs for a flow."""
        n = self.judge.members[flow.group].shape[1]
        filled = self.judge.members[flow.group].size == len(self.usable)
        size = int(flow.bytes) * flow.times / self.unit
        time = self.program.new_int_var(0, MOST_UNITS, "")
        self.program.add(time >= int(size * alone(self.judge, flow, n, self.usable, filled)))
        for tier, family in enumerate(self.tiers):
            for box in range(family.count):
                for way, capacity in enumerate((family.out[box], family.into[box])):
                    if flow.collective == "send":
                        self._sends(flow, tier, box, way, time)
                        continue
                    terms = self._loads(
                        flow.collective, n, counts, (tier, box), way, size / capacity
                    )
                    self.program.add(time >= sum(terms))
                    self._parted(flow.collective, n, counts, (tier, box), way, (size, time))
        return time

    def _parted(
        self,
        collective: str,
        n: int,
        counts: dict[tuple[int, int, int], list[Any]],
        where: tuple[int, int],
        way: int,
        of: tuple[float, Any],
    ) -> None:
        """Put the time above what each group needs over the links of its own ranks in a box."""
        family, (size, time) = self.tiers[where[0]], of
        own = family.own[way][family.label == where[1]]
        told = least_loads(collective, np.arange(1.0, n), n)
        if told is None or not own.any():
            return
        rate = family.shared[way][where[1]] + np.arange(1, n) * own.max()
        table = [0, *(int(size * each) for each in told[way] / rate), 0]
        for _, literals in (row for row in counts.items() if row[0][:2] == where):
            self.program.add(time >= sum(each * x for each, x in zip(table, literals, strict=True)))

    def _loads(
        self,
        collective: str,
        n: int,
        counts: dict[tuple[int, int, int], list[Any]],
        where: tuple[int, int],
        way: int,
        weight: float,
    ) -> Iterator[Any]:
        """Give the load of a box from each group, in units."""
        groups = {group for tier, box, group in counts if (tier, box) == where}
        for group in sorted(groups):
            literals = counts[*where, group]
            if collective == "all_reduce":
                yield self._summed(counts, where, group, weight, n)
                continue
            m = np.arange(n + 1)
            table = shares(collective, m, n, m, m, False)[way] * (m % n > 0)
            yield sum(int(weight * float(t)) * x for t, x in zip(table, literals, strict=True))

    def _summed(
        self,
        counts: dict[tuple[int, int, int], list[Any]],
        where: tuple[int, int],
        group: int,
        weight: float,
        n: int,
    ) -> Any:  # noqa: ANN401
        """Give the load of a box from an all_reduce over k boxes, 2 (k - 1) / k if partly in."""
        tier, _ = where
        boxes = range(self.tiers[tier].count)
        empty = sum(counts[tier, box, group][0] for box in boxes)
        spans = [self.program.new_bool_var("") for _ in boxes]
        self.program.add_exactly_one(spans)
        self.program.add(sum((k + 1) * x for k, x in enumerate(spans)) == len(boxes) - empty)
        most = int(weight * 2)
        found = self.program.new_int_var(0, most, "")
        value = sum(int(weight * 2 * k / (k + 1)) * x for k, x in enumerate(spans))
        away = counts[*where, group][0] + counts[*where, group][n]
        self.program.add(found >= value - most * away)
        return found

    def _sends(self, flow: Flow, tier: int, box: int, way: int, time: Any) -> None:  # noqa: ANN401
        """Put the time of sends above the pairs of neighbours that leave, or enter, a box."""
        pairs = []
        for row in self.judge.members[flow.group].tolist():
            stages = [*row, row[0]] if self.judge.job.layout.virtual > 1 else row
            for ends in pairwise(stages):
                src, dst = ends if way == 0 else ends[::-1]
                crossing = self.program.new_bool_var("")
                here, there = self._within(src, tier, box), self._within(dst, tier, box)
                self.program.add(crossing >= here - there)
                pairs.append(crossing)
        capacity = float(min(self.tiers[tier].out[box], self.tiers[tier].into[box]))
        slowest = int(int(flow.bytes) * flow.times / self.unit / capacity)
        self.program.add(time >= slowest * sum(pairs))

    def _latency(
        self, kind: str, flows: list[Flow], counts: dict[tuple[int, int, int], list[Any]]
    ) -> Any:  # noqa: ANN401
        """Give the latencies of a kind's flows: of the finest tier that all groups are inside."""
        calls = sum(flow.times * (1 + (flow.collective == "all_reduce")) for flow in flows)
        reach = [self.judge.reach[-1], *self.judge.reach[:-1]]
        n = self.judge.members[kind].shape[1]
        whole, before = int(calls * reach[0] / self.unit), None
        for tier in range(len(self.tiers)):
            within = self.program.new_bool_var("")
            for (own, _, _), literals in counts.items():
                if own == tier:
                    self.program.add_bool_or([literals[0], literals[n]]).only_enforce_if(within)
            if before is not None:
                self.program.add_implication(within, before)
            less = max(int(calls * (reach[tier] - reach[tier + 1]) / self.unit) + 1, 0)
            whole, before = whole - less * within, within
        return whole

    def _seat(self, boxes: IntArray) -> IntArray:
        """Give each rank a place of its box, pins theirs."""
        label = self.tiers[-1].label
        taken = set(self.pins.values())
        free = {
            box: [int(r) for r in self.usable if label[r] == box and int(r) not in taken]
            for box in set(boxes.tolist())
        }
        placed = [
            self.pins[rank] if rank in self.pins else free[box].pop(0)
            for rank, box in enumerate(boxes.tolist())
        ]
        return np.array(placed)
