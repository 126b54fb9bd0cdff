"""A queue of collectives that threads move on beside its caller: one of its own, or the rescue."""

from pathlib import Path
from threading import RLock
from typing import Any

from commplan.communicator.progress.rescue import LOOK_SECONDS, RESCUE
from commplan.communicator.progress.thread import ProgressThread
from commplan.communicator.progress.visible import find_operation_class
from commplan.communicator.queue import OperationQueue
from commplan.communicator.requests import Call, Operation, Steps
from topologies.derive.damage import Damage
from topologies.model.errors import ArgumentError, CommplanError
from topologies.model.topology import Topology


class ThreadedQueue(OperationQueue):
    """Lets the caller's thread and another one take turns, by a lock.

    Where MPI allows several threads (MPI_THREAD_MULTIPLE), what was begun goes on even while its
    caller is in a call that we do not see: a thread of its own moves it on at once, if one is asked
    for, else that of `RESCUE`, once nobody has done so for a while.
    """

    def __init__(self, *words: Any, **named: Any) -> None:  # noqa: ANN401
        from mpi4py import MPI

        super().__init__(*words, **named)
        self._lock = RLock()
        self._moves = self._seen = 0  # by callers; what the rescue saw of them
        self._since = 0.0
        self._allows_several = MPI.Query_thread() >= MPI.THREAD_MULTIPLE
        if self._allows_several:
            self.operations = find_operation_class()
        self.moves_itself = self._options.progress == "thread"
        self._thread = self._make_thread() if self.moves_itself else None

    __init__.__doc__ = OperationQueue.__init__.__doc__

    def _make_thread(self) -> ProgressThread:
        """Make what moves the work on beside the caller.

        Raises:
            ArgumentError: MPI was not started for several threads.
        """
        if not self._allows_several:
            raise ArgumentError("progress: a thread needs MPI started with MPI_THREAD_MULTIPLE")
        return ProgressThread(f"commplan, process {self.rank}", self._move_beside)

    def _move_beside(self) -> bool:
        """Go on with all; tell whether something is left that can go on."""
        with self._lock:
            super().move_on()
            return self.is_under_way()

    def is_under_way(self) -> bool:
        """Tell whether something is left that can go on; the lock is held by whoever acts on it."""
        first = next(iter(self._queue), None)
        return first is not None and not first.ended

    def help(self, now: float) -> bool:
        """Go on with all that no caller has moved on for a while; tell whether some is left."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._seen != self._moves:
                self._seen, self._since = self._moves, now
            return now - self._since >= LOOK_SECONDS and self._move_beside()
        finally:
            self._lock.release()

    def move_on(self) -> None:
        """Go on, without waiting, with all, unless somebody else does."""
        if self._lock.acquire(blocking=False):
            try:
                self._moves += 1
                super().move_on()
            finally:
                self._lock.release()

    def drain(self) -> None:
        """Finish all that is under way."""
        with self._lock:
            super().drain()

    def do(self, call: Call) -> None:
        """Do a collective, after all that were started before."""
        if self._thread is None:
            super().do(call)
            return
        with self._lock:
            super().do(call)

    def enter(self, name: str, steps: Steps, called: object = None) -> Operation:
        """Let the steps of a collective come after those that were started before."""
        with self._lock:
            self._moves += 1
            made = super().enter(name, steps, called)
            if self._queue:
                self._wake()
            return made

    def _wake(self) -> None:
        """Let a thread see that there is work."""
        if self._thread is not None:
            self._thread.wake()
        elif self._allows_several:
            RESCUE.look_after(self)

    def progress(self, last: Operation) -> None:
        """Go on, without waiting, with all up to this one, and with what others have begun."""
        with self._lock:
            self._moves += 1
            if not last.ended:
                super().progress(last)

    def finish(self, last: Operation) -> None:
        """Finish all operations up to this one."""
        with self._lock:
            self._moves += 1
            if last.ended:  # a thread was there first
                last.Wait()
            else:
                super().finish(last)

    def recover(self) -> int:
        """Go on after a failure, over a communicator of MPI that nothing was sent over yet."""
        with self._lock:
            return super().recover()

    def change_machine(
        self, topology: Topology, schedules: str | Path | None, damage: Damage
    ) -> None:
        """Forget all plans, and plan for another machine from now on; after all under way."""
        with self._lock:
            super().change_machine(topology, schedules, damage)

    def free(self) -> None:
        """Give back what MPI holds, after all that is under way; all processes call this.

        A failure that a thread found first and a caller was told of is not told once more.
        """
        with self._lock:
            for each in self._queue:
                if isinstance(each.told_failure, CommplanError):
                    self._failure = self._failure or each.told_failure
            super().free()
        if self._thread is not None:
            self._thread.close()
