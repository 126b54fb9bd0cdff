"""Names with indices: `b{b}.g{g+1}` stands for `b0.g1`, `b0.g2` and so on.

`{g}` is the value of the index g, `{g+1}` the next one, after the last one the first, and `{g^1}`
the value with a bit flipped.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

INDEX = r"[A-Za-z][A-Za-z0-9]{0,15}"
_PLACE = re.compile(rf"\{{({INDEX})(?:([+^])([0-9]{{1,7}}))?\}}")
_NUMBER = re.compile(r"(?<![0-9])(?:0|[1-9][0-9]{0,5})(?![0-9])")
EXPECTED = "expected an index in braces, as in {b}, {b+1} or {b^1}"


class Place(NamedTuple):
    """An index in a name, and what is added to it: around (+), or bit by bit (^)."""

    letter: str
    sign: str
    by: int

    def value(self, values: Mapping[str, int], counts: Mapping[str, int]) -> int:
        """Compute the number that stands here."""
        if self.sign == "^":
            return values[self.letter] ^ self.by
        return (values[self.letter] + self.by) % counts[self.letter]

    def __str__(self) -> str:
        return f"{{{self.letter}{self.sign}{self.by}}}" if self.by else f"{{{self.letter}}}"


Parts = tuple[str | Place, ...]


def parse(text: str) -> Parts:
    """Split a name at its indices.

    Raises:
        ValueError: a brace that belongs to none, with what was expected.
    """
    pieces = _PLACE.split(text)
    if any(brace in piece for piece in pieces[::4] for brace in "{}"):
        raise ValueError(EXPECTED)
    parts: list[str | Place] = [pieces[0]]
    for index, sign, by, after in zip(*(pieces[k::4] for k in (1, 2, 3, 4)), strict=True):
        parts += [Place(index, sign or "+", int(by or 0)), after]
    return tuple(parts)


def indices(parts: Parts) -> list[str]:
    """List the indices of a name, each once, in the order of their appearance."""
    return list(dict.fromkeys(part.letter for part in parts if isinstance(part, Place)))


def fill(parts: Parts, values: Mapping[str, int], counts: Mapping[str, int]) -> str:
    """Write the name that a pattern stands for."""
    return "".join(
        part if isinstance(part, str) else str(part.value(values, counts)) for part in parts
    )


def split(name: str) -> tuple[str, tuple[int, ...]]:
    """Take the numbers out of a name: `b0.g12` is `b{}.g{}` with 0 and 12; `01` is none."""
    return _NUMBER.sub("{}", name), tuple(map(int, _NUMBER.findall(name)))
