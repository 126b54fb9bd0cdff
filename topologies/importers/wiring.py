"""What is inside the boxes that a rank table lists: the wires that Ascend's topology file has."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from topologies.importers.draft import LOCAL, RANK, SWITCH, Cable, Draft, Vertex
from topologies.model.messages import list_names
from topologies.model.topology import TopologyError

NOTE = "networks are those of the rank table, wires inside a box those of the topology file"
LEFT = "ports of the topology file to networks that the rank table does not have are left out"


def lay_wires(drafts: Sequence[Draft]) -> list[Draft]:
    """Put the wires of a topology file into the boxes of a rank table; without both, do nothing.

    The table lists servers and what networks they are in, and leaves out how devices are joined in
    a box; the file has each port of one box. Ports to a network of the lowest layer are a switch of
    each box, unless the table has networks of that layer.

    Raises:
        TopologyError: several of either, or devices of the table that the file does not have.
    """
    wirings = [each for each in drafts if each.wiring]
    tables = [each for each in drafts if each.tabled]
    if not wirings or not tables:
        return list(drafts)
    if len(wirings) > 1 or len(tables) > 1:
        raise TopologyError(
            [
                f"{len(tables)} rank tables and {len(wirings)} topology files, expected one of "
                "each: all boxes have the same wires"
            ]
        )
    [wiring], [table] = wirings, tables
    made = _lay(table, wiring)
    return [made, *(each for each in drafts if each is not wiring and each is not table)]


def _lay(table: Draft, wiring: Draft) -> Draft:
    places = _places(table, wiring)
    host_of = {each.name: each.host for each in table.of(RANK)}
    kept = [
        cable
        for cable in table.cables
        if host_of.get(cable.src, cable.src) != host_of.get(cable.dst, cable.dst)
    ]
    layers = {each.kind for each in table.of(SWITCH)}
    inner = [each for each in wiring.of(SWITCH) if _is_lowest(each) and each.kind not in layers]
    switches: list[Vertex] = []
    cables: list[Cable] = []
    for host, ranks in places.items():
        named = dict(ranks)
        for net in inner:
            named[net.name] = f"{host}.{net.name}" if host else net.name
            switches.append(net._replace(name=named[net.name], host=host))
        cables += _rename(wiring.cables, named)
    lost = {each.name for each in wiring.of(SWITCH)} - {each.name for each in inner}
    notes = (NOTE, *((LEFT,) if lost and not _networks(table) else ()))
    return replace(
        table,
        vertices=(*table.vertices, *switches),
        cables=(*cables, *kept),
        notes=(*table.notes, *notes),
    )


def _networks(table: Draft) -> list[Vertex]:
    return [each for each in table.of(SWITCH) if not each.host]


def _is_lowest(net: Vertex) -> bool:
    """Tell whether a network is of the layer inside of a box."""
    return net.kind.endswith(" 0")


def _rename(cables: Sequence[Cable], named: dict[str, str]) -> Iterator[Cable]:
    """List the cables of a box whose both ends are there."""
    for cable in cables:
        if cable.src in named and cable.dst in named:
            yield cable._replace(src=named[cable.src], dst=named[cable.dst])


def _places(table: Draft, wiring: Draft) -> dict[str, dict[str, str]]:
    """Tell for each box which of its ranks is which device of the file.

    Raises:
        TopologyError: the file does not have a device.
    """
    by_key = {key: each.name for each in wiring.of(RANK) for key in each.keys}
    places: dict[str, dict[str, str]] = {}
    lost = []
    for rank in table.of(RANK):
        key = next(key for key in rank.keys if key.startswith(LOCAL))
        if key in by_key:
            places.setdefault(rank.host, {})[by_key[key]] = rank.name
        else:
            lost.append(rank.name)
    if lost:
        raise TopologyError([f"{list_names(lost)}: not in the peer_list of the topology file"])
    return places
