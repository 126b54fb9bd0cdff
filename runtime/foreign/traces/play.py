"""Plays a trace: matching and requirements as the simulators keep them, over links or endpoints.

A send and a receive of the same ends, tag and size belong together, in the order in which they
started. A send is done when its bytes have left, a receive when all have come. On links messages
are stored and forwarded, each link serving one after the other in the order of arrival: the
congestion-aware backend of ASTRA-sim. Between endpoints only the two adapters count: LogGP.
Of messages that come to a station at one time, which simulators serve as it happens, the one goes
first whose node has the smaller number, as programs would have it, or the one with the longer way.

Programs differ in one thing: there a message leaves once both ends have started, and a send is done
when all has come. With `rendezvous` a trace is played so.
"""

import heapq
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from runtime.foreign.errors import ForeignError
from runtime.foreign.traces.trace import Kind, Node, Trace
from solvers.routing.router import RouteError, Router
from topologies.model.topology import Topology
from topologies.model.units import Seconds

MOST_EVENTS = 2**24
DIGITS = 13  # of seconds, after which times are one: floats differ in the last places
ACTS, SERVES = 0, 1  # what comes first of what happens at one time


@dataclass(frozen=True, slots=True)
class Visit:
    """A station on the way of a message: seconds for each byte, and from there to the next."""

    station: int
    each: float
    alpha: Seconds


class Played(NamedTuple):
    """A stretch of time that was played, in seconds: of a link, or of a rank that sends or hears.

    link: the station; None for ends. sends: of ends, whether it is the sender's.
    """

    src: int
    dst: int
    size: int
    tag: int
    begin: Seconds
    end: Seconds
    link: int | None = None
    sends: bool = False


Watch = Callable[[Played], None]
Ways = Callable[[int, int, int], Sequence[Visit]]  # source, destination, tag
Routes = Mapping[tuple[int, int, int], Sequence[int]]


def over_links(topology: Topology, ranks: Sequence[int], routes: Routes | None = None) -> Ways:
    """Give the ways of messages over the links of a machine; rank i of the trace is ranks[i].

    Args:
        topology: the machine.
        ranks: of it, for each rank of the trace.
        routes: the links of messages, by source, destination and tag; others take a shortest path.
    """
    router = Router(topology)
    known: dict[tuple[int, ...], list[Visit]] = {}  # by links
    shortest: dict[tuple[int, int], list[Visit]] = {}

    def visits(links: Sequence[int]) -> list[Visit]:
        return [
            Visit(link, 1 / float(topology.bandwidth[link]), float(topology.alpha[link]))
            for link in links
        ]

    def way(src: int, dst: int, tag: int) -> Sequence[Visit]:
        key = (src, dst, tag)
        if routes is not None and key in routes:
            links = tuple(routes[key])
            if links not in known:
                known[links] = visits(links)
            return known[links]
        if (src, dst) not in shortest:
            try:
                hops = router.path(ranks[src], ranks[dst])
            except RouteError as error:
                raise ForeignError(str(error)) from None
            shortest[src, dst] = visits([link for hop in hops for link in hop.route])
        return shortest[src, dst]

    return way


def between_endpoints(ranks: int, latency: Seconds, each: float) -> Ways:
    """Give the ways of LogGP: through the adapter of the sender, L, and that of the receiver.

    Args:
        ranks: how many.
        latency: L, in seconds.
        each: G, seconds for a byte.
    """
    return lambda src, dst, tag: (Visit(src, each, latency), Visit(ranks + dst, each, 0.0))


def play(
    trace: Trace,
    ways: Ways,
    *,
    stored: bool,
    overhead: Seconds = 0.0,
    rendezvous: bool = False,
    far_first: bool = False,
    watch: Watch | None = None,
) -> Seconds:
    """Play a trace and give the time of its last node.

    Args:
        trace: any.
        ways: of messages.
        stored: whether a station has to have all of a message before the next one begins.
        overhead: o, seconds of a rank for each message at either end.
        rendezvous: whether messages wait for both ends, and sends for the other one's end.
        far_first: of messages that come at one time, whether those of longer ways go first.
        watch: is told each stretch of time.

    Raises:
        ForeignError: a deadlock, with a node that waits, or a node that makes no sense.
    """
    return _Player(trace, ways, _Rules(stored, overhead, rendezvous, far_first), watch).run()


