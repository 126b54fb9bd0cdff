"""What TE-CCL puts out: JSON with chunks that go from rank to rank, epoch by epoch.

Its integer programs list the flows of whole chunks (`7-Flows`), and which demands these meet (the
keys of `8-Chunk paths`). Its linear programs give each demand paths with volumes, parts of a chunk.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import NamedTuple

import msgspec

from runtime.foreign.errors import ForeignError
from runtime.foreign.moved import Move
from runtime.foreign.sends import MOST_SENDS
from topologies.model.messages import one_line, show_value

DEMAND = r"Demand at (\d{1,6}) for chunk (\d{1,6}) from (\d{1,6}) met by epoch \d{1,9}"
HOP = (
    r"(\d{1,6})->(\d{1,6})(?: with volume ([\d.e+-]{1,30}))? in epoch (\d{1,9})"
    r"(?: at rate [\d.e+-]{1,30})?(?: via switch(?:es)? [\d, >-]{1,200})?"
)
FLOW = r"Chunk (\d{1,6}) from (\d{1,6}) traveled over " + HOP
FINEST = 720  # parts of a chunk: volumes of other fractions are rounded to these
LOOSE = 1e-3  # of a chunk, that the volumes of its paths may lack

Chunk = tuple[int, int]  # its source and its number


class Output(msgspec.Struct):
    """The parts of the file that say what moves."""

    flows: list[str] = msgspec.field(name="7-Flows")
    paths: dict[str, list[str | list[tuple[int, str]]]] = msgspec.field(name="8-Chunk paths")


class Hop(NamedTuple):
    """One part of a chunk on its way: from which epoch, from which rank to which."""

    epoch: int
    src: int
    dst: int


@dataclass(frozen=True)
class Found:
    """What a file says, by ranks from 0: all that send or receive, and those that want something.

    Attributes:
        members: the ranks that take part; others only pass on.
    """

    name: str
    ranks: int
    members: tuple[int, ...]
    root: int | None
    moves: list[Move]


def read(data: bytes) -> Found:
    """Read the collective, who takes part, and the moves in the order of their epochs.

    Vertices are numbered with switches among them, which no hop begins or ends at; the others are
    the ranks, in order. Complexity: hops of a part of a chunk squared.

    Raises:
        ForeignError: it is no such file, or a collective that commplan does not know.
    """
    try:
        output = msgspec.json.decode(data, type=Output)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ForeignError(one_line(f"no output of TE-CCL: {error}")) from None
    demands = {_demand(text): ways for text, ways in output.paths.items()}
    wanted: dict[Chunk, set[int]] = {}
    for at, chunk, source in demands:
        wanted.setdefault((source, chunk), set()).add(at)
    if not wanted:
        raise ForeignError("no output of TE-CCL: no demand in '8-Chunk paths'")
    paths = {key: [way for way in ways if isinstance(way, list)] for key, ways in demands.items()}
    divided = any(paths.values())
    unit, hops = _divided(paths) if divided else (1, _whole(output.flows))
    seen = {end for rows in hops.values() for hop in rows for end in hop[1:]}
    seen |= {end for (source, _), places in wanted.items() for end in (source, *places)}
    place = {vertex: i for i, vertex in enumerate(sorted(seen))}
    name, root, pieces = _pieces(wanted)
    moves = [
        Move((block, part * unit + share), place[hop.src], place[hop.dst], 1)
        for (source, chunk, share), rows in sorted(hops.items())
        for block, part in [pieces.get((source, chunk), (0, 0))]
        for hop in _in_order(source, rows)
        if (source, chunk) in pieces
    ]
    members = tuple(place[v] for v in _members(wanted))
    return Found(name, len(place), members, None if root is None else place[root], moves)


def _demand(text: str) -> tuple[int, int, int]:
    found = re.fullmatch(DEMAND, text, re.ASCII)
    if found is None:
        raise ForeignError(f"{show_value(text[:80])}: no demand of TE-CCL")
    return int(found[1]), int(found[2]), int(found[3])


def _whole(flows: Iterable[str]) -> dict[tuple[int, int, int], list[Hop]]:
    """Read the hops of whole chunks."""
    hops: dict[tuple[int, int, int], list[Hop]] = {}
    for text in flows:
        found = re.fullmatch(FLOW, text, re.ASCII)
        if found is None:
            raise ForeignError(f"{show_value(text[:80])}: no flow of TE-CCL")
        hop = Hop(int(found[6]), int(found[3]), int(found[4]))
        hops.setdefault((int(found[2]), int(found[1]), 0), []).append(hop)
    return hops


Paths = Mapping[tuple[int, int, int], Sequence[Sequence[tuple[int, str]]]]


def _divided(paths: Paths) -> tuple[int, dict[tuple[int, int, int], list[Hop]]]:
    """Read paths with volumes: into how many parts chunks go, and the hops of each part.

    Each demand's paths take parts of its chunk one after the other. What goes to a rank for its
    own demand and once more for that of another is sent twice, as the file says.
    """
    read_paths = {
        (at, chunk, source): [_path(way, source, at) for way in ways]
        for (at, chunk, source), ways in paths.items()
    }
    for (at, chunk, source), found in read_paths.items():
        total = sum(volume for volume, _ in found)
        if abs(total - 1) > LOOSE:
            raise ForeignError(
                f"chunk {chunk} from {source} at {at}: paths of {total:g}, expected 1 in all"
            )
    parts = (
        Fraction(volume).limit_denominator(FINEST).denominator
        for found in read_paths.values()
        for volume, _ in found
    )
    unit = min(lcm(*parts), FINEST)
    hops: dict[tuple[int, int, int], list[Hop]] = {}
    if unit * sum(len(way) for found in read_paths.values() for _, way in found) > MOST_SENDS:
        raise ForeignError(f"volumes of {unit} parts of a chunk make more than {MOST_SENDS} sends")
    for (_, chunk, source), found in read_paths.items():
        begin, until = 0, 0.0
        for volume, way in found:
            until += volume
            end = min(round(until * unit), unit)
            for share in range(begin, end):
                hops.setdefault((source, chunk, share), []).extend(way)
            begin = end
    return unit, hops


def _path(way: Sequence[tuple[int, str]], source: int, at: int) -> tuple[float, list[Hop]]:
    """Read the volume of a path and its hops.

    Raises:
        ForeignError: they do not lead from the source to the demand, or the volume changes.
    """
    found = [re.fullmatch(HOP, text, re.ASCII) for _, text in way]
    hops = [Hop(int(hop[4]), int(hop[1]), int(hop[2])) for hop in found if hop]
    told = " ".join(text for _, text in way)[:80]
    if not hops or len(hops) < len(found):
        raise ForeignError(f"{show_value(told)}: no path of TE-CCL")
    ends = hops[0].src, hops[-1].dst
    if ends != (source, at) or any(one.dst != other.src for one, other in pairwise(hops)):
        raise ForeignError(f"{show_value(told)}: no path from {source} to {at}")
    try:
        volumes = [float(hop[3] or 1) for hop in found if hop]
    except ValueError:
        raise ForeignError(f"{show_value(told)}: a volume that is no number") from None
    if max(volumes) - min(volumes) > LOOSE or not 0 < volumes[0] <= 1 + LOOSE:
        raise ForeignError(f"{show_value(told)}: volumes that differ, or are none of a chunk")
    return volumes[0], hops


def _in_order(source: int, hops: Sequence[Hop]) -> Iterator[Hop]:
    """Put hops of one epoch behind those that bring what they carry, as far as they can be."""
    held, late = {source}, sorted(hops)
    while late:
        same = (i for i, hop in enumerate(late) if hop.epoch == late[0].epoch and hop.src in held)
        hop = late.pop(next(same, 0))
        held.add(hop.dst)
        yield hop


def _members(wanted: Mapping[Chunk, set[int]]) -> list[int]:
    return sorted({v for (source, _), places in wanted.items() for v in (source, *places)})


def _pieces(
    wanted: Mapping[Chunk, set[int]],
) -> tuple[str, int | None, dict[Chunk, tuple[int, int]]]:
    """Name the collective and its root, and give each chunk its block and part.

    A chunk that all others want is one of an all_gather or a broadcast; one that a single rank
    wants is one of an all_to_all, a gather or a scatter.
    """
    members = _members(wanted)
    at = {vertex: i for i, vertex in enumerate(members)}
    sources = sorted({source for source, _ in wanted})
    sinks = sorted({v for places in wanted.values() for v in places})
    block: dict[Chunk, int] = {}
    name, root = "all_to_all", None
    if len(members) > 2 and all(
        places == set(members) - {source} for (source, _), places in wanted.items()
    ):
        name = "all_gather" if len(sources) > 1 else "broadcast"
        root = None if len(sources) > 1 else sources[0]
        block = {chunk: at[chunk[0]] if root is None else 0 for chunk in wanted}
    elif any(len(places) > 1 for places in wanted.values()):
        counts = sorted({len(places) for places in wanted.values()})
        raise ForeignError(f"chunks that {counts} ranks want, expected all others or one")
    else:
        ends = {chunk: (at[chunk[0]], at[next(iter(places))]) for chunk, places in wanted.items()}
        if len(members) > 2 and len(sinks) == 1:
            name, root = "gather", sinks[0]
            block = {chunk: src for chunk, (src, _) in ends.items()}
        elif len(members) > 2 and len(sources) == 1:
            name, root = "scatter", sources[0]
            block = {chunk: dst for chunk, (_, dst) in ends.items()}
        else:
            block = {chunk: src * len(members) + dst for chunk, (src, dst) in ends.items()}
    parts: dict[int, int] = {}
    found = {}
    for chunk in sorted(wanted):
        parts[block[chunk]] = parts.get(block[chunk], -1) + 1
        found[chunk] = block[chunk], parts[block[chunk]]
    return name, root, found
