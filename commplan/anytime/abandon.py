"""Work that ends wherever it is, at its next instruction, when its time is over.

Most of what planning does looks at its watch; what does not (a check, a simulation, a pattern that
is written out) is ended by an exception that is raised in its thread from outside. Only engines in
other languages hold that up, and those are told to stop.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from ctypes import c_ulong, py_object, pythonapi
from math import inf
from threading import Event, Lock, Thread, get_ident
from time import sleep

from solvers.settings.deadline import LONGEST, NotFound, Watch
from topologies.model.units import Seconds

OVERTIME = (0.12, 0.4)  # of the time, on an idle computer and on a crowded one
AGAIN = 1.0  # seconds after which work that goes on all the same is ended once more


class Abandoned(SystemExit):
    """Nobody waits for this work any more; threads end with it in silence."""


@contextmanager
def end_with(watch: Watch, grace: Seconds = 0.0) -> Iterator[None]:
    """Do work that is given up when the time is over, or someone stops it.

    Args:
        watch: says when to stop.
        grace: seconds after the end of the time when it is given up; a stop then lets it go on.

    Raises:
        NotFound: it was given up.
    """
    alarm = _Alarm()
    try:
        with nullcontext() if grace else watch.running(alarm.ring):
            alarm.set(watch.left + grace)
            try:
                yield
            finally:
                alarm.end()
    except Abandoned:
        raise NotFound("the time is over") from None


class _Alarm:
    """Raises `Abandoned` in the thread that made it, until its end and not after."""

    def __init__(self) -> None:
        self._thread, self._lock, self._done = get_ident(), Lock(), Event()

    def set(self, seconds: Seconds) -> None:
        """Ring after so many seconds."""
        Thread(target=self._wait, args=(min(seconds, LONGEST),), daemon=True).start()

    def _wait(self, seconds: Seconds) -> None:
        """Ring, and again: where nothing may be raised (`__del__`, a callback) it is lost."""
        while not self._done.wait(seconds):
            self.ring()
            seconds = AGAIN

    def ring(self) -> None:
        """End the work."""
        with self._lock:
            if not self._done.is_set():
                leave_off(self._thread)

    def end(self) -> None:
        """Ring no more, and let come through here what has not come yet: the work is done.

        It cannot be taken back: the interpreter would still look for it, at every call, and one
        that is being traced (cProfile) would never find an end of that.
        """
        try:
            self._close()
            sleep(0.0)
        except Abandoned:
            self._close()

    def _close(self) -> None:
        with self._lock:
            self._done.set()


def leave_off(thread: int) -> None:
    """Raise `Abandoned` in a thread (its `ident`), as soon as it is back from any engine."""
    pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread), py_object(Abandoned))


def overtime(watch: Watch) -> Seconds:
    """Compute the seconds after a time limit at which even what is nearly there is given up."""
    part = OVERTIME[watch.crowded]
    return max(part * watch.left, 1.5) if watch.left < inf else inf
