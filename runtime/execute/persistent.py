"""Persistent requests of mpi4py: how a part runs where there is no core in C."""

import os
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from runtime.execute.crowding import crowded
from runtime.execute.faults import ExecutionError, blocked, refused
from runtime.execute.flow import Deed, Flow
from runtime.execute.part import Lines, Part, messages
from runtime.program.elements import Array, divide, join, plain, storage
from runtime.program.program import Action, Buffer

SPINS = 16  # tests before other processes get a turn, where each has a core
# Bytes of messages which Python follows one by one no faster than they come: it waits for a step.
BRIEF = 2**15


class _Segment(NamedTuple):
    """Copies and additions, then the messages of a step, the lines of which begin at `first`."""

    local: list[Deed]
    requests: list[Any]
    first: int


class Persistent:
    """A part as lists of requests and of views, made once for the memory it runs in.

    With a lead of 1, one step only, or brief messages, it goes by segments: it starts all messages
    of a step at once and waits for all of them, which Python does with least ado. Who starts
    messages later than others do, but all of a step that nothing older is open before, lets nobody
    wait for ever: it is what a lead of 1 asks for.
    """

    def __init__(self, part: Part, comm: Any, tag: int, limit: float) -> None:  # noqa: ANN401
        from mpi4py import MPI

        self.part, self._comm, self._MPI = part, comm, MPI
        self._tag, self._limit = tag, limit
        self._spins = 0 if crowded() else SPINS
        self._ufunc, self._join = plain(part.op, part.dtype), join(part.op, part.dtype)
        self._bound: tuple[int, ...] = ()
        self._segments: list[_Segment] = []
        self._requests: dict[int, Any] = {}
        self._deeds: dict[int, Deed] = {}
        self._stepwise = _goes_by_steps(part)
        self._output = np.zeros(0, dtype=storage(part.dtype))
        self._way: Iterator[None] | None = None
        self._failure: ExecutionError | None = None
        self._open: list[Any] = []
        self._lines: Sequence[int] = ()
        self._moved = 0

    @cached_property
    def _flow(self) -> Flow:
        return Flow(self.part.lines, self.part.followers, self._deeds)

    def bind(self, ins: int, outs: int, scratch: int) -> None:
        """Make the requests for memory at these addresses, unless they are made."""
        if self._bound == (ins, outs, scratch):
            return
        self.free()
        spans = zip((ins, outs, scratch), self.part.counts, strict=True)
        memory = [self._bytes(*span) for span in spans]
        rows = enumerate(self.part.lines)
        for i, line in rows:
            if line["action"] in (Action.SEND, Action.RECV):
                self._requests[i] = self._request(memory, line)
            else:
                self._deeds[i] = self._local(memory, line)
        if self._stepwise:
            self._segments = [self._segment(*span) for span in _spans(self.part.lines)]
        self._output = memory[Buffer.OUTPUT].view(storage(self.part.dtype))
        self._bound = (ins, outs, scratch)

    def run(self) -> None:
        """Do the collective once.

        Raises:
            ExecutionError: it did not come to its end.
        """
        if self._failure is not None:
            raise self._failure
        if not self._stepwise:
            self.wait()
            return
        start, test = self._MPI.Prequest.Startall, self._MPI.Request.Testall
        try:
            for local, requests, first in self._segments:
                for deed, arrays in local:
                    deed(*arrays)
                if requests:
                    start(requests)
                    # Most messages are there at the second look; a call of our own costs one.
                    if not (test(requests) or test(requests) or test(requests)):
                        self._wait(requests, first)
        except self._MPI.Exception as error:
            raise self._refused(error, first) from None
        if self.part.divisor > 1:
            self._end()

    def test(self) -> bool:
        """Go on without waiting; tell whether it is at its end.

        Raises:
            ExecutionError: it did not come to its end, now or before: its messages may still be
                under way, so that it cannot be begun again.
        """
        if self._failure is not None:
            raise self._failure
        if self._way is None:
            self._way = self._by_steps() if self._stepwise else self._by_lead()
        for _ in self._way:
            return False
        self._way = None
        return True

    def wait(self) -> None:
        """Go on, to the end, with what `test` began.

        Raises:
            ExecutionError: it did not come to its end.
        """
        moved, deadline, looks = self._moved, time.monotonic() + self._limit, 0
        while not self.test():
            looks += 1
            if self._moved != moved:
                moved, deadline, looks = self._moved, time.monotonic() + self._limit, 0
            elif looks > self._spins:
                os.sched_yield()
                if time.monotonic() > deadline:
                    raise self.late(self._open, self._lines)

    def free(self) -> None:
        """Give the requests back to MPI."""
        for request in self._requests.values():
            request.Free()
        self._requests.clear()
        self._deeds.clear()
        self._segments, self._bound = [], ()

    def _by_steps(self) -> Iterator[None]:
        """Do the collective once, and come back whenever a message is not there yet."""
        for local, requests, first in self._segments:
            for deed, arrays in local:
                deed(*arrays)
            try:
                if requests:
                    self._MPI.Prequest.Startall(requests)
                self._open, self._lines = requests, range(first, first + len(requests))
                self._moved += 1
                while requests and not self._MPI.Request.Testall(requests):
                    yield
            except self._MPI.Exception as error:
                raise self._refused(error, first) from None
        if self.part.divisor > 1:
            self._end()

    def _by_lead(self) -> Iterator[None]:
        """Do the same, each line as soon as what it waits for is done and the lead allows it."""
        flow = self._flow
        waited: list[Any] = []
        flow.begin()
        self._open, self._lines = waited, flow.under_way
        while flow.left:
            for line in flow.startable():
                request = self._requests[line]
                waited.append(request)
                try:
                    request.Start()
                except self._MPI.Exception as error:
                    raise self._refused(error, line) from None
            while not (done := self._some(waited)):
                yield
            done.sort(reverse=True)
            for place in done:
                del waited[place]
            flow.take_up(done)
            self._moved += 1
        if self.part.divisor > 1:
            self._end()

    def _some(self, requests: list[Any]) -> list[int]:
        """Give the places of the requests that are complete."""
        try:
            done: list[int] = self._MPI.Request.Testsome(requests) or []
        except self._MPI.Exception as error:
            raise self._refused(error, self._lines[0]) from None
        return done

    def _end(self) -> None:
        divide(self._output, self.part.dtype, self.part.divisor)

    def _wait(self, requests: list[Any], first: int) -> None:
        """Wait for messages, but not for ever."""
        test = self._MPI.Request.Testall
        for _ in range(self._spins):
            if test(requests):
                return
        deadline = time.monotonic() + self._limit
        while not test(requests):
            os.sched_yield()
            if time.monotonic() > deadline:
                raise self.late(requests, range(first, first + len(requests)))

    def late(self, requests: list[Any], lines: Sequence[int]) -> ExecutionError:
        """Tell which of the messages of lines are not there."""
        pairs = zip(lines, requests, strict=True)
        late = sorted(line for line, request in pairs if not request.Test())
        self._failure = blocked(self.part, self._comm, late)
        return self._failure

    def _refused(self, error: Any, line: int) -> ExecutionError:  # noqa: ANN401
        self._failure = refused(self.part, line, str(error))
        return self._failure

    def _bytes(self, address: int, size: int) -> Array:
        """Give the bytes at an address; whose they are is not kept in mind."""
        if not size:
            return np.zeros(0, dtype=np.uint8)
        held: Any = self._MPI.buffer.fromaddress(address, size)
        return np.frombuffer(held, dtype=np.uint8)

    def _segment(self, begin: int, first: int, end: int) -> _Segment:
        """Make the lines from `begin` to `end`, of which those from `first` on are messages."""
        local = [self._deeds[i] for i in range(begin, first)]
        return _Segment(local, [self._requests[i] for i in range(first, end)], first)

    def _local(self, memory: list[Array], line: Lines) -> Deed:
        kind = storage(self.part.dtype)
        to = _span(memory, line, "buffer", "offset").view(kind)
        source = _span(memory, line, "source", "source_offset").view(kind)
        if line["action"] == Action.COPY:
            return np.copyto, (to, source)
        return (
            (self._join, (to, source)) if self._ufunc is None else (self._ufunc, (to, source, to))
        )

    def _request(self, memory: list[Array], line: Lines) -> Any:  # noqa: ANN401
        make = self._comm.Send_init if line["action"] == Action.SEND else self._comm.Recv_init
        span = _span(memory, line, "buffer", "offset")
        return make([span, self._MPI.BYTE], int(line["peer"]), self._tag)


def _goes_by_steps(part: Part) -> bool:
    lines = part.lines[messages(part.lines)]
    one = not len(lines) or lines["step"][0] == lines["step"][-1]
    return part.lead == 1 or one or int(lines["size"].max()) <= BRIEF


def _span(memory: list[Array], line: Lines, buffer: str, offset: str) -> Array:
    start = int(line[offset])
    return memory[int(line[buffer])][start : start + int(line["size"])]


def _spans(lines: Lines) -> Iterator[tuple[int, int, int]]:
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
