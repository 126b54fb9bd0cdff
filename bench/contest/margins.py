"""The margin by which a predicted gain must exceed 1, chosen on some machines, judged on others.

Whoever takes the margin from the rows that it is judged by learns nothing of the next machine. So
the machines are dealt in turns into two halves; the least margin at which at most RARE of the
promises above it on one half were lost is judged on the other, and the other way round.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.contest.selected import LOOSE, Row, mean
from commplan.selection.choose import MARGIN, SMALL, least_gain

MARGINS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0)
RARE = 0.05  # of the promises


@dataclass(frozen=True)
class Promise:
    """How many times as fast as the library's choice an algorithm was to be, and was.

    Attributes:
        doubts: how many margins it needs.
    """

    foretold: float
    measured: float
    doubts: float

    def exceeds(self, margin: float) -> bool:
        """Tell whether a rule would be written."""
        return self.foretold > least_gain(self.doubts, margin)

    @property
    def is_lost(self) -> bool:
        """Tell whether a rule would have made it slower."""
        return self.measured < 1 / LOOSE


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """Say which margin each half of the machines asks for, and how it does on the other half.

    Small and large sizes count apart, and what today's margin does on all is told as well.
    """
    names = list(dict.fromkeys(row.case for row in rows))
    halves = [set(names[0::2]), set(names[1::2])]
    if not halves[1]:
        yield "margins: one machine alone has no other half"
        return
    for title, small in ((f"below {SMALL // 1024} KiB", True), ("above", False)):
        parts = [
            [each for row in rows if row.case in half and (row.size < SMALL) == small
             for each in _promises(row)]
            for half in halves
        ]  # fmt: skip
        for one, other in (parts, parts[::-1]):
            margin = least_margin(one)
            yield f"margin {title}: {len(one)} promises ask for {margin:.0%}"
            yield f"  {judge(other, margin, 'the other half')}"
        yield f"margin {title}: {MARGIN:.0%} today"
        yield f"  {judge(parts[0] + parts[1], MARGIN, 'all')}"


def _promises(row: Row) -> Iterator[Promise]:
    return (Promise(*each) for each in row.promised.values())


def least_margin(promises: Sequence[Promise]) -> float:
    """Find the least margin above which few promises are lost; the largest one where none is so."""
    for margin in MARGINS:
        kept = [each for each in promises if each.exceeds(margin)]
        if sum(each.is_lost for each in kept) <= RARE * len(kept):
            return margin
    return MARGINS[-1]


def judge(promises: Sequence[Promise], margin: float, whose: str) -> str:
    """Say what a margin does to promises."""
    kept = [each for each in promises if each.exceeds(margin)]
    lost = sum(each.is_lost for each in kept)
    if not kept:
        return f"it leaves none of {whose}"
    gain, told = mean([each.measured for each in kept]), mean([each.foretold for each in kept])
    return (
        f"on {whose} {lost} of {len(kept)} lost, {gain:.2f} times as fast on the mean, "
        f"{told:.2f} foretold"
    )
