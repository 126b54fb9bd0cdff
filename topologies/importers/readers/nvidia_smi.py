"""The matrix that `nvidia-smi topo -m` prints, and its likes of other makers with other words."""

import re
from collections import Counter
from itertools import combinations
from typing import NamedTuple

from topologies.importers.draft import (
    ADAPTER,
    ASSUMED,
    HUB_KIND,
    RANK,
    SWITCH,
    Cable,
    Draft,
    Vertex,
)
from topologies.model.messages import short, show_value

LIMIT = 1024  # devices
# From the nearest: what lies between two devices of a host.
LEVELS = ("PIX", "PXB", "PHB", "NODE", "SYS")
# Other words for these: of npu-smi (PIB: several bridges, NA: not known), of old versions (SOC).
_SAME = {"PIB": "PXB", "SOC": "SYS", "NA": "SYS"}
THROUGH_SWITCH = "HCCS_SW"
_DIRECT = re.compile(r"(NV|XGMI|HCCS|HCCS_SW|SIO|UB)([0-9]{0,3})")
_MEDIA = {"NV": "NVLink", "XGMI": "xGMI", "HCCS": "HCCS", THROUGH_SWITCH: "HCCS", "SIO": "SIO"}
_MEDIA["UB"] = "UB"
_DEVICE = re.compile(r"(GPU|NPU|NIC|mlx[0-9]+_|hns_|bnxt_re|irdma|efa_?|rdma|ib|eth)[0-9]{1,4}")
_ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_DIE = re.compile(r"\bPhy-ID(?=[0-9])")  # npu-smi where a package has two dies
_LEGEND = re.compile(r"\s*(NIC[0-9]{1,4})\s*:\s*(\S+)\s*$")
MOST_LINKS = 18  # of a GPU, before the generation of Rubin
PASSES = {"PIX": "PCIe", "PXB": "PCIe", "PHB": "CPU", "NODE": "CPU", "SYS": "CPU"}
WORDS = {"PIX": "pcie", "PXB": "bridge", "PHB": "root", "NODE": "numa", "SYS": "sys"}


class _Matrix(NamedTuple):
    """The names of the devices, the cells between them, the NUMA node of each, and the legend."""

    names: list[str]
    cells: dict[tuple[str, str], str]
    numa: dict[str, str]
    devices: dict[str, str]


def sniff(text: str) -> bool:
    """Tell whether the first line that says something lists devices."""
    for line in _plain(text[:5000]).splitlines():
        words = line.split()
        if words:
            found = [word for word in words if _DEVICE.fullmatch(word)]
            return words[0] in found and words[0].startswith(("GPU", "NPU"))
    return False


def read(text: str, name: str) -> Draft:
    """Read the matrix of one host.

    Raises:
        ValueError: a row or a cell is wrong, with its line.
    """
    matrix = _parse(_plain(text))
    ranks = [each for each in matrix.names if each.startswith(("GPU", "NPU"))]
    joins, hubs, notes = _joins(matrix, ranks)
    vertices = [_vertex(matrix, each) for each in matrix.names]
    switches, tree = _tree(matrix)
    own = {each: _local(each) for each in matrix.names}
    cables = [
        each._replace(src=own.get(each.src, each.src), dst=own.get(each.dst, each.dst))
        for each in (*joins, *tree)
    ]
    return Draft(name, (*vertices, *hubs, *switches), tuple(cables), tuple(notes))


def _plain(text: str) -> str:
    """Leave out what underlines, and call dies NPUs."""
    return _DIE.sub("NPU", _ESCAPE.sub("", text))


def _local(name: str) -> str:
    """Name a device as other readers do: `g3`."""
    return f"g{name[3:]}" if name.startswith(("GPU", "NPU")) else name


def _vertex(matrix: _Matrix, name: str) -> Vertex:
    if name.startswith(("GPU", "NPU")):
        return Vertex(_local(name), RANK, name[:3])
    return Vertex(name, ADAPTER, "adapter", keys=(f"device {matrix.devices.get(name, name)}",))


def _parse(text: str) -> _Matrix:
    """Read heading, rows and legend."""
    names: list[str] = []
    columns: list[str] = []
    matrix = _Matrix(names, {}, {}, {})
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not columns and words:
            columns += _heading(number, words)
        elif words and _DEVICE.fullmatch(words[0]) and not _LEGEND.match(line):
            _row(number, words, columns, matrix, ("\t" in line and line.split("\t")) or [])
        elif legend := _LEGEND.match(line):
            matrix.devices[legend[1]] = legend[2]
    missing = [column for column in columns if column not in names]
    if missing:
        raise ValueError(f"no row of {missing[0]}: the matrix is cut off")
    return matrix


def _heading(number: int, words: list[str]) -> list[str]:
    """Read the devices that the heading lists."""
    columns = [word for word in words if _DEVICE.fullmatch(word)]
    if not columns or words[: len(columns)] != columns:
        raise ValueError(f"line {number}: found {show_value(' '.join(words))}, expected GPU0 ...")
    if len(set(columns)) < len(columns) or len(columns) > LIMIT:
        raise ValueError(f"line {number}: a device is listed twice, or more than {LIMIT} are")
    return columns


