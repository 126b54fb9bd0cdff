"""What TE-CCL puts out: JSON with the flows that meet each demand, epoch by epoch."""

import re
from collections.abc import Mapping

import msgspec

from runtime.foreign.errors import ForeignError
from runtime.foreign.moved import Move
from topologies.model.messages import one_line, show_value

DEMAND = r"Demand at (\d{1,6}) for chunk (\d{1,6}) from (\d{1,6}) met by epoch \d{1,9}"
FLOW = r"(\d{1,6})->(\d{1,6}) in epoch (\d{1,9})(?: via switches? [\d, ]+)?"


class Output(msgspec.Struct):
    """The parts of the file that say what moves."""

    flows: dict[str, list[str]] = msgspec.field(name="7-Flows")


def read(data: bytes) -> tuple[str, int, list[Move]]:
    """Read the collective, the number of ranks, and the moves in the order of their epochs.

    Vertices are numbered with switches among them; those with demands are the ranks, in order. A
    chunk that all others want is one of an all_gather, one that a single rank wants of an
    all_to_all.

    Raises:
        ForeignError: it is no such file, or another collective.
    """
    try:
        flows = msgspec.json.decode(data, type=Output).flows
    except (msgspec.DecodeError, RecursionError) as error:
        raise ForeignError(one_line(f"no output of TE-CCL: {error}")) from None
    wanted: dict[tuple[int, int], set[int]] = {}
    rows: list[tuple[int, int, int, int, int]] = []  # epoch, source, chunk, from, to
    for demand, ways in flows.items():
        at, chunk, source = _numbers(DEMAND, demand)
        wanted.setdefault((source, chunk), set()).add(at)
        for way in ways:
            src, dst, epoch = _numbers(FLOW, way)
            rows.append((epoch, source, chunk, src, dst))
    ranks = sorted({v for (source, _), places in wanted.items() for v in (source, *places)})
    place = {vertex: i for i, vertex in enumerate(ranks)}
    if any(v not in place for row in rows for v in row[3:]):
        raise ForeignError("a flow ends at a switch, expected its way to the next rank")
    name, pieces = _pieces(wanted, place)
    seen = sorted(set(rows))
    return (
        name,
        len(ranks),
        [
            Move(pieces[source, chunk], place[src], place[dst], 1)
            for _, source, chunk, src, dst in seen
        ],
    )


def _numbers(pattern: str, text: str) -> tuple[int, int, int]:
    found = re.fullmatch(pattern, text, re.ASCII)
    if found is None:
        raise ForeignError(f"{show_value(text[:80])}: neither a demand nor a flow of TE-CCL")
    return int(found[1]), int(found[2]), int(found[3])


def _pieces(
    wanted: Mapping[tuple[int, int], set[int]], place: Mapping[int, int]
) -> tuple[str, dict[tuple[int, int], tuple[int, int]]]:
    """Name the collective, and give each chunk its block and part."""
    ranks = len(place)
    counts = {len(places) for places in wanted.values()}
    if counts == {ranks - 1} and ranks > 2:
        return "all_gather", {(source, chunk): (place[source], chunk) for source, chunk in wanted}
    if counts != {1}:
        raise ForeignError(f"chunks that {sorted(counts)} ranks want, expected all others or one")
    found: dict[tuple[int, int], tuple[int, int]] = {}
    parts: dict[int, int] = {}
    for source, chunk in sorted(wanted):
        block = place[source] * ranks + place[next(iter(wanted[source, chunk]))]
        parts[block] = parts.get(block, -1) + 1
        found[source, chunk] = block, parts[block]
    return "all_to_all", found
