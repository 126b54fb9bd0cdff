"""Candidates run in turns, and which of them is the fastest as far as launches can tell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from commplan.candidates.measure import Candidate
from commplan.tuning.launches import Launcher
from runtime.simulate.simulate import simulate
from topologies.model.errors import NO, CommplanError
from topologies.model.units import Bytes, Seconds

FAR = 2.0  # times the fastest of the first launches, beyond which others are not launched again
SPARING = 2  # one place in so many is for those that send the fewest messages
LEAST = 1.0  # seconds that a launch needs at least


class TuneError(CommplanError, RuntimeError):
    """No candidate was measured with a right result."""

    exit_code = NO


@dataclass(frozen=True)
class Tried:
    """A candidate and the seconds of its launches.

    Attributes:
        messages: of all ranks together.
        predicted: seconds, of the machine or, if it is an emulated one, as it is emulated.
        fault: why it cannot be chosen, if so: it failed, or its result was wrong.
    """

    candidate: Candidate
    messages: int
    predicted: Seconds
    seconds: tuple[Seconds, ...] = ()
    fault: str = ""

    @property
    def median(self) -> Seconds:
        """Compute what a launch takes."""
        return median(self.seconds)

    @property
    def spread(self) -> Seconds:
        """Compute how far launches are from that, in the median: a single odd one is no matter."""
        return median(abs(each - self.median) for each in self.seconds)

    @property
    def valid(self) -> bool:
        """Tell whether it can be chosen."""
        return bool(self.seconds) and not self.fault


def pick(found: Sequence[Candidate], size: Bytes, most: int) -> list[Tried]:
    """Of candidates, the one to choose first, take so many: one of each kind, by prediction.

    A machine whose ranks share cores, or whose buffers take all of a brief message, is not as it is
    stated, and what costs there is messages. So half of the places are for the fewest of them.
    """
    kinds: dict[tuple[object, ...], Candidate] = {}
    for each in found:
        kinds.setdefault((each.key.generator, *each.key.parameters[:1]), each)
    all_kinds = [
        Tried(each, simulate(each.schedule, size, chunks=each.chunks).messages, each.seconds)
        for each in kinds.values()
    ]
    near = all_kinds[: most - most // SPARING]
    others = sorted(all_kinds[len(near) :], key=lambda each: (each.messages, each.predicted))
    return near + others[: most - len(near)]


def run_in_turns(
    entrants: Sequence[Tried],
    size: Bytes,
    start: Launcher,
    launches: int,
    timeout: Seconds,
    left: Callable[[], Seconds],
    tell: Callable[[str], None] = lambda _: None,
) -> list[Tried]:
    """Launch each once, then those near the fastest in turns, as often as asked.

    Args:
        entrants: what to launch.
        size: in bytes.
        start: launches one.
        launches: of each that is near.
        timeout: seconds of each launch, at most.
        left: gives the seconds that are left for all; when they are over, the rest is not launched.
        tell: hears what is being done.
    """
    found = list(entrants)
    for turn in range(launches):
        for i, each in enumerate(found):
            if each.fault or (turn and not _near(each, found)):
                continue
            if left() < LEAST:
                return found
            tell(f"launch {turn + 1} of {launches}: {each.candidate.name}")
            done = start(each.candidate.schedule, size, min(timeout, left()))
            if done.fault and left() < LEAST:
                return found  # it was cut short
            if done.fault:
                found[i] = replace(each, fault=done.fault)
                continue
            predicted = each.predicted if done.predicted is None else done.predicted
            found[i] = replace(each, predicted=predicted, seconds=(*each.seconds, done.seconds))
    return found


def _near(each: Tried, found: Sequence[Tried]) -> bool:
    """Tell whether the first launch of one was near the fastest of all first launches."""
    first = min(other.seconds[0] for other in found if other.seconds)
    return bool(each.seconds) and each.seconds[0] <= FAR * first


def choose(found: Sequence[Tried]) -> Tried:
    """Give the fastest; within the spread of its launches the best predicted.

    Raises:
        TuneError: none had a right result.
    """
    valid = [each for each in found if each.valid]
    if not valid:
        reasons = [f"{each.candidate.name}: {each.fault}" for each in found if each.fault]
        raise TuneError(f"no candidate was measured: {next(iter(reasons), 'the time was over')}")
    often = max(len(each.seconds) for each in valid)
    # Who fell behind at first was launched once; who lacks the last launch lacked only time.
    last = [each for each in valid if len(each.seconds) >= max(often - 1, 2)] or valid
    fastest = min(last, key=lambda each: each.median)
    most = fastest.median + fastest.spread
    return min((each for each in last if each.median <= most), key=lambda each: each.predicted)
