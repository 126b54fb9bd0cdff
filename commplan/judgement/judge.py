"""Measured times beside the bound and the best known, and one sentence on what is wrong first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from commplan.expectation.expect import Expected, expect, switches_help
from commplan.judgement.explain import Explanation, explain
from commplan.measurements.rows import Measured, medians
from solvers.bounds.time_bound import time_lower_bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.topology import Topology
from topologies.model.units import Seconds, bytes_of, count_of, duration

EXACT = 1.001  # times the measured time that a bound may be: clocks and rounding
SMALL_PART = 0.05  # of a bound, below which a tenth of a percent counts
PLATEAU = 0.1  # of a share, by which shares from one size on may differ from the last one
GOOD = 0.9  # of the bound, from which nothing is wrong
DROP = 0.75  # of the best share at a smaller size, below which a larger one has fallen
FLAT = 0.15  # of a time, by which others may differ and take as long, over sizes that
WIDE = 8  # times the least one reach
MOST_FACTOR = 2.0**40


class JudgementError(CommplanError, ValueError):
    """Measurements that are not of this machine."""

    exit_code = WRONG_INPUT


@dataclass(frozen=True)
class Judged:
    """A measurement beside what is expected."""

    measured: Measured
    expected: Expected

    @property
    def of_bound(self) -> float:
        """Compute the share of what nothing exceeds that was reached; above 1 nothing explains."""
        return self.expected.bound / self.measured.seconds

    @property
    def of_best(self) -> float:
        """Compute the share of what the fastest known schedule is predicted to reach."""
        return self.expected.best.seconds / self.measured.seconds

    @property
    def impossible(self) -> bool:
        """Tell whether the measurement is above the bound, so that the machine is another one."""
        return self.of_bound > EXACT


@dataclass(frozen=True)
class Verdict:
    """What is wrong first with the rows of one collective over so many ranks.

    Attributes:
        share: of the bound, that is reached at the largest size.
        factor: the least that all rates must be multiplied by to allow what was measured; 1 where
            they do, None where no rate does.
        wrong: rows whose results were wrong.
    """

    collective: str
    ranks: int
    share: float
    factor: float | None
    sentence: str
    wrong: int = 0


@dataclass(frozen=True)
class Judgement:
    """All rows, and a verdict for each collective and number of ranks, the worst one first."""

    machine: str
    rows: tuple[Judged, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def possible(self) -> bool:
        """Tell whether the machine allows all that was measured."""
        return not any(row.impossible for row in self.rows)

    @property
    def right(self) -> bool:
        """Tell whether all results were right, as far as the log says."""
        return not any(row.measured.wrong for row in self.rows)


def judge(
    topology: Topology,
    rows: Iterable[Measured],
    *,
    ranks: Sequence[int] | None = None,
    seconds: Seconds = 600.0,
    watch: Watch | None = None,
) -> Judgement:
    """Compare measurements with what a machine allows.

    Args:
        topology: the machine.
        rows: what was measured; of several of one collective, ranks and size the median counts.
        ranks: those that took part; without them as many as the row says, from the first one on.
        seconds: of time, at most.
        watch: reports progress and can be stopped early; takes the place of `seconds`.

    Raises:
        JudgementError: a row of more ranks than there are.
        as `expect`.
    """
    watch = watch or Watch(seconds)
    judged: list[Judged] = []
    verdicts: list[Verdict] = []
    for (name, count), group in groupby(medians(rows), key=lambda row: (row.collective, row.ranks)):
        same = list(group)
        what = collective(name, _ranks(topology, count, ranks, same[0]))
        found = expect(topology, [what], [row.size for row in same], watch=watch).rows
        pairs = [Judged(row, each) for row, each in zip(same, found, strict=True)]
        judged += pairs
        verdicts.append(_verdict(topology, what, pairs))
    verdicts.sort(key=lambda each: (not each.wrong, each.factor == 1, each.share))
    return Judgement(topology.name, tuple(judged), tuple(verdicts))


def _ranks(
    topology: Topology, count: int, ranks: Sequence[int] | None, row: Measured
) -> Sequence[int]:
    """Choose who took part.

    Raises:
        JudgementError: there are not so many.
    """
    known = range(topology.ranks) if ranks is None else ranks
    if count > len(known) or (ranks is not None and count != len(ranks)):
        exact = "" if ranks is None else "exactly "
        raise JudgementError(
            f"line {row.line}: {row.collective} over {count_of(count, 'rank')}, expected {exact}"
            f"{'at most ' if not exact else ''}{len(known)} on {topology.name}"
        )
    return known[:count]


def _verdict(topology: Topology, what: Collective, rows: Sequence[Judged]) -> Verdict:
    """Say what is wrong first: results, then times that cannot be, then what was not reached."""
    failed = [row for row in rows if row.measured.wrong]
    title = f"{what.name}, {count_of(len(what.ranks), 'rank')}" + _wrong_results(failed)
    found = _verdict_on_times(topology, what, rows, title)
    return replace(found, wrong=len(failed))


def _wrong_results(rows: Sequence[Judged]) -> str:
    """Say where results were wrong."""
    if not rows:
        return ""
    first, more = rows[0].measured, len(rows) - 1
    others = f" and at {count_of(more, 'other size')}" if more else ""
    return (
        f": WRONG RESULTS at {bytes_of(first.size)} (line {first.line}){others}: look for that "
        "first, times of wrong results tell little; as for them"
    )


def _verdict_on_times(
    topology: Topology, what: Collective, rows: Sequence[Judged], title: str
) -> Verdict:
    last = rows[-1]
    wrong = [row for row in rows if row.impossible]
    if wrong:
        worst = max(wrong, key=lambda row: row.of_bound)
        factor = _least_factor(topology, what, wrong)
        size = bytes_of(worst.measured.size)
        said = (
            f"{title}: {size} took {1 / worst.of_bound:.0%} of the time that nothing can beat, so "
            f"that the topology is wrong; {_explained(factor)}"
        )
        return Verdict(what.name, len(what.ranks), last.of_bound, factor, said)
    said = f"{title}: {_plateau(rows)} {_part(last.of_bound)} of what the machine allows"
    found = None if last.of_bound >= GOOD else explain(topology, what, last.expected, last.measured)
    said += "".join(_reasons(rows, found))
    return Verdict(what.name, len(what.ranks), last.of_bound, 1.0, said)


def _part(share: float) -> str:
    """Write a part of a bound: whole percents, and a small one with a digit that says something."""
    return f"{share:.0%}" if share >= SMALL_PART else f"{share:.1%}"


def _explained(factor: float | None) -> str:
    if factor is None:
        return "no rates explain it: its latencies are too long"
    return f"with all rates {factor:.3g} times as high it would just be possible"


def _plateau(rows: Sequence[Judged]) -> str:
    """Say from which size on the share stays about what it is at the last one."""
    last, first = rows[-1].of_bound, len(rows) - 1
    while first and abs(rows[first - 1].of_bound - last) <= PLATEAU * last:
        first -= 1
    size = bytes_of(rows[first].measured.size)
    return f"at {size}" if first == len(rows) - 1 else f"from {size} on"


def _reasons(rows: Sequence[Judged], found: Explanation | None) -> Iterator[str]:
    """Say what would give just this, and where a share has fallen."""
    flat = _flat_from(rows)
    if rows[-1].of_bound >= GOOD:
        yield ", nothing is wrong there"
    elif flat is not None:
        begin, end = (bytes_of(row.measured.size) for row in (flat, rows[-1]))
        took = duration(rows[-1].measured.seconds)
        yield f"; from {begin} to {end} it takes about {took}: a start and latencies, not rates"
    elif found is None:
        yield "; none of the patterns known here takes just this time"
    else:
        yield f"; {found.words} would give just this"
    best = 0.0
    for row in rows:
        if row.of_bound < DROP * best:
            size = bytes_of(row.measured.size)
            yield f"; at {size} it falls from {best:.0%} to {row.of_bound:.0%}"
            return
        best = max(best, row.of_bound)


def _flat_from(rows: Sequence[Judged]) -> Judged | None:
    """Find the least size that takes about as long as the largest one; None where that is near."""
    last = rows[-1].measured
    like = [row for row in rows if abs(row.measured.seconds / last.seconds - 1) <= FLAT]
    return like[0] if like[0].measured.size * WIDE <= last.size else None


def _least_factor(topology: Topology, what: Collective, rows: Sequence[Judged]) -> float | None:
    """Find by bisection the least factor of all rates that allows what was measured.

    Rates stand in the bound only below the size, so that a smaller size stands for them.
    """

    def allowed(factor: float) -> bool:
        return all(
            time_lower_bound(
                topology,
                what,
                row.expected.proof,
                row.measured.size / factor,
                in_network=switches_help(topology),
            )
            <= row.measured.seconds * EXACT
            for row in rows
        )

    if not allowed(MOST_FACTOR):
        return None
    low, high = 1.0, 2.0
    while not allowed(high):
        low, high = high, 2 * high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if allowed(middle) else (middle, high)
    return high
