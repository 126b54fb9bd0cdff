"""What a machine with a name is, and how the parameters behind its name are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from topologies.model.parameters import Parser, decimal, expect_match, whole
from topologies.model.topology import Topology
from topologies.presets.figures import Figure


@dataclass(frozen=True, slots=True)
class Preset:
    """what it is, in a line.

    Attributes:
        make: the maker of the machine.
        parameters: the maker's arguments, with their parsers; the first may be written without its
            name, and must be given where `required`.
        example: how it is written, such as `ring:8`.
        links: bounds the links from the arguments that are given, before they are made.
        nameless: whether the first parameter may be written without its name.
        figures: those that the machine is built on, and those of other sources beside them.
    """

    make: Callable[..., Topology]
    parameters: Mapping[str, Parser]
    example: str
    summary: str
    links: Callable[[Mapping[str, Any]], int]
    required: bool = True
    nameless: bool = True
    figures: tuple[Figure, ...] = ()


WHOLE = whole()
DECIMAL = decimal()


def read_sizes(text: str) -> tuple[int, ...]:
    """Read sizes such as 4x4x4."""
    pattern = "[1-9][0-9]{0,11}(x[1-9][0-9]{0,11}){0,15}"
    expected = "sizes such as 4x4x4, at most 16 of at most 12 digits"
    return tuple(map(int, expect_match(pattern, text, expected).split("x")))


def read_flag(text: str) -> bool:
    """Read a 0 or 1."""
    return expect_match("[01]", text, "0 or 1") == "1"


def read_flags(text: str) -> tuple[bool, ...]:
    """Read a 0 or 1 for each dimension."""
    digits = expect_match("[01]{1,16}|[01](x[01]){1,15}", text, "a 0 or 1 for each dimension")
    return tuple(digit == "1" for digit in digits.replace("x", ""))


def read_rate(text: str) -> Fraction:
    """Read GB/s.

    Raises:
        ValueError: it is none, or 0.
    """
    if not (rate := DECIMAL(text) * 10**9):
        raise ValueError("more than 0")
    return rate


def read_rates(text: str) -> Fraction | tuple[Fraction, ...]:
    """Read GB/s, one figure or several joined by x."""
    rates = tuple(map(read_rate, text.split("x")))
    return rates if len(rates) > 1 else rates[0]


def read_seconds(text: str) -> float:
    """Read microseconds."""
    return float(DECIMAL(text) / 10**6)


LINK: dict[str, Parser] = {"bandwidth": read_rate, "alpha": read_seconds}

# What may be said of every machine: microseconds that each message costs its two ranks, and how
# many of its links a rank uses at once.
EVERYWHERE: Mapping[str, Parser] = {"overhead": read_seconds, "ports": WHOLE}
