"""The best placement: all nested orders, packings round dead ranks, and then exchanges of ranks.

1. Every nested order (`orders.py`) is judged exactly (`judge.py`), on the ranks in the order of
   their boxes; where ranks are missing, also with whole blocks of a group packed into boxes first.
2. The baselines are judged as well: what is handed out is never worse than the best of them.
3. Where that is not at the bound, ranks and blocks are exchanged as long as it gains, with a fixed
   amount of work, so that the same job and machine give the same placement on any computer.
4. Where there are few placements all are judged, and on small trees of tiers all are searched
   (`exact.py`): what is found is proved.

On a machine whose tiers are nested boxes of equal size and equal rates, that the job fills, and
whose direct links join all ranks of such boxes alike or none, every nested order has the costs of
its chain, so that the least over the chains is proved to be the optimum among nested orders. For
all placements there is a bound (`bounds.py`), and the gap is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from math import perm

import numpy as np

from solvers.jobs.errors import JobError
from solvers.jobs.job import Job
from solvers.jobs.layout import groups, sizes, world
from solvers.placement.bounds import lower_bound
from solvers.placement.cuts import Family
from solvers.placement.exact import search_all
from solvers.placement.judge import Judge, Judged
from solvers.placement.orders import Nested, baselines, nested, positions, spread
from topologies.model.topology import IntArray, Topology, frozen
from topologies.model.units import Rank, Seconds

GAIN = 1e-9  # of the seconds, that an exchange must gain
LIKE = 1e-9  # of a rate, that two may differ by and be one
EACH, VAIN = 20, 300  # exchanges for each rank, or so many, that gain nothing: then it ends
MOST = 2000  # exchanges in all
WORK = 30_000_000  # ranks × flows × families that exchanges may cost
SPARE = 0.3  # of the exchanges are with ranks that the job does not use, where there are some
FEW = 5040  # placements up to which all are judged: those of seven ranks, in a second or two
BLOCKS = 6  # sizes of blocks that packings are tried for


@dataclass(frozen=True, eq=False)
class Placement:
    """Which rank of the machine plays which rank of the job, and what that costs.

    Attributes:
        ranks: the machine's rank of each rank of the job.
        title: the rule that it follows.
        others: what the baselines cost, in seconds.
        bound: seconds that no placement beats, in this model.
        proved: whether it is the best of all nested orders of a tree of tiers.
        tried: how many placements were judged.
        forward: whether ranks have to pass on what is of groups that they are not in.
    """

    ranks: IntArray
    title: str
    judged: Judged
    others: Mapping[str, Seconds]
    bound: Seconds
    proved: bool
    tried: int
    forward: bool

    @property
    def gap(self) -> float:
        """Compute by what part it is above the bound."""
        return self.judged.seconds / self.bound - 1 if self.bound > 0 else 0.0


def place(
    topology: Topology,
    job: Job,
    ranks: Sequence[Rank] | None = None,
    pinned: Mapping[Rank, Rank] | None = None,
    exchange: bool = True,
    alive: Topology | None = None,
) -> Placement:
    """Place a job on a machine.

    Complexity: nested orders × what one costs to judge, and as much work again for exchanges.

    Args:
        topology: the machine.
        job: that fits together.
        ranks: those of the machine that may be used (all).
        pinned: the machine's rank of some of the job's.
        exchange: whether ranks are exchanged in the end.
        alive: the machine where ranks have to pass on what is of others (the same): dead ones
            cannot.

    Raises:
        JobError: more ranks than there are, a pin that cannot be, or ranks that do not reach each
            other.
    """
    usable = np.arange(topology.ranks) if ranks is None else np.unique(np.array(ranks))
    count = world(job.layout)
    if count > len(usable):
        raise JobError(
            f"layout: tp x cp x pp x dp = {count} ranks, expected at most the {len(usable)} of "
            f"{topology.name} that may be used"
        )
    pins = _check_pins(pinned or {}, usable, count)
    for judge in (Judge(topology, job), Judge(alive or topology, job, forward=True)):
        found = _place(judge, usable, pins, exchange)
        if found is not None:
            return found
    raise JobError(f"layout: ranks of a group do not reach each other on {topology.name}")


def _place(
    judge: Judge, usable: IntArray, pins: dict[Rank, Rank], exchange: bool
) -> Placement | None:
    """Search, with ranks that forward for others or not; None where some group falls apart."""
    search = _Search(judge, usable, pins)
    search.try_baselines()
    proved = search.try_nested()
    bound = lower_bound(judge, usable)
    if search.best is None:
        return None
    if exchange and search.seconds > bound * (1 + GAIN):
        search.exchange()
        bound = max(bound, search.try_all())
    return Placement(
        frozen(search.best),
        search.title,
        judge.judge(search.best),
        search.others,
        bound,
        proved and not pins and not search.exchanged,
        search.tried,
        judge.forward,
    )


def _check_pins(pinned: Mapping[Rank, Rank], usable: IntArray, count: int) -> dict[Rank, Rank]:
    """Refuse pins of ranks that are not there, and two on one.

    Raises:
        JobError: naming the pin.
    """
    taken: dict[Rank, Rank] = {}
    known = set(usable.tolist())
    for own, rank in pinned.items():
        if not 0 <= own < count:
            raise JobError(f"pin {own}: found rank {own} of the job, expected 0 to {count - 1}")
        if rank not in known:
            raise JobError(f"pin {own}: rank {rank} of the machine may not be used")
        if taken.setdefault(rank, own) != own:
            raise JobError(f"pin {own}: rank {rank} of the machine is job rank {taken[rank]}'s too")
    return dict(pinned)


class _Search:
    """A search in hand: the best so far, and what was tried."""

    def __init__(self, judge: Judge, usable: IntArray, pins: Mapping[Rank, Rank]) -> None:
        self.judge, self.usable, self.pins = judge, usable, pins
        self.best: IntArray | None = None
        self.seconds, self.title, self.tried = float("inf"), "", 0
        self.others: dict[str, Seconds] = {}
        self.exchanged = False

    @property
    def layout_tiers(self) -> list[Family]:
        """List the tiers, the coarsest first."""
        return [family for family in self.judge.families if family.tier]

    def try_all(self) -> Seconds:
        """Search all placements where they are few, or on a small tree; give what is proved."""
        assert self.best is not None
        if not 0 < self.seconds < float("inf"):
            return 0.0
        before = self.seconds
        proved = 0.0
        if perm(len(self.usable) - len(self.pins), len(self.best) - len(self.pins)) <= FEW:
            self._try_each()
            proved = self.seconds
        elif found := search_all(self.judge, self.usable, self.pins, self.best, self.seconds):
            self.consider(found.placement, "CP-SAT's")
            proved = min(found.bound, self.seconds)
        self.exchanged |= self.seconds < before * (1 - GAIN)
        return proved

    def _try_each(self) -> None:
        """Judge all placements that leave pinned ranks where they are."""
        assert self.best is not None
        free = np.setdiff1d(np.arange(len(self.best)), list(self.pins))
        ranks = np.setdiff1d(self.usable, list(self.pins.values()))
        trial = self.best.copy()
        for each in permutations(ranks, len(free)):
            trial[free] = each
            self.consider(trial.copy(), "the best of all")

    def consider(self, placement: IntArray, title: str) -> Seconds:
        """Judge a placement, with its pins, and keep it where it is the best."""
        placed = self._pin(placement)
        seconds = self.judge.seconds(placed)
        self.tried += 1
        if seconds < self.seconds * (1 - GAIN):
            if not self.judge.joins(placed):
                return float("inf")
            self.best, self.seconds, self.title = placed, seconds, title
        return seconds

    def _pin(self, placement: IntArray) -> IntArray:
        """Let pinned ranks change places with those that have theirs."""
        if not self.pins:
            return placement
        placed = placement.copy()
        for own, rank in self.pins.items():
            holder = np.flatnonzero(placed == rank)
            placed[holder] = placed[own]
            placed[own] = rank
        return placed

    def try_baselines(self) -> None:
        """Judge what others would do."""
        for title, placement in baselines(self.judge.job.layout, self.usable).items():
            self.others[title] = self.consider(placement, title)

    def try_nested(self) -> bool:
        """Judge all nested orders; tell whether these are all, on a tree of tiers that is full."""
        layout, tiers = self.judge.job.layout, self.layout_tiers
        levels = self._levels()
        orders, complete = nested(layout, levels)
        if not self._is_even():
            orders += self._finer(levels)
        packed = [positions(tiers, self.usable, block) for block in self._blocks()]
        least: tuple[tuple[int, ...], Seconds] | None = None
        for order in orders:
            for at, row in enumerate(packed):
                seconds = self.consider(order.place(row), f"nested {order.title}")
                if at == 0 and tiers:
                    least = self._less_spread(least, order, row, seconds)
        if least is not None:
            self.others["least group spread"] = least[1]
        full = len(self.usable) == world(layout) == self.judge.topology.ranks
        return complete and full and self._is_tree()

    def _less_spread(
        self,
        least: tuple[tuple[int, ...], Seconds] | None,
        order: Nested,
        row: IntArray,
        seconds: Seconds,
    ) -> tuple[tuple[int, ...], Seconds]:
        """Keep the order whose groups lie in the fewest boxes."""
        found = spread(self.judge.job.layout, self.layout_tiers, order.place(row))
        return (found, seconds) if least is None or found < least[0] else least

    def _levels(self) -> list[int]:
        """List the sizes of boxes that are rows of the machine's order, all of one size."""
        found = set()
        order = positions(self.layout_tiers, np.arange(self.judge.topology.ranks))
        for family in self.judge.families:
            label = family.label[order]
            size = len(label) // family.count
            whole = len(label) % family.count == 0
            if whole and (label.reshape(-1, size) == label[::size, None]).all():
                found.add(size)
        return sorted(found)

    def _finer(self, levels: Sequence[int]) -> list[Nested]:
        """Cut between the levels by prime factors too, where who is whose neighbour counts.

        Of the orders an even choice is taken, of the same work as exchanges.
        """
        layout, found = self.judge.job.layout, [1]
        for level in [*levels, world(layout)]:
            left, factor = level // found[-1], 2
            while left > 1 and level % found[-1] == 0:
                if left % factor == 0:
                    found.append(found[-1] * factor)
                    left //= factor
                else:
                    factor += 1
        orders = nested(layout, found[1:])[0]
        return orders[:: -(-len(orders) // max(self._trials(), 1))]

    def _trials(self) -> int:
        """Count the placements that the work for exchanges allows to be judged."""
        count = world(self.judge.job.layout)
        each = max(count * len(self.judge.flows) * (1 + len(self.judge.families)), 1)
        return min(WORK // each, MOST)

    def _blocks(self) -> list[int]:
        """List the sizes of blocks to pack: one where every box is whole."""
        tiers = self.layout_tiers
        counts = [np.bincount(tier.label[self.usable], minlength=tier.count) for tier in tiers]
        if all(len(np.unique(each)) == 1 for each in counts):
            return [1]
        count = sizes(self.judge.job.layout)
        inner = {count["tp"], count["tp"] * count["cp"], count["etp"] * count["ep"], count["pp"]}
        largest = max((int(each.max()) for each in counts), default=1)
        return [1, *sorted(each for each in inner if 1 < each <= largest)][:BLOCKS]

    def _is_tree(self) -> bool:
        """Tell whether the tiers are nested boxes, each of one size and rate, and nothing else."""
        families = self.judge.families
        if any(not family.tier for family in families):
            return False
        for family in [self.judge.alone, *families]:
            if len(np.unique(np.bincount(family.label))) > 1:
                return False
            rates = (family.out, family.into, *family.own)
            if any(np.ptp(rate) > LIKE * rate.max() for rate in rates):
                return False
        for coarse, fine in pairwise(families):
            if len(np.unique(coarse.label * fine.count + fine.label)) != fine.count:
                return False
        return self._is_even()

    def _is_even(self) -> bool:
        """Tell whether direct links have one rate, or are none, wherever boxes part ranks alike.

        Elsewhere, as on a ring, which ranks of a box are in a group counts, not only how many.
        """
        count, direct = self.judge.topology.ranks, self.judge.alone.direct
        ends = self.judge.topology.src[direct] * count + self.judge.topology.dst[direct]
        pair, number = np.unique(ends, return_inverse=True)
        rate = np.bincount(number, self.judge.topology.bandwidth[direct], minlength=len(pair))
        depth = np.zeros(len(pair), dtype=np.int64)
        inside = [count]
        for tier in self.layout_tiers:
            depth += tier.label[pair // count] == tier.label[pair % count]
            inside.append(count // tier.count)
        for level, (outer, inner) in enumerate(pairwise([*inside, 1])):
            own = rate[depth == level]
            if len(own) not in (0, count * (outer - inner)):
                return False
            if len(own) and np.ptp(own) > LIKE * own.max():
                return False
        return True

    def exchange(self) -> None:
        """Exchange ranks, with those that are not used too, and rows of a group's ranks."""
        assert self.best is not None
        free = np.setdiff1d(np.arange(len(self.best)), list(self.pins))
        rng = np.random.default_rng(1)
        rows = groups(self.judge.job.layout, "tp")
        vain, enough = 0, max(EACH * len(self.best), VAIN)
        for _ in range(self._trials()):
            if vain == enough:
                break
            trial = self.best.copy()
            spare = np.setdiff1d(self.usable, trial, assume_unique=True)
            if len(spare) and len(free) and rng.random() < SPARE:
                trial[rng.choice(free)] = rng.choice(spare)
            elif len(rows) > 1 and rows.shape[1] > 1 and not self.pins and rng.random() < 0.5:
                one, other = rng.choice(len(rows), 2, replace=False)
                trial[rows[one]], trial[rows[other]] = self.best[rows[other]], self.best[rows[one]]
            elif len(free) > 1:
                one, other = rng.choice(free, 2, replace=False)
                trial[[one, other]] = self.best[[other, one]]
            before = self.seconds
            self.consider(trial, self.title)
            gains = self.seconds < before
            self.exchanged |= gains
            vain = 0 if gains else vain + 1
