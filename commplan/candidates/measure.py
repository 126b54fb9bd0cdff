"""What candidates cost: height, predicted time and scratch, at their pacing or at others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf

from commplan.anytime.abandon import end_with
from commplan.candidates.keys import PACES, Key
from commplan.candidates.tuning import ALLOCATED_MESSAGES, LEADS, RANK_WORK, VARIED_WORK
from runtime.metrics import chunking
from runtime.metrics.height import height
from runtime.metrics.link_loads import algbw
from runtime.metrics.pacing import ORDERS, USUAL, Pacing, with_pacing
from runtime.program.scratch import scratch
from runtime.simulate.simulate import simulate_within
from runtime.simulate.steady import EVENTS, LEAST
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import Switching
from topologies.model.units import Bytes, Seconds, Share

Made = Iterator[tuple[Key, Schedule]]
Program = tuple[Key, int]


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
    seconds: Seconds
    scratch: Share
    chunks: int = 1
    bottleneck: str = ""

    @property
    def name(self) -> str:
        """Look up the key in words."""
        return str(self.key)


def measure(
    key: Key,
    schedule: Schedule,
    size: Bytes | None,
    switching: Switching = "cut-through",
    *,
    scarce: bool = False,
) -> Candidate:
    """Predict what a schedule takes.

    Args:
        key: what the candidate is.
        schedule: the schedule.
        size: in bytes.
        switching: how a message crosses several links.
        scarce: whether scratch is bounded, so that it is counted as the program allocates it.
    """
    if size is not None:
        found = measure_within(key, schedule, size, inf, switching, scarce=scarce)
        assert found is not None  # it may take as long as it likes
        return found
    rate = algbw(schedule)
    pace = float(1 / rate) if rate else 0.0
    return Candidate(key, schedule, height(schedule), pace, scratch(schedule))


def measure_within(
    key: Key,
    schedule: Schedule,
    size: Bytes,
    most: Seconds,
    switching: Switching = "cut-through",
    *,
    scarce: bool = False,
) -> Candidate | None:
    """Predict as `measure` does, but give None as soon as it is seen to take longer than `most`."""
    played = simulate_within(schedule, size, most, switching)
    if played is None:
        return None
    count = allocated if scarce else _foretold
    needed = count(schedule, size, played.chunks)
    binds = str(played.bottleneck)
    return Candidate(key, schedule, height(schedule), played.seconds, needed, played.chunks, binds)


def _foretold(schedule: Schedule, size: Bytes, chunks: int) -> Share:
    """Work out the scratch but for what small messages are put together in."""
    return scratch(schedule, chunks)


def allocated(schedule: Schedule, size: Bytes, chunks: int) -> Share:
    """Count the scratch that the program of a size allocates, as far as it is not too large.

    For large programs, and where switches copy or add, it is what needs no program to be known.
    """
    messages = len(schedule.transfers) * schedule.group.order * chunks
    if schedule.at_switches or messages > ALLOCATED_MESSAGES:
        return scratch(schedule, chunks)
    from runtime.program.lower import peak  # only with a size

    return peak(schedule, size, chunks)


def race(
    made: Made,
    size: Bytes | None,
    watch: Watch,
    what: str,
    switching: Switching = "cut-through",
    *,
    scarce: bool = False,
) -> list[Candidate]:
    """Measure schedules while there is time.

    Args:
        made: the schedules, made one by one.
        size: in bytes; without one only the height is computed.
        watch: says when to stop.
        what: they are called if there is not enough.
        switching: how a message crosses several links.
        scarce: as of `measure`.
    """
    found: list[Candidate] = []
    try:
        with end_with(watch):
            for key, schedule in made:
                if watch.leaves_out(what):
                    break
                watch.tell(f"trying {key}")
                found.append(measure(key, schedule, size, switching, scarce=scarce))
    except NotFound:
        watch.leave_out(what)
    return found


def other_paces(pacing: Pacing) -> Iterator[Pacing]:
    """Vary a pacing by as many chunks as the rule would choose, and by more and fewer."""
    return (replace(pacing, pace=pace) for pace in (USUAL.pace, *PACES))


def other_leads(pacing: Pacing) -> Iterator[Pacing]:
    """Vary a pacing by other leads, each in either order."""
    return (Pacing(pacing.pace, lead, order) for lead in LEADS for order in ORDERS)


def sparing_paces(pacing: Pacing) -> Iterator[Pacing]:
    """Vary a pacing by those that take less scratch: smaller leads, and more chunks."""
    return (Pacing(pace, lead, pacing.order) for lead in (2, 1) for pace in (pacing.pace, *PACES))


def vary(near: list[Candidate], others: Callable[[Pacing], Iterator[Pacing]], size: Bytes) -> Made:
    """List candidates at other pacings, each program once, of large ones fewer."""
    seen = {program_of(c.key, c.schedule, size) for c in near}
    left = VARIED_WORK
    for each in near:
        for pacing in others(each.key.pacing):
            key, schedule = each.key.at(pacing), with_pacing(each.schedule, pacing)
            program = program_of(key, schedule, size)
            if program not in seen and (left := left - play_work(schedule, size)) >= 0:
                seen.add(program)
                yield key, schedule


def play_work(schedule: Schedule, size: Bytes) -> int:
    """Count what a play does: visits of messages to links, and what comes before for each rank."""
    links = len(schedule.transfers.route)
    played = max(EVENTS, 3 * LEAST // 2 * links)  # of more chunks two plays of fewer tell
    visits = min(links * chunking.chunks(schedule, size), played)
    return visits + RANK_WORK * schedule.topology.ranks


def program_of(key: Key, schedule: Schedule, size: Bytes) -> Program:
    """Tell programs apart: what pacings come to the same number of chunks are one."""
    return key.at(replace(key.pacing, pace=1.0)), chunking.chunks(schedule, size)
