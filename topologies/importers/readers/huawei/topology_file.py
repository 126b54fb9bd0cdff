"""The topology file of Ascend's driver: ports of the NPUs of a box to each other and outside."""

import msgspec

from topologies.importers.draft import LOCAL, RANK, SWITCH, Cable, Draft, Vertex
from topologies.importers.readers.huawei.rank_table_2 import LAYER_LIMIT, Word, decode, whole
from topologies.importers.texts.host_names import fit
from topologies.model.messages import show_value

PEER, NET = "PEER2PEER", "PEER2NET"
MOST = 1024  # NPUs of a box, and edges for each of them
NOTE = "networks that ports lead to are drawn as one switch each, and never full"


class _Peer(msgspec.Struct, frozen=True):
    local_id: Word


class _Edge(msgspec.Struct, frozen=True):
    net_layer: int
    link_type: str
    local_a: Word
    local_a_ports: list[str] = []
    local_b: Word | None = None
    topo_instance_id: Word = 0


class _File(msgspec.Struct, frozen=True):
    peer_list: list[_Peer]
    edge_list: list[_Edge]
    peer_count: Word | None = None
    edge_count: Word | None = None


def sniff(text: str) -> bool:
    """Tell whether a text has the lists of such a file."""
    return '"peer_list"' in text and '"edge_list"' in text


def read(text: str, name: str) -> Draft:
    """Read the NPUs of a box, and their ports to each other and to networks.

    Raises:
        ValueError: it is incomplete, with the place.
    """
    data = decode(text, _File)
    for word, count, rows in (
        ("peer_count", data.peer_count, data.peer_list),
        ("edge_count", data.edge_count, data.edge_list),
    ):
        if count is not None and whole(count, word) != len(rows):
            raise ValueError(f"{word}: {show_value(count)}, but {len(rows)} are listed")
    numbers = [whole(each.local_id, f"peer_list[{i}]") for i, each in enumerate(data.peer_list)]
    if not 0 < len(numbers) <= MOST or len(set(numbers)) < len(numbers):
        raise ValueError(f"peer_list: expected 1 to {MOST} NPUs, each once")
    if len(data.edge_list) > MOST * len(numbers):
        raise ValueError(f"{len(data.edge_list):,} edges, at most {MOST} for each NPU")
    cables, nets = _join(data.edge_list, set(numbers))
    ranks = [
        Vertex(f"d{number}", RANK, "NPU", keys=(f"{LOCAL}{number}",)) for number in sorted(numbers)
    ]
    notes = (NOTE,) if nets else ()
    return Draft(name, (*ranks, *nets.values()), tuple(cables), notes, wiring=True)


def _join(edges: list[_Edge], known: set[int]) -> tuple[list[Cable], dict[str, Vertex]]:
    """Make a cable of each edge, and a switch of each network.

    Raises:
        ValueError: an edge is of another kind, or names an NPU that is not listed.
    """
    cables: list[Cable] = []
    nets: dict[str, Vertex] = {}
    for i, edge in enumerate(edges):
        place = f"edge_list[{i}]"
        if not 0 <= edge.net_layer < LAYER_LIMIT:
            raise ValueError(f"{place}.net_layer: {show_value(edge.net_layer)}, expected 0-7")
        ends = [_end(known, edge.local_a, f"{place}.local_a")]
        if edge.link_type == PEER:
            other = "" if edge.local_b is None else edge.local_b
            ends.append(_end(known, other, f"{place}.local_b"))
        elif edge.link_type == NET:
            net = f"net{edge.net_layer}-{fit(str(edge.topo_instance_id))}"
            nets.setdefault(net, Vertex(net, SWITCH, f"layer {edge.net_layer}"))
            ends.append(net)
        else:
            found = show_value(edge.link_type)
            raise ValueError(f"{place}.link_type: found {found}, expected {PEER} or {NET}")
        if ends[0] == ends[1]:
            raise ValueError(f"{place}: it leads from {ends[0]} to itself")
        ports = len(edge.local_a_ports) or 1
        cables.append(Cable(ends[0], ends[1], "UB", lanes=ports, source=f"{ports} ports"))
    return cables, nets


def _end(known: set[int], word: Word, place: str) -> str:
    number = whole(word, place)
    if number not in known:
        raise ValueError(f"{place}: {number} is not in peer_list")
    return f"d{number}"
