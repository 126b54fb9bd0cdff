"""The play in Python where links share fairly, as flows.c and share.c have it.

Of all parts of messages that are under way on a link each gets as much as the others, unless
another link lets it have less (max-min). Whatever begins or ends changes the rates of all. What one
rank sends another by one route goes over a link in its order, as on one connection.
"""

from dataclasses import dataclass
from heapq import heappop, heappush

from runtime.simulate.traffic import Flowing, Lists, Traffic
from runtime.simulate.twin import ARRIVE, Twin, lists_of


@dataclass(slots=True, eq=False)
class Flow:
    """A part on one link of its route, or on all: `left` is to come, at `rate` a tick.

    It waits, at rate 0, while one before it is in its queue.
    """

    left: int
    part: int
    chunk: int
    hop: int
    rate: int = 0


class SharedTwin(Twin):
    """One play of a traffic with a lead, on links that share."""

    def __init__(self, traffic: Traffic, flowing: Flowing, lead: int, limit: int) -> None:
        super().__init__(traffic, lead, limit)
        self.amount, self.capacity = flowing.amount.tolist(), flowing.capacity.tolist()
        self.queue = lists_of(Lists(traffic.parts.first, flowing.queue))
        self.flows: list[Flow] = []
        self.now, self.changed = 0, False

    def run(self) -> None:
        """Let everything happen, in the order of time."""
        while self.heap or self.flows:
            if not self.heap or self.heap[0][0] > self.now:
                self._flow_on()
            while self.heap and self.heap[0][0] <= self.now:
                self.events += 1
                self._happen(*heappop(self.heap))

    def _flow_on(self) -> None:
        """Go on to the next time at which something happens or a flow ends."""
        if self.changed:
            self._set_rates()
        ends = [self.now + -(-flow.left // flow.rate) for flow in self.flows if flow.rate]
        time = min(ends + [event[0] for event in self.heap[:1]])
        for flow in self.flows:
            flow.left = max(flow.left - flow.rate * (time - self.now), 0)
        self.now = time
        ended = [flow for flow in self.flows if not flow.left]
        self.flows = [flow for flow in self.flows if flow.left]
        self.changed |= bool(ended)
        for flow in ended:
            self._end_flow(flow)

    def _cross(self, head: int, order: int, part: int, chunk: int, hop: int, tail: int) -> None:
        self.flows.append(Flow(self.amount[part], part, chunk, hop))
        self.changed = True

    def _visits(self, flow: Flow) -> slice:
        return slice(flow.hop, flow.hop + 1 if self.whole else None)

    def _set_rates(self) -> None:
        """Give all flows their rates, at the tightest station first, the first of several."""
        users: dict[int, list[Flow]] = {}
        first: dict[int, Flow] = {}
        for flow in self.flows:
            flow.rate = 0
            first.setdefault(self.queue[flow.part][flow.hop], flow)
        for flow in first.values():
            for station in self.station[flow.part][self._visits(flow)]:
                users.setdefault(station, []).append(flow)
        rest = {station: self.capacity[station] for station in users}
        waiting = {station: len(own) for station, own in users.items()}
        while waiting:
            at = min(waiting, key=lambda station: (rest[station] // waiting[station], station))
            share = max(rest[at] // waiting[at], 1)
            for flow in users[at]:
                if flow.rate:
                    continue
                flow.rate = share
                for station in self.station[flow.part][self._visits(flow)]:
                    waiting[station] -= 1
                    rest[station] = max(rest[station] - share, 0)
            waiting = {station: count for station, count in waiting.items() if count}
        self.changed = False

    def _end_flow(self, flow: Flow) -> None:
        """Let the last byte leave the link, or all links."""
        part, chunk, hop = flow.part, flow.chunk, flow.hop
        time = self.now + sum(self.way[part][self._visits(flow)])
        if not self.whole or hop + 1 == len(self.way[part]):
            self._deliver(part, chunk, time)
        else:
            order = self._order(self.of_part[part], chunk)
            heappush(self.heap, (time, order, part, ARRIVE, chunk, hop + 1, time))
