"""Slurm's topology.conf: a tree of switches, or blocks of hosts."""

import re
from collections.abc import Iterator

from topologies.importers.draft import Draft
from topologies.importers.texts.hostlist import expand
from topologies.importers.texts.switch_tree import Row, tree
from topologies.model.messages import show_value

KEYS = ("switchname", "switches", "nodes", "linkspeed", "blockname", "blocksizes")
TOP = "blocks"
BLOCKS = "blocks say who is near whom: each is drawn as a switch, and all meet at one above"
SPEEDS = "LinkSpeed has no unit, and is left out: rates are those of the profile, or assumed"
SIZES = "BlockSizes say what jobs are given, not how blocks are joined, and are left out"
_PAIR = re.compile(r"([A-Za-z]+)=(\"[^\"]*\"|\S*)")


def sniff(text: str) -> bool:
    """Tell whether a line of the beginning names a switch or a block."""
    return bool(re.search(r"^\s*(SwitchName|BlockName)\s*=", text[:50_000], re.M | re.I))


def read(text: str, name: str) -> Draft:
    """Read a tree or blocks.

    Raises:
        ValueError: a line is wrong, with its number.
    """
    rows: list[Row] = []
    blocks: list[Row] = []
    notes: dict[str, None] = {}
    for number, line in _lines(text):
        place = f"line {number}"
        fields = _fields(line, place)
        notes |= {
            n: None for key, n in (("linkspeed", SPEEDS), ("blocksizes", SIZES)) if key in fields
        }
        if "blocksizes" in fields and len(fields) == 1:
            continue
        below = _hosts(fields.get("switches", ""), place)
        hosts = _hosts(fields.get("nodes", ""), place)
        if fields.get("switchname"):
            rows.append(Row(fields["switchname"], below, hosts, place))
        elif fields.get("blockname") and not below:
            blocks.append(Row(fields["blockname"], (), hosts, place))
        else:
            expected = "expected SwitchName= or BlockName="
            raise ValueError(f"{place}: found {show_value(line)}, {expected}")
    if rows and blocks:
        raise ValueError(f"{blocks[0].place}: a block, expected switches as before")
    if rows:
        return tree(name, rows, list(notes))
    return tree(name, under_one(blocks), [BLOCKS, *notes])


def under_one(blocks: list[Row]) -> list[Row]:
    """Put all blocks below one switch."""
    if len(blocks) < 2:
        return blocks
    taken = {row.name for row in blocks}
    top = next(word for word in (TOP, f"{TOP}-top", f"{TOP}-above-all") if word not in taken)
    return [*blocks, Row(top, [row.name for row in blocks], (), blocks[0].place)]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """List the lines that say something; a backslash at its end joins a line with the next."""
    held, begun = "", 0
    for number, raw in enumerate(text.split("\n"), start=1):
        line = held + raw.partition("#")[0].strip()
        begun = begun or number
        if line.endswith("\\"):
            held = line[:-1] + " "
            continue
        if line.strip():
            yield begun, line.strip()
        held, begun = "", 0
    if held.strip():
        yield begun, held.strip()


def _fields(line: str, place: str) -> dict[str, str]:
    """Read the pairs of a line.

    Raises:
        ValueError: something else stands there, or a key that is unknown or there twice.
    """
    fields: dict[str, str] = {}
    for part in re.sub(r"\s*=\s*", "=", line).split():
        pair = _PAIR.fullmatch(part)
        key = pair[1].lower() if pair else ""
        if pair is None or key not in KEYS or key in fields:
            expected = (
                "expected SwitchName=, Switches=, Nodes=, BlockName= or BlockSizes=, each once"
            )
            raise ValueError(f"{place}: found {show_value(part)}, {expected}")
        fields[key] = pair[2].strip('"')
    return fields


def _hosts(text: str, place: str) -> list[str]:
    try:
        return expand(text) if text else []
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
