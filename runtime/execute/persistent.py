"""Persistent requests of mpi4py: how a part runs where there is no core in C."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from runtime.execute.crowding import crowded
from runtime.execute.faults import ExecutionError, blocked, refused
from runtime.execute.part import Lines, Part
from runtime.program.elements import Array, divide, join, plain, storage
from runtime.program.program import Action, Buffer

SPINS = 16  # tests before other processes get a turn, where each has a core


class _Segment(NamedTuple):
    """Copies and additions, then messages, the lines of which begin at `first`."""

    local: list[tuple[Callable[..., object], tuple[Array, ...]]]
    requests: list[Any]
    first: int


class Persistent:
    """A part as lists of requests and of views, made once for the memory it runs in."""

    def __init__(self, part: Part, comm: Any, tag: int, limit: float) -> None:  # noqa: ANN401
        from mpi4py import MPI

        self.part, self._comm, self._MPI = part, comm, MPI
        self._tag, self._limit = tag, limit
        self._spins = 0 if crowded() else SPINS
        self._ufunc, self._join = plain(part.op, part.dtype), join(part.op, part.dtype)
        self._bound: tuple[int, ...] = ()
        self._segments: list[_Segment] = []
        self._output = np.zeros(0, dtype=storage(part.dtype))
        self._way: Iterator[None] | None = None
        self._failure: ExecutionError | None = None
        self._open: tuple[list[Any], int] = [], 0

    def bind(self, ins: int, outs: int, scratch: int) -> None:
        """Make the requests for memory at these addresses, unless they are made."""
        if self._bound == (ins, outs, scratch):
            return
        self.free()
        spans = zip((ins, outs, scratch), self.part.counts, strict=True)
        memory = [self._bytes(*span) for span in spans]
        self._segments = [self._segment(memory, *span) for span in _spans(self.part.lines)]
        self._output = memory[Buffer.OUTPUT].view(storage(self.part.dtype))
        self._bound = (ins, outs, scratch)

    def run(self) -> None:
        """Do the collective once.

        Raises:
            ExecutionError: it did not come to its end.
        """
        if self._failure is not None:
            raise self._failure
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
            self._way = self._steps()
        for _ in self._way:
            return False
        self._way = None
        return True

    def wait(self) -> None:
        """Go on, to the end, with what `test` began.

        Raises:
            ExecutionError: it did not come to its end.
        """
        asked, deadline = self._open, time.monotonic() + self._limit
        while not self.test():
            os.sched_yield()
            if self._open is not asked:
                asked, deadline = self._open, time.monotonic() + self._limit
            elif time.monotonic() > deadline:
                raise self.late(*self._open)

    def free(self) -> None:
        """Give the requests back to MPI."""
        for segment in self._segments:
            for request in segment.requests:
                request.Free()
        self._segments, self._bound = [], ()

    def _steps(self) -> Iterator[None]:
        """Do the collective once, and come back whenever a message is not there yet."""
        for local, requests, first in self._segments:
            for deed, arrays in local:
                deed(*arrays)
            try:
                if requests:
                    self._MPI.Prequest.Startall(requests)
                self._open = requests, first
                while requests and not self._MPI.Request.Testall(requests):
                    yield
            except self._MPI.Exception as error:
                raise self._refused(error, first) from None
        if self.part.divisor > 1:
            self._end()

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
                raise self.late(requests, first)

    def late(self, requests: list[Any], first: int) -> ExecutionError:
        """Tell which of the messages from a line on are not there."""
        late = [first + i for i, request in enumerate(requests) if not request.Test()]
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

    def _segment(self, memory: list[Array], begin: int, first: int, end: int) -> _Segment:
        """Make the lines from `begin` to `end`, of which those from `first` on are messages."""
        local = [self._local(memory, line) for line in self.part.lines[begin:first]]
        return _Segment(
            local, [self._request(memory, line) for line in self.part.lines[first:end]], first
        )

    def _local(
        self, memory: list[Array], line: Lines
    ) -> tuple[Callable[..., object], tuple[Array, ...]]:
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


def _span(memory: list[Array], line: Lines, buffer: str, offset: str) -> Array:
    start = int(line[offset])
    return memory[int(line[buffer])][start : start + int(line["size"])]


def _spans(lines: Lines) -> Iterator[tuple[int, int, int]]:
    """Give begin, first message and end of each stretch of lines up to a WAIT, or the last."""
    begin = 0
    for end in [*np.flatnonzero(lines["action"] == Action.WAIT).tolist(), len(lines)]:
        actions = lines["action"][begin:end]
        local = (actions == Action.COPY) | (actions == Action.ADD)
        yield begin, begin + int(local.sum()), end
        begin = end + 1
