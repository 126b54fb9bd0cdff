"""Huawei's rank table 2.0: ranks with the networks that each is in, layer by layer."""

from collections import defaultdict
from typing import Any, TypeVar

import msgspec

from topologies.importers.draft import LOCAL, NETWORK, RANK, SWITCH, Cable, Draft, Vertex
from topologies.importers.texts.host_names import fit
from topologies.model.messages import one_line, show_value

Word = str | int
Wanted = TypeVar("Wanted")
NEVER_FULL = "networks of the table are drawn as one switch each, and never full"
MESH, CLOS = "TOPO_FILE_DESC", "CLOS"
LAYER_LIMIT, RANK_LIMIT, MESH_LIMIT = 8, 100_000, 128


class Head(msgspec.Struct, frozen=True):
    """What all versions have."""

    version: str = "1.0"


class _Address(msgspec.Struct, frozen=True):
    ports: list[str] = []
    plane_id: Word = ""


class _Level(msgspec.Struct, frozen=True):
    net_layer: int
    net_instance_id: str
    net_type: str
    rank_addr_list: list[_Address] = []


class _Rank(msgspec.Struct, frozen=True):
    rank_id: Word
    level_list: list[_Level]
    local_id: Word = 0
    device_id: Word = 0


class _Table(msgspec.Struct, frozen=True):
    rank_list: list[_Rank]
    rank_count: Word | None = None


def sniff(text: str) -> bool:
    """Tell whether a text has the list of ranks of such a table."""
    return '"rank_list"' in text and '"level_list"' in text


def decode(text: str, kind: type[Wanted]) -> Wanted:
    """Read JSON of a form.

    Raises:
        ValueError: it is none, with the place.
    """
    try:
        return msgspec.json.decode(text.encode("utf-8", "surrogatepass"), type=kind)
    except msgspec.MsgspecError as error:
        raise ValueError(one_line(str(error).replace("`", "'"))) from None


def whole(word: Word, place: str) -> int:
    """Read a number that may be written as a text.

    Raises:
        ValueError: it is none, or none that a rank has.
    """
    text = str(word).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise ValueError(f"{place}: found {show_value(word)}, expected a whole number from 0")
    return int(text)


def read(text: str, name: str) -> Draft:
    """Read the table; the layers of a rank are networks beside each other.

    Raises:
        ValueError: it is incomplete, with the place.
    """
    table = decode(text, _Table)
    listed = [
        (whole(each.rank_id, f"rank_list[{i}].rank_id"), each)
        for i, each in enumerate(table.rank_list)
    ]
    numbers = sorted(number for number, _ in listed)
    if not numbers or numbers != list(range(len(numbers))) or len(numbers) > RANK_LIMIT:
        raise ValueError(f"rank_list: expected each rank_id from 0 to {len(numbers) - 1} once")
    _check(table)
    rows = [each for _, each in sorted(listed, key=lambda pair: pair[0])]
    hosts = [_host(row) for row in rows]
    local = stated = [whole(row.local_id, "local_id") for row in rows]
    if len({*zip(hosts, local, strict=True)}) < len(rows):
        local = list(range(len(rows)))
    apart = len(set(hosts)) > 1
    ranks = [
        Vertex(f"{host}.d{number}" if apart else f"d{number}", RANK, "NPU", host, (LOCAL + str(k),))
        for host, number, k in zip(hosts, local, stated, strict=True)
    ]
    cables, switches = _layers(rows, ranks)
    notes: tuple[str, ...] = ("the table says who is where; rates are those of the profile",)
    if switches:
        notes += (NEVER_FULL,)
    return Draft(name, (*ranks, *switches), tuple(cables), notes, tabled=True)


def _check(table: _Table) -> None:
    """Refuse a table that contradicts itself."""
    count = table.rank_count
    if count is not None and whole(count, "rank_count") != len(table.rank_list):
        raise ValueError(f"rank_count: {count}, but {len(table.rank_list)} ranks are listed")
    for i, rank in enumerate(table.rank_list):
        for k, level in enumerate(rank.level_list):
            place = f"rank_list[{i}].level_list[{k}]"
            if not 0 <= level.net_layer < LAYER_LIMIT:
                raise ValueError(f"{place}.net_layer: {show_value(level.net_layer)}, expected 0-7")
            if level.net_type not in (MESH, CLOS):
                found = show_value(level.net_type)
                raise ValueError(f"{place}.net_type: found {found}, expected {MESH} or {CLOS}")


def _host(row: _Rank) -> str:
    """Call a box what the lowest layer calls its network."""
    lowest = min(row.level_list, key=lambda level: level.net_layer, default=None)
    return fit(lowest.net_instance_id) if lowest else ""


def _layers(rows: list[_Rank], ranks: list[Vertex]) -> tuple[list[Cable], list[Vertex]]:
    """Join the ranks of each network of each layer."""
    members: dict[tuple[int, str, str], list[tuple[Vertex, int]]] = defaultdict(list)
    for row, rank in zip(rows, ranks, strict=True):
        for level in row.level_list:
            ports = sum(len(address.ports) or 1 for address in level.rank_addr_list) or 1
            key = (level.net_layer, level.net_instance_id, level.net_type)
            members[key].append((rank, ports))
    cables: list[Cable] = []
    switches: list[Vertex] = []
    for (layer, instance, kind), inside in members.items():
        if kind == MESH:
            cables += mesh([rank for rank, _ in inside], instance, "UB", "one port for each pair")
            continue
        hub = Vertex(f"net{layer}-{fit(instance)}", SWITCH, f"layer {layer}")
        switches.append(hub)
        medium: Any = NETWORK if layer > 1 else "UB"
        cables += [
            Cable(rank.name, hub.name, medium, lanes=ports, source=f"{ports} ports in the table")
            for rank, ports in inside
        ]
    return cables, switches


def mesh(inside: list[Vertex], where: str, medium: str, source: str = "") -> list[Cable]:
    """Join each with each, as the table leaves out what is inside a box.

    Raises:
        ValueError: there are too many for such a box.
    """
    if len(inside) > MESH_LIMIT:
        raise ValueError(f"{show_value(where)}: {len(inside):,} ranks, at most {MESH_LIMIT}")
    return [
        Cable(one.name, other.name, medium, source=source)
        for i, one in enumerate(inside)
        for other in inside[i + 1 :]
    ]
