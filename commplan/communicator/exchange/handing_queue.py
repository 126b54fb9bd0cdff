"""A queue of collectives that hands changing exchanges to MPI, and knows of them afterwards."""

from typing import Any, NoReturn

from commplan.communicator.buffers import Unsupported
from commplan.communicator.exchange import handing
from commplan.communicator.exchange.exchange import learn
from commplan.communicator.plans.book import Stopwatch
from commplan.communicator.plans.uses import Uses
from commplan.communicator.progress.delegation import run_beside
from commplan.communicator.progress.threaded_queue import ThreadedQueue
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

    def free(self) -> None:
        """Give back what MPI holds, after all that is under way; all processes call this."""
        self.handed.due = 0
        super().free()

    def hand_next(self) -> None:
        """Let MPI do the next calls, if their blocks change."""
        self.handed.due = 0
        if self.habit.hands_over():
            self.handed.begin(self._native.comm.Alltoallv)

    def hand_over(
        self,
        sendbuf: Any,  # noqa: ANN401
        recvbuf: Any,  # noqa: ANN401
        before: Exception | None = None,
    ) -> None:
        """Let MPI do an Alltoallv whose buffers we read; once in a while learn its matrix.

        before: what mpi4py said to the buffers as they are: types by our names, say, or tensors.
        """
        if before is not None:
            self.handed.withdraw()
        self.check_alive()
        words, ends = [sendbuf, recvbuf], None
        try:
            ends = handing.read_ends(sendbuf, recvbuf, self.size)
            words = handing.write_ends(ends)
        except Unsupported:
            pass
        if isinstance(before, self._native.MPI.Exception):
            self._refuse(before)
        self._hand_one(words)
        if self.handed.begun > self.handed.due:
            self.enter(handing.COMPARED, learn(self, ends)).Wait()
            self.hand_next()

    def _hand_one(self, words: list[Any]) -> None:
        """Let MPI do a call, and time it."""
        watch = Stopwatch()
        self.handed.begun += 1
        self.handed.catch_up()
        self.handed.inside = True
        try:
            run_beside(lambda: self._native.comm.Alltoallv(*words))
        except self._native.MPI.Exception as error:
            self._refuse(error)
        finally:
            self.handed.inside = False
        uses = self._uses()
        uses.count(-1)  # it is timed
        watch.stop(uses)

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
        self.handed.due = 0
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
