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
from runtime.program.program import Action
from topologies.model.topology import IntArray
from topologies.model.units import Seconds

LOOKS = 2**12  # after so many in vain, whoever runs a part is asked whether to go on
SINGLY = 4  # requests that are started and tested faster each by itself than as a list
# Most messages are there at the second look; to come back costs as much as one.
FIRST_LOOKS = range(3)
SPINS = 16  # looks before other processes get a turn, where each has a core
# Bytes of messages which Python follows one by one no faster than they come: it waits for a step.
BRIEF = 2**15


class Segment(NamedTuple):
    """Copies and additions, then the messages of a step, and what has to be there before them.

    due: the lines of the messages that are waited for first, with their requests. tests: tell
    whether they are there; what was found there stays so. starts: start the messages of the step,
    which begin at `first`.
    """

    due: list[int]
    requests: list[Any]
    tests: list[Callable[[], bool]]
    local: list[Deed]
    first: int
    starts: list[Callable[[], object]]


class Passage:
    """The way through a part, whose requests and deeds are made, as often as one likes.

    With a lead of 1, one step only, brief messages, or fewer cores than processes, it goes by
    steps: it starts all messages of a step at once, and before that waits for all that any of them
    needs, which Python does with least ado. Who starts messages later than others do, but all of a
    step that nothing older is open before, lets nobody wait for ever. What nothing in a step needs
    may be under way meanwhile, as far as the lead allows: sends that Open MPI keeps are complete
    only when their receiver has had a core.

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
            self._segments = _segments(lines, followers, made, mpi)
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

    def _by_steps(self, looks: range, waiting: int | None = None) -> Iterator[None]:
        """Go through all steps, or on from one whose messages are waited for."""
        place = self._go_on(0, looks) if waiting is None else waiting
        while place is not None:
            segment = self._segments[place]
            self.open, self.lines = segment.requests, segment.due
            self.moved += 1
            while not all(there() for there in segment.tests):
                yield
            place = self._go_on(place, looks)

    def _go_on(self, place: int, looks: range) -> int | None:
        """Go through steps, from one on, while what they need is there after so many looks.

        Give the place of the one that has to wait, or nothing at the end.
        """
        for at in range(place, len(self._segments)):
            due, _, tests, local, first, starts = self._segments[at]
            if due:
                self.at = due[0]
                for _ in looks:
                    for there in tests:
                        if not there():
                            break
                    else:
                        break
                else:
                    return at
            for deed, arrays in local:
                deed(*arrays)
            self.at = first
            for begin in starts:
                begin()
        return None

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


def _segments(
    lines: Lines,
    followers: IntArray,
    made: tuple[Mapping[int, Any], Mapping[int, Deed]],
    mpi: Any,  # noqa: ANN401
) -> list[Segment]:
    """Make a segment of each stretch of lines."""
    requests, deeds = made
    stretches = list(spans(lines))
    segments = []
    for due, span in zip(_due(lines, followers, stretches), stretches, strict=True):
        begin, first, end = span
        awaited, own = [requests[i] for i in due], [requests[i] for i in range(first, end)]
        local = [deeds[i] for i in range(begin, first)]
        tests = _calls(awaited, "Test", mpi.Request.Testall)
        starts = _calls(own, "Start", mpi.Prequest.Startall)
        segments.append(Segment(due, awaited, tests, local, first, starts))
    return segments


def _due(
    lines: Lines, followers: IntArray, stretches: Sequence[tuple[int, int, int]]
) -> list[list[int]]:
    """List the messages that each stretch of lines has to wait for, what is received first.

    Those are what some line of it waits for, and what the lead wants complete before; the last
    stretch waits for all that are left.
    """
    last = len(stretches) - 1
    of = np.repeat(np.arange(last + 1), [end - begin for begin, _, end in stretches])
    due = np.full(len(lines), last)
    before = np.repeat(np.arange(len(lines)), lines["until"] - lines["after"])
    np.minimum.at(due, before, of[followers])
    held = np.searchsorted(lines["gate"], np.arange(len(lines)), "right")
    due = np.minimum(due, np.append(of, last)[held])
    rows = messages(lines)
    listed: list[list[int]] = [[] for _ in stretches]
    for row in rows[np.lexsort((rows, lines["action"][rows] == Action.SEND))].tolist():
        listed[due[row]].append(row)
    return listed


def _calls(requests: list[Any], one: str, together: Callable[..., Any]) -> list[Callable[[], Any]]:
    """Give the calls that start or test requests: each by itself, or many of them as a list."""
    if len(requests) > SINGLY:
        return [partial(together, requests)]
    return [getattr(each, one) for each in requests]


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
