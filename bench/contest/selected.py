"""Rows of a table: a library's own choice, with a selection file, and the fastest that was seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, log
from statistics import median

from bench.contest.launches import DEFAULT, FILE, LOOK, Journal, Launch, digest
from commplan.selection.algorithm import Algorithm
from commplan.selection.choose import Choice
from topologies.model.units import Bytes, Seconds, bytes_of

LOOSE, NEAR = 1.03, 1.1
NEVER = 1e-3  # times as fast as the default
FROM = 2**15  # bytes from which the library's own choice must not be beaten by more than LOOSE
HEAD = (
    f"{'machine':28}{'collective':11}{'size':>6}{'default':>9}{'file':>9}{'gain':>6}{'best':>9}"
    f"{'/ file':>7}{'foretold':>9}  rule; best"
)


@dataclass(frozen=True)
class Row:
    """What came out for one size: seconds.

    Attributes:
        foretold: the gain that was predicted.
        rule: the algorithm that the file names, empty where it names none.
        best: the time of the fastest algorithm that runs alone, and its name.
        promised: by algorithm that was measured, how many times as fast as the library's own
            choice it was predicted to be, how many times it was, and how many margins it needs.
    """

    case: str
    what: str
    size: Bytes
    default: Seconds
    file: Seconds
    foretold: float
    rule: str
    best: Seconds
    name: str
    promised: Mapping[str, tuple[float, float, float]]

    @property
    def fastest(self) -> Seconds:
        """Give the best of all that were measured."""
        return min(self.best, self.default, self.file)

    def line(self) -> str:
        """Write the row of the table, in milliseconds."""
        return (
            f"{self.case:28}{self.what:11}{bytes_of(self.size):>6}{self.default * 1e3:9.2f}"
            f"{self.file * 1e3:9.2f}{self.default / self.file:6.2f}{self.fastest * 1e3:9.2f}"
            f"{self.fastest / self.file:7.2f}{self.foretold:9.2f}  {self.rule or '-'}; {self.name}"
        )


def make_row(
    journal: Journal,
    choice: Choice,
    case: str,
    text: str,
    predicted: Mapping[Algorithm, Seconds],
    doubts: Mapping[Algorithm, float],
) -> Row | None:
    """Put together what was measured at one size; None before there is anything of both.

    Args:
        journal: the launches.
        choice: what was chosen at the size.
        case: the machine.
        text: the file.
        predicted: what each algorithm takes that may have been measured alone.
        doubts: how many margins each needs.
    """
    what, size = choice.collective, choice.size

    def seen(who: str, text: str = "") -> Seconds | None:
        return _middle(journal, Launch(case, what, who, 0, text), size)

    default, file = seen(DEFAULT), seen(FILE, digest(text))
    if default is None or file is None:
        return None
    alone = {each: took for each in predicted if (took := seen(each.title)) is not None}
    best = min(alone, key=lambda each: alone[each], default=None)
    return Row(
        case,
        what,
        size,
        default,
        file,
        choice.gain,
        "" if choice.chosen is None else short(choice.chosen),
        inf if best is None else alone[best],
        "-" if best is None else short(best),
        {
            each.title: (choice.default_seconds / predicted[each], default / took, doubts[each])
            for each, took in alone.items()
            if choice.default is not None
        },
    )


def _middle(journal: Journal, first: Launch, size: Bytes) -> Seconds | None:
    """Give the median of the launches in turns; of what was only looked at, what that took."""
    found = [
        times[size]
        for launch, times in journal.known.items()
        if launch.turn != LOOK and _same(launch, first) and size in times
    ]
    look = [
        times[size]
        for launch, times in journal.known.items()
        if launch.turn == LOOK and _same(launch, first) and size in times
    ]
    return median(found or look) if found or look else None


def _same(one: Launch, other: Launch) -> bool:
    return (one.case, one.collective, one.who, one.text) == (
        other.case,
        other.collective,
        other.who,
        other.text,
    )


def short(algorithm: Algorithm) -> str:
    """Name an algorithm in few words."""
    return algorithm.title.partition("_intra_")[2] or algorithm.title


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """Say what was asked for, and what came out."""
    judged = [row for row in rows if row.size >= FROM]
    slower = [row for row in judged if row.file > LOOSE * row.default]
    near = [row for row in rows if row.file <= NEAR * row.fastest]
    large = [row for row in judged if row.file <= NEAR * row.fastest]
    ruled = [row for row in rows if row.rule]
    yield f"rows {len(rows)}, of them with a rule {len(ruled)}"
    yield (
        f"slower than the default by more than {LOOSE - 1:.0%}, from {bytes_of(FROM)} on: "
        f"{len(slower)} of {len(judged)}, with a rule {sum(bool(row.rule) for row in slower)}"
    )
    yield (
        f"within {NEAR - 1:.0%} of the fastest measured: {len(near)} of {len(rows)}, "
        f"from {bytes_of(FROM)} on {len(large)} of {len(judged)}"
    )
    for name, some in (("all rows", rows), ("rows with a rule", ruled)):
        if some:
            gains = [row.default / row.file for row in some]
            told = f"{mean(gains):.2f} on the geometric mean, {max(gains):.2f} at most"
            yield f"gain over the default, {name}: {told}"


def mean(ratios: Sequence[float]) -> float:
    """Compute the geometric mean; what failed counts as NEVER."""
    return exp(sum(log(max(ratio, NEVER)) for ratio in ratios) / len(ratios))
