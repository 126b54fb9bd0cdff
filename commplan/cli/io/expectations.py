"""What is expected, as a table, as lines of commas, and as fields."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from commplan.cli.io.quantities import rate_cell
from commplan.expectation.expect import Expectation, Expected
from commplan.expectation.patterns import Timing
from topologies.model.units import Seconds, bytes_of, count_of, duration

WAYS = ("bound", "best", "ring", "tree", "library")
KEYS = ("bound", "predicted", *WAYS[2:])  # of the same, in the names of fields
FIGURES = ("seconds", "algbw_GBps", "busbw_GBps")
FIELDS = (
    *("collective", "ranks", "size"),
    *(f"{key}_{figure}" for key in KEYS for figure in FIGURES),
    *("scope", "best", "ring", "tree", "library", "binds"),
)


def expected_fields(row: Expected) -> dict[str, object]:
    """Give a row as figures: bytes, seconds, GB/s; None where there is no such pattern."""
    fields: dict[str, object] = {
        "collective": row.collective,
        "ranks": row.ranks,
        "size": row.size,
    }
    for key, seconds in zip(KEYS, _seconds(row), strict=True):
        fields |= zip(
            (f"{key}_{figure}" for figure in FIGURES), _figures(row, seconds), strict=True
        )
    names = (each and each.name for each in (row.best, row.ring, row.tree, row.library))
    return fields | dict(zip(FIELDS[-6:], (row.scope, *names, row.best.binds), strict=True))


def comma_lines(found: Expectation) -> list[str]:
    """Write a line of commas for each row, below the names of the fields."""
    lines = [",".join(FIELDS)]
    for row in found.rows:
        lines.append(",".join(_word(value) for value in expected_fields(row).values()))
    return lines


def _word(value: object) -> str:
    if value is None:
        return ""
    word = f"{value:.9g}" if isinstance(value, float) else str(value)
    return f'"{word}"' if "," in word else word


def table_lines(found: Expectation) -> list[str]:
    """Write a table for each collective."""
    lines: list[str] = []
    for _, rows in groupby(found.rows, key=lambda row: row.collective):
        lines += [""] * bool(lines)
        lines += _table(found.machine, list(rows))
    return lines + [f"not tried: {what}" for what in found.not_tried]


def _table(machine: str, rows: Sequence[Expected]) -> Iterator[str]:
    first = rows[0]
    patterns = (("ring", first.ring), ("tree", first.tree))
    names = [each.name if each else f"{word} (none here)" for word, each in patterns]
    if first.library:
        names.append(f"{first.library.name} as measured")
    ways = WAYS if first.library else WAYS[:-1]
    yield (
        f"{first.collective} on {machine}, {count_of(first.ranks, 'rank')}: "
        f"bound ({first.scope}), best known, {', '.join(names[:-1])} and {names[-1]}; "
        "times, algbw and busbw in GB/s"
    )
    yield (
        f"{'size':>12}" + "".join(f"{way:>11}{'algbw':>8}{'busbw':>8}" for way in ways) + "  binds"
    )
    for row in rows:
        cells = (_cell(row, seconds) for seconds in _seconds(row)[: len(ways)])
        yield f"{bytes_of(row.size):>12}{''.join(cells)}  {row.best.name}: {row.best.binds}"


def _cell(row: Expected, seconds: Seconds | None) -> str:
    if seconds is None:
        return f"{'-':>11}{'-':>8}{'-':>8}"
    rates = (f"{rate_cell(rate):>8}" for rate in (row.algbw(seconds), row.busbw(seconds)))
    return f"{duration(seconds):>11}{''.join(rates)}"


def _seconds(row: Expected) -> tuple[Seconds | None, ...]:
    """Give the times in the order of WAYS."""
    patterns: tuple[Timing | None, ...] = (row.best, row.ring, row.tree, row.library)
    return (row.bound, *(each.seconds if each else None for each in patterns))


def _figures(row: Expected, seconds: Seconds | None) -> tuple[float | None, ...]:
    """Give seconds, algbw and busbw in GB/s."""
    rates = (row.algbw(seconds), row.busbw(seconds)) if seconds else (None, None)
    return (seconds, *(rate and rate / 1e9 for rate in rates))