class _Rules(NamedTuple):
    """How a trace is played; `play` says what each of them means."""

    stored: bool
    overhead: Seconds
    rendezvous: bool
    far_first: bool


class _Player:
    """The state of a play: what each node waits for, and when stations are free."""

    def __init__(self, trace: Trace, ways: Ways, rules: _Rules, watch: Watch | None) -> None:
        self.trace, self.ways, self.rules, self.watch = trace, ways, rules, watch
        self.events: list[tuple[float, int, int, float, Callable[[float], None]]] = []
        # What came to a station at a time: turn, node, rank, place on its way, when all is there.
        self.came: dict[tuple[float, int], list[tuple[int, int, int, int, float]]] = {}
        self.count = 0
        self.free: dict[int, float] = {}
        self.busy = [0.0] * len(trace)
        self.open: dict[tuple[int, int, int, int], tuple[deque[int], deque[float]]] = {}
        self.alone: dict[tuple[int, int, int, int, bool], deque[int]] = {}
        self.waits = [[len(node.requires) + len(node.follows) for node in own] for own in trace]
        self.done: list[list[list[int]]] = [[[] for _ in own] for own in trace]
        self.started: list[list[list[int]]] = [[[] for _ in own] for own in trace]
        self.finished = [0] * len(trace)
        for rank, own in enumerate(trace):
            for number, node in enumerate(own):
                _expect_sense(rank, number, node, len(own), len(trace))
                for other in node.requires:
                    self.done[rank][other].append(number)
                for other in node.follows:
                    self.started[rank][other].append(number)
        self.last = 0.0

    def run(self) -> Seconds:
        for rank, own in enumerate(self.trace):
            for number in range(len(own)):
                if not self.waits[rank][number]:
                    self._at(0.0, partial(self._start, rank, number))
        while self.events:
            *_, now, act = heapq.heappop(self.events)
            act(now)
        for rank, own in enumerate(self.trace):
            if self.finished[rank] < len(own):
                raise ForeignError(
                    f"deadlock: rank {rank} ends with {len(own) - self.finished[rank]} of "
                    f"{len(own)} operations not done"
                )
        return self.last

    def _at(self, when: float, act: Callable[[float], None], what: int = ACTS) -> None:
        self.count += 1
        if self.count > MOST_EVENTS:
            raise ForeignError(f"more than {MOST_EVENTS} events")
        heapq.heappush(self.events, (round(when, DIGITS), what, self.count, when, act))

    def _start(self, rank: int, number: int, now: float) -> None:
        node = self.trace[rank][number]
        for other in self.started[rank][number]:
            self._release(rank, other, now)
        if node.kind == Kind.WORK:
            self._at(now + node.nanoseconds * 1e-9, partial(self._finish, rank, number))
            return
        begin = max(now, self.busy[rank])
        self.busy[rank] = begin + self.rules.overhead
        if self.rules.rendezvous:
            self._at(self.busy[rank], partial(self._meet, rank, number))
        elif node.kind == Kind.SEND:
            self._at(self.busy[rank], lambda t: self._travel(rank, number, 0, t, t))
        else:
            self._at(self.busy[rank], partial(self._receive, rank, number))

    def _meet(self, rank: int, number: int, now: float) -> None:
        """Let a message leave if its other end has started, else wait for that."""
        node = self.trace[rank][number]
        sends = node.kind == Kind.SEND
        src, dst = (rank, node.peer) if sends else (node.peer, rank)
        message = src, dst, node.tag, node.size
        others = self.alone.get((*message, not sends))
        if not others:
            self.alone.setdefault((*message, sends), deque()).append(number)
            return
        other = others.popleft()
        send, receive = (number, other) if sends else (other, number)
        self._receive(dst, receive, now)
        self._travel(src, send, 0, now, now)

    def _travel(self, rank: int, number: int, place: int, now: float, full: float) -> None:
        """Let a message come to a station; full: when all of it is there, if none is stored."""
        node = self.trace[rank][number]
        way = self.ways(rank, node.peer, node.tag)
        here = round(now, DIGITS), way[place].station
        if here not in self.came:
            self.came[here] = []
            self._at(now, partial(self._serve, here), SERVES)
        turn = -len(way) if self.rules.far_first else 0
        self.came[here].append((turn, number, rank, place, full))

    def _serve(self, here: tuple[float, int], now: float) -> None:
        """Let the station take what came at one time, in order."""
        for _, number, rank, place, full in sorted(self.came.pop(here)):
            self._pass(rank, number, place, now, full)

    def _pass(self, rank: int, number: int, place: int, now: float, full: float) -> None:
        """Let a message through a station, and on to the next."""
        node = self.trace[rank][number]
        way = self.ways(rank, node.peer, node.tag)
        visit = way[place]
        begin = max(now, self.free.get(visit.station, 0.0))
        end = max(begin + node.size * visit.each, full)
        self.free[visit.station] = begin + node.size * visit.each
        if self.watch is not None:
            self._tell(node, rank, begin, end, end + visit.alpha, place, visit, len(way))
        last = place + 1 == len(way)
        if last if self.rules.rendezvous else place == 0:
            gone = end + visit.alpha if self.rules.rendezvous else end
            self._at(gone, partial(self._finish, rank, number))
        if last:
            self._at(end + visit.alpha, partial(self._arrive, rank, number))
            return
        head = end if self.rules.stored else begin
        self._at(
            head + visit.alpha,
            lambda t: self._travel(rank, number, place + 1, t, end + visit.alpha),
        )

    def _tell(
        self,
        node: Node,
        rank: int,
        begin: float,
        end: float,
        there: float,
        place: int,
        visit: Visit,
        visits: int,
    ) -> None:
        """Let whoever looks on know of a visit, and of the ends that it belongs to."""
        assert self.watch is not None
        made = Played(rank, node.peer, node.size, node.tag, begin, end, visit.station)
        self.watch(made)
        if place == 0:
            self.watch(made._replace(link=None, sends=True))
        if place + 1 == visits:
            self.watch(made._replace(link=None, end=there))

    def _arrive(self, rank: int, number: int, now: float) -> None:
        node = self.trace[rank][number]
        receives, arrivals = self._ends(rank, node.peer, node)
        if receives:
            self._finish(node.peer, receives.popleft(), now)
        else:
            arrivals.append(now)

    def _receive(self, rank: int, number: int, now: float) -> None:
        node = self.trace[rank][number]
        receives, arrivals = self._ends(node.peer, rank, node)
        if arrivals:
            arrivals.popleft()
            self._finish(rank, number, now)
        else:
            receives.append(number)

    def _ends(self, src: int, dst: int, node: Node) -> tuple[deque[int], deque[float]]:
        return self.open.setdefault((src, dst, node.tag, node.size), (deque(), deque()))

    def _finish(self, rank: int, number: int, now: float) -> None:
        self.last = max(self.last, now)
        self.finished[rank] += 1
        for other in self.done[rank][number]:
            self._release(rank, other, now)

    def _release(self, rank: int, number: int, now: float) -> None:
        self.waits[rank][number] -= 1
        if not self.waits[rank][number]:
            self._at(now, partial(self._start, rank, number))


def _expect_sense(rank: int, number: int, node: Node, count: int, ranks: int) -> None:
    where = f"rank {rank}, node {number}"
    if any(not 0 <= other < count for other in (*node.requires, *node.follows)):
        raise ForeignError(f"{where} depends on a node that there is not")
    if node.kind != Kind.WORK and (not 0 <= node.peer < ranks or node.peer == rank):
        raise ForeignError(f"{where}: a message with rank {node.peer}, of {ranks}")
