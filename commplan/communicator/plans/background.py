"""Work that goes on beside a process's own, one piece after the other."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any

Job = tuple[Future[Any], Callable[[], Any]]


class Background:
    """A thread that is begun with the first piece of work, and ends with the process."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._thread: Thread | None = None

    def begin(self, work: Callable[[], Any]) -> Future[Any]:
        """Let work come after what was begun before; what it raises is raised where it is asked."""
        future: Future[Any] = Future()
        self._jobs.put((future, work))
        if self._thread is None:
            self._thread = Thread(target=self._run, name="commplan planning", daemon=True)
            self._thread.start()
        return future

    def _run(self) -> None:
        while True:
            future, work = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)


PLANNING = Background()
