"""Figures as people write and read them: the one place that reads sizes and writes units.

A size is `4096`, `64KiB` or `256MB`. `KiB`, `MiB`, `GiB`, `TiB` and, as nccl-tests writes them,
the letters `K`, `M`, `G`, `T` alone (`64K`) count in 1024; `KB`, `MB`, `GB`, `TB` count in 1000.
Digits are ASCII ones, without signs, underscores or spaces.
"""

import re
from fractions import Fraction

# What a number counts, in signatures. Exact where a rational decides, in floats elsewhere.
Seconds = float
Bytes = int
Rate = Fraction  # bytes per second
Share = Fraction  # a part of a whole: of a block, or of the size
Rank = int  # a vertex that computes, by its number in the topology

SIZE_LIMIT = 2**50  # bytes
_LETTERS = "KMGT"
UNITS = {"": 1, "B": 1}
UNITS |= {f"{c}iB": 2 ** (10 * i) for i, c in enumerate(_LETTERS, 1)}
UNITS |= {f"{c}B": 10 ** (3 * i) for i, c in enumerate(_LETTERS, 1)}
UNITS |= {c: 2 ** (10 * i) for i, c in enumerate(_LETTERS, 1)}
UNITS |= {c.lower(): 2 ** (10 * i) for i, c in enumerate(_LETTERS, 1)}
_BINARY = [(f"{c}iB", 2 ** (10 * i)) for i, c in enumerate(_LETTERS, 1)]
_DECIMAL = [(f"{c}B", 10 ** (3 * i)) for i, c in enumerate(_LETTERS, 1)]
_TIMES = (("s", 0), ("ms", 3), ("us", 6), ("ns", 9))


def size(text: str) -> int:
    """Read a size in bytes, as `4096`, `64KiB`, `64K` or `256MB`.

    Raises:
        ValueError: it is none, or not from 1 byte to SIZE_LIMIT; with what was found.

    Example:
        >>> size("64KiB"), size("256MB")
        (65536, 256000000)
    """
    found = re.fullmatch(r"([0-9]{1,99})([A-Za-z]{0,3})", text)
    if found and re.fullmatch("[PEZYpezy](i?B)?", found[2]):
        raise ValueError(f"{text[:40]} is too large: a size is up to {SIZE_LIMIT // 2**40} TiB")
    if not found or found[2] not in UNITS:
        raise ValueError(f"{text[:40]!r} is no size, such as 4096, 64KiB, 64K or 256MB")
    count = int(found[1]) * UNITS[found[2]]
    if not 1 <= count <= SIZE_LIMIT:
        raise ValueError(f"{text[:40]} is not from 1 byte to {SIZE_LIMIT // 2**40} TiB")
    return count


def whole(text: str, least: int = 0, most: int = 10**18) -> int:
    """Read a whole number written in plain ASCII digits.

    Raises:
        ValueError: it is none, or out of the range; with what was found and expected.
    """
    if not re.fullmatch("[0-9]{1,18}", text) or not least <= int(text) <= most:
        upper = "" if most == 10**18 else f" to {most}"
        raise ValueError(f"{text[:40]!r} is no whole number from {least}{upper}")
    return int(text)


def decimal(text: str) -> float:
    """Read a number such as `12`, `0.5` or `1e-3` written in plain ASCII.

    Raises:
        ValueError: it is none, with what was found.
    """
    if not re.fullmatch(r"([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?", text):
        raise ValueError(f"{text[:40]!r} is no number, such as 12 or 0.5")
    return float(text)


def duration(seconds: float) -> str:
    """Write seconds with four digits in a unit that a person reads: `27.63 ms`.

    Example:
        >>> duration(0.02763)
        '27.63 ms'
    """
    if seconds == 0:
        return "0 s"
    for unit, digits in _TIMES:
        figure = float(f"{seconds * 10**digits:.4g}")
        if figure >= 1:
            return f"{_format_plain(figure)} {unit}"
    return f"{_format_plain(figure)} ns" if figure >= 1e-3 else "less than 0.001 ns"


def _format_plain(figure: float) -> str:
    """Write at most four digits without an exponent, unless there are more than twelve places."""
    return f"{figure:,.0f}" if 1e4 <= figure < 1e12 else f"{figure:.4g}"


def bytes_of(size: int) -> str:
    """Write bytes in the unit that fits: `64 KiB`, `1 MB`, `1 GiB less 64 bytes`.

    What is a little less than a round size, as sizes rounded to whole elements are, says so. The
    exact bytes can be had back from each of these.

    Example:
        >>> bytes_of(65536)
        '64 KiB'
    """
    if even := _in_a_unit(size, 1023) or _in_units(_DECIMAL, size):
        return even
    unit, factor = next((u, f) for u, f in reversed(_BINARY) if size >= f * (1 - 1 / 1000))
    missing = -size % factor
    rounded = (size + missing) // factor
    power = rounded & (rounded - 1) == 0
    if (
        missing * 1000 <= size
        and (power or missing <= 4096)
        and (less := _in_a_unit(missing, 9999))
    ):
        return f"{rounded} {unit} less {less}"
    return f"{_format_plain(size / factor)} {unit} ({size} bytes)"


def _in_a_unit(size: int, most: int) -> str | None:
    """Write a size that has no fraction in some unit, in bytes up to `most` of them."""
    in_bytes = f"{size:,} byte{'s' * (size != 1)}" if size <= most else None
    return _in_units(_BINARY, size) or in_bytes


def _in_units(units: list[tuple[str, int]], size: int) -> str | None:
    """Write a size that is a whole number, under 10,000, of one of these units."""
    for unit, count in reversed(units):
        if size >= count and size % count == 0 and size // count < 10_000:
            return f"{size // count} {unit}"
    return None


def count_of(number: int, noun: str) -> str:
    """Write how many there are of something: `1 message`, `1,024 switches`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith(('ch', 's', 'x')) else 's'}"


def rate(bandwidth: Fraction | float | None) -> str:
    """Write bytes per second for a person: in GB/s, below a tenth of one in a smaller unit.

    Example:
        >>> rate(23_456_000_000)
        '23.456 GB/s'
    """
    if bandwidth is None:
        return "nothing moves"
    figure = float(bandwidth)
    rates = (("GB/s", 1e8, 1e9), ("MB/s", 1e6, 1e6), ("KB/s", 1e3, 1e3), ("B/s", 0.0, 1.0))
    unit, _, factor = next(each for each in rates if figure >= each[1])
    written = figure / factor
    return f"{written:,.0f} {unit}" if 1e6 <= written < 1e15 else f"{written:.6g} {unit}"
