"""Work that ends wherever it is, at its next instruction, when its time is over.

Most of what planning does looks at its watch; what does not (a check, a simulation, a pattern that
is written out) is ended by an exception that is raised in its thread from outside. Only engines in
other languages hold that up, and those are told to stop.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from ctypes import c_ulong, py_object, pythonapi
from threading import Event, Lock, Thread, get_ident
from time import sleep

from solvers.settings.deadline import LONGEST, NotFound, Watch
from topologies.model.units import Seconds

OVERTIME = (0.12, 0.4)  # of the time, on an idle computer and on a crowded one, and
MORE = 1.0  # second
AGAIN = 1.0  # seconds after which work that goes on all the same is ended once more
SOON = 0.02  # seconds until work is ended anew that did not hear of it


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
    alarm = Alarm()
    alarm.listen()
    try:
        with nullcontext() if grace else watch.running(alarm.ring):
            alarm.set(watch.left + grace)
            try:
                yield
            finally:
                alarm.end()
    except Abandoned:
        raise NotFound("the time is over") from None


class Alarm:
    """Raises `Abandoned` in a thread, from when it listens until its end, and not after."""

    def __init__(self) -> None:
        self.thread, self._early = 0, False
        self._lock, self._done, self._stir = Lock(), Event(), Event()

    def listen(self) -> None:
        """Take this thread for the one that may be ended.

        Raises:
            Abandoned: it is to end at once.
        """
        with self._lock:
            self.thread = get_ident()
        if self._early:
            raise Abandoned

    def set(self, seconds: Seconds) -> None:
        """Ring after so many seconds."""
        Thread(target=self._wait, args=(min(seconds, LONGEST),), daemon=True).start()

    def _wait(self, seconds: Seconds) -> None:
        """Ring, and again: soon where it was lost, later where work caught what it should not."""
        while not self._done.is_set():
            if self._stir.wait(seconds):
                self._stir.clear()
                self._done.wait(SOON)
            self.ring()
            seconds = AGAIN

    def ring(self) -> None:
        """End the work."""
        with self._lock:
            if not self.thread:
                self._early = True
            elif not self._done.is_set():
                _HEARD.listen(self)
                _leave_off(self.thread)

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

    def stir(self) -> None:
        """Hear that a ring was lost, or that there is nothing to wait for any more."""
        self._stir.set()

    def _close(self) -> None:
        with self._lock:
            self._done.set()
        _HEARD.leave(self)
        self._stir.set()


class _Heard:
    """Hears of `Abandoned` where nothing may be raised; whatever else is there goes the usual way.

    That is in `__del__` and in callbacks of weak references, which collections of them have. There
    the interpreter would report it and go on; here its alarm rings anew.
    """

    def __init__(self) -> None:
        self._alarms: list[Alarm] = []
        self._usual = sys.unraisablehook

    def listen(self, alarm: Alarm) -> None:
        """Hear for an alarm that rings."""
        if alarm not in self._alarms:
            self._alarms.append(alarm)
        if sys.unraisablehook is not self:
            self._usual, sys.unraisablehook = sys.unraisablehook, self

    def leave(self, alarm: Alarm) -> None:
        """Hear no more for an alarm."""
        if alarm in self._alarms:
            self._alarms.remove(alarm)

    def __call__(self, lost: "sys.UnraisableHookArgs") -> None:
        """Hear of an exception, in the thread that it came to."""
        if lost.exc_type is not Abandoned:
            self._usual(lost)
            return
        for alarm in self._alarms:
            if alarm.thread == get_ident():
                alarm.stir()


_HEARD = _Heard()


def _leave_off(thread: int) -> None:
    """Raise `Abandoned` in a thread (its `ident`), as soon as it is back from any engine."""
    pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread), py_object(Abandoned))


def overtime(watch: Watch) -> Seconds:
    """Compute the seconds after a time limit at which even what is nearly there is given up."""
    return OVERTIME[watch.crowded] * watch.left + MORE
