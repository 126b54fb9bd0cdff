"""How a process goes through its part with requests: by whole steps, or message by message."""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from runtime.execute.crowding import is_crowded
from runtime.execute.flow import Deed, Flow
from runtime.execute.part import Lines, messages
from topologies.model.topology import IntArray
from topologies.model.units import Seconds

LOOKS = 2**12  # after so many in vain, whoever runs a part is asked whether to go on
PAIR = 2
# Most messages are there at the second look; to come back costs as much as one.
FIRST_LOOKS = range(3)
SPINS = 16  # looks before other processes get a turn, where each has a core
# Bytes of messages which Python follows one by one no faster than they come: it waits for a step.
BRIEF = 2**15


class Segment(NamedTuple):
    """Copies and additions, then the messages of a step, the lines of which begin at `first`.

    start: starts them all. test: tells whether all are there.
    """

    local: list[Deed]
    requests: list[Any]
    first: int
    start: Callable[[], object]
    test: Callable[[], bool]


class Passage:
    """The way through a part, whose requests and deeds are made, as often as one likes.

    With a lead of 1, one step only, brief messages, or fewer cores than processes, it goes by
    steps: it starts all messages of a step at once and waits for all of them, which Python does
    with least ado. Who starts messages later than others do, but all of a step that nothing older
    is open before, lets nobody wait for ever: it is what a lead of 1 asks for.

    open: the requests that are waited for, of the messages `lines`. moved: how often something
    came. at: the line that MPI was asked for at last.
    """

    def __init__(
        self,
        lines: Lines,
        followers: IntArray,
        lead: int,
        made: tuple[Mapping[int, Any], Mapping[int, Deed]],
        mpi: Any,  # noqa: ANN401 (the module, imported only when a program runs)
    ) -> None:
        """Prepare everything that is the same in each run.

        Args:
            lines: of a part.
            followers: the same.
            lead: of the program.
            made: by their lines, persistent requests, and copies and additions as functions and
                what they are given.
            mpi: the module of mpi4py.
        """
        requests, deeds = made
        narrow = is_crowded()
        self._spins = 0 if narrow else SPINS
        self._looks = FIRST_LOOKS if narrow else range(4 * SPINS)
        self._testsome = mpi.Request.Testsome
        self.open: list[Any] = []
        self.lines: Sequence[int] = ()
        self.moved = self.at = 0
        self._segments: list[Segment] = []
        self._flow: Flow | None = None
        if narrow or _goes_by_steps(lines, lead):
            self._segments = [_segment(requests, deeds, mpi, *span) for span in spans(lines)]
        else:
            self._requests: list[Any] = [requests.get(line) for line in range(len(lines))]
            self._flow = Flow(lines, followers, deeds)

    def begin(self) -> Iterator[None]:
        """Go through once, and come back whenever nothing has come."""
        return self._by_steps(FIRST_LOOKS) if self._flow is None else self._by_lead(self._flow)

    def run(
        self,
        way: Iterator[None] | None = None,
        limit: Seconds = math.inf,
        look: Callable[[], None] | None = None,
    ) -> bool:
        """Go through to the end; tell whether nothing let one wait too long.

        Steps whose messages are soon there need neither an iterator nor a clock.

        Args:
            way: what `begin` gave, to go on with that.
            limit: seconds that nothing may come for.
            look: is called now and then while nothing comes.
        """
        if way is None and self._flow is None:
            place = self._go_on(0, self._looks)
            if place is None:
                return True
            way = self._by_steps(self._looks, place)
        return self._end(way or self.begin(), limit, look)

    def _end(self, way: Iterator[None], limit: Seconds, look: Callable[[], None] | None) -> bool:
        moved, looks, deadline = self.moved, 0, math.inf
        for _ in way:
            if self.moved != moved:
                moved, looks, deadline = self.moved, 0, math.inf
            looks += 1
            if looks > self._spins:
                os.sched_yield()
                now = time.monotonic()
                deadline = min(deadline, now + limit)
                if now > deadline:
                    return False
                if look is not None and looks % LOOKS == 0:
                    look()
        return True

    def late(self) -> list[int]:
        """List the messages that are waited for and not there."""
        pairs = zip(self.lines, self.open, strict=True)
        return sorted(line for line, request in pairs if not request.Test())

    def _by_steps(self, looks: range, started: int | None = None) -> Iterator[None]:
        """Go through all steps, or those from one on whose messages are started already."""
        place = self._go_on(0, looks) if started is None else started
        while place is not None:
            yield from self._await(self._segments[place])
            place = self._go_on(place + 1, looks)

    def _go_on(self, place: int, looks: range) -> int | None:
        """Go through steps, from one on, while their messages are there after so many looks.

        Give the place of the one that is to be waited for, or nothing at the end.
        """
        for at in range(place, len(self._segments)):
            local, requests, self.at, start, test = self._segments[at]
            for deed, arrays in local:
                deed(*arrays)
            if not requests:
                continue
            start()
            for _ in looks:
                if test():
                    break
            else:
                return at
        return None

    def _await(self, segment: Segment) -> Iterator[None]:
        """Come back until the messages of a step are there."""
        requests, first = segment.requests, segment.first
        self.open, self.lines = requests, range(first, first + len(requests))
        self.moved += 1
        while not segment.test():
            yield

    def _by_lead(self, flow: Flow) -> Iterator[None]:
        """Do each line as soon as what it waits for is done and the lead allows it."""
        test, requests, waited = self._testsome, self._requests, list[Any]()
        flow.begin()
        self.open, self.lines = waited, flow.under_way
        while flow.left:
            for line in flow.startable():
                self.at, request = line, requests[line]
                waited.append(request)
                request.Start()
            while not (done := test(waited)):
                yield
            done.sort(reverse=True)
            for place in done:
                del waited[place]
            flow.take_up(done)
            self.moved += 1


