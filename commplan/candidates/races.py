"""Schedules measured at many sizes: here, or by other processes that hold them too.

A job is one schedule at one size, and answers only figures, so that next to nothing travels. The
processes may be on this computer (`cores`), or those of an MPI job on many hosts (`hosts`).
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from signal import SIGKILL
from typing import NamedTuple

from commplan.candidates.keys import Key
from commplan.candidates.measure import Candidate, measure
from commplan.candidates.select import choose
from commplan.candidates.tuning import TOGETHER
from runtime.launch import kills
from runtime.metrics.pacing import with_pacing
from solvers.schedules.files import from_bytes, to_bytes
from solvers.schedules.schedule import Schedule
from solvers.settings.options import DEFAULT_OPTIONS, SolverOptions, Switching
from topologies.model.errors import NO, WRONG_INPUT, CommplanError
from topologies.model.units import Bytes, Seconds, Share

# Gives a field to processes that are to race it, for as long as it is open.
Helped = Callable[[Mapping[Key, Schedule]], AbstractContextManager[Executor | None]]
STARTED = "mpiexec -n N python -m mpi4py.futures -m commplan"


class HostsError(CommplanError, ValueError):
    """The processes that were to help are not there."""

    exit_code = WRONG_INPUT


class RaceError(CommplanError, RuntimeError):
    """A process that raced candidates was ended from outside."""

    exit_code = NO


class Figures(NamedTuple):
    """What a job answers: the figures of a candidate."""

    height: int
    seconds: Seconds
    scratch: Share
    chunks: int
    bottleneck: str


@dataclass(frozen=True, eq=False)
class Races:
    """Measures the entrants, and the same at other pacings, at sizes.

    Attributes:
        executor: makes other processes do it, which hold the entrants (`cores`, `hosts`).
    """

    entrants: Mapping[Key, Schedule]
    options: SolverOptions = DEFAULT_OPTIONS
    max_scratch: Share | None = None
    executor: Executor | None = None
    known: dict[tuple[Key, int], Candidate] = field(default_factory=dict)

    def schedule(self, key: Key) -> Schedule:
        """Look up an entrant, which may be asked for at another pacing."""
        return _entrant(self.entrants, key)

    def at(self, sizes: Sequence[int], keys: Iterable[Key]) -> dict[int, list[Candidate]]:
        """Race at sizes in bytes; those that keep to the limits, the fastest first, for each.

        Raises:
            LimitError, ScratchError: as of `select.compare`.
        """
        asked = list(keys)
        jobs = [(key, size) for size in sizes for key in asked if (key, size) not in self.known]
        for (key, size), figures in zip(jobs, self._figures(jobs), strict=True):
            self.known[key, size] = Candidate(key, self.schedule(key), *figures)
        return {
            size: choose(
                [self.known[key, size] for key in asked], size, self.max_scratch, self.options
            )
            for size in sizes
        }

    def _figures(self, jobs: Sequence[tuple[Key, int]]) -> Iterator[Figures]:
        scarce = self.max_scratch is not None
        if self.executor is None or len(jobs) < TOGETHER:
            return (
                _figures(key, self.schedule(key), size, self.options.switching, scarce)
                for key, size in jobs
            )
        told = [(key, size, self.options.switching, scarce) for key, size in jobs]
        return self.executor.map(_job, told, chunksize=min(TOGETHER, len(jobs) // TOGETHER))


@contextmanager
def no_help(field: Mapping[Key, Schedule]) -> Iterator[Executor | None]:
    """Let this process do everything."""
    yield None


def cores(count: int) -> Helped:
    """Let so many processes of this computer hold a field and race."""

    @contextmanager
    def helped(field: Mapping[Key, Schedule]) -> Iterator[Executor | None]:
        # Loaded late, as they are in the way of every other command.
        from concurrent.futures import ProcessPoolExecutor
        from concurrent.futures.process import BrokenProcessPool
        from multiprocessing import get_context

        start = get_context("spawn")  # a fork would copy the locks of solvers without their threads
        before = kills.count_kills()
        try:
            with ProcessPoolExecutor(count, start, _hold, (_send(field),)) as executor:
                yield executor
        except BrokenProcessPool:
            why = kills.advice(SIGKILL, before, kills.count_kills())
            raise RaceError(f"jobs: a process of {count} was ended from outside; {why}") from None

    return no_help if count == 1 else helped


@contextmanager
def hosts(field: Mapping[Key, Schedule]) -> Iterator[Executor | None]:
    """Let the processes of an MPI job do it, one of which this is (`STARTED`).

    Raises:
        HostsError: this process was not started so.
    """
    if "mpi4py.futures" not in sys.orig_argv:
        raise HostsError(f"jobs: mpi works under {STARTED}")
    from mpi4py.futures import MPIPoolExecutor

    with MPIPoolExecutor(initializer=_hold, initargs=(_send(field),)) as executor:
        yield executor


def _send(field: Mapping[Key, Schedule]) -> dict[Key, bytes]:
    return {key: to_bytes(schedule) for key, schedule in field.items()}


_held: dict[Key, Schedule] = {}


def _hold(sent: Mapping[Key, bytes]) -> None:
    """Take in a field, in a process that is to measure it."""
    _held.update({key: from_bytes(data) for key, data in sent.items()})


def _job(job: tuple[Key, int, Switching, bool]) -> Figures:
    key, size, switching, scarce = job
    return _figures(key, _entrant(_held, key), size, switching, scarce)


def _entrant(field: Mapping[Key, Schedule], key: Key) -> Schedule:
    if key in field:
        return field[key]
    known = next(schedule for each, schedule in field.items() if each.unpaced == key.unpaced)
    return with_pacing(known, key.pacing)


def _figures(
    key: Key, schedule: Schedule, size: Bytes, switching: Switching, scarce: bool
) -> Figures:
    found = measure(key, schedule, size, switching, scarce=scarce)
    return Figures(found.height, found.seconds, found.scratch, found.chunks, found.bottleneck)
