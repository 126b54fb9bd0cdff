"""An Alltoallv that MPI does while its caller waits, watched by a thread.

MPI's own call is the fastest for blocks that change, but knows no limit and does not hear that
other processes call something else. So a thread looks now and then whether it lasts.
"""

import time
from collections.abc import Callable
from functools import cache
from threading import Lock, Thread
from typing import Any

from commplan.communicator.buffers import Varying, check_apart, read_varying
from commplan.communicator.exchange.habit import ExchangeHabit
from commplan.communicator.progress.delegation import run_beside
from runtime.execute.faults import BlockedError, ExecutionError

CALLED = "Alltoallv of changing blocks"
WHY = "blocks change from call to call, and nothing that all learn first would be as fast"
LOOK_SECONDS = 0.25


class Watch:
    """Looks after the calls of MPI that this process waits in: one thread for all of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls: dict[object, tuple[float, Callable[[float], None]]] = {}
        self._thread: Thread | None = None

    def run(self, call: Callable[[], None], look: Callable[[float], None]) -> None:
        """Call what waits; look: is told now and then for how many seconds it has lasted."""
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="commplan watch", daemon=True)
            self._thread.start()
        self._calls[call] = time.monotonic(), look
        try:
            call()
        finally:
            with self._lock:  # never while somebody looks
                del self._calls[call]

    def _serve(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            with self._lock:
                for since, look in list(self._calls.values()):
                    if (seconds := time.monotonic() - since) > LOOK_SECONDS:
                        look(seconds)


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


def hand_over(
    comm: Any,  # noqa: ANN401 (of mpi4py)
    ends: tuple[Varying | None, Varying],
    habit: ExchangeHabit,
    look: Callable[[float], None],
) -> None:
    """Let MPI do a call, and note what was sent and expected.

    Raises:
        ExecutionError: MPI refuses a message.
    """
    mpi, (sends, takes) = _mpi(), ends
    ins, sent = (mpi.IN_PLACE, None) if sends is None else _in_bytes(sends)
    outs, taken = _in_bytes(takes)
    try:
        WATCH.run(lambda: run_beside(lambda: comm.Alltoallv(ins, outs)), look)
    except mpi.Exception as error:
        said = " ".join(str(error).split())
        raise ExecutionError(f"process {comm.rank}: {CALLED}: {said}") from None
    habit.handed.append((taken if sent is None else sent, taken))


def late(rank: int, seconds: float) -> BlockedError:
    """Say that not all processes came."""
    return BlockedError(
        f"process {rank} blocked in {CALLED}, which not all processes called within {seconds:g} s"
    )


def _in_bytes(ends: Varying) -> tuple[Any, tuple[int, ...]]:
    """Write one end down as mpi4py takes it, in bytes; and give its counts."""
    mpi, span, counts, displs = _mpi(), ends.span, ends.counts, ends.displs
    if span.size != 1:
        counts = tuple([count * span.size for count in counts])
        displs = tuple([place * span.size for place in displs])
    held = None if span.keep is None else mpi.memory.fromaddress(span.address, span.whole)
    return [held, (counts, displs), mpi.BYTE], counts


@cache
def _mpi() -> Any:  # noqa: ANN401
    """Give mpi4py's MPI: to import it anew in each call takes a tenth of what a call takes."""
    from mpi4py import MPI

    return MPI