def _row(
    number: int, words: list[str], columns: list[str], matrix: _Matrix, fields: list[str]
) -> None:
    """Read the cells of a device; behind them may stand CPU and NUMA affinity."""
    name, cells = words[0], words[1 : len(columns) + 1]
    if name not in columns or name in matrix.names:
        raise ValueError(f"line {number}: {name} is no column, or has a row already")
    if len(cells) < len(columns):
        expected = f"expected {len(columns)}: the row is cut off"
        raise ValueError(f"line {number}: {len(cells)} cells of {name}, {expected}")
    matrix.names.append(name)
    for column, cell in zip(columns, cells, strict=True):
        word = _SAME.get(cell, cell)
        if word not in ("X", *LEVELS) and not _DIRECT.fullmatch(word):
            expected = f"expected X, NV#, {', '.join(LEVELS)}"
            raise ValueError(f"line {number}: found {show_value(short(cell))}, {expected}")
        if (word == "X") != (column == name):
            raise ValueError(f"line {number}: X stands for a device and itself, not {column}")
        matrix.cells[name, column] = word
    rest = [field.strip() for field in fields[len(columns) + 1 :]] or words[len(columns) + 1 :]
    if len(rest) >= 2 and re.fullmatch("[0-9,-]{1,20}", rest[1]):
        matrix.numa[name] = rest[1]


def _joins(matrix: _Matrix, ranks: list[str]) -> tuple[list[Cable], list[Vertex], list[str]]:
    """Read the links between ranks; where there are more than a GPU has, a switch joins them."""
    pairs: dict[tuple[str, str], tuple[str, int]] = {}
    for a, b in combinations(ranks, 2):
        if found := _DIRECT.fullmatch(matrix.cells[a, b]):
            pairs[a, b] = (found[1], int(found[2] or 1))
    total: Counter[str] = Counter()
    for pair, (_, count) in pairs.items():
        total.update(dict.fromkeys(pair, count))
    counts = set(pairs.values())
    full = len(pairs) == len(ranks) * (len(ranks) - 1) // 2
    if pairs and full and len(counts) == 1 and max(total.values()) > MOST_LINKS:
        [(word, count)] = counts
        note = f"{word}{count} between any two is more than a GPU has links: a switch joins all"
        return _around_hub(ranks, word, count, note)
    cables = [
        Cable(a, b, _MEDIA[word], None, lanes=max(count, 1), source=f"{word}{count}")
        for (a, b), (word, count) in pairs.items()
        if word != THROUGH_SWITCH
    ]
    through = {rank for pair, (word, _) in pairs.items() if word == THROUGH_SWITCH for rank in pair}
    if not through:
        return cables, [], []
    note = f"{THROUGH_SWITCH} is drawn as one switch that joins all"
    around, hubs, notes = _around_hub(sorted(through), THROUGH_SWITCH, 1, note)
    return cables + around, hubs, notes


def _around_hub(
    ranks: list[str], word: str, count: int, note: str
) -> tuple[list[Cable], list[Vertex], list[str]]:
    hub = Vertex("nvs", SWITCH, HUB_KIND)
    cables = [
        Cable(rank, hub.name, _MEDIA[word], None, None, count, True, source=f"{word}{count}")
        for rank in ranks
    ]
    return cables, [hub], [note]


def _tree(matrix: _Matrix) -> tuple[list[Vertex], list[Cable]]:
    """Build the tree of PCIe that the words tell, the nearest level first.

    Two devices hang on one vertex of a level if their word is that of the level or a nearer one.
    """
    top = {name: name for name in matrix.names}  # what stands for a device so far
    members = {name: [name] for name in matrix.names}
    switches: list[Vertex] = []
    cables: list[Cable] = []
    for level, word in enumerate(LEVELS):
        groups = _groups(matrix, set(LEVELS[: level + 1]), top)
        number = 0
        for group in groups:
            if len(group) < 2:
                continue
            made = Vertex(f"{WORDS[word]}{number}", SWITCH, PASSES[word])
            number += 1
            switches.append(made)
            for below in group:
                cables.append(_branch(below, made.name, word, members))
            members[made.name] = [name for below in group for name in members[below]]
            for name in members[made.name]:
                top[name] = made.name
    return switches, cables


def _branch(below: str, above: str, word: str, members: dict[str, list[str]]) -> Cable:
    """Make a link of the tree; sockets are joined by something else than PCIe."""
    medium = "CPU" if word == "SYS" and len(members[below]) > 1 else "PCIe"
    return Cable(below, above, medium, None, evidence=ASSUMED, source="")


def _groups(matrix: _Matrix, words: set[str], top: dict[str, str]) -> list[list[str]]:
    """Group what stands for devices by who is joined with whom by one of some words."""
    leader = {each: each for each in top.values()}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    near = "NODE" in words
    for a, b in combinations(matrix.names, 2):
        same_node = near and a in matrix.numa and matrix.numa[a] == matrix.numa.get(b)
        if matrix.cells[a, b] in words or same_node or "SYS" in words:
            leader[find(top[a])] = find(top[b])
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(top.values()):
        groups.setdefault(find(name), []).append(name)
    return list(groups.values())