def _goes_by_steps(lines: Lines, lead: int) -> bool:
    own = lines[messages(lines)]
    one = not len(own) or own["step"][0] == own["step"][-1]
    return lead == 1 or one or int(own["size"].max()) <= BRIEF


def _segment(
    made: Mapping[int, Any],
    deeds: Mapping[int, Deed],
    mpi: Any,  # noqa: ANN401
    *span: int,
) -> Segment:
    """Make the lines from begin to end, of which those from first on are messages."""
    begin, first, end = span
    local = [deeds[i] for i in range(begin, first)]
    requests = [made[i] for i in range(first, end)]
    if len(requests) == PAIR:
        return Segment(local, requests, first, *_pair(*requests))
    start, test = mpi.Prequest.Startall, mpi.Request.Testall
    return Segment(local, requests, first, partial(start, requests), partial(test, requests))


def _pair(one: Any, two: Any) -> tuple[Callable[[], None], Callable[[], bool]]:  # noqa: ANN401
    """Give what starts and tests two requests, each by itself.

    To hand mpi4py a list of two costs more than two calls. A request that was found complete stays
    so until it is started again.
    """
    begin, begin_other, there, other_there = one.Start, two.Start, one.Test, two.Test

    def start() -> None:
        begin()
        begin_other()

    def test() -> bool:
        return bool(there() and other_there())

    return start, test


def spans(lines: Lines) -> Iterator[tuple[int, int, int]]:
    """Give begin, first message and end of each stretch of lines: locals, then messages of a step.

    What is left at the end, copies and additions, is one more.
    """
    message = np.zeros(len(lines) + 1, dtype=np.bool_)
    message[messages(lines)] = True
    last = message[:-1] & ~message[1:]
    last[:-1] |= message[:-2] & message[1:-1] & (np.diff(lines["step"]) != 0)
    begin = 0
    for end in [*(np.flatnonzero(last) + 1).tolist(), len(lines)]:
        yield begin, begin + int((~message[begin:end]).sum()), end
        begin = end
