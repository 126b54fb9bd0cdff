"""A queue of collectives that hands changing exchanges to MPI, and knows of them afterwards."""

from functools import partial
from typing import Any, NoReturn

import numpy as np

from commplan.communicator.buffers import Unsupported
from commplan.communicator.exchange import handing
from commplan.communicator.exchange.exchange import learn, write_row
from commplan.communicator.plans.book import Stopwatch
from commplan.communicator.plans.uses import Uses
from commplan.communicator.progress.delegation import run_beside
from commplan.communicator.progress.threaded_queue import ThreadedQueue
from commplan.communicator.requests import Operation, Steps
from runtime.execute.faults import ExecutionError
from topologies.model.units import Seconds


class HandingQueue(ThreadedQueue):
    """Knows which calls of Alltoallv MPI did, and looks after those that last.

    Attributes:
        handed: these calls.
    """

    def __init__(self, *words: Any, **named: Any) -> None:  # noqa: ANN401
        self.handed = handing.HandedCalls(self._note_handed, self._look_at)
        super().__init__(*words, **named)

    __init__.__doc__ = ThreadedQueue.__init__.__doc__

    def check_alive(self) -> None:
        """Refuse to go on after a failure, or what was freed; note what MPI did meanwhile."""
        self.handed.catch_up()
        super().check_alive()

    def enter(self, name: str, steps: Steps, called: object = None) -> Operation:
        """Let the steps of a collective come after those that were started before."""
        self.handed.pause()
        return super().enter(name, steps, called)

    def free(self) -> None:
        """Give back what MPI holds, after all that is under way; all processes call this."""
        self._hand_nothing()
        super().free()

    def hand_next(self) -> None:
        """Let MPI do the next calls, if their blocks change."""
        if self.habit.hands_over():
            self.handed.begin()
        else:
            self._hand_nothing()

    def _hand_nothing(self) -> None:
        """Let MPI do no more calls."""
        vars(self).pop("Alltoallv", None)  # what stands before the method
        self.handed.stop()

    def hand_over(
        self,
        sendbuf: Any,  # noqa: ANN401
        recvbuf: Any,  # noqa: ANN401
        before: Exception | None = None,
    ) -> None:
        """Let MPI do an Alltoallv whose buffers we read; once in a while learn its matrix.

        before: what mpi4py said to the buffers as they are: types by our names, say, or tensors.
        """
        self.check_alive()
        words, ends = [sendbuf, recvbuf], None
        try:
            ends = handing.read_ends(sendbuf, recvbuf, self.size)
            words = handing.write_ends(ends)
        except Unsupported:
            pass
        if isinstance(before, self._native.MPI.Exception):
            self._refuse(before)
        compared = self.handed.left == 1
        try:
            with self.handed.under_way():
                run_beside(partial(self._hand_one, words, ends, compared=compared))
        except self._native.MPI.Exception as error:
            self._refuse(error)
        except ExecutionError as error:
            self._fault(error)
        if compared:
            self.hand_next()

    def _hand_one(self, words: list[Any], ends: handing.Ends | None, *, compared: bool) -> None:
        """Let MPI do a call, and time it; then let all learn its matrix, if it is compared."""
        watch = Stopwatch()
        self._native.comm.Alltoallv(*words)
        uses = self._uses()
        uses.count(-1)  # it is timed
        watch.stop(uses)
        if compared:
            self.handed.aside(lambda: self.log.note(handing.COMPARED))
            row = write_row(self, ends)
            rows = np.empty((self.size, len(row)), dtype=np.int64)
            self._comm.Allgather(row, rows)
            learn(self, rows)

    def _refuse(self, error: Exception) -> NoReturn:
        """Say what MPI refused; messages may be under way."""
        said = " ".join(str(error).split())
        self._fault(
            ExecutionError(
                f"process {self.rank}: {handing.CALLED}: MPI refuses it, as where another process "
                f"sends more than is expected: {said}"
            )
        )

    def _fault(self, error: ExecutionError) -> NoReturn:
        """End all processes, or raise, and begin nothing more."""
        self._hand_nothing()
        super()._fault(error)

    def _note_handed(self, calls: int) -> None:
        """Note calls that MPI has begun."""
        for _ in range(calls):
            self.log.note(handing.CALLED)
        self.completed += calls
        self._uses().count(calls)

    def _look_at(self, seconds: Seconds) -> None:
        """See after a call of MPI that lasts so long; end all if others call something else."""
        try:
            self.log.look()
            if seconds > self.limit:
                raise handing.late(self.rank, self.limit)
        except ExecutionError as error:
            self._fault(error)

    def _uses(self) -> Uses:
        return self._book.count_mpi("Alltoallv", handing.WHY)
