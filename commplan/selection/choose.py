"""Which algorithm of a library to take at each size, and whether that is worth a rule."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, isqrt, log

from commplan.selection.algorithm import Algorithm
from commplan.selection.play import Stage
from topologies.model.units import Bytes, Seconds

# What a prediction may be off, as a part: on an emulated machine most predictions of unsegmented
# messages were within 10 %, and the extremes 0.78 and 1.28 of what was measured. Of what is small,
# of which messages cost as much as bytes, one that promised 37 % lost 17 (`bench.select`).
MARGIN = 0.15
SMALL, SMALLER = 2**16, 8 / 3  # bytes below which a prediction may be off so many times as much
# So many times as much where messages go in segments: a process that comes late by one holds up all
# behind it, and trees of 1 MiB in segments took 1.2 times what was predicted, others just that.
SEGMENTED = 2.0
# And of what goes at once, or round a ring, which was within 10 % of what was predicted, while what
# swaps in rounds took up to 1.9 times as long: of 10 that promised 6 % or more all gained as much.
STEADY = 0.4
# Where the library's own choice goes in rounds, it took at least what was predicted: of 18 of these
# that were predicted to be 0.96 to 1.03 times as fast one lost 1 %, and the mean gained 25 %. That
# was measured of so many processes; of more, what goes at once may flood a receiver.
FEW = 8
# Own choices in which two send each other took 1.25 to 1.9 times as long as what was predicted up
# to 4 % slower (of 14 that were 1 to 4 % slower); of 11 % slower ones some lost.
# In margins, and the least that any gain may be.
SWAPPED, LEAST = -1 / 3, 0.95
# The other way round: what goes in rounds and promised 1.28 times an own choice that does not took
# 1.15 times as long as that, and two that promised 2.3 gained 1.4; of those that promised less than
# 1.4 times nothing else is known.
ROUNDS = 8 / 3
# Where it is known up to which size messages are sent without asking (Open MPI over TCP), swaps are
# played as they go, and predictions are better: segments took 0.8 to 1.2 times what was predicted,
# gains of 14 % in rounds over rounds were had (18 and 20 %), of those of 6 to 9 % one of four, and
# those of rounds over what does without. Bytes of buffers below SMALL pass in bursts: gains over an
# own choice that sends all at once came out larger, as far down as was MEASURED, and rings of many
# short messages that promised 1.4 to 1.9 times took 1.14 times as long as rounds (two of three).
ALIKE, BURSTS, MEASURED = 2 / 3, 20 / 3, 2**15
LIKE = 0.03  # the algorithm of the size below stays where it is nearly as good
LARGEST = 2**62  # bytes: rules for the largest size hold above

Default = Callable[[int, Bytes], Algorithm | None]


@dataclass(frozen=True)
class Choice:
    """What was found for a collective at a size: bytes of the largest buffer of a process.

    Attributes:
        default: what the library takes by itself; None where that is not modelled.
        default_seconds, best_seconds: geometric means over the communicators of that many.
        chosen: what a rule is to name; None where the library's own choice stays.
    """

    collective: str
    processes: int
    size: Bytes
    default: Algorithm | None
    default_seconds: Seconds
    best: Algorithm
    best_seconds: Seconds
    chosen: Algorithm | None

    @property
    def gain(self) -> float:
        """Compute how many times as long the default takes as what is chosen, at least 1."""
        return max(self.default_seconds / self.best_seconds, 1.0) if self.chosen else 1.0


def choose(
    stages: Sequence[Stage],
    collective: str,
    sizes: Sequence[Bytes],
    algorithms: Sequence[Algorithm],
    default: Default,
    margin: float = MARGIN,
) -> Iterator[Choice]:
    """Play all algorithms at all sizes; a rule must gain more than the margin everywhere.

    Complexity: algorithms × sizes × communicators plays.

    Args:
        stages: communicators of one number of processes, each perhaps in several scenes.
        collective: one of the catalogue's.
        sizes: ascending.
        algorithms: those that may be named.
        default: what the library takes for a number of processes and a size.
        margin: of the time, that a prediction may be off from SMALL bytes on.
    """
    n = stages[0].processes
    able = [each for each in algorithms if each.fits(n)]
    before: Algorithm | None = None
    for size in sizes:
        times = {each: _times(stages, collective, each, size) for each in able}
        own = default(n, size)
        doubt = {
            each: least_gain(doubts(stages[0], collective, each, size, own), margin)
            for each in able
        }
        sure = {each: doubt[each] * _mean(times[each]) for each in able}
        best = min(able, key=lambda each: (sure[each], each.title))
        if before and sure[before] <= (1 + LIKE) * sure[best]:
            best = before
        usual = [] if own is None else times.get(own) or _times(stages, collective, own, size)
        pairs = zip(usual, times[best], strict=True) if usual else ()
        worth = bool(usual) and all(a > doubt[best] * b for a, b in pairs)
        seconds = _mean(times[best])
        yield Choice(
            collective,
            n,
            size,
            own,
            _mean(usual) if usual else seconds,
            best,
            seconds,
            best if worth else None,
        )
        before = best


def least_gain(doubts: float, margin: float = MARGIN) -> float:
    """Give the gain that must be promised: 1 and so many margins, but at least LEAST."""
    return max(1 + margin * doubts, LEAST)


def doubts(
    stage: Stage, collective: str, algorithm: Algorithm, size: Bytes, own: Algorithm | None
) -> float:
    """Give how many times the margin an algorithm needs at a size, beside the library's own choice.

    Less than none where the own choice is known to take longer than is predicted.
    """
    small = SMALLER if size < SMALL else 1
    in_rounds = own is not None and not stage.steady(collective, own)
    if stage.eager and own is not None:
        known = _known_doubts(stage, collective, algorithm, size, own)
        if known is not None:
            return known
    if stage.cuts(collective, algorithm, size):
        return small * SEGMENTED
    steady = stage.steady(collective, algorithm)
    if small > 1 or (in_rounds and not steady):
        return small
    if not steady:
        return ROUNDS
    if own is None or not in_rounds or stage.processes > FEW:
        return STEADY
    return SWAPPED if stage.swaps(collective, own) else 0


def _known_doubts(
    stage: Stage, collective: str, algorithm: Algorithm, size: Bytes, own: Algorithm
) -> float | None:
    """Give them where it is known what is sent without asking; None where that changes nothing."""
    steady, in_rounds = stage.steady(collective, algorithm), not stage.steady(collective, own)
    if size < SMALL:
        over_rounds = BURSTS if steady else SMALLER
        return over_rounds if in_rounds else 1 if size >= MEASURED else SMALLER
    if stage.cuts(collective, algorithm, size):
        return 1
    if steady:  # own rounds without swaps took 1.2 times what was predicted
        late = in_rounds and stage.processes <= FEW and not stage.swaps(collective, own)
        return 0 if late else STEADY
    if not stage.eagerly(collective, algorithm, size):
        return None
    return ALIKE if in_rounds and stage.eagerly(collective, own, size) else 1


def _times(
    stages: Sequence[Stage], collective: str, algorithm: Algorithm, size: Bytes
) -> list[Seconds]:
    return [stage.seconds(collective, algorithm, size) for stage in stages]


def _mean(seconds: Sequence[Seconds]) -> Seconds:
    """Compute the geometric mean; nothing takes no time."""
    return exp(sum(log(max(each, 1e-15)) for each in seconds) / len(seconds))


def ranges(choices: Sequence[Choice]) -> list[tuple[Bytes, Choice]]:
    """Give the largest size that each choice is for, neighbours that are alike being one.

    Between two sizes the change is at their geometric mean, and the last has no end.
    """
    found: list[tuple[Bytes, Choice]] = []
    for one, other in pairwise(choices):
        if one.chosen is not other.chosen:
            found.append((isqrt(one.size * other.size), one))
    return [*found, (LARGEST, choices[-1])]
