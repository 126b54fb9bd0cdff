"""A judgement as a table, and as fields."""

from collections.abc import Iterator
from itertools import groupby

from commplan.cli.io.quantities import gigabytes, rate_cell
from commplan.judgement.judge import Judged, Judgement, Verdict
from topologies.model.units import bytes_of, count_of, duration


def judged_fields(row: Judged) -> dict[str, object]:
    """Give a row as figures: bytes, seconds, GB/s, shares."""
    seconds = row.measured.seconds
    return {
        "collective": row.measured.collective,
        "ranks": row.measured.ranks,
        "size": row.measured.size,
        "measured_seconds": seconds,
        "algbw_GBps": gigabytes(row.expected.algbw(seconds)),
        "busbw_GBps": gigabytes(row.expected.busbw(seconds)),
        "bound_seconds": row.expected.bound,
        "of_bound": row.of_bound,
        "predicted_seconds": row.expected.best.seconds,
        "of_predicted": row.of_best,
        "ring_seconds": row.expected.ring and row.expected.ring.seconds,
        "tree_seconds": row.expected.tree and row.expected.tree.seconds,
        "impossible": row.impossible,
        "wrong": row.measured.wrong,
    }


def verdict_fields(verdict: Verdict) -> dict[str, object]:
    """Give a verdict as fields."""
    return {
        "collective": verdict.collective,
        "ranks": verdict.ranks,
        "of_bound": verdict.share,
        "rate_factor": verdict.factor,
        "wrong": verdict.wrong,
        "sentence": verdict.sentence,
    }


def judged_lines(found: Judgement) -> Iterator[str]:
    """Write a table for each collective and number of ranks, and then the verdicts."""
    for (name, count), rows in groupby(
        found.rows, key=lambda row: (row.measured.collective, row.measured.ranks)
    ):
        yield f"{name} on {found.machine}, {count_of(count, 'rank')}"
        yield (
            f"{'size':>12}{'measured':>12}{'algbw':>8}{'busbw':>8}{'bound':>12}{'reached':>9}"
            f"{'best':>12}{'reached':>9}{'ring':>12}{'tree':>12}"
        )
        yield from map(_line, rows)
        yield ""
    yield from (verdict.sentence for verdict in found.verdicts)


def _line(row: Judged) -> str:
    seconds, due = row.measured.seconds, row.expected
    rates = (f"{rate_cell(rate):>8}" for rate in (due.algbw(seconds), due.busbw(seconds)))
    patterns = (duration(each.seconds) if each else "-" for each in (due.ring, due.tree))
    return (
        f"{bytes_of(row.measured.size):>12}{duration(seconds):>12}{''.join(rates)}"
        f"{duration(due.bound):>12}{row.of_bound:>9.1%}"
        f"{duration(due.best.seconds):>12}{row.of_best:>9.1%}"
        + "".join(f"{word:>12}" for word in patterns)
        + ("  above the bound" if row.impossible else "")
        + ("  WRONG RESULTS" if row.measured.wrong else "")
    )
