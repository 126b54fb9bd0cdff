"""Rounds: the transfers of routed pieces in an order in which no link and no receiver is flooded.

A round lasts as long as the longest message keeps the narrowest link of its path. What is ready,
that with the longest path to go first, takes the first round in which all links of its path have
time for it; the next hop takes a later round. On one switch, or on planes of switches, rounds are
partial permutations; in a direct network every link has one message in each. Links that are not
the bottleneck work at an even pace, so that nobody hears from many at once.

All is counted for orbits of links: the images of a transfer do together what one of them does.

Source: list scheduling as in Graham, SIAM Journal on Applied Mathematics 17 (1969); the order of
Leighton, Maggs and Rao, Packet routing and job-shop scheduling in O(congestion + dilation) steps,
Combinatorica 14 (1994), says that few more rounds than congestion + dilation suffice.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush
from math import ceil

import numpy as np

from solvers.schedules.schedule import Schedule
from topologies.model.ragged import earlier
from topologies.model.topology import FloatArray, IntArray, frozen
from topologies.model.units import count_of
from topologies.symmetry.group import link_images, orbits

SLACK = 1e-9  # relative; what sums of floats may be off
LENGTHS = (1, 2, 3, 4, 6, 8, 12)  # of rounds, in longest messages
AT_ONCE = "all at once"

Needs = list[list[tuple[int, float]]]


def round_orders(
    schedule: Schedule, lengths: Sequence[int] = LENGTHS
) -> Iterator[tuple[str, Schedule]]:
    """Give every transfer the number of its round as its step, for each length of rounds.

    Short rounds flood less; long ones have fewer waits, and waste less where messages differ. At
    the end comes the order without rounds. Pieces that cross the most loaded links get the first
    numbers, so that they also go first within a round; else nothing changes. Of pieces that
    do not go along single paths no orders are given.
    Complexity: for each, rounds × kinds of transfers that are ready at once, and a transfer each.
    """
    if not _goes_along_paths(schedule):
        return
    needs = _needs(schedule)
    first = _hottest_first(schedule, needs)
    needs = _needs(first)
    last, once = -1, send_at_once(first)
    for multiple in lengths:
        step = _Rounds(first.transfers.piece, needs, multiple).fill()
        if step.max() == last or np.array_equal(step, once.transfers.step):
            continue
        last = step.max()
        yield _with_rounds(first, step)
    yield AT_ONCE, once


def in_rounds(schedule: Schedule, rounds: int) -> tuple[str, Schedule]:
    """Give every transfer its round as `round_orders` does, where about so many rounds suffice.

    Pieces that do not go along single paths are sent at once.
    """
    if not _goes_along_paths(schedule):
        return AT_ONCE, send_at_once(schedule)
    first = _hottest_first(schedule, _needs(schedule))
    needs = _needs(first)
    longest = max(time for need in needs for _, time in need)
    multiple = max(1.0, max(_totals(needs).values()) / (longest * rounds))
    return _with_rounds(first, _Rounds(first.transfers.piece, needs, multiple).fill())


def _with_rounds(schedule: Schedule, step: IntArray) -> tuple[str, Schedule]:
    """Give transfers their rounds as steps; say how many there are."""
    found = replace(schedule, transfers=replace(schedule.transfers, step=frozen(step)))
    return count_of(int(step.max()) + 1, "round"), found


def send_at_once(schedule: Schedule) -> Schedule:
    """Let every transfer go as soon as its piece is there: its step is its place on the way."""
    rows = schedule.transfers
    return replace(schedule, transfers=replace(rows, step=frozen(earlier(rows.piece))))


def _goes_along_paths(schedule: Schedule) -> bool:
    """Tell whether there is something that moves, each piece along one way."""
    rows = schedule.transfers
    further = rows.piece[1:] == rows.piece[:-1]
    return len(rows) > 0 and bool((rows.src[1:] == rows.dst[:-1])[further].all())


def _hottest_first(schedule: Schedule, needs: Needs) -> Schedule:
    """Give the first numbers to the pieces that cross the most loaded links."""
    rows, heat = schedule.transfers, np.zeros(schedule.pieces)
    np.maximum.at(heat, rows.piece, _heat(needs)[1])
    order = np.argsort(-np.round(heat, 6), kind="stable")
    number = np.argsort(order)
    moved = replace(rows, piece=frozen(number[rows.piece]))
    return replace(
        schedule,
        block=frozen(schedule.block[order]),
        share=tuple(schedule.share[p] for p in order.tolist()),
        transfers=moved.rows(np.lexsort((moved.step, moved.piece))),
    )


def _heat(needs: Needs) -> tuple[list[int], FloatArray]:
    """Compute the busiest orbit on each transfer's path, and how busy it is: 1 for the busiest."""
    total = _totals(needs)
    hottest = [max(need, key=lambda each: total[each[0]])[0] for need in needs]
    heat = np.array([total[orbit] for orbit in hottest])
    return hottest, heat / heat.max()


