"""What people write and read: sizes, ranks, times and rates."""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import click

from topologies.model import units
from topologies.model.messages import unknown
from topologies.model.units import Rate

JOBS = 256  # processes, at most
LISTED = 60  # characters of names that stand in a line of help
CELL = 8  # characters of a column of rates
LEAST_SHOWN = 5e-5  # of a whole, which is not to look like nothing


class Whole(click.IntRange):
    """A whole number in a range, written in plain digits: no `1_000`, no `+5`, no wide digits."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Read the digits and compare the number with the range."""
        if isinstance(value, str) and not re.fullmatch("-?[0-9]{1,18}", value):
            self.fail(f"{value[:40]!r} is no whole number.", param, ctx)
        return super().convert(value, param, ctx)


class NumberRange(click.FloatRange):
    """A number in a range, written in plain digits: no `nan`, which is in every range."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Read a number and compare it with the range."""
        if isinstance(value, str):
            try:
                value = -units.decimal(value[1:]) if value[:1] == "-" else units.decimal(value)
            except ValueError:
                self.fail(f"{value[:40]!r} is no number in {self._describe_range()}.", param, ctx)
        return super().convert(value, param, ctx)


class SecondsRange(NumberRange):
    """A time in a range."""

    name = "seconds"


class Name(click.Choice[str]):
    """One of several names; another one is told which is nearest."""

    def __init__(self, what: str, known: Sequence[str]) -> None:
        super().__init__(known)
        self.what = what

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """List the names where they are few; else say of what they are."""
        if len("|".join(self.choices)) > LISTED:
            return self.what.upper().replace(" ", "_")
        return super().get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Find the name."""
        if value not in self.choices:
            self.fail(unknown(self.what, value, self.choices), param, ctx)
        return value


def size(text: str) -> int:
    """Read `64KiB`, `256MB`, `64K` or plain bytes.

    Raises:
        BadParameter: no size, or one out of bounds.
    """
    return _read_figure(units.size, text)


def _read_figure(read: Callable[[str], int], text: str) -> int:
    """Read a figure, with its fault in the words of click.

    Raises:
        BadParameter: it is none.
    """
    try:
        return read(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def jobs(text: str) -> int | None:
    """Read a number of processes, or `mpi` (None).

    Raises:
        BadParameter: it is neither.
    """
    if text == "mpi":
        return None
    try:
        return units.whole(text, 1, JOBS)
    except ValueError:
        expected = f"neither mpi nor a number from 1 to {JOBS}"
        raise click.BadParameter(f"{text[:40]!r} is {expected}") from None


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
        BadParameter: neither, or 100 times the size and more.
    """
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(%?)", text, re.ASCII)
    if text.isdecimal() and len(text) > 2:  # who means bytes would get no bound at all
        raise click.BadParameter(
            f"{text[:40]!r} times the size is no bound: bytes are {text[:40]}B"
        )
    if found:
        return Fraction(found[1]) / (100 if found[2] else 1)
    try:
        return size(text)
    except click.BadParameter:
        raise click.BadParameter(
            f"{text[:40]!r} is no part of the size, such as 0.25 or 25%, and no such bytes as 64KiB"
        ) from None


def rate_cell(rate: float | None) -> str:
    """Write bytes per second in GB/s in at most seven characters, for a column of eight."""
    if rate is None:
        return "-"
    text = f"{rate / 1e9:.4g}"
    return text if len(text) < CELL else f"{rate / 1e9:.1g}"


def gigabytes(algbw: Fraction | float | None) -> float | None:
    """Write bytes per second as GB/s."""
    return None if algbw is None else float(algbw / 10**9)


def exact(algbw: Rate | None) -> str | None:
    """Write bytes per second as an exact fraction of GB/s."""
    if algbw is None:
        return None
    rate = algbw / 10**9
    return f"{rate.numerator}/{rate.denominator}"


def gap(algbw: Fraction | float | None, bound: Fraction | float | None) -> float | None:
    """Compute by how much a throughput stays below a bound, as a part of the bound."""
    return max(0.0, float(1 - algbw / bound)) if algbw and bound else None


def percent(part: float | None) -> str:
    """Write a part of something for a person."""
    if part is None:
        return "unknown"
    return "less than 0.01%" if 0 < part < LEAST_SHOWN else f"{part:.2%}"


def between(first: int, last: int, step: int) -> list[int]:
    """List sizes that grow by a factor, the last one among them."""
    sizes = [first]
    while sizes[-1] < last:
        sizes.append(min(sizes[-1] * step, last))
    return sizes
