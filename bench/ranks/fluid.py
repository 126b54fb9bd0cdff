"""Play messages in SimGrid: python fluid.py < QUESTION, by a Python that has SimGrid; seconds out.

The question is a JSON object. links: bandwidths, bytes a second. routes: links, and the seconds
that a message is on its way besides. lead: of the program. process, peer, step, route, bytes: of
each instruction; bytes are 0 for what is done at once, less than 0 for the end that receives.
before, after: pairs of instructions that wait for each other.

Links share fairly (max-min), one message of a pair and route at a time. Nothing of commplan is
used.
"""

import heapq
import json
import sys
from collections import defaultdict, deque
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

SETTINGS = (
    *("network/model:CM02", "network/crosstraffic:0", "network/TCP-gamma:0", "network/weight-S:0"),
    *("network/latency-factor:1", "network/bandwidth-factor:1"),
)
SAME = 1e-9  # seconds of latency on every route, as SimGrid weighs flows by it: so all are alike


Start = Callable[[int, int], object]  # of so many bytes over a route
WIDE = 1e15  # bytes per second of the link that has it, which holds nothing up


class Play:
    """One run: which messages have started, and what is done."""

    def __init__(self, question: dict[str, Any], start: Start, simgrid: ModuleType) -> None:
        self.asked, self.start, self.simgrid = question, start, simgrid
        count = len(question["process"])
        self.missing = [0] * count
        self.followers: list[list[int]] = [[] for _ in range(count)]
        for before, after in zip(question["before"], question["after"], strict=True):
            self.missing[after] += 1
            self.followers[before].append(after)
        self.pairs: dict[tuple[int, int], tuple[deque[int], deque[int]]] = defaultdict(
            lambda: (deque(), deque())
        )
        self.open: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for line, size in enumerate(question["bytes"]):
            if size:
                own, peer = question["process"][line], question["peer"][line]
                ends = (own, peer) if size > 0 else (peer, own)
                self.pairs[ends][size < 0].append(line)
                self.open[own][question["step"][line]] += 1
        self.started: dict[int, deque[tuple[int, int]]] = defaultdict(deque)
        self.under_way: list[tuple[object, int, int]] = []
        self.busy: set[int] = set()
        self.coming: list[tuple[float, int, int]] = []

    def run(self) -> None:
        """Go from event to event until nothing is under way."""
        for line, size in enumerate(self.asked["bytes"]):
            if not size and not self.missing[line]:
                self.finish(line)
        while self.send() or self.under_way or self.coming:
            self.wait()

    def finish(self, line: int) -> None:
        """Note that an instruction is done, and do what can be done at once."""
        if self.asked["bytes"][line]:
            own, step = self.asked["process"][line], self.asked["step"][line]
            self.open[own][step] -= 1
            if not self.open[own][step]:
                del self.open[own][step]
        for after in self.followers[line]:
            self.missing[after] -= 1
            if not self.missing[after] and not self.asked["bytes"][after]:
                self.finish(after)

    def may_start(self, line: int) -> bool:
        """Tell whether the data are there and the step is within the lead."""
        steps = self.open[self.asked["process"][line]]
        within = self.asked["step"][line] < min(steps) + self.asked["lead"]
        return not self.missing[line] and within

    def send(self) -> bool:
        """Let messages start, each pair in its order, and flow where their route is free.

        Tell whether any does.
        """
        for sends, receives in self.pairs.values():
            while sends and self.may_start(sends[0]) and self.may_start(receives[0]):
                out = sends.popleft()
                self.started[self.asked["route"][out]].append((out, receives.popleft()))
        free = [i for i, queue in self.started.items() if queue and i not in self.busy]
        for route in free:
            out, into = self.started[route].popleft()
            flow = self.start(route, self.asked["bytes"][out])
            self.under_way.append((flow, out, into))
        self.busy.update(free)
        return bool(free)

    def wait(self) -> None:
        """Wait for the next flow to end or the next message to arrive."""
        now = self.simgrid.Engine.clock
        left = self.coming[0][0] - now if self.coming else -1.0
        flows = [each[0] for each in self.under_way]
        if not flows:
            self.simgrid.this_actor.sleep_for(max(left, 0.0))
        elif left != 0:
            which = self.simgrid.Comm.wait_any_for(flows, left)
            if which >= 0:
                _, out, into = self.under_way.pop(which)
                route = self.asked["route"][out]
                self.busy.discard(route)
                delay = self.asked["routes"][route][1]
                heapq.heappush(self.coming, (self.simgrid.Engine.clock + delay, out, into))
        now = self.simgrid.Engine.clock
        while self.coming and self.coming[0][0] <= now + SAME / 1000:
            _, out, into = heapq.heappop(self.coming)
            self.finish(out)
            self.finish(into)


def main() -> None:
    """Read the question, build the network, and print the seconds."""
    simgrid = import_module("simgrid")
    question = json.load(sys.stdin)
    engine = simgrid.Engine(["fluid", "--log=root.thres:critical"])
    for setting in SETTINGS:
        simgrid.Engine.set_config(setting)
    zone = simgrid.NetZone.create_full_zone("machine")
    links = [zone.create_link(f"l{i}", rate).seal() for i, rate in enumerate(question["links"])]
    same = zone.create_link("same", WIDE).set_latency(SAME).seal()
    hosts: list[list[Any]] = []
    for number, (route, _) in enumerate(question["routes"]):
        hosts.append([zone.create_host(f"{number} {end}", 1e9).seal() for end in (0, 1)])
        way = [simgrid.LinkInRoute(link) for link in [*(links[i] for i in route), same]]
        zone.add_route(*(host.netpoint for host in hosts[-1]), None, None, way, False)
    first = zone.create_host("first", 1e9).seal()
    zone.seal()

    def start(route: int, size: int) -> object:
        return simgrid.Comm.sendto_async(*hosts[route], size)

    simgrid.Actor.create("play", first, Play(question, start, simgrid).run)
    engine.run()
    print(simgrid.Engine.clock)


if __name__ == "__main__":
    main()
