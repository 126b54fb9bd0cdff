"""Work that goes on beside a process's own, one piece after the other."""

import atexit
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread, current_thread
from threading import enumerate as living
from typing import Any

from commplan.anytime.abandon import Abandoned, Alarm

Job = tuple[Future[Any], Callable[[], Any]]
PAUSE, MOST = 0.05, 5.0  # seconds between two calls to end, and of all of them


class Background:
    """A thread that is begun with the first piece of work, and ends with the process.

    It is ended before the interpreter: a thread that Python ends inside an engine in C++ takes the
    process with it ("terminate called without an active exception"). What is registered while
    functions of `atexit` run is never called, so its end is registered when it is made.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._alarm = Alarm()
        self._is_closed = False
        atexit.register(self._end)

    def begin(self, work: Callable[[], Any]) -> Future[Any]:
        """Let work come after what was begun before; what it raises is raised where it is asked."""
        future: Future[Any] = Future()
        if self._is_closed:
            _do(future, work)
            return future
        self._jobs.put((future, work))
        if self._thread is None:
            self._thread = Thread(target=self._run, name="commplan planning", daemon=True)
            self._thread.start()
        return future

    def _run(self) -> None:
        with suppress(Abandoned):  # between two pieces of work
            self._alarm.listen()
            self._serve()

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None and not self._is_closed:
            _do(*job)

    def _end(self) -> None:
        """Give up what is under way, and wait for that, and for engines that it began.

        The interpreter waited for these threads before, and will not do so again.
        """
        self._is_closed = True
        self._jobs.put(None)
        deadline = time.monotonic() + MOST
        while self._thread is not None and self._thread.is_alive() and time.monotonic() < deadline:
            self._alarm.leave_off()
            self._thread.join(PAUSE)
        self._alarm.end()
        for thread in living():
            if not thread.daemon and thread is not current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))


def _do(future: Future[Any], work: Callable[[], Any]) -> None:
    """Do a piece of work, unless nobody wants it any more."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


PLANNING = Background()
