"""Several jobs on one machine: which ranks each of them gets, and who plays what there.

What counts is the sum over the jobs of what is exposed of a step's communication, each judged as if
it had the links for itself; of equal sums the one with fewest boxes that jobs share is taken. In
each order of the jobs they are placed one after the other, each where it is best of what is left,
and on ranks cut off in the order of the boxes; then ranks of two jobs, or of a job and idle ones,
change places as long as that gains. Each job at its own bound, on all ranks, bounds the sum.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, permutations

import numpy as np

from solvers.jobs.errors import JobError
from solvers.jobs.job import Job
from solvers.jobs.layout import world
from solvers.placement.bounds import lower_bound
from solvers.placement.judge import Judge
from solvers.placement.orders import positions
from solvers.placement.search import GAIN, Placement, place
from solvers.settings.deadline import NO_DEADLINE, Watch
from topologies.model.topology import IntArray, Topology, frozen
from topologies.model.units import Rank, Seconds

ORDERS = 6  # of the jobs, that are tried; those of many jobs begin with the largest
TRIALS = 500  # exchanges between jobs, at most
WORK = 30_000_000  # ranks × flows × families that they may cost


@dataclass(frozen=True, eq=False)
class Several:
    """Placements of jobs on one machine.

    Attributes:
        placements: of each job, in the order they were given in, on different ranks.
        bound: seconds that no placement of all of them beats, in this model.
        in_turn: what placing them in the given order costs, each on what the others leave.
        shared: boxes of the finest tier that have ranks of several jobs.
        tried: how many partitions were judged.
    """

    placements: tuple[Placement, ...]
    bound: Seconds
    in_turn: Seconds
    shared: int
    tried: int

    @property
    def seconds(self) -> Seconds:
        """Add up what is exposed of a step of each job."""
        return sum(each.judged.seconds for each in self.placements)

    @property
    def gap(self) -> float:
        """Compute by what part it is above the bound."""
        return self.seconds / self.bound - 1 if self.bound > 0 else 0.0


def place_several(
    topology: Topology,
    jobs: Sequence[Job],
    ranks: Sequence[Rank] | None = None,
    watch: Watch = NO_DEADLINE,
) -> Several:
    """Place jobs on a machine, on different ranks.

    Complexity: twice as many placements of each job as orders of the jobs are tried.

    Args:
        topology: the machine.
        jobs: that fit together each.
        ranks: those of the machine that may be used (all).
        watch: can stop it early, when all are placed once.

    Raises:
        JobError: more ranks than there are, or ranks that do not reach each other.
    """
    usable = np.arange(topology.ranks) if ranks is None else np.unique(np.array(ranks))
    count = sum(world(job.layout) for job in jobs)
    if count > len(usable):
        raise JobError(
            f"{len(jobs)} jobs: {count} ranks, expected at most the {len(usable)} of "
            f"{topology.name} that may be used"
        )
    search = _Search(topology, jobs, usable, watch)
    in_turn = search.try_orders()
    if search.seconds > search.bound() * (1 + GAIN):
        search.exchange()
        search.place_again()
    shared = search.share([each.ranks for each in search.best])
    return Several(tuple(search.best), search.bound(), in_turn, shared, search.tried)


class _Search:
    """A search in hand: the best placements so far."""

    def __init__(
        self, topology: Topology, jobs: Sequence[Job], usable: IntArray, watch: Watch
    ) -> None:
        self.topology, self.jobs, self.usable, self.watch = topology, jobs, usable, watch
        self.judges = [Judge(topology, job) for job in jobs]
        self.alike = [list(jobs).index(job) for job in jobs]
        self.tiers = [family for family in self.judges[0].families if family.tier]
        self.best: list[Placement] = []
        self.cost, self.tried = (float("inf"), 0), 0

    @property
    def seconds(self) -> Seconds:
        """Give the sum of the best so far."""
        return self.cost[0]

    def bound(self) -> Seconds:
        """Add up what no placement of each job beats, on all ranks."""
        judges = zip(self.judges, self.best, strict=True)
        return sum(lower_bound(replace(j, forward=p.forward), self.usable) for j, p in judges)

    def try_orders(self) -> Seconds:
        """Place the jobs in several orders; give what the given one costs, each in its turn."""
        in_turn = float("inf")
        for number, order in enumerate(self._orders()):
            if self.best and self.watch.leaves_out("other orders of the jobs"):
                break
            self.watch.tell(f"placing the jobs in order {number + 1}")
            for cut in (False, True):
                seconds = self._consider(self._in_order(order, cut))
                if number == 0 and not cut:
                    in_turn = seconds
            if not self.cost[1] and self.seconds <= self.bound() * (1 + GAIN):
                break
        return in_turn

    def _orders(self) -> Iterator[tuple[int, ...]]:
        """List orders of the jobs: as given, the largest first, and others."""
        given = tuple(range(len(self.jobs)))
        largest = tuple(sorted(given, key=lambda n: -world(self.jobs[n].layout)))
        rest = islice(permutations(largest), ORDERS)
        seen: set[tuple[int, ...]] = set()
        for order in (given, largest, *rest):
            if (key := tuple(self.alike[number] for number in order)) not in seen:
                seen.add(key)
                yield order

    def _in_order(self, order: Sequence[int], cut: bool) -> list[Placement]:
        """Place jobs one after the other, on what is left or on the next ranks of that."""
        found: dict[int, Placement] = {}
        left = positions(self.tiers, self.usable)
        for number in order:
            job = self.jobs[number]
            some = left[: world(job.layout)] if cut else left
            found[number] = place(self.topology, job, some.tolist(), exchange=False)
            left = left[~np.isin(left, found[number].ranks)]
        return [found[number] for number in range(len(self.jobs))]

    def _consider(self, made: list[Placement]) -> Seconds:
        """Keep placements of all jobs where they are the best."""
        self.tried += 1
        seconds = sum(each.judged.seconds for each in made)
        cost = (seconds, self.share([each.ranks for each in made]))
        nearly = abs(seconds - self.cost[0]) <= GAIN * seconds
        if seconds < self.cost[0] * (1 - GAIN) or (nearly and cost[1] < self.cost[1]):
            self.best, self.cost = made, cost
        return seconds

    def share(self, rows: Sequence[IntArray]) -> int:
        """Count the boxes of the finest tier that have ranks of several jobs."""
        if not self.tiers:
            return 0
        boxes = [np.unique(self.tiers[-1].label[row]) for row in rows]
        return int((np.unique(np.concatenate(boxes), return_counts=True)[1] > 1).sum())

    def exchange(self) -> None:
        """Let ranks of two jobs, or of one and idle ones, change places as long as it gains."""
        own = [each.ranks.copy() for each in self.best]
        judges = [
            replace(j, forward=p.forward) for j, p in zip(self.judges, self.best, strict=True)
        ]
        cost = [each.judged.seconds for each in self.best]
        idle = np.setdiff1d(self.usable, np.concatenate(own))
        rows = [*own, *([idle] if len(idle) else [])]
        each = max(
            len(r) * len(j.flows) * (1 + len(j.families)) for r, j in zip(own, judges, strict=True)
        )
        rng = np.random.default_rng(1)
        for _ in range(min(WORK // max(2 * each, 1), TRIALS) if len(rows) > 1 else 0):
            if self.watch.over:
                break
            a, b = rng.choice(len(rows), 2, replace=False)
            i, j = rng.integers(len(rows[a])), rng.integers(len(rows[b]))
            rows[a][i], rows[b][j] = rows[b][j], rows[a][i]
            now = {n: judges[n].seconds(rows[n]) for n in (a, b) if n < len(own)}
            gains = sum(now.values()) < sum(cost[n] for n in now) - GAIN * sum(cost)
            if gains and all(judges[n].joins(rows[n]) for n in now):
                for n, seconds in now.items():
                    cost[n] = seconds
            else:
                rows[a][i], rows[b][j] = rows[b][j], rows[a][i]
        for n, judge in enumerate(judges):
            if (rows[n] != self.best[n].ranks).any():
                placed = frozen(rows[n])
                self.best[n] = replace(self.best[n], ranks=placed, judged=judge.judge(placed))
        self.cost = sum(cost), 0

    def place_again(self) -> None:
        """Place each job anew on its own ranks, with exchanges, where that is better."""
        for n, (job, found) in enumerate(zip(self.jobs, self.best, strict=True)):
            if found.judged.seconds <= found.bound * (1 + GAIN) or self.watch.over:
                continue
            self.watch.tell(f"exchanging ranks of job {n + 1}")
            again = place(self.topology, job, found.ranks.tolist())
            if again.judged.seconds < found.judged.seconds * (1 - GAIN):
                self.best[n] = again
