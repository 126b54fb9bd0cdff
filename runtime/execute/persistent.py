"""Persistent requests of mpi4py: how a part runs where there is no core in C."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from runtime.execute.core import largest_tag
from runtime.execute.faults import ExecutionError, describe_blocked, describe_refused
from runtime.execute.flow import Deed
from runtime.execute.part import Lines, Part
from runtime.execute.passage import Passage
from runtime.program.elements import divide, join, storage, take_shares
from runtime.program.floats import Array
from runtime.program.program import Action, Buffer


class Persistent:
    """A part as lists of requests and of views, made once for the memory it runs in.

    kept: what has to live as long as this, for whoever has it run in memory that nobody else keeps.
    look: is called now and then while `run` waits, and may raise. limit: seconds that a message is
    waited for.
    """

    def __init__(self, part: Part, comm: Any, tag: int, limit: float) -> None:  # noqa: ANN401
        from mpi4py import MPI

        self.part, self._comm, self._MPI = part, comm, MPI
        self._tag = self._own_tag = tag
        self._largest, self.limit = largest_tag(), limit
        self._join = join(part.op, part.dtype)
        self._bound: tuple[int, ...] = ()
        self.kept: tuple[Array, ...] = ()
        self.look: Callable[[], None] | None = None
        self._requests: dict[int, Any] = {}
        self._output = self._given = self._shares = np.zeros(0, dtype=storage(part.dtype))
        self._way: Iterator[None] | None = None
        self._failure: ExecutionError | None = None

    def bind(self, ins: int, outs: int, scratch: int) -> None:
        """Make the requests for memory at these addresses, with their tag, unless they are made."""
        if self._bound == (ins, outs, scratch, self._tag):
            return
        self.free()
        spans = zip((ins, outs, scratch), self.part.counts, strict=True)
        memory = [self._bytes(*span) for span in spans]
        self._given = memory[Buffer.INPUT].view(storage(self.part.dtype))
        if self.part.shared and not self.part.in_place:
            memory[Buffer.INPUT] = self._bytes(scratch + self.part.beside, self.part.shared)
        self._shares = memory[Buffer.INPUT].view(storage(self.part.dtype))
        deeds: dict[int, Deed] = {}
        for i, line in enumerate(self.part.lines):
            if line["action"] in (Action.SEND, Action.RECV):
                self._requests[i] = self._request(memory, line)
            else:
                deeds[i] = self._local(memory, line)
        made, held = (self._requests, deeds), self.part
        self._passage = Passage(held.lines, held.followers, held.lead, made, self._MPI)
        self._output = memory[Buffer.OUTPUT].view(storage(self.part.dtype))
        self._bound = (ins, outs, scratch, self._tag)

    def mark(self, calls: int, alike: int) -> None:
        """Let messages meet only those of processes with the same calls before.

        Tags of requests that are kept cannot change: they are made anew where another call came
        between, and so stay over a run of alike calls. alike: a number that changes there alone.
        """
        self._tag = (self._own_tag + alike) % (self._largest + 1)

    def run(self) -> None:
        """Do the collective once, or go on, to the end, with what `test` began.

        Raises:
            ExecutionError: it did not come to its end, now or before: its messages may still be
                under way, so that it cannot be begun again.
        """
        way = self._begun()
        try:
            if not self._passage.run(way, self.limit, self.look):
                raise self.late()
        except self._MPI.Exception as error:
            raise self._refused(error) from None
        self._end()

    wait = run

    def test(self) -> bool:
        """Start, or go on without waiting; tell whether it is at its end.

        Raises:
            ExecutionError: as `run`.
        """
        self._way = self._begun() or self._passage.begin()
        try:
            for _ in self._way:
                return False
        except self._MPI.Exception as error:
            raise self._refused(error) from None
        self._end()
        return True

    def free(self) -> None:
        """Give the requests back to MPI."""
        for request in self._requests.values():
            request.Free()
        self._requests.clear()
        self._bound = ()

    def _begun(self) -> Iterator[None] | None:
        """Give the run that is begun; where none is, make the input ready for one."""
        if self._failure is not None:
            raise self._failure
        if self._way is None and self.part.shared:
            take_shares(self._shares, self._given, self.part.dtype, self.part.divisor)
        return self._way

    def _end(self) -> None:
        self._way = None
        if self.part.divisor > 1:
            divide(self._output, self.part.dtype, self.part.divisor)

    def late(self) -> ExecutionError:
        """Tell which messages are not there."""
        self._failure = describe_blocked(self.part, self._comm, self._passage.late())
        return self._failure

    def _refused(self, error: Any) -> ExecutionError:  # noqa: ANN401
        self._failure = describe_refused(self.part, self._passage.at, str(error))
        return self._failure

    def _bytes(self, address: int, size: int) -> Array:
        """Give the bytes at an address; whose they are is not kept in mind."""
        if not size:
            return np.zeros(0, dtype=np.uint8)
        held: Any = self._MPI.buffer.fromaddress(address, size)
        return np.frombuffer(held, dtype=np.uint8)

    def _local(self, memory: list[Array], line: Lines) -> Deed:
        kind = storage(self.part.dtype)
        to = _span(memory, line, "buffer", "offset").view(kind)
        source = _span(memory, line, "source", "source_offset").view(kind)
        if line["action"] == Action.COPY:
            return np.copyto, (to, source)
        return self._join, (to, source)

    def _request(self, memory: list[Array], line: Lines) -> Any:  # noqa: ANN401
        make = self._comm.Send_init if line["action"] == Action.SEND else self._comm.Recv_init
        span = _span(memory, line, "buffer", "offset")
        return make([span, self._MPI.BYTE], int(line["peer"]), self._tag)


def _span(memory: list[Array], line: Lines, buffer: str, offset: str) -> Array:
    start = int(line[offset])
    return memory[int(line[buffer])][start : start + int(line["size"])]
