"""A row of a log, and what is wrong with one."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, isfinite
from statistics import median

from topologies.model.arguments import of, refuse
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.messages import short
from topologies.model.units import Bytes, Seconds

MOST_BYTES, MOST_SECONDS, MOST_RANKS = 2**60, 10.0**6, 2**20
# The names that libraries and their benchmarks give to ours, without case and marks between.
NAMES = {
    "allgather": "all_gather",
    "allreduce": "all_reduce",
    "alltoall": "all_to_all",
    "alltoallpersonalizedexchange": "all_to_all",
    "bcast": "broadcast",
    "broadcast": "broadcast",
    "gather": "gather",
    "reduce": "reduce",
    "reducescatter": "reduce_scatter",
    "reducescatterblock": "reduce_scatter",
    "scatter": "scatter",
}


class LogError(CommplanError, ValueError):
    """A log that cannot be read: the file, the line, what was found and what was expected."""

    exit_code = WRONG_INPUT


@dataclass(frozen=True)
class Measured:
    """A collective that was timed.

    Attributes:
        ranks: how many took part.
        size: in bytes, of the largest buffer of a rank.
        line: of the log.
        wrong: elements that came out wrong; 1 where a log only says that some did.
    """

    collective: str
    ranks: int
    size: Bytes
    seconds: Seconds
    line: int
    wrong: int = 0


@dataclass(frozen=True)
class Context:
    """What is known of a log that may not say it itself.

    Attributes:
        collective, ranks: what the user says.
        guess: the collective in the file's name, where nothing else tells.
        everyone: the number of ranks where nothing else tells.
    """

    collective: str | None = None
    ranks: int | None = None
    guess: str | None = None
    everyone: int | None = None


def name_of(word: str) -> str | None:
    """Find our name of a collective in a name such as `AllReduce` or `all_reduce_perf`."""
    plain = re.sub(r"[^a-z]", "", word[:80].lower())
    for end in ("perf", "test"):
        plain = plain.removesuffix(end)
    return NAMES.get(plain)


def measured(
    line: int,
    collective: str | None,
    ranks: int | None,
    size: float,
    seconds: float,
    wrong: float = 0,
) -> Measured:
    """Make a row of figures from outside.

    Raises:
        ValueError: with the line, what is missing or out of range.
    """
    if collective is None:
        raise ValueError("it does not say which collective it is of; --collective does")
    if ranks is None:
        raise ValueError("it does not say how many ranks took part; --ranks does")
    if not 1 <= ranks <= MOST_RANKS:
        raise ValueError(f"line {line}: {ranks} ranks, expected 1 to {MOST_RANKS}")
    if not (1 <= size <= MOST_BYTES and size == int(size)):
        raise ValueError(f"line {line}: a size of {size:g} bytes, expected a whole number from 1")
    if not (isfinite(seconds) and 0 < seconds <= MOST_SECONDS):
        raise ValueError(f"line {line}: a time of {seconds:g} s, expected more than 0")
    if not wrong >= 0:
        raise ValueError(f"line {line}: {wrong:g} wrong elements, expected 0 or more")
    return Measured(collective, ranks, int(size), seconds, line, ceil(wrong))


def figure(line: int, word: object, what: str) -> float:
    """Read a number.

    Raises:
        ValueError: with the line; it is none.
    """
    if isinstance(word, int | float) and not isinstance(word, bool):
        return float(word) if abs(word) < 1e30 else 1e30
    if isinstance(word, str) and re.fullmatch(
        r"-?[0-9]{1,30}(\.[0-9]{0,30})?([eE][-+]?[0-9]{1,3})?", word
    ):
        return float(word)
    raise ValueError(f"line {line}: found {short(str(word))} as {what}, expected a number")


def medians(rows: Iterable[Measured]) -> list[Measured]:
    """Take one row for each collective, number of ranks and size: the one of median time.

    If results were wrong in one of several, the row says so, with its line.
    """
    alike: dict[tuple[str, int, Bytes], list[Measured]] = defaultdict(list)
    if not isinstance(rows, Iterable):
        refuse("rows", rows, "a list of Measured")
    for row in rows:
        of("rows", row, Measured)
        alike[row.collective, row.ranks, row.size].append(row)
    return [
        replace(max(same, key=lambda row: row.wrong), seconds=median(row.seconds for row in same))
        for _, same in sorted(alike.items())
    ]
