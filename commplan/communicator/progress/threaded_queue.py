"""A queue of collectives that a thread moves on beside its caller, where one is asked for."""

from pathlib import Path
from threading import RLock
from typing import Any

from commplan.communicator.progress.thread import ProgressThread
from commplan.communicator.queue import OperationQueue
from commplan.communicator.requests import Call, Operation, Steps
from topologies.derive.damage import Damage
from topologies.model.errors import ArgumentError
from topologies.model.topology import Topology


class ThreadedQueue(OperationQueue):
    """Lets the caller's thread and one of its own take turns, by a lock."""

    def __init__(self, *words: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(*words, **named)
        self._lock = RLock()
        self.moves_itself = self._options.progress == "thread"
        self._thread = self._make_thread() if self.moves_itself else None

    __init__.__doc__ = OperationQueue.__init__.__doc__

    def _make_thread(self) -> ProgressThread:
        """Make what moves the work on beside the caller.

        Raises:
            ArgumentError: MPI was not started for several threads.
        """
        from mpi4py import MPI

        if MPI.Query_thread() < MPI.THREAD_MULTIPLE:
            raise ArgumentError("progress: a thread needs MPI started with MPI_THREAD_MULTIPLE")
        return ProgressThread(f"commplan, process {self.rank}", self._move_beside)

    def _move_beside(self) -> bool:
        """Go on with all; tell whether something is left that can go on."""
        with self._lock:
            self.move_on()
            return bool(self._queue) and not self._queue[0].ended

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
            made = super().enter(name, steps, called)
            if self._thread is not None and self._queue:
                self._thread.wake()
            return made

    def progress(self, last: Operation) -> None:
        """Go on, without waiting, with all up to this one, and with what others have begun."""
        with self._lock:
            if not last.ended:
                super().progress(last)

    def finish(self, last: Operation) -> None:
        """Finish all operations up to this one."""
        with self._lock:
            if last.ended:  # the thread was there first
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
        """Give back what MPI holds, after all that is under way; all processes call this."""
        with self._lock:
            super().free()
        if self._thread is not None:
            self._thread.close()
