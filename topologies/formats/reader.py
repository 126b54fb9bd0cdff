"""The topology file's schema: from what was read to a topology, with every mistake named."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from topologies.derive.ports import with_ports
from topologies.formats.compact.expand import expand
from topologies.model import reachability
from topologies.model.messages import short, show_value, unknown
from topologies.model.topology import Link, LinkClass, Switch, Topology, TopologyError, build
from topologies.symmetry.group import SymmetryError, link_images

FORMAT = "commplan/topology/1"
LINK_LIMIT = 1_000_000
DIGIT_LIMIT = 60  # of a figure, on either side of the point
SYMMETRY_LIMIT = 2**24  # generators times links: what is compared
# Of an imported machine: `stated` in a file, `profile` of named hardware, `assumed`.
EVIDENCE = (
    *("", "documented", "secondary", "measured", "derived", "estimate"),
    *("stated", "profile", "assumed"),
)

FIELDS = ("format", "name", "ranks", "switches", "links", "classes", "symmetry", "counts")
RANK = ("name", "kind", "overhead_us", "ports")
SWITCH = ("name", "multicast", "reduce", "kind")
LINK = ("src", "dst", "bandwidth_GBps", "latency_us", "duplex", "class", "plane")
CLASS = ("name", "layer", "source", "evidence", "efficiency", "efficiency_source")
_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    list: "a list",
    dict: "a table",
}

Table = dict[str, Any]
Wanted = TypeVar("Wanted", str, bool, int, list[Any], dict[str, Any])


@dataclass(frozen=True, slots=True)
class Reader:
    """Takes values out of a document and notes each mistake, so that reading can go on."""

    faults: list[str] = field(default_factory=list)

    def typed(self, value: object, kind: type[Wanted], place: str, default: Wanted) -> Wanted:
        """Take the value if it is of the kind, else the default."""
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        self.faults.append(f"{place}: found {show_value(value)}, expected {_NAMES[kind]}")
        return default

    def table(self, value: object, known: Sequence[str], needed: int, place: str = "") -> Table:
        """Give a table; its keys are among `known`, the first `needed` of which must be there."""
        table = self.typed(value, dict, place or "file", {})
        at = f"{place}: " if place else ""
        for key in table:
            if key not in known:
                self.faults.append(f"{at}{unknown('field', key, known)}")
        if isinstance(value, dict):
            missing = [key for key in known[:needed] if key not in table]
            self.faults.extend(f"{at}the field {key!r} is missing" for key in missing)
        return table

    def text(self, table: Table, key: str, place: str, default: str = "") -> str:
        """Read a text."""
        return self.typed(table.get(key, default), str, f"{place}{key}", default)

    def flag(self, table: Table, key: str, place: str) -> bool:
        """Read a flag, false where it is not written."""
        return self.typed(table.get(key, False), bool, f"{place}{key}", False)

    def whole(self, table: Table, key: str, place: str, default: int, least: int) -> int:
        """Read a whole number from `least` to a million."""
        number = self.typed(table.get(key, default), int, f"{place}{key}", default)
        if least <= number <= 10**6:
            return number
        found = show_value(number)
        self.faults.append(f"{place}{key}: found {found}, expected {least} to a million")
        return default

    def figure(self, table: Table, key: str, place: str, default: Fraction) -> Fraction:
        """Read the decimal that is written, or a fraction written as "a/b", exactly."""
        if key not in table:
            return default
        value = table[key]
        match value:
            case bool():
                exact = None
            case int() if abs(value) < 10**DIGIT_LIMIT:
                exact = Fraction(value)
            case Decimal() if _is_short(value):
                exact = Fraction(value)
            case str() if re.fullmatch(r"[0-9]{1,60}/[0-9]{0,59}[1-9][0-9]{0,59}", value):
                exact = Fraction(value)
            case _:
                exact = None
        if exact is None:
            what = f"expected a number of at most {DIGIT_LIMIT} digits"
            self.faults.append(f"{place}{key}: found {show_value(value)}, {what}")
        return default if exact is None else exact


def _is_short(number: Decimal) -> bool:
    """Tell whether the number is finite and no trap of a million digits."""
    if not number.is_finite():
        return False
    _, digits, exponent = number.as_tuple()
    return isinstance(exponent, int) and -DIGIT_LIMIT <= exponent <= DIGIT_LIMIT - len(digits)


def topology(document: object) -> Topology:
    """Make the topology that a document describes.

    Raises:
        TopologyError: with every mistake of the document, one sentence each.
    """
    reader = Reader()
    if not isinstance(document, dict):
        raise TopologyError([f"file: found {show_value(document)}, expected a table"])
    if document.get("format") != FORMAT:
        found = show_value(document["format"]) if "format" in document else "none"
        raise TopologyError([f"format: found {found}, expected {FORMAT!r}"])
    if "counts" in document:
        return _short_topology(document)
    table = reader.table(document, FIELDS, 3)
    rows = reader.typed(table.get("links", []), list, "links", [])
    if len(rows) > LINK_LIMIT:
        raise TopologyError([f"links: {len(rows):,}, at most {LINK_LIMIT:,} are read"])
    name = reader.text(table, "name", "", "topology")
    ranks, kinds, overhead, ports = _ranks(reader, table.get("ranks", []))
    switches = _switches(reader, table.get("switches", []))
    classes = _classes(reader, table.get("classes", []))
    symmetry = _symmetry(reader, table.get("symmetry", []), len(rows))
    links, place = _links(reader, rows, [c.name for c in classes])
    try:
        made = build(
            name,
            ranks,
            switches,
            links,
            kinds=kinds,
            classes=classes,
            overhead=overhead,
            symmetry=symmetry,
        )
    except TopologyError as error:
        raise TopologyError([*reader.faults, *_number_faults(error.faults, place)]) from None
    # Where links were left out, nothing can be said of what they would have joined.
    if faults := reader.faults or [*reachability.faults_undirected(made), *_symmetry_faults(made)]:
        raise TopologyError(faults)
    return with_ports(made, ports)


def _short_topology(document: Table) -> Topology:
    """Make the topology of a document whose rows have indices.

    Raises:
        TopologyError: with every mistake, at its place in the document.
    """
    full, places = expand(document)
    try:
        return topology(full)
    except TopologyError as error:
        raise TopologyError(_once_for_each_row(error.faults, places)) from None


def _once_for_each_row(faults: Sequence[str], places: dict[str, list[str]]) -> list[str]:
    """Give faults the places in the document, and tell those of one row and kind once."""
    kinds: dict[str, list[str]] = {}
    for fault in faults:
        placed = re.sub(
            r"^(ranks|switches|links)\[([0-9]+)\]", lambda row: places[row[1]][int(row[2])], fault
        )
        where, colon, what = placed.partition(": ")
        numberless = where.partition(" ")[0] + colon + re.sub("[0-9]+|; nearest: .*", "", what)
        kinds.setdefault(numberless, []).append(placed)
    return [
        first + f" (and {len(others):,} more of the row)" * bool(others)
        for first, *others in kinds.values()
    ]


def _ranks(reader: Reader, value: object) -> tuple[list[str], list[str], list[float], list[int]]:
    """Read names, kinds, overheads (seconds) and ports of the ranks, each a name or a table."""
    names, kinds, overhead, ports = [], [], [], []
    for i, row in enumerate(reader.typed(value, list, "ranks", [])):
        place = f"ranks[{i}]."
        table = {"name": row} if isinstance(row, str) else row
        table = reader.table(table, RANK, 1, place[:-1])
        # A vertex without a name gets one, so that the others can be checked.
        names.append(reader.typed(table.get("name", f"#{i}"), str, place + "name", f"#{i}"))
        kinds.append(reader.text(table, "kind", place, "rank"))
        overhead.append(float(reader.figure(table, "overhead_us", place, Fraction(0)) / 10**6))
        ports.append(_ports(reader, table, place) if "ports" in table else 0)
    return names, kinds, overhead, ports


def _ports(reader: Reader, table: Table, place: str) -> int:
    """Read how many links a rank uses at once."""
    count = reader.typed(table["ports"], int, place + "ports", 1)
    if not 1 <= count <= LINK_LIMIT:
        reader.faults.append(f"{place}ports: found {count}, expected 1 or more")
    return count


def _switches(reader: Reader, value: object) -> list[Switch]:
    """Read the switches."""
    switches = []
    for i, row in enumerate(reader.typed(value, list, "switches", [])):
        place = f"switches[{i}]."
        table = reader.table(row, SWITCH, 1, place[:-1])
        name = f"#switch {i}"
        switches.append(
            Switch(
                reader.typed(table.get("name", name), str, place + "name", name),
                reader.flag(table, "multicast", place),
                reader.flag(table, "reduce", place),
                reader.text(table, "kind", place, "switch"),
            )
        )
    return switches


def _classes(reader: Reader, value: object) -> list[LinkClass]:
    """Read the classes of the links."""
    classes: list[LinkClass] = []
    for i, row in enumerate(reader.typed(value, list, "classes", [])):
        place = f"classes[{i}]"
        table = reader.table(row, CLASS, 1, place)
        name = reader.text(table, "name", place + ".")
        evidence = reader.text(table, "evidence", place + ".")
        if name in [c.name for c in classes]:
            reader.faults.append(f"{place}: the name {show_value(name)} is used twice")
        if evidence not in EVIDENCE:
            reader.faults.append(f"{place}.evidence: {unknown('evidence', evidence, EVIDENCE[1:])}")
        layer = reader.whole(table, "layer", place + ".", 0, 0)
        part = reader.figure(table, "efficiency", place + ".", Fraction(1))
        if not 0 < part <= 1:
            found = show_value(table["efficiency"])
            reader.faults.append(f"{place}.efficiency: found {found}, expected above 0, at most 1")
        source, reached = (
            reader.text(table, key, place + ".") for key in ("source", "efficiency_source")
        )
        classes.append(LinkClass(name, layer, source, evidence, part, reached))
    return classes


def _symmetry(reader: Reader, value: object, links: int) -> list[list[int]]:
    """Read the declared generators; a row that is no list of numbers is emptied: no permutation."""
    rows = reader.typed(value, list, "symmetry", [])
    if len(rows) * (links + 1) > SYMMETRY_LIMIT:
        reader.faults.append(f"symmetry: {len(rows):,} generators are too many to check")
        return []
    return [
        row if isinstance(row, list) and all(type(v) is int for v in row) else [] for row in rows
    ]


def _links(reader: Reader, rows: list[Any], classes: Sequence[str]) -> tuple[list[Link], list[int]]:
    """Read the links that have two ends, and their places in the file."""
    number = {name: i for i, name in reversed(list(enumerate(classes)))}
    links, places = [], []
    for i, row in enumerate(rows):
        place = f"links[{i}]"
        table = reader.table(row, LINK, 3, place)
        src, dst = (table.get(key) for key in ("src", "dst"))
        if isinstance(src, str) and isinstance(dst, str):
            links.append(_link(reader, table, number, f"{place} {short(src)} -> {short(dst)} "))
            places.append(i)
            continue
        for key in ("src", "dst"):
            reader.typed(table.get(key, ""), str, f"{place}.{key}", "")
    return links, places


def _link(reader: Reader, table: Table, classes: dict[str, int], place: str) -> Link:
    """Read one link, GB/s to bytes per second and microseconds to seconds."""
    name = reader.text(table, "class", place) if "class" in table else None
    if name is not None and name not in classes:
        reader.faults.append(f"{place}class: {unknown('class of links', name, classes)}")
    return Link(
        table["src"],
        table["dst"],
        reader.figure(table, "bandwidth_GBps", place, Fraction(1)) * 10**9,
        float(reader.figure(table, "latency_us", place, Fraction(0)) / 10**6),
        reader.flag(table, "duplex", place),
        0 if name is None else classes.get(name, 0),
        reader.whole(table, "plane", place, -1, -1),
    )


def _number_faults(faults: Sequence[str], place: Sequence[int]) -> list[str]:
    """Give the links in faults the numbers of the file, from which some were left out."""
    return [
        re.sub(r"^links\[([0-9]+)\]", lambda found: f"links[{place[int(found[1])]}]", fault)
        for fault in faults
    ]


def _symmetry_faults(made: Topology) -> list[str]:
    """Say which declared generators are no automorphisms."""
    faults = []
    for i, row in enumerate(made.symmetry):
        try:
            link_images(made, row[None])
        except SymmetryError as error:
            faults.append(str(error).replace("symmetry[0]", f"symmetry[{i}]", 1))
    return faults
