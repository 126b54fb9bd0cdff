"""Calls of Alltoallv that MPI does while their caller waits, watched by a thread.

MPI's own call is the fastest for blocks that change. Where processes share cores each line of
Python before it costs them ten times what it costs one that runs alone, so there are hardly any
(`python -m bench.exchange`): what is called is noted afterwards, and only every so often looked at.
But MPI knows no limit, and does not hear that other processes call something else: a thread looks
whether a call lasts.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
LOOK_EVERY, LOOK_SELDOM = 16, 128  # calls, of which the last is looked at; at first, and later
LOOK_SECONDS = 0.25
LAST = 2  # of `Left.twice`: one call is left

Exchanging = Callable[[Any, Any], None]  # of both buffers
Refused = Callable[[Any, Any, Exception], None]
Ends = tuple[Varying | None, Varying]  # what is sent, None in place, and what is taken


class Left:
    """How many calls MPI may do before one is looked at.

    Attributes:
        twice: two for each, and one less while MPI does one.
        held: the same, held back while something else is under way.
    """

    __slots__ = ("held", "twice")

    def __init__(self) -> None:
        self.twice = self.held = 0


class HandedCalls:
    """The calls that MPI does for one communicator."""

    def __init__(self, note: Callable[[int], None], look: Callable[[Seconds], None]) -> None:
        self._left = Left()
        self._all = self._noted = 0  # up to the next look
        self._every = LOOK_EVERY
        self._note, self._look = note, look
        self._seen, self._since = -1, 0.0
        self._lock = Lock()

    def begin(self) -> None:
        """Let MPI do the next calls; more of them, the longer it goes on."""
        self._all += self._every
        self._left.twice = 2 * self._every
        self._every = min(2 * self._every, LOOK_SELDOM)
        WATCH.follow(self)

    def stop(self) -> None:
        """Let MPI do no more calls."""
        self._all = self.begun
        self._left.twice = self._left.held = 0
        self._every = LOOK_EVERY

    def pause(self) -> None:
        """Let no call go the short way, until `resume`."""
        left = self._left
        left.twice, left.held = 0, left.held + left.twice

    def resume(self) -> None:
        """Let calls go the short way as before."""
        left = self._left
        left.twice, left.held = left.held + left.twice, 0

    @property
    def left(self) -> int:
        """Give how many calls MPI may do; the last is to be looked at."""
        return (self._left.twice + self._left.held) // 2

    @property
    def begun(self) -> int:
        """Give how many calls MPI has begun so far."""
        return self._all - self.left

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count a call, which lasts as long."""
        self._left.twice -= 1
        try:
            self.catch_up()
            yield
        finally:
            self._left.twice -= 1

    def shorten(self, exchange: Exchanging, otherwise: Exchanging, refused: Refused) -> Exchanging:
        """Make what lets MPI do a call with hardly a line of Python.

        Args:
            exchange: MPI's own.
            otherwise: does a call that is to be looked at, or that MPI is not to do.
            refused: is told what mpi4py says to buffers.
        """
        left = self._left

        def call(sendbuf: Any, recvbuf: Any) -> None:  # noqa: ANN401
            before = left.twice
            if before <= LAST:
                otherwise(sendbuf, recvbuf)
                return
            left.twice = before - 1
            try:
                exchange(sendbuf, recvbuf)
            except Exception as error:
                left.twice = before
                refused(sendbuf, recvbuf, error)
            except BaseException:
                left.twice = before - 2
                raise
            else:
                left.twice = before - 2

        return call

    def catch_up(self) -> None:
        """Note the calls that were not noted yet."""
        if self._noted != self.begun:
            self.aside(self._catch_up)

    def aside(self, work: Callable[[], None]) -> None:
        """Do what is never to be done amid a look."""
        with self._lock:
            work()

    def look(self, now: Seconds) -> None:
        """See whether MPI does the same call as at the last look."""
        with self._lock:
            if not self._left.twice % 2:
                self._seen = -1
            elif self._seen != self.begun:
                self._seen, self._since = self.begun, now
            else:
                self._catch_up()
                self._look(now - self._since)

    def _catch_up(self) -> None:
        begun = self.begun
        more, self._noted = begun - self._noted, begun
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
) -> Ends:
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


def write_ends(ends: Ends) -> list[Any]:
    """Write both ends down as mpi4py takes them, in bytes."""
    sends, takes = ends
    return [_mpi().IN_PLACE if sends is None else _in_bytes(sends), _in_bytes(takes)]


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
