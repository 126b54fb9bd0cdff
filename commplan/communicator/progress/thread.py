"""A thread that moves the work of one communicator on while its caller does something else."""

import time
from collections.abc import Callable
from threading import Condition, Thread

SHORTEST_NAP, LONGEST_NAP = 20e-6, 500e-6  # seconds


class ProgressThread:
    """Moves work on while there is some; it sleeps else, and is there from the first work on."""

    def __init__(self, name: str, move: Callable[[], bool]) -> None:
        """Take what moves the work on without waiting, and tells whether some is left."""
        self._name, self._move = name, move
        self._change = Condition()
        self._thread: Thread | None = None
        self._is_asked = self._is_closed = False

    def wake(self) -> None:
        """Let the thread see that there is work."""
        with self._change:
            self._is_asked = True
            if self._thread is None:
                self._thread = Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
            self._change.notify()

    def close(self) -> None:
        """End the thread; work that is left stays as it is."""
        with self._change:
            self._is_closed = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join()

    def _serve(self) -> None:
        while not self._is_closed:
            with self._change:
                self._change.wait_for(lambda: self._is_asked or self._is_closed)
                self._is_asked = False
            naps = 0
            while not self._is_closed and self._move():
                naps += 1
                time.sleep(min(LONGEST_NAP, naps * SHORTEST_NAP))
