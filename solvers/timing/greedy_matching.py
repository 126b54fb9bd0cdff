"""Greedy matching of links and pieces in time: whenever a link is free, it takes what helps most.

The machine is followed from event to event. When a link falls free, or a piece arrives where it
waits, the link takes of the pieces at its tail, which its head neither has nor is about to get, the
one with the longest path before it; among equals the one that the fewest hold; then by the seed.
Every choice is final, so the result is a schedule with the time of every send; links of any speed
go at their own pace. This is TACOS (Won et al., MICRO 2024) with other choices: that takes pieces
at random. Trees from a solver of throughput keep pieces off the links that would be the bottleneck.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from solvers.schedules.certificate import Bound
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule, Transfer, schedule
from solvers.timing.greedy_problem import TAIL, GreedyProblem
from topologies.model.topology import BoolArray, FloatArray, IntArray, integers

FINE = 2.0**20  # ticks in the shortest time that a link works on a piece
HELD = 1 << 16  # in a key, for each vertex that holds a piece
FREED = -1


class Send(NamedTuple):
    """A piece takes an arc, at a time in ticks."""

    start: int
    piece: int
    arc: int


@dataclass
class _Clock:
    """When links are free, in ticks, and the events to come.

    An event is (time, vertex, piece that arrives there), or (time, FREED, link).
    """

    delay: list[int]
    work: list[list[int]]
    free: list[int]
    events: list[tuple[int, int, int]] = field(default_factory=list)

    def send(self, now: int, route: tuple[int, ...], piece: int, dst: int, kind: int) -> None:
        """Book the links of a route, one after the other, and note what that will bring."""
        first = route[0]
        for link in route:
            self.free[link] = max(now, self.free[link]) + self.work[kind][link]
            now = self.free[link] + self.delay[link]
        heappush(self.events, (self.free[first], FREED, first))
        heappush(self.events, (now, dst, piece))

    def arrival(self, now: int, route: tuple[int, ...], kind: int) -> int:
        """Tell when a piece would be at the end of a route."""
        for link in route:
            now = max(now, self.free[link]) + self.work[kind][link] + self.delay[link]
        return now


def match_sends(work: GreedyProblem) -> list[Send]:
    """Send until everyone has what is allowed to reach him; give the sends as they start.

    Complexity: sends × (pieces + log sends).
    """
    arcs, pieces = work.arcs, len(work.load)
    kinds, kind = np.unique(work.load, return_inverse=True)
    clock, kind_of = _clock(work, kinds), kind.reshape(-1).tolist()
    has = np.zeros((work.topology.vertices, pieces), dtype=np.bool_)
    open_ = work.allowed.copy()  # what an arc may take, as far as its end does not have it
    into: list[IntArray] = [np.flatnonzero(arcs.dst == v) for v in range(work.topology.vertices)]
    leaving = _leaving(work)
    held = np.zeros(pieces, dtype=np.int64)
    dst = arcs.dst.tolist()
    for piece, root in enumerate(work.root.tolist()):
        open_[into[root], piece] = False
        heappush(clock.events, (0, root, piece))
    sends: list[Send] = []
    for now, links in _moments(clock, leaving, has, held):
        for link in links:
            best = _best(work, clock, leaving.arcs[link], now, has, open_, held, kind_of)
            if best is not None:
                piece, arc = best
                open_[into[dst[arc]], piece] = False
                clock.send(now, arcs.route[arc], piece, dst[arc], kind_of[piece])
                sends.append(Send(now, piece, arc))
    return sends


class _Leaving(NamedTuple):
    """The first links of the arcs out of each vertex, and the arcs behind each first link."""

    links: list[list[int]]
    arcs: dict[int, IntArray]


def _leaving(work: GreedyProblem) -> _Leaving:
    links: list[list[int]] = [[] for _ in range(work.topology.vertices)]
    arcs: dict[int, list[int]] = {}
    for arc, route in enumerate(work.arcs.route):
        if route[0] not in arcs:
            links[int(work.arcs.src[arc])].append(route[0])
        arcs.setdefault(route[0], []).append(arc)
    return _Leaving(links, {link: integers(behind) for link, behind in arcs.items()})


def _clock(work: GreedyProblem, loads: FloatArray) -> _Clock:
    """Write times in whole ticks, so that what happens at once does so."""
    seconds = loads[:, None] / work.topology.bandwidth
    tick = float(seconds.min()) / FINE
    return _Clock(
        delay=np.rint(work.topology.alpha / tick).astype(np.int64).tolist(),
        work=np.rint(seconds / tick).astype(np.int64).tolist(),
        free=[0] * work.topology.links,
    )


def _moments(
    clock: _Clock, leaving: _Leaving, has: BoolArray, held: IntArray
) -> Iterator[tuple[int, list[int]]]:
    """Go from event to event; give the time, and the free links that may have something to do."""
    while clock.events:
        now, links = clock.events[0][0], set()
        while clock.events and clock.events[0][0] == now:
            _, vertex, item = heappop(clock.events)
            if vertex == FREED:
                links.add(item)
            else:
                has[vertex, item] = True
                held[item] += 1
                links.update(leaving.links[vertex])
        yield now, [link for link in sorted(links) if clock.free[link] <= now]


def _best(
    work: GreedyProblem,
    clock: _Clock,
    arcs: IntArray,
    now: int,
    has: BoolArray,
    open_: BoolArray,
    held: IntArray,
    kind: list[int],
) -> tuple[int, int] | None:
    """Choose the piece for a free link, and the arc if several begin with it."""
    found: list[tuple[int, int, int, int, int]] = []
    src = int(work.arcs.src[arcs[0]])
    ready = open_[arcs] & has[src]
    for row in ready.any(axis=1).nonzero()[0].tolist():
        arc, pieces = int(arcs[row]), ready[row].nonzero()[0]
        keys = work.key[arc, pieces] + held[pieces] * HELD
        at = int(keys.argmin())
        piece, key = int(pieces[at]), int(keys[at])
        when = clock.arrival(now, work.arcs.route[arc], kind[piece]) if len(arcs) > 1 else 0
        found.append((key // TAIL, when, key, piece, arc))
    return min(found)[3:] if found else None


def schedule_by_matching(
    work: GreedyProblem, collective: Collective, bound: Bound, *, in_network: bool = False
) -> Schedule:
    """Match links and pieces; give the schedule.

    A send is one step behind the one that brought the piece, and behind all earlier ones on its
    links, so the order on every link is that in which it was found.
    """
    rows = list(_transfers(work, match_sends(work)))
    pieces = list(zip(work.block.tolist(), work.share, strict=True))
    return schedule(
        work.topology, collective, pieces, rows, bound, in_network=in_network, solver="matching"
    )


def _transfers(work: GreedyProblem, sends: list[Send]) -> Iterator[Transfer]:
    src, dst = work.arcs.src.tolist(), work.arcs.dst.tolist()
    had: dict[tuple[int, int], int] = {}
    used = [0] * work.topology.links
    for _, piece, arc in sends:
        route = work.arcs.route[arc]
        step = max(had.get((piece, src[arc]), 0), *(used[link] for link in route))
        for link in route:
            used[link] = step + 1
        had[piece, dst[arc]] = step + 1
        yield Transfer(piece, step, src[arc], dst[arc], route)
