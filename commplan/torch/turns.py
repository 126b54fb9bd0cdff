"""Whose turn it is: calls of one group come one after the other, in the order they were made."""

from collections import deque
from threading import Condition, Thread, current_thread

from commplan.torch.work import PlannedWork


class Turns:
    """Performs the calls of one group: those that are waited for by the caller, others by a thread.

    The thread is there from the first call that is not waited for until `close`; it sleeps while
    nothing is to be done. Where the caller waits and nothing is under way no other thread is woken.

    Attributes:
        change: held while something here changes, and told.
        threaded: whether calls that are not waited for go on beside the caller.
    """

    def __init__(self, name: str, *, threaded: bool) -> None:
        self._name, self.threaded = name, threaded
        self.change = Condition()
        self._waiting: deque[PlannedWork] = deque()
        self._is_taken = self._is_closed = False
        self._thread: Thread | None = None

    def do(self, work: PlannedWork) -> None:
        """Perform a call, after all that were made before; come back when it is at its end."""
        with self.change:
            alone = not self._waiting and not self._is_taken
            self._is_taken |= alone
        if alone:
            self._perform(work)
            return
        with self.change:
            self._waiting.append(work)
            self.change.notify_all()
        if (
            self._thread is None or current_thread() is self._thread
        ):  # else it would wait for itself
            self._perform_waiting()
        work.wait_for_end()

    def begin(self, work: PlannedWork) -> None:
        """Let a call be performed while the caller goes on, where there is a thread for it.

        What hangs on a future runs in that thread, and may wait for a call that it begins.
        """
        if not self.threaded or current_thread() is self._thread:
            self.do(work)
            return
        with self.change:
            self._waiting.append(work)
            if self._thread is None:
                self._thread = Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
            self.change.notify_all()

    def close(self) -> None:
        """Finish what was begun, and end the thread."""
        with self.change:
            self._is_closed = True
            self.change.notify_all()
        if self._thread is not None and current_thread() is not self._thread:
            self._thread.join()

    def _serve(self) -> None:
        """Perform calls until there will be none any more."""
        while True:
            with self.change:
                self.change.wait_for(lambda: self._waiting or self._is_closed)
                if not self._waiting:
                    return
            self._perform_waiting()

    def _perform_waiting(self) -> None:
        """Perform all calls that are waiting, each as soon as no other is under way."""
        while True:
            with self.change:
                self.change.wait_for(lambda: not self._is_taken)
                if not self._waiting:
                    return
                work, self._is_taken = self._waiting.popleft(), True
            self._perform(work)

    def _perform(self, work: PlannedWork) -> None:
        """Perform a call in the turn that was taken; what hangs on its future comes after it."""
        work.run()
        with self.change:
            self._is_taken = False
            future = work.end()
            self.change.notify_all()
        if future is not None:
            work.fill(future)
