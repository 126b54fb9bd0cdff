"""What people write and read: sizes, ranks, times and rates."""

import re
from fractions import Fraction
from math import isnan
from typing import Any

import click

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
SIZE_LIMIT = 2**50
JOBS = 256  # processes, at most


class Seconds(click.FloatRange):
    """A time in a range; `nan` is in none, though no comparison says so."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Read a number and compare it with the range."""
        seconds = super().convert(value, param, ctx)
        if isnan(seconds):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return seconds


def size(text: str) -> int:
    """Read `64KiB`, `256MB` or plain bytes.

    Raises:
        BadParameter: no size, or one out of bounds.
    """
    found = re.fullmatch(r"([0-9]{1,16})([KMGT]?i?B?)", text, re.ASCII)
    if not found or found[2] not in UNITS:
        raise click.BadParameter(f"{text[:40]!r} is no size, such as 4096, 64KiB or 256MB")
    count = int(found[1]) * UNITS[found[2]]
    if not 1 <= count <= SIZE_LIMIT:
        raise click.BadParameter(f"{text} is not from 1 byte to {SIZE_LIMIT // 2**40} TiB")
    return count


def jobs(text: str) -> int | None:
    """Read a number of processes, or `mpi` (None).

    Raises:
        BadParameter: it is neither.
    """
    if text == "mpi":
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= JOBS:
        raise click.BadParameter(f"{text[:40]!r} is neither mpi nor a number from 1 to {JOBS}")
    return int(text)


def sizes(text: str) -> tuple[int, int]:
    """Read `1KiB:1GiB`: the least and the largest size.

    Raises:
        BadParameter: no two sizes, or the first is larger.
    """
    first, colon, last = text.partition(":")
    if not colon:
        raise click.BadParameter(f"{text[:40]!r} is no range of sizes, such as 1KiB:1GiB")
    if size(first) > size(last):
        raise click.BadParameter(f"{first} is more than {last}")
    return size(first), size(last)


def scratch(text: str) -> Fraction | int:
    """Read a part of the size, as 0.25 or 25%, or bytes, as 64KiB or 4096B.

    Raises:
        BadParameter: neither.
    """
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(%?)", text, re.ASCII)
    if found:
        return Fraction(found[1]) / (100 if found[2] else 1)
    try:
        return size(text)
    except click.BadParameter:
        raise click.BadParameter(
            f"{text[:40]!r} is no part of the size, such as 0.25 or 25%, and no such bytes as 64KiB"
        ) from None


def ranks(text: str, limit: int) -> tuple[int, ...]:
    """Read `0,1,4-7` as ranks below `limit`.

    Raises:
        BadParameter: a word that is no rank of the topology.
    """
    chosen: list[int] = []
    for word in text.split(","):
        found = re.fullmatch(r"\s*([0-9]{1,9})(?:-([0-9]{1,9}))?\s*", word, re.ASCII)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
        if not first <= last < limit:
            raise click.BadParameter(
                f"{word[:40]!r} is no rank and no range of ranks 0 to {limit - 1}",
                param_hint="--ranks",
            )
        chosen += range(first, last + 1)
    return tuple(chosen)


def gigabytes(algbw: Fraction | float | None) -> float | None:
    """Give bytes per second as GB/s."""
    return None if algbw is None else float(algbw / 10**9)


def exact(algbw: Fraction | None) -> str | None:
    """Write bytes per second as an exact fraction of GB/s."""
    if algbw is None:
        return None
    rate = algbw / 10**9
    return f"{rate.numerator}/{rate.denominator}"


def rate(algbw: Fraction | float | None) -> str:
    """Write bytes per second for a person."""
    return "none, nothing moves" if algbw is None else f"{float(algbw) / 1e9:.6g} GB/s"


def gap(algbw: Fraction | float | None, bound: Fraction | float | None) -> float | None:
    """Give by how much a throughput stays below a bound, as a part of the bound."""
    return max(0.0, float(1 - algbw / bound)) if algbw and bound else None


def percent(part: float | None) -> str:
    """Write a part of something for a person."""
    return "unknown" if part is None else f"{part:.2%}"


def duration(seconds: float) -> str:
    """Write seconds for a person."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.4g} {unit}"
    return f"{seconds * 1e9:.4g} ns"


def bytes_of(size: int) -> str:
    """Write a size for a person, in a binary unit where that is even."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size >= UNITS[unit] and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]} {unit}"
    return f"{size} bytes"
