"""What candidates cost: height, predicted time and scratch, in their chunks or in others."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from commplan.anytime.abandon import end_with
from commplan.candidates.keys import PACES, Key
from runtime.metrics import chunking
from runtime.metrics.height import height
from runtime.metrics.link_loads import algbw
from runtime.metrics.pacing import Pacing, paced
from runtime.program.scratch import scratch
from runtime.simulate.simulate import simulate
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NotFound, Watch

Made = Iterator[tuple[Key, Schedule]]


@dataclass(frozen=True)
class Candidate:
    """A schedule and its height.

    With a size: in how many chunks each piece goes, and what it waits for.

    Attributes:
        seconds: what it is predicted to take, for each byte where no size is given.
        scratch: the most that a rank needs, as a part of the size.
    """

    key: Key
    schedule: Schedule
    height: int
    seconds: float
    scratch: Fraction
    chunks: int = 1
    bottleneck: str = ""

    @property
    def name(self) -> str:
        """Look up the key in words."""
        return str(self.key)


def measure(key: Key, schedule: Schedule, size: int | None) -> Candidate:
    """Predict what a schedule takes.

    Args:
        key: what the candidate is.
        schedule: the schedule.
        size: in bytes.
    """
    if size is not None:
        played = simulate(schedule, size)
        needed = scratch(schedule, played.chunks)
        binds = str(played.bottleneck)
        return Candidate(
            key, schedule, height(schedule), played.seconds, needed, played.chunks, binds
        )
    rate = algbw(schedule)
    pace = float(1 / rate) if rate else 0.0
    return Candidate(key, schedule, height(schedule), pace, scratch(schedule))


def race(made: Made, size: int | None, watch: Watch, what: str) -> list[Candidate]:
    """Measure schedules while there is time.

    Args:
        made: the schedules, made one by one.
        size: in bytes; without one only the height is computed.
        watch: says when to stop.
        what: they are called if there is not enough.
    """
    found: list[Candidate] = []
    try:
        with end_with(watch):
            for key, schedule in made:
                if watch.leaves_out(what):
                    break
                watch.tell(f"trying {key}")
                found.append(measure(key, schedule, size))
    except NotFound:
        watch.leave_out(what)
    return found


def vary_pace(key: Key, schedule: Schedule) -> Made:
    """Give a schedule in more and in fewer chunks than the rule would choose."""
    for pace in PACES:
        yield key.at(pace), paced(schedule, Pacing(pace))


def other_paces(near: list[Candidate], size: int) -> Made:
    """List candidates in other numbers of chunks, each number once."""
    seen = {(c.key, c.chunks) for c in near}
    for each in near:
        for key, schedule in vary_pace(each.key, each.schedule):
            parts = chunking.chunks(schedule, size)
            if (each.key, parts) not in seen:
                seen.add((each.key, parts))
                yield key, schedule
