"""What this process has called, and what others say that they called where nothing goes on.

Nothing is sent while calls come to their end: the tags of messages depend on all calls before
(`CallLog.sum`), so that messages of unlike calls never meet. Who is kept waiting then says what it
called last to the others; of many, process p to p + 1, p + 2, p + 4, ...: a connected graph, so
that where not all called the same, two neighbours differ. Who learns of another call tells the same
neighbours, and these theirs: others it may have no connection to, which a cable that is cut would
keep from being made. So all know after log2 of the processes messages, one after the other.
"""

import os
import time
import zlib
from collections import deque
from typing import Any, NoReturn

import numpy as np

from runtime.execute.faults import CALLS_TAG, ExecutionError

PATIENCE = 0.5  # seconds of waiting before anything is said
KEPT, TOLD = 1024, 8  # calls remembered, and those said
FEW = 128  # processes of which each says to all what it called
WIDTH = 120  # bytes of a call's text
FAULT = -1

_SAID = np.dtype([("mark", "i8"), ("number", "i8"), ("text", f"S{WIDTH}")])


class CallLog:
    """The calls of one process of a communicator, in their order; made by all of it together.

    What is said may be heard only after the communicator was given back, and then by another one
    that MPI gives the same context: the mark tells such messages.

    Attributes:
        sum: a number of 31 bits that is the same at processes with the same calls so far.
        alike: what it was at the first of the last calls that were all alike.
    """

    def __init__(self, comm: Any) -> None:  # noqa: ANN401
        self._comm = comm
        self._mark: int = comm.bcast(int.from_bytes(os.urandom(7)))
        self._calls: deque[object] = deque(maxlen=KEPT)
        self._sums: dict[object, int] = {}
        self.sum = self.alike = self._count = 0
        self._since: float | None = None
        self._said = 0  # of how many calls others were told
        self._blamed = False  # whether an unlike call was told of
        self._sent: list[tuple[Any, object]] = []
        self._heard: dict[int, int] = {}  # how many calls others said that they made

    def note(self, what: object) -> None:
        """Take up the next call, which is told from others by its text."""
        summed = self._sums.get(what)
        if summed is None:
            if len(self._sums) > KEPT:
                self._sums.clear()
            summed = self._sums[what] = zlib.crc32(repr(what).encode())
        is_other = not self._calls or self._calls[-1] != what
        self._calls.append(what)
        self._count += 1
        self.sum = (self.sum * 1_000_003 + summed) & 0x7FFFFFFF
        self.alike = self.sum if is_other else self.alike
        self._since = None

    @property
    def place(self) -> int:
        """Give a number of 31 bits that hardly any call of this or another log has, but its own.

        Calls of one number at all processes have the same.
        """
        return (self._mark + self._count) & 0x7FFFFFFF

    def look(self) -> None:
        """Say what this process called, if it is kept waiting, and hear the others.

        Raises:
            ExecutionError: another process has called something else.
        """
        now = time.monotonic()
        if self._since is None:
            self._since = now
        if now - self._since < PATIENCE:
            return
        if self._said != self._count:
            self._said = self._count
            self._send(self._last(TOLD), list_steps(self._comm.size))
        while self._comm.Iprobe(tag=CALLS_TAG):
            self._hear()

    def absent(self) -> str:
        """Name the processes that have not said that they wait in this call, or a later one.

        Of more than FEW none is named, as not all say so to each other.
        """
        others = [i for i in range(self._comm.size) if i != self._comm.rank]
        missing = [f"process {i}" for i in others if self._heard.get(i, 0) < self._count]
        if not missing or len(others) >= FEW or self._said != self._count:
            return "all processes to call it"
        return f"{', '.join(missing)}, which did not call it"

    def _hear(self) -> None:
        """Compare what another process says with the own calls of the same numbers."""
        from mpi4py import MPI

        said, status = np.zeros(TOLD, dtype=_SAID), MPI.Status()
        self._comm.Recv([said, MPI.BYTE], tag=CALLS_TAG, status=status)
        if said["mark"][0] != self._mark:
            return
        if said["number"][0] == FAULT:
            self._blame(b"".join(said["text"]))
        source = status.Get_source()
        self._heard[source] = max(self._heard.get(source, 0), int(said["number"].max()) + 1)
        own = dict(self._last(KEPT))
        for number, text in zip(said["number"].tolist(), said["text"].tolist(), strict=True):
            if text and own.get(number, text) != text:
                self._tell(own[number], source, text)

    def _last(self, most: int) -> list[tuple[int, bytes]]:
        """Give the last calls, by their numbers."""
        numbers = range(self._count)[-most:]
        calls = list(self._calls)[-len(numbers) :]
        return [(i, str(call).encode()[:WIDTH]) for i, call in zip(numbers, calls, strict=True)]

    def _tell(self, own: bytes, other: int, called: bytes) -> None:
        """Tell of an unlike call."""
        texts = (text.decode(errors="replace") for text in (own, called))
        told = describe_unlike(self._comm.rank, next(texts), other, next(texts))
        self._blame(told.encode()[: WIDTH * TOLD])

    def _blame(self, letters: bytes) -> NoReturn:
        """Tell the neighbours, once, what is wrong, and fail with it."""
        if not self._blamed:
            self._blamed = True
            parts = [(FAULT, letters[i : i + WIDTH]) for i in range(0, len(letters), WIDTH)]
            self._send(parts, list_steps(self._comm.size))
        raise ExecutionError(letters.decode(errors="replace"))

    def _send(self, rows: list[tuple[int, bytes]], steps: set[int]) -> None:
        from mpi4py import MPI

        said = np.zeros(TOLD, dtype=_SAID)
        said["mark"] = self._mark
        said[["number", "text"]][: len(rows)] = rows
        for step in sorted(steps - {0}):
            to = (self._comm.rank + step) % self._comm.size
            self._sent.append((self._comm.Isend([said, MPI.BYTE], to, CALLS_TAG), said))
        self._sent = [each for each in self._sent if not each[0].Test()]


def list_steps(size: int) -> set[int]:
    """List how far on the processes are whom each one says what it called."""
    near = {(1 << k) % size for k in range(size.bit_length())}
    return set(range(size)) if size <= FEW else near


def keep_spare(comm: Any) -> Any:  # noqa: ANN401
    """Give a communicator to go on over after a failure; all processes make it together.

    Whoever is to be told something then gets an empty message now. The first message to a process
    makes a connection, and over a cable that is cut MPI would wait for that without an end, however
    little is sent.
    """
    spare = comm.Dup()
    steps = sorted(list_steps(comm.size) - {0})
    nothing = bytearray()
    requests = [spare.Irecv(nothing, (comm.rank - step) % comm.size, CALLS_TAG) for step in steps]
    requests += [spare.Isend(nothing, (comm.rank + step) % comm.size, CALLS_TAG) for step in steps]
    for request in requests:
        request.Wait()
    return spare


def describe_unlike(process: int, call: str, other: int, called: str) -> str:
    """Say that two processes call different things."""
    return f"process {process} calls {call}, process {other} calls {called}"
