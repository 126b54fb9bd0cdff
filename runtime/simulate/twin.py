"""The play in Python: used where there was no compiler at install, and the core's oracle.

All times are whole ticks. What happens at one time comes in the order of (program step, turn,
part), completions first.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise

import numpy as np

from runtime.simulate.traffic import Lists, Traffic

COMPLETE, SEND, ARRIVE, RECEIVE = range(4)
FIRST = -1  # in the order of what happens at once: completions
NEVER = -(2**63)
# time, order, row of a message or part, kind, chunk, hop, tail
Event = tuple[int, int, int, int, int, int, int]


class Station:
    """When a station works: ascending stretches of time that do not touch."""

    def __init__(self) -> None:
        self.busy: list[tuple[int, int]] = []

    def reserve(self, now: int, ready: int, work: int) -> tuple[int, int]:
        """Take the first free stretch of length `work` not before `ready`.

        Give when it ends, and when the free time begins that it lies in, however long ago.
        """
        while self.busy and self.busy[0][1] <= now:
            del self.busy[0]
        place, begin, free = 0, ready, NEVER
        while place < len(self.busy) and begin + work > self.busy[place][0]:
            free = self.busy[place][1]
            begin, place = max(begin, free), place + 1
        if work:
            self._occupy(place, begin, begin + work)
        return begin + work, free

    def reserve_apart(self, now: int, ready: int, work: int) -> tuple[int, int]:
        """Take all the free time from `ready` to the end, for images that go one by one."""
        while self.busy and self.busy[0][1] <= now:
            del self.busy[0]
        first = place = sum(end <= ready for _, end in self.busy)
        free = self.busy[place - 1][1] if place else NEVER
        begin = end = ready
        if place < len(self.busy) and self.busy[place][0] <= ready:
            begin, end = self.busy[place]
            free, place = end, place + 1
        end += work
        while place < len(self.busy) and self.busy[place][0] < end:
            end += self.busy[place][1] - self.busy[place][0]
            place += 1
        del self.busy[first:place]
        self._occupy(first, begin, end)
        return end, free

    def _occupy(self, place: int, begin: int, end: int) -> None:
        first, last = place, place
        if place and self.busy[place - 1][1] == begin:
            first, begin = place - 1, self.busy[place - 1][0]
        if place < len(self.busy) and self.busy[place][0] == end:
            last, end = place + 1, self.busy[place][1]
        self.busy[first:last] = [(begin, end)]


@dataclass(slots=True)
class Next:
    """The next message of a pair: a chunk of a row, in a program step.

    open: the first row that may still have chunks in this step.
    """

    row: int
    step: int
    open: int
    chunk: int = 0


class Twin:
    """One play of a traffic with a lead."""

    def __init__(self, traffic: Traffic, lead: int, limit: int) -> None:
        self.limit, self.late = limit, False
        self.lead, self.chunks, self.whole = lead, traffic.chunks, traffic.whole
        self.phases = traffic.phases
        self.images = traffic.images.tolist()
        self.steps, self.heap = traffic.steps, list[Event]()
        self.end = self.events = self.done = 0
        self.stations = [Station() for _ in range(traffic.stations)]
        self._take_messages(traffic)
        self._take_ranks(traffic)

    def _take_messages(self, traffic: Traffic) -> None:
        own, parts, gates = traffic.messages, traffic.parts, traffic.gates
        self.step, self.cuts, self.turn = (
            own.step.tolist(),
            own.cuts.tolist(),
            traffic.turn.tolist(),
        )
        self.pair, self.opens = own.pair.tolist(), lists_of(own.opens)
        self.sending, self.receiving = own.sending.tolist(), own.receiving.tolist()
        self.of_part, first = parts.message.tolist(), parts.first
        self.parts = lists_of(Lists.of(parts.message, np.arange(len(first) - 1), len(own.step)))
        self.station, self.work, self.way = (
            lists_of(Lists(first, each)) for each in (parts.station, parts.work, parts.way)
        )
        self.after, self.waiting = gates.next.tolist(), lists_of(gates.waiting)
        self.gate = [[need] * self.chunks for need in gates.need.tolist()]
        self.need = [[need] * self.chunks for need in own.need.tolist()]
        self.missing = [[len(parts)] * self.chunks for parts in self.parts]
        self.latest = [[0] * self.chunks for _ in self.step]

    def _take_ranks(self, traffic: Traffic) -> None:
        pairs = traffic.pairs
        self.last, self.src, self.dst = (
            pairs.first[1:].tolist(),
            pairs.src.tolist(),
            pairs.dst.tolist(),
        )
        self.out, self.into = pairs.sending.tolist(), pairs.receiving.tolist()
        self.of_rank = lists_of(pairs.of_rank())
        self.left = [[0] * self.steps for _ in self.of_rank]
        for message, cuts in enumerate(self.cuts):
            for chunk in range(cuts):
                for rank in self._ends(message):
                    self.left[rank][self._program_step(message, chunk)] += 1
        self.low = [self._lowest(rank, 0) for rank in range(pairs.ranks)]
        self.next = [Next(row, self.step[row], row) for row in pairs.first[:-1].tolist()]

    def play(self) -> None:
        """Play to the end."""
        for pair in range(len(self.next)):
            self._seek(pair)
        for pair in range(len(self.next)):
            self._start_some(pair, 0)
        self.run()

    def run(self) -> None:
        """Let everything happen, in the order of time."""
        while self.heap and not self.late:
            self.events += 1
            self._happen(*heappop(self.heap))

    def _ends(self, message: int) -> list[int]:
        pair = self.pair[message]
        return [rank for rank in (self.src[pair], self.dst[pair]) if rank >= 0]

    def _program_step(self, message: int, chunk: int) -> int:
        return int(self.step[message] + chunk * self.chunks // self.cuts[message] * self.phases)

    def _order(self, message: int, chunk: int) -> int:
        return self._program_step(message, chunk) * len(self.step) + int(self.turn[message])

    def _lowest(self, rank: int, step: int) -> int:
        while step < self.steps and not self.left[rank][step]:
            step += 1
        return step

    def _chunk_after(self, message: int, steps: int) -> int:
        """Give the chunk of a message in the program step so many after its own, or -1."""
        cuts = self.cuts[message]
        turn, phase = divmod(steps, self.phases)
        chunk = -(-turn * cuts // self.chunks)
        return chunk if not phase and chunk < cuts and chunk * self.chunks // cuts == turn else -1

    def _seek(self, pair: int) -> None:
        """Find the next message: step after step, in each the rows that have a chunk there."""
        at, last = self.next[pair], self.last[pair]
        while True:
            while at.row < last and self.step[at.row] <= at.step:
                at.chunk = self._chunk_after(at.row, at.step - self.step[at.row])
                if at.chunk >= 0:
                    return
                at.row += 1
            at.step += 1
            while at.open < last and self.step[at.open] + self.chunks * self.phases <= at.step:
                at.open += 1
            at.row = at.open
            if at.open == last:
                return
            at.step = max(at.step, self.step[at.open])

    def _may_start(self, pair: int) -> bool:
        at = self.next[pair]
        if at.row >= self.last[pair] or self.need[at.row][at.chunk]:
            return False
        return all(at.step < self.low[rank] + self.lead for rank in self._ends(at.row))

    def _start_some(self, pair: int, time: int) -> None:
        """Start what a pair can start, in its order."""
        while self._may_start(pair):
            at = self.next[pair]
            self._start(at.row, at.chunk, time)
            at.row += 1
            self._seek(pair)

    def _start(self, message: int, chunk: int, time: int) -> None:
        if self.sending[message]:
            order = self._order(message, chunk)
            heappush(self.heap, (time, order, message, SEND, chunk, 0, time))
        else:
            self._leave(message, chunk, time)

    def _leave(self, message: int, chunk: int, time: int) -> None:
        for part in self.parts[message]:
            order = self._order(message, chunk)
            heappush(self.heap, (time, order, part, ARRIVE, chunk, 0, time))

    def _happen(
        self, time: int, order: int, row: int, kind: int, chunk: int, hop: int, tail: int
    ) -> None:
        if kind == ARRIVE:
            self._cross(time, order, row, chunk, hop, tail)
        elif kind == COMPLETE:
            self._complete(row, chunk, time)
        elif kind == SEND:
            work, station = self.sending[row], self.out[self.pair[row]]
            self._leave(row, chunk, self.stations[station].reserve(time, time, work)[0])
        else:
            work, station = self.receiving[row], self.into[self.pair[row]]
            done = self.stations[station].reserve(time, time, work)[0]
            heappush(self.heap, (done, FIRST, row, COMPLETE, chunk, 0, done))

    def _cross(self, head: int, order: int, part: int, chunk: int, hop: int, tail: int) -> None:
        """Let a part take a link; its tail leaves it behind its last byte, its head at once.

        The images that meet there come one after the other, the first with the head and the last
        with the tail; so they go on.
        """
        work, way, at = self.work[part][hop], self.way[part][hop], self.station[part][hop]
        each = work // self.images[at]
        ready = max(head, tail - work + (each if self.whole else 0))
        station = self.stations[at]
        reserve = station.reserve_apart if self.images[at] > 1 else station.reserve
        end, free = reserve(head, ready, work)
        head = max(ready, free) + each if self.whole else max(head, free)
        self.late |= end + way > self.limit
        if hop + 1 == len(self.work[part]):
            self._deliver(part, chunk, end + way)
        else:
            heappush(self.heap, (head + way, order, part, ARRIVE, chunk, hop + 1, end + way))

    def _deliver(self, part: int, chunk: int, tail: int) -> None:
        """Let a part come; the message is there with the last of its parts."""
        message = self.of_part[part]
        time = self.latest[message][chunk] = max(self.latest[message][chunk], tail)
        self.missing[message][chunk] -= 1
        if self.missing[message][chunk]:
            return
        if self.receiving[message]:
            order = self._order(message, chunk)
            heappush(self.heap, (time, order, message, RECEIVE, chunk, 0, time))
        else:
            heappush(self.heap, (time, FIRST, message, COMPLETE, chunk, 0, time))

    def _complete(self, message: int, chunk: int, time: int) -> None:
        self.done, self.end = self.done + 1, max(self.end, time)
        for gate in self.opens[message]:
            self._enter(gate, chunk, time)
        for rank in self._ends(message):
            self._finish(rank, self._program_step(message, chunk), time)

    def _enter(self, gate: int, chunk: int, time: int) -> None:
        """Come into a gate: once all have, and the gate before is open, what waits can go."""
        while gate >= 0:
            self.gate[gate][chunk] -= 1
            if self.gate[gate][chunk]:
                return
            for message in self.waiting[gate]:
                self.need[message][chunk] -= 1
                if not self.need[message][chunk]:
                    self._start_some(self.pair[message], time)
            gate = self.after[gate]

    def _finish(self, rank: int, step: int, time: int) -> None:
        self.left[rank][step] -= 1
        if self.left[rank][step] or step != self.low[rank]:
            return
        self.low[rank] = self._lowest(rank, step)
        for pair in self.of_rank[rank]:
            self._start_some(pair, time)


def lists_of(lists: Lists) -> list[list[int]]:
    """Cut columns into one list for each row."""
    first, value = lists.first.tolist(), lists.value.tolist()
    return [value[a:b] for a, b in pairwise(first)]
