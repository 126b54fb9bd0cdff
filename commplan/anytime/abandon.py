"""Work that ends wherever it is, at its next instruction, when its time is over.

Most of what planning does looks at its watch; what does not (a check, a simulation, a pattern that
is written out) is ended by an exception that is raised in its thread from outside. Only engines in
other languages hold that up, and those are told to stop.
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from ctypes import c_ulong, py_object, pythonapi
from queue import Empty, SimpleQueue
from threading import Lock, Thread, get_ident
from time import sleep
from types import FrameType

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
            try:
                alarm.set(watch.left + grace)
                yield
            finally:
                alarm.end()
    except Abandoned:
        raise NotFound("the time is over") from None


class Alarm:
    """Raises `Abandoned` in a thread, from when it listens until its end, and not after.

    It is raised by a thread of its own, and not while the work is where an exception would leave a
    lock behind that nobody opens any more (`_PLACES`). Whoever calls it may be anywhere, also in a
    signal's handler: nothing waits here for a lock that is held for longer than a few instructions.
    """

    def __init__(self) -> None:
        self.thread, self._depth = 0, 0
        self._early = self._done = False
        self._lock = Lock()
        self._calls: SimpleQueue[Seconds] = SimpleQueue()  # seconds until it rings next

    def listen(self) -> None:
        """Take this thread for the one that may be ended, in what is called from here.

        Raises:
            Abandoned: it is to end at once.
        """
        with self._lock:
            self.thread, self._depth = get_ident(), _count_frames()
        if self._early:
            raise Abandoned

    def set(self, seconds: Seconds) -> None:
        """Ring after so many seconds, or when it is asked to."""
        Thread(target=self._wait, args=(min(seconds, LONGEST),), daemon=True).start()

    def _wait(self, seconds: Seconds) -> None:
        """Ring, and again: soon where it was lost, later where work caught what it should not."""
        while not self._done:
            try:
                seconds = self._calls.get(timeout=seconds)
            except Empty:
                seconds = AGAIN if self.leave_off() else SOON

    def ring(self) -> None:
        """End the work now; where it does not listen yet, as soon as it does."""
        self._calls.put(0.0)

    def stir(self) -> None:
        """Ring anew, soon: what was raised was lost."""
        self._calls.put(SOON)

    def leave_off(self) -> bool:
        """Raise `Abandoned`, if there is no reason to wait with it; tell whether there was none.

        This is for threads of the alarm's own, and where none can be started any more.
        """
        with self._lock:
            if not self.thread:
                self._early = True
            elif not self._done:
                if _is_delicate(self.thread, self._depth):
                    return False
                _HEARD.listen(self)
                # It comes when the thread is back from any engine.
                pythonapi.PyThreadState_SetAsyncExc(c_ulong(self.thread), py_object(Abandoned))
        return True

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
            self._done = True
        _HEARD.leave(self)
        self._calls.put(0.0)


def _count_frames() -> int:
    """Count the calls that are under way below those of this file and of `contextlib`."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename in (__file__, contextlib.__file__):
        frame = frame.f_back
    return sum(1 for _ in _frames(frame))


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """List a call and those that it was made by."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_delicate(thread: int, depth: int) -> bool:
    """Tell whether a thread is importing, at a lock, or starting a process.

    Locks that are written in Python (of modules under import, conditions, events) stay closed for
    all threads and for ever where an exception comes between their last instruction and the `try`
    of whoever holds them. The other threads would wait for them without an end.

    Args:
        thread: its ident.
        depth: of its calls, so many were under way before the work.
    """
    calls = list(_frames(sys._current_frames().get(thread)))
    inner = calls[: max(len(calls) - depth, 0)]
    return any(call.f_code.co_filename in _PLACES for call in inner)


_PLACES = {
    "<frozen importlib._bootstrap>",
    "<frozen importlib._bootstrap_external>",
    threading.__file__,
    subprocess.__file__,
}


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


def overtime(watch: Watch) -> Seconds:
    """Compute the seconds after a time limit at which even what is nearly there is given up."""
    return OVERTIME[watch.crowded] * watch.left + MORE
