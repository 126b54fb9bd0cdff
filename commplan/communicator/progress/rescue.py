"""A thread that moves on what stands still: where callers wait in calls that nobody here sees.

MPI.Request.Waitall over our requests is such a call, and so is MPI.COMM_WORLD.Recv beside them.
"""

import atexit
import time
from threading import Event, Lock, Thread
from typing import Protocol

LOOK_SECONDS = 0.02  # without anybody moving work on, before the thread does
SHORTEST_NAP, LONGEST_NAP = 20e-6, 1e-3  # seconds, while it does
END_SECONDS = 1.0


class Helped(Protocol):
    """What may have work under way."""

    def is_under_way(self) -> bool:
        """Tell whether it has work that can be moved on."""
        ...

    def help(self, now: float) -> bool:
        """Move work on that stood still; tell whether some is left to be moved on."""
        ...


class Rescue:
    """Looks after what is under way in this process: one thread, from the first work on."""

    def __init__(self) -> None:
        self._helped: set[Helped] = set()
        self._change = Lock()
        self._thread: Thread | None = None
        self._is_over = Event()
        atexit.register(self._end)  # while such functions run it would be too late

    def look_after(self, helped: Helped) -> None:
        """Look after what has begun some work, until that is at its end."""
        with self._change:
            self._helped.add(helped)
        if self._thread is None:
            self._thread = Thread(target=self._serve, name="commplan rescue", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        naps = 0
        while not self._is_over.is_set():
            now = time.monotonic()
            with self._change:
                self._helped = {each for each in self._helped if each.is_under_way()}
                left = list(self._helped)
            helped = [each.help(now) for each in left]  # each, not only up to the first
            if any(helped):
                naps += 1
                time.sleep(min(LONGEST_NAP, naps * SHORTEST_NAP))
            else:
                naps = 0
                self._is_over.wait(LOOK_SECONDS)

    def _end(self) -> None:
        """End before MPI does."""
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(END_SECONDS)


RESCUE = Rescue()
