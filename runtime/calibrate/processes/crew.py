"""The processes of an MPI job as one thing that measures: the first one says what is next."""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from runtime.calibrate.processes.ping import ping
from runtime.calibrate.processes.stream import Window, stream
from runtime.calibrate.readings import Pair, Ping, Round
from topologies.model.errors import NO, WRONG_INPUT, CommplanError
from topologies.model.units import Seconds

SOON = 5e-3  # seconds from the order to begin to the beginning
CLOCKS = 9  # looks at another clock, of which the quickest counts
PATIENCE = 60.0  # seconds that a batch of rounds may take beyond what it should
STARTED = "mpirun -n N python -m mpi4py -m commplan calibrate"
END, MEET, PING, STREAM = "end", "meet", "ping", "stream"


class CrewError(CommplanError, ValueError):
    """Too few processes, or too many."""

    exit_code = WRONG_INPUT


class Crew:
    """All processes of a job. The first measures with them; the others serve until it ends.

    Attributes:
        budget: seconds that measuring may take.
        window: seconds in which the bytes of a round are counted.
    """

    def __init__(self, comm: Any, budget: Seconds, window: Seconds) -> None:  # noqa: ANN401
        self.comm, self.budget, self.window = comm, budget, window
        self.began = time.perf_counter()
        self.late = 0.0  # what the clock of the first process shows more than this one
        self._names: tuple[str, ...] = ()

    @property
    def names(self) -> Sequence[str]:
        """Name the processes: after their computers, if each has one of its own."""
        return self._names

    def meet(self) -> None:
        """Exchange names, and compare clocks with the first process: before anything else.

        Raises:
            CrewError: there is one process only.
        """
        if self.comm.size < 2:
            raise CrewError(f"1 process, expected 2 or more: {STARTED}")
        self._order(MEET, [()])

    def spent(self) -> float:
        """Tell which part of the time has gone."""
        return (time.perf_counter() - self.began) / self.budget

    def ping(self, rounds: Sequence[Sequence[Pair]]) -> list[list[Ping]]:
        """Let the pairs of each round ping each other."""
        return self._order(PING, rounds)

    def stream(self, rounds: Sequence[Round]) -> list[list[float]]:
        """Let the flows of each round run."""
        return self._order(STREAM, rounds)

    def end(self, code: int) -> None:
        """Let the others go home with an exit code."""
        self.comm.bcast((END, code))

    def serve(self) -> int:
        """Do what the first process says, until it says with which exit code to end."""
        while True:
            word, rest = self.comm.bcast(None)
            if word == END:
                return int(rest)
            self._play(word, rest)

    def _order(self, word: str, rounds: Sequence[Any]) -> list[list[Any]]:
        if not rounds:
            return []
        self.comm.bcast((word, rounds))
        return self._play(word, rounds)

    def _play(self, word: str, rounds: Sequence[Any]) -> list[list[Any]]:
        """Play rounds; in the first process, give what their pairs or flows found, in order."""
        with _watched(self.comm, len(rounds) * 4 * self.window + PATIENCE):
            own = [self._play_one(word, each) for each in rounds]
            everyone = self.comm.gather(own)
        if everyone is None:
            return []
        return [
            _in_order(word, each, [found[i] for found in everyone]) for i, each in enumerate(rounds)
        ]

    def _play_one(self, word: str, each: Any) -> list[Any]:  # noqa: ANN401
        if word == MEET:
            self._names = _name(self.comm.allgather(host_name()))
            self.late = _compare_clocks(self.comm)
            return []
        self.comm.Barrier()
        if word == PING:
            return ping(self.comm, each)
        start = self.comm.bcast(time.perf_counter() + SOON) - self.late
        return stream(self.comm, each, Window(start, self.window))


def world() -> Any:  # noqa: ANN401
    """Give all processes of this job.

    Raises:
        CrewError: there is no mpi4py here, or no MPI.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise CrewError(f"mpi4py: {error}; it comes with the extra commplan[mpi]") from None
    return MPI.COMM_WORLD


def host_name() -> str:
    """Name this computer as MPI does."""
    from mpi4py import MPI

    return str(MPI.Get_processor_name())


def go_home() -> None:
    """Leave MPI in order, whatever the exit code: else mpi4py would abort the job."""
    from mpi4py import MPI

    if MPI.Is_initialized() and not MPI.Is_finalized():
        MPI.Finalize()


def _in_order(word: str, asked: Sequence[Any], found: Sequence[list[Any]]) -> list[Any]:
    """Sort what the processes found by the pairs or flows of a round."""
    left = [iter(each) for each in found]
    ends = [pair[0] if word == PING else pair[1] for pair in asked]
    return [next(left[end]) for end in ends]


def _name(hosts: Sequence[str]) -> tuple[str, ...]:
    """Name processes after their computers, with a number where several are on one."""
    words = ["".join(c if c.isalnum() or c in "-._" else "_" for c in host) for host in hosts]
    if len(set(words)) == len(words):
        return tuple(words)
    return tuple(f"{word}.{words[:i].count(word)}" for i, word in enumerate(words))


def _compare_clocks(comm: Any) -> Seconds:  # noqa: ANN401
    """Find what the first process's clock shows more than this one's.

    The answer that came back soonest counts, half of the time being taken for the way (Cristian,
    Probabilistic clock synchronization, 1989).
    """
    if comm.rank:
        return _ask_time(comm)
    for other in range(1, comm.size):
        for _ in range(CLOCKS):
            comm.recv(source=other)
            comm.send(time.perf_counter(), dest=other)
    return 0.0


def _ask_time(comm: Any) -> Seconds:  # noqa: ANN401
    looks = []
    for _ in range(CLOCKS):
        start = time.perf_counter()
        comm.send(None, dest=0)
        there = comm.recv(source=0)
        end = time.perf_counter()
        looks.append((end - start, there - (start + end) / 2))
    return float(min(looks)[1])


@contextmanager
def _watched(comm: Any, seconds: Seconds) -> Iterator[None]:  # noqa: ANN401
    """End the whole job if something takes far too long: a process is dead, or a network is."""

    def abort() -> None:
        print(f"commplan: process {comm.rank}: no end after {seconds:.0f} s", file=sys.stderr)
        sys.stderr.flush()
        comm.Abort(NO)

    timer = threading.Timer(seconds, abort)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
