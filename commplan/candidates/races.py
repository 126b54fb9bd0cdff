"""Schedules measured at many sizes: here, or by other processes that hold them too.

A job is one schedule at one size, and answers only figures, so that next to nothing travels. The
processes may be on this computer (`cores`), or those of an MPI job on many hosts (`hosts`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from commplan.candidates.crew import elsewhere, here
from commplan.candidates.keys import Key
from commplan.candidates.measure import Candidate, Program, measure_within, program_of
from commplan.candidates.select import allow, choose
from commplan.candidates.tuning import TOGETHER
from runtime.metrics.pacing import with_pacing
from solvers.schedules.files import from_bytes, to_bytes
from solvers.schedules.schedule import Schedule
from solvers.settings.options import DEFAULT_OPTIONS, SolverOptions, Switching
from topologies.model.units import Bytes, Seconds, Share

# Gives a field to processes that are to race it, for as long as it is open.
Helped = Callable[[Mapping[Key, Schedule]], AbstractContextManager[Executor | None]]


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

    Each program is played once at a size, the most promising one first, and others no longer than
    they can still matter.

    Attributes:
        executor: makes other processes do it, which hold the entrants (`cores`, `hosts`).
        known: what was measured, by program and size.
        slow: by program and size, the seconds that a program was seen to take longer than.
        before: what each took, or took longer than, when it was last asked for.
    """

    entrants: Mapping[Key, Schedule]
    options: SolverOptions = DEFAULT_OPTIONS
    max_scratch: Share | None = None
    executor: Executor | None = None
    known: dict[tuple[Program, Bytes], Figures] = field(default_factory=dict)
    slow: dict[tuple[Program, Bytes], Seconds] = field(default_factory=dict)
    before: dict[Key, Seconds] = field(default_factory=dict)
    paced: dict[Key, Schedule] = field(default_factory=dict)

    def schedule(self, key: Key) -> Schedule:
        """Look up an entrant, which may be asked for at another pacing."""
        if key not in self.paced:
            self.paced[key] = _entrant(self.entrants, key)
        return self.paced[key]

    def at(self, size: Bytes, keys: Iterable[Key], far: float = inf) -> list[Candidate]:
        """Race at a size in bytes; those that keep to the limits, the one to choose first, by time.

        Args:
            size: in bytes.
            keys: who races.
            far: times the time of the first, beyond which others may be missing.

        Raises:
            LimitError, ScratchError: as of `select.compare`.
        """
        asked = {key: program_of(key, self.schedule(key), size) for key in keys}
        self._play(size, {program: key for key, program in reversed(asked.items())}, far)
        found = [
            Candidate(key, self.schedule(key), *self.known[program, size])
            for key, program in asked.items()
            if (program, size) in self.known
        ]
        for key, program in asked.items():
            own = self.known.get((program, size))
            # What was not played at all is slower than one that takes no time.
            slow = self.slow.get((program, size), 0.0)
            self.before[key] = slow if own is None else own.seconds
        return choose(found, size, self.max_scratch, self.options)

    def _play(self, size: Bytes, programs: Mapping[Program, Key], far: float) -> None:
        """Play the programs at a size, those that may be within `far` times the first one."""
        most = far * min((self._allow(p, k, size) for p, k in programs.items()), default=inf)
        left = [p for p in programs if (p, size) not in self.known]
        begins = True
        left.sort(key=lambda program: self.before.get(programs[program], 0.0))
        while left := [p for p in left if self.slow.get((p, size), 0.0) < most]:
            # Other processes are told how long they may play once the first one was played here.
            count = 1 if self.executor is None or (begins and far < inf) else len(left)
            begins = False
            wave, left = left[:count], left[count:]
            jobs = [(programs[program], size, most) for program in wave]
            for program, figures in zip(wave, self._figures(jobs), strict=True):
                if figures is None:
                    self.slow[program, size] = most
                else:
                    self.known[program, size] = figures
                    most = min(most, far * self._allow(program, programs[program], size))

    def _allow(self, program: Program, key: Key, size: Bytes) -> Seconds:
        """Give the time beyond which others do not matter beside a program, if it was played."""
        figures = self.known.get((program, size))
        if figures is None:
            return inf
        there = Candidate(key, self.schedule(key), *figures)
        return allow(there, self.max_scratch, self.options)

    def _figures(self, jobs: Sequence[tuple[Key, Bytes, Seconds]]) -> Iterator[Figures | None]:
        switching, scarce = self.options.switching, self.max_scratch is not None
        if self.executor is None or len(jobs) < TOGETHER:
            return (
                _figures(key, self.schedule(key), size, most, switching, scarce)
                for key, size, most in jobs
            )
        told = [(*job, switching, scarce) for job in jobs]
        return self.executor.map(_job, told, chunksize=min(TOGETHER, len(jobs) // TOGETHER))


@contextmanager
def no_help(field: Mapping[Key, Schedule]) -> Iterator[Executor | None]:
    """Let this process do everything."""
    yield None


def cores(count: int) -> Helped:
    """Let so many processes of this computer hold a field and race."""

    @contextmanager
    def helped(field: Mapping[Key, Schedule]) -> Iterator[Executor | None]:
        with here(count, _hold, (_send(field),)) as executor:
            yield executor

    return no_help if count == 1 else helped


@contextmanager
def hosts(field: Mapping[Key, Schedule]) -> Iterator[Executor | None]:
    """Let the processes of an MPI job do it.

    Raises:
        HostsError: as of `elsewhere`.
    """
    with elsewhere(_hold, (_send(field),)) as executor:
        yield executor


def _send(field: Mapping[Key, Schedule]) -> dict[Key, bytes]:
    return {key: to_bytes(schedule) for key, schedule in field.items()}


_held: dict[Key, Schedule] = {}


def _hold(sent: Mapping[Key, bytes]) -> None:
    """Take in a field, in a process that is to measure it."""
    _held.update({key: from_bytes(data) for key, data in sent.items()})


def _job(job: tuple[Key, Bytes, Seconds, Switching, bool]) -> Figures | None:
    key, size, most, switching, scarce = job
    return _figures(key, _entrant(_held, key), size, most, switching, scarce)


def _entrant(field: Mapping[Key, Schedule], key: Key) -> Schedule:
    if key in field:
        return field[key]
    known = next(schedule for each, schedule in field.items() if each.unpaced == key.unpaced)
    return with_pacing(known, key.pacing)


def _figures(
    key: Key, schedule: Schedule, size: Bytes, most: Seconds, switching: Switching, scarce: bool
) -> Figures | None:
    found = measure_within(key, schedule, size, most, switching, scarce=scarce)
    if found is None:
        return None
    return Figures(found.height, found.seconds, found.scratch, found.chunks, found.bottleneck)
