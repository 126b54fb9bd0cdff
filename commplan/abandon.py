"""Work that ends wherever it is, at its next instruction, when its time is over.

Most of what planning does looks at its watch; what does not (a check, a simulation, a pattern that
is written out) is ended by an exception that is raised in its thread from outside. Only engines in
other languages hold that up, and those are told to stop.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from ctypes import c_ulong, py_object, pythonapi
from math import inf
from threading import Lock, Timer, get_ident

from solvers.watch import LONGEST, NotFound, Watch


class Abandoned(SystemExit):
    """Nobody waits for this work any more; threads end with it in silence."""


@contextmanager
def ending_with(watch: Watch, grace: float = 0.0) -> Iterator[None]:
    """Do work that is given up when the time is over, or someone stops it.

    grace: seconds after the end of the time when it is given up; a stop then lets it go on.

    Raises:
        NotFound: it was given up.
    """
    alarm = _Alarm()
    try:
        with nullcontext() if grace else watch.running(alarm.ring):
            timer = alarm.set(watch.left + grace)
            try:
                yield
            finally:
                alarm.end()
                timer.cancel()
                timer.join()
    except Abandoned:
        raise NotFound("the time is over") from None


class _Alarm:
    """Raises `Abandoned` in the thread that made it, once at most and not after its end."""

    def __init__(self) -> None:
        self._thread, self._lock = get_ident(), Lock()
        self._rung = self._done = False

    def set(self, seconds: float) -> Timer:
        """Ring after so many seconds, unless the timer is cancelled before."""
        timer = Timer(min(seconds, LONGEST), self.ring)
        timer.daemon = True
        timer.start()
        return timer

    def ring(self) -> None:
        """End the work."""
        with self._lock:
            if not (self._rung or self._done):
                self._rung = True
                leave_off(self._thread)

    def end(self) -> None:
        """Take back what has not come through yet: the work is done."""
        with self._lock:
            self._done = True
            pythonapi.PyThreadState_SetAsyncExc(c_ulong(self._thread), None)


def leave_off(thread: int) -> None:
    """Raise `Abandoned` in a thread (its `ident`), as soon as it is back from any engine."""
    pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread), py_object(Abandoned))


def overtime(seconds: float) -> float:
    """Give the seconds after a time limit at which even what is nearly there is given up."""
    return max(0.12 * seconds, 1.5) if seconds < inf else inf
