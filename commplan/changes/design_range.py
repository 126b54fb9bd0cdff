"""Machines by ranges of their parameters: `leaf-spine:8x1x4..8x8x4`, `dgx-a100:boxes=2..4`."""

import re
from collections.abc import Iterator

from topologies.model.messages import show_value
from topologies.model.topology import TopologyError

MOST = 64  # machines that a range may stand for
_NUMBER = re.compile("[0-9]{1,9}")


def expand(spec: str) -> tuple[str, ...]:
    """Write out the machines that a name with ranges stands for, the last range the fastest.

    A range are two words with `..` between them that differ in one number, which takes each whole
    number from the one to the other. A key is not repeated: `boxes=2..4`.

    Raises:
        TopologyError: the words differ in nothing, or in more than one number, or the machines
            are more than MOST.

    Example:
        >>> expand("torus:4x4..4x6")
        ('torus:4x4', 'torus:4x5', 'torus:4x6')
    """
    if "/" in spec:
        return (spec,)  # the path of a file
    found = [""]
    for word, between in _words(spec):
        choices = list(_choices(spec, word))
        found = [start + choice + between for start in found for choice in choices]
        if len(found) > MOST:
            raise TopologyError([f"{show_value(spec)} are more than {MOST} machines"])
    return tuple(found)


def _words(spec: str) -> Iterator[tuple[str, str]]:
    """Give each word of a name, and the colon or comma behind it."""
    parts = re.split("([:,])", spec)
    yield from zip(parts[::2], [*parts[1::2], ""], strict=True)


def _choices(spec: str, word: str) -> Iterator[str]:
    """Write out one word."""
    if ".." not in word:
        yield word
        return
    key, equals, values = word.rpartition("=")
    first, _, last = values.partition("..")
    numbers = [_NUMBER.findall(each) for each in (first, last)]
    alike = _NUMBER.sub("0", first) == _NUMBER.sub("0", last)
    other = [i for i, (a, b) in enumerate(zip(*numbers, strict=False)) if a != b]
    if not alike or len(other) != 1:
        raise TopologyError(
            [
                f"{show_value(spec)}: {show_value(word)} is no range, expected two words that "
                "differ in one number, as 8x1x4..8x8x4"
            ]
        )
    place = other[0]
    start, end = (int(each[place]) for each in numbers)
    if abs(end - start) >= MOST:
        raise TopologyError([f"{show_value(spec)} are more than {MOST} machines"])
    between = _NUMBER.split(first)
    for number in range(start, end + 1) if end > start else range(start, end - 1, -1):
        written = [*numbers[0][:place], str(number), *numbers[0][place + 1 :], ""]
        pairs = zip(between, written, strict=True)
        yield key + equals + "".join(text + figure for text, figure in pairs)
