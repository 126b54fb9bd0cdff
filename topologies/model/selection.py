"""Ranks as people name them: numbers, ranges, names of the file, and patterns of names."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from topologies.model.messages import list_names, nearest, show_value
from topologies.model.topology import Topology, TopologyError

_RANGE = re.compile("([0-9]{1,9})(?:-([0-9]{1,9}))?")


def ranks(topology: Topology, text: str) -> tuple[int, ...]:
    """Read `0,1,4-7`, `n0.d0,n0.d1` or `n0.*` as ranks of a topology, in the order written.

    A number is that of a rank, counted from 0; one that is the name of another rank is refused.
    In patterns `*` stands for any letters, `?` for one, `[ab]` for one of these; `n0.*` are those
    of n0.

    Args:
        topology: the machine.
        text: numbers, ranges, names and patterns, with commas between.

    Raises:
        TopologyError: a word that is no rank, with the nearest name, or a rank listed twice; one
            sentence for each mistake.

    Example:
        >>> from topologies.presets.shapes import ring
        >>> ranks(ring(8), "0,4-6")
        (0, 4, 5, 6)
    """
    chosen: list[int] = []
    faults: list[str] = []
    number = _numbers(topology)
    for word in text.split(","):
        try:
            chosen += _ranks(topology, number, word)
        except TopologyError as error:
            faults += error.faults
    counts = dict.fromkeys(chosen, 0)
    for each in chosen:
        counts[each] += 1
    twice = [topology.names[each] for each, count in counts.items() if count > 1]
    if twice:
        faults.append(f"listed more than once: {list_names(twice)}")
    if faults:
        raise TopologyError(faults)
    return tuple(chosen)


def rank(topology: Topology, text: str) -> int:
    """Read one rank: its number or its name.

    Raises:
        TopologyError: it is none, or several.
    """
    found = _ranks(topology, _numbers(topology), text)
    if len(found) != 1:
        raise TopologyError([f"{show_value(text)} are {len(found)} ranks, expected one"])
    return found[0]


def _numbers(topology: Topology) -> dict[str, int]:
    return {name: rank for rank, name in enumerate(topology.names[: topology.ranks])}


def _ranks(topology: Topology, number: Mapping[str, int], word: str) -> Sequence[int]:
    """Give the ranks that one word names; number: of each name."""
    bare = word.strip(" \t")
    if found := _RANGE.fullmatch(bare):
        first, last = int(found[1]), int(found[2] or found[1])
        if not first <= last < topology.ranks:
            raise TopologyError([_no_number(topology, bare, first > last)])
        if number.get(bare, first) != first:
            raise TopologyError([_two_meanings(topology, bare, number[bare])])
        return range(first, last + 1)
    for name in (word, bare):
        if name in number:
            return [number[name]]
    names = topology.names[: topology.ranks]
    if set(bare) & set("*?["):
        matching = [i for i, name in enumerate(names) if fnmatchcase(name, bare)]
        if not matching:
            raise TopologyError([f"no name of a rank is like {show_value(bare)}{_names(names)}"])
        return matching
    if bare in topology.names:
        raise TopologyError([f"{show_value(bare)} is a switch, expected ranks"])
    near = nearest(bare, names)
    advice = f"; nearest: {near}" if near else ""
    raise TopologyError([f"no rank is named {show_value(bare)}{advice}{_names(names)}"])


def _no_number(topology: Topology, word: str, downwards: bool) -> str:
    if downwards:
        return f"{show_value(word)} is no range, its first number is above its last"
    return f"{show_value(word)} is not among the {topology.ranks} ranks 0 to {topology.ranks - 1}"


def _two_meanings(topology: Topology, word: str, named: int) -> str:
    other = show_value(topology.names[int(word)])
    return (
        f"{show_value(word)} is the name of rank {named} and the number of {other}; "
        f"'{word}-{word}' is the number, '[{word[0]}]{word[1:]}' the name"
    )


def _names(names: Sequence[str]) -> str:
    return f"; ranks are 0 to {len(names) - 1}, named {list_names(names)}"