def _totals(needs: Needs) -> dict[int, float]:
    total: dict[int, float] = defaultdict(float)
    for orbit, time in (each for need in needs for each in need):
        total[orbit] += time
    return total


class _Rounds:
    """Transfers, the time that each takes of the orbits on its way, and what rounds have left."""

    def __init__(self, piece: IntArray, needs: Needs, multiple: float) -> None:
        self.needs = needs
        self.first = np.flatnonzero(earlier(piece) == 0).tolist()
        self.total = _totals(needs)
        self.done: dict[int, float] = defaultdict(float)
        self.hottest, heat = _heat(needs)
        to_go = earlier(piece[::-1])[::-1]
        self.to_go: list[int] = to_go.tolist()
        order = np.lexsort((piece, -np.round(heat, 6), -to_go))
        self.at: list[int] = order.tolist()
        self.priority: list[int] = np.argsort(order).tolist()
        longest = max(time for need in needs for _, time in need)
        self.length = multiple * longest * (1 + SLACK)
        self.rounds = ceil(max(self.total.values()) / self.length)

    def fill(self) -> IntArray:
        """Fill round after round; give the round of each transfer.

        Transfers with the same needs and as far to go are of a kind: of those only the first has to
        be looked at, since in a round it fits as long as any of its kind does.
        """
        steps, number = np.full(len(self.needs), -1), 0
        kinds: dict[object, list[int]] = defaultdict(list)
        kind = [kinds[key] for key in zip(map(tuple, self.needs), self.to_go, strict=True)]
        for t in self.first:
            kind[t].append(self.priority[t])
        for same in kinds.values():
            same.sort()
        while ready := [same for same in kinds.values() if same]:
            taken = self._round(ready, number)
            steps[taken] = number
            for t in taken:
                if self.to_go[t]:
                    heappush(kind[t + 1], self.priority[t + 1])
            number += 1
        return steps

    def _round(self, ready: Sequence[list[int]], number: int) -> list[int]:
        """Take what fits into one round from heaps of a kind each, in the order of priority."""
        used: dict[int, float] = defaultdict(float)
        taken = []
        heads = [(same[0], same) for same in ready]
        heapify(heads)
        while heads:
            priority, same = heappop(heads)
            t = self.at[priority]
            need = self.needs[t]
            if self._is_early(t, number):
                continue
            if any(used[orbit] + time > self.length for orbit, time in need):
                continue
            taken.append(t)
            heappop(same)
            if same:
                heappush(heads, (same[0], same))
            for orbit, time in need:
                used[orbit] += time
                self.done[orbit] += time
        return taken

    def _is_early(self, t: int, number: int) -> bool:
        """Tell whether the busiest link on the way has done its part of the rounds up to this.

        A transfer with hops to follow may be as many rounds ahead.
        """
        part, orbit = (number + 1 + self.to_go[t]) / self.rounds, self.hottest[t]
        return part < 1 and self.done[orbit] >= self.total[orbit] * part * (1 - SLACK)


def _needs(schedule: Schedule) -> Needs:
    """List for each transfer the orbits on its way with the time that a link of them works.

    Times are in units of blocks over capacity; all blocks are of one size.
    """
    topology, rows, group = schedule.topology, schedule.transfers, schedule.group
    orbit_of = orbits(link_images(topology, group.generators), topology.links)
    together = (group.order / np.bincount(orbit_of))[orbit_of] / topology.capacity
    share = np.array([float(own) for own in schedule.share])
    message = np.repeat(np.arange(len(rows)), np.diff(rows.route_start))
    keys, place = np.unique(message * topology.links + orbit_of[rows.route], return_inverse=True)
    time = np.bincount(place.reshape(-1), together[rows.route] * share[rows.piece][message])
    found: Needs = [[] for _ in range(len(rows))]
    for key, seconds in zip(keys.tolist(), time.tolist(), strict=True):
        found[key // topology.links].append((key % topology.links, seconds))
    return found
