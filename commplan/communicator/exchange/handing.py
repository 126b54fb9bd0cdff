"""Calls of Alltoallv that MPI does while their caller waits, watched by a thread.

MPI's own call is the fastest for blocks that change. Where processes share cores each line of
Python before it costs them ten times what it costs one that runs alone, so there are hardly any:
what is called is noted afterwards, and only every so often looked at. But MPI knows no limit, and
does not hear that other processes call something else: a thread looks whether a call lasts.
"""

import time
from collections.abc import Callable
from functools import cache
from threading import Lock, Thread
from typing import Any
from weakref import WeakSet

from commplan.communicator.buffers import Varying, check_apart, read_varying
from runtime.execute.faults import BlockedError
from topologies.model.units import Seconds

CALLED = "Alltoallv of changing blocks"
COMPARED = f"{CALLED}, compared"
WHY = "blocks change from call to call, and nothing that all learn first would be as fast"
LOOK_EVERY = 16  # calls, of which the last is looked at
LOOK_SECONDS = 0.25


class HandedCalls:
    """The calls that MPI does for one communicator.

    Attributes:
        begun: so many so far.
        due: where as many have begun, the next one is looked at; 0 where MPI is handed none.
        inside: MPI does one now.
        exchange: MPI's own call.
    """

    def __init__(self, note: Callable[[int], None], look: Callable[[Seconds], None]) -> None:
        self.begun = self.due = self._noted = 0
        self.inside = False
        self.exchange: Callable[[Any, Any], None] = _refuse
        self._note, self._look = note, look
        self._seen, self._since = -1, 0.0
        self._lock = Lock()

    def begin(self, exchange: Callable[[Any, Any], None]) -> None:
        """Let MPI do the next calls."""
        self.exchange, self.due = exchange, self.begun + LOOK_EVERY - 1
        WATCH.follow(self)

    def withdraw(self) -> None:
        """Take back a call that MPI did not begin."""
        with self._lock:
            self.inside = False
            self.begun -= 1
            self._noted = min(self._noted, self.begun)

    def catch_up(self) -> None:
        """Note the calls that were not noted yet, never amid a look."""
        if self._noted != self.begun:
            with self._lock:
                self._catch_up()

    def look(self, now: Seconds) -> None:
        """See whether MPI does the same call as at the last look."""
        with self._lock:
            if not self.inside:
                self._seen = -1
            elif self._seen != self.begun:
                self._seen, self._since = self.begun, now
            else:
                self._catch_up()
                self._look(now - self._since)

    def _catch_up(self) -> None:
        more, self._noted = self.begun - self._noted, self.begun
        self._note(more)


class Watch:
    """Looks after the calls of MPI that this process waits in: one thread for all of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls: WeakSet[HandedCalls] = WeakSet()
        self._thread: Thread | None = None

    def follow(self, calls: HandedCalls) -> None:
        """Look after these, too."""
        with self._lock:
            self._calls.add(calls)
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="commplan watch", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with self._lock:
                followed = list(self._calls)
            now = time.monotonic()
            for each in followed:
                each.look(now)
            followed.clear()  # so that they may end


WATCH = Watch()


def read_ends(
    sendbuf: Any,  # noqa: ANN401
    recvbuf: Any,  # noqa: ANN401
    size: int,
) -> tuple[Varying | None, Varying]:
    """Read both ends of a call, the first one None in place.

    Raises:
        ArgumentError: memory that cannot be used so, or is in both.
        Unsupported: a derived type.
    """
    takes = read_varying(recvbuf, size, written=True)
    if sendbuf is _mpi().IN_PLACE:
        return None, takes
    sends = read_varying(sendbuf, size)
    check_apart(sends, takes)
    return sends, takes


def write_ends(ends: tuple[Varying | None, Varying]) -> list[Any]:
    """Write both ends down as mpi4py takes them, in bytes."""
    sends, takes = ends
    return [_mpi().IN_PLACE if sends is None else _in_bytes(sends), _in_bytes(takes)]


def _refuse(*_: object) -> None:
    raise AssertionError("MPI is handed nothing yet")


def late(rank: int, seconds: Seconds) -> BlockedError:
    """Say that not all processes came."""
    return BlockedError(
        f"process {rank} blocked in {CALLED}, which not all processes called within {seconds:g} s"
    )


def _in_bytes(ends: Varying) -> list[Any]:
    mpi, span, counts, displs = _mpi(), ends.span, ends.counts, ends.displs
    if span.size != 1:
        counts = tuple([count * span.size for count in counts])
        displs = tuple([place * span.size for place in displs])
    held = None if span.keep is None else mpi.memory.fromaddress(span.address, span.whole)
    return [held, (counts, displs), mpi.BYTE]


@cache
def _mpi() -> Any:  # noqa: ANN401
    from mpi4py import MPI

    return MPI
