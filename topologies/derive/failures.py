"""What has failed, as a person names it: `g0:sw1`, `n3.*:L2.0`, `g7`, `g0:sw1=0.5`."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction

import numpy as np

from topologies.derive.damage import Damage
from topologies.model import selection
from topologies.model.messages import nearest, prefix, show_value
from topologies.model.parameters import decimal
from topologies.model.topology import Topology, TopologyError

GONE = Fraction(0)


def read_damage(
    topology: Topology,
    without: Sequence[str] = (),
    without_ranks: Sequence[str] = (),
    slow: Sequence[str] = (),
) -> Damage:
    """Read names of links, switches and ranks as damage.

    `SRC:DST` are all links from one to the other, and with a duplex link its way back: a cable
    breaks both ways. Names may be patterns (`n0.*:L2.0`). In `without` a name alone is a switch.

    Args:
        topology: the machine.
        without: links, and switches, that are gone.
        without_ranks: ranks that are gone, by number, range, name or pattern.
        slow: links and what is left of their bandwidth: `SRC:DST=0.5`, or `SRC:DST=50%`.

    Raises:
        TopologyError: a word that names nothing, or a part that is not between 0 and 1; one
            sentence for each mistake.
    """
    links: dict[int, Fraction] = {}
    vertices: list[int] = []
    faults: list[str] = []
    for option, words, read in (
        ("--without", without, _gone),
        ("--slow", slow, _slower),
    ):
        for word in words:
            try:
                found, left, gone = read(topology, word)
            except TopologyError as error:
                faults += prefix(f"Invalid value for {option}", error.faults)
                continue
            vertices += gone
            links |= {link: min(left, links.get(link, left)) for link in found}
    for word in without_ranks:
        try:
            vertices += selection.ranks(topology, word)
        except TopologyError as error:
            faults += prefix("Invalid value for --without-rank", error.faults)
    if faults:
        raise TopologyError(faults)
    return Damage(tuple(sorted(links.items())), tuple(sorted(set(vertices))))


Read = tuple[list[int], Fraction, list[int]]  # links, the part of them that is left, vertices gone


def _gone(topology: Topology, word: str) -> Read:
    """Read a link or a switch that is gone."""
    if word in topology.names[topology.ranks :]:
        return [], GONE, [topology.names.index(word)]
    if word in topology.names:
        raise TopologyError([f"{show_value(word)} is a rank; --without-rank takes ranks away"])
    if ":" not in word:
        raise TopologyError([f"no switch is named {show_value(word)}{_near(topology, word)}"])
    return _cable(topology, word), GONE, []


def _slower(topology: Topology, word: str) -> Read:
    """Read a link that is slower."""
    ends, equals, text = word.rpartition("=")
    if not equals:
        raise TopologyError(
            [f"{show_value(word)} says no part, expected SRC:DST=0.5 or SRC:DST=50%"]
        )
    return _cable(topology, ends), _part(word, text), []


def _part(word: str, text: str) -> Fraction:
    """Read the part of a link that is left, as 0.5 or 50%."""
    expected = "a part above 0 and below 1, as 0.5 or 50%"
    try:
        left = decimal(3)(text[:-1]) / 100 if text.endswith("%") else decimal(1)(text)
    except ValueError:
        raise TopologyError(
            [f"{show_value(word)}: what is left is {show_value(text)}, expected {expected}"]
        ) from None
    if not 0 < left < 1:
        hint = "" if left else "; --without takes links away"
        raise TopologyError([f"{show_value(word)}: {text} is left, expected {expected}{hint}"])
    return left


def _cable(topology: Topology, word: str) -> list[int]:
    """Read `SRC:DST` as links, and those that are the way back of duplex ones."""
    pairs = list(_ends(topology, word))
    if not pairs:
        raise TopologyError([_unknown(topology, word)])
    matching = np.zeros(topology.links, dtype=np.bool_)
    for sources, targets in pairs:
        matching |= np.isin(topology.src, sources) & np.isin(topology.dst, targets)
    chosen = np.flatnonzero(matching)
    if not len(chosen):
        raise TopologyError([f"no link joins {word.replace(':', ' -> ', 1)}"])
    back = topology.mate[chosen]
    return sorted({*chosen.tolist(), *back[back >= 0].tolist()})


def _ends(topology: Topology, word: str) -> Iterator[tuple[list[int], list[int]]]:
    """Read a word in each way in which what stands before a colon and after it are names."""
    for at in (i for i, letter in enumerate(word) if letter == ":"):
        sources, targets = _matching(topology, word[:at]), _matching(topology, word[at + 1 :])
        if sources and targets:
            yield sources, targets


def _matching(topology: Topology, word: str) -> list[int]:
    """List the vertices that a name or a pattern stands for."""
    if word in topology.names:
        return [topology.names.index(word)]
    return [i for i, name in enumerate(topology.names) if fnmatchcase(name, word)]


def _unknown(topology: Topology, word: str) -> str:
    """Say which end of a link is unknown."""
    if ":" not in word:
        return f"{show_value(word)} names no link, expected SRC:DST"
    ends = word.split(":", 1)
    end = next((each for each in ends if not _matching(topology, each)), ends[0])
    return f"{show_value(word)}: no rank or switch is named {show_value(end)}{_near(topology, end)}"


def _near(topology: Topology, word: str) -> str:
    near = nearest(word, sorted(topology.names))
    return f"; nearest: {near}" if near else ""
