"""Words behind a name, as in `torus:4x4:ports=1` and `lognormal:sigma=1,seed=2`: one grammar."""

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from topologies.model import units
from topologies.model.messages import show_value, unknown

Parser = Callable[[str], Any]


def read(
    words: Sequence[str], parsers: Mapping[str, Parser], nameless: str | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Read `key=value` words.

    Args:
        words: each of one parameter.
        parsers: of the values, by the keys that there are; ValueError says what was expected.
        nameless: the key that the first word may leave out.

    Returns:
        The values that could be read, and a sentence for each mistake.
    """
    values: dict[str, Any] = {}
    faults = []
    for i, word in enumerate(words):
        key, equals, value = word.partition("=")
        if not equals and i == 0 and nameless is not None:
            key, value = nameless, word
        if key not in parsers:
            faults.append(unknown("parameter", key, parsers))
        elif key in values:
            faults.append(f"{key} is given twice")
        else:
            try:
                values[key] = parsers[key](value)
            except ValueError as error:
                faults.append(f"{key} is {show_value(value)}, expected {error}")
    return values, faults


def expect_match(pattern: str, text: str, expected: str) -> str:
    """Give the text back if it matches.

    Raises:
        ValueError: it does not, with what was expected.
    """
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError(expected)
    return text


def whole(least: int = 1, digits: int = 12) -> Callable[[str], int]:
    """Make a parser of whole numbers of so many digits, zeros in front aside.

    Args:
        least: the smallest that is taken.
        digits: at most so many, zeros in front aside.
    """
    most = f" to {10**digits - 1}" if digits <= 4 else f", of at most {digits} digits"
    expected = f"a whole number from {least}{most}"

    def parse(text: str) -> int:
        number = int(expect_match(f"0*[0-9]{{1,{digits}}}", text, expected))
        if number < least:
            raise ValueError(expected)
        return number

    return parse


def decimal(digits: int = 12) -> Callable[[str], Fraction]:
    """Make a parser of numbers of so many digits before the point, and of twelve behind it."""
    expected = f"a number such as 12.5, of at most {digits} digits before the point and 12 after it"
    pattern = rf"[0-9]{{1,{digits}}}(\.[0-9]{{1,12}})?"
    return lambda text: Fraction(expect_match(pattern, text, expected))


def word(*known: str) -> Callable[[str], str]:
    """Make a parser that takes one of a few words."""
    return lambda text: expect_match("|".join(map(re.escape, known)), text, " or ".join(known))


def size(text: str) -> int:
    """Read a number of bytes.

    Raises:
        ValueError: it is none.
    """
    try:
        return units.size(text)
    except ValueError:
        raise ValueError("a number of bytes such as 4096, 64KiB or 1MB") from None
