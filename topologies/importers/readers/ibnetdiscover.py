"""What ibnetdiscover prints of an InfiniBand network: switches, adapters, and cables."""

import re
from collections import Counter, defaultdict
from typing import NamedTuple

from topologies.importers.draft import (
    ADAPTER,
    ALONE,
    NETWORK,
    RANK,
    SWITCH,
    UPLINK,
    Cable,
    Draft,
    Vertex,
)
from topologies.importers.hardware.figures import LANE, infiniband
from topologies.importers.texts.host_names import fit, natural
from topologies.model.messages import list_names, short, show_value
from topologies.model.units import Rate

_HEADER = re.compile(
    r'(Switch|Ca|Rt)\s+[0-9]{1,4}\s+"([SHR]-[0-9A-Fa-f]{1,16})"\s+#\s*"([^"]*)"(.*)'
)
_PORT = re.compile(
    r"\[([0-9]{1,4})\](?:\[[^\]]*\])?(?:\(([0-9A-Fa-f]{1,16})\))?\s+"
    r'"([SHR]-[0-9A-Fa-f]{1,16})"\s*\[([0-9]{1,4})\](?:\[[^\]]*\])?(?:\([0-9A-Fa-f]{1,16}\))?(.*)'
)
_ATTRIBUTE = re.compile(r"(vendid|devid|sysimgguid|switchguid|caguid|rtguid)=\S*")
# What it prints with -g between the blocks.
_GROUP = re.compile(r"(Chassis|Non-Chassis|Hosts|Spine|Line|Leaf|Aggregation)\b")
_SPEED = re.compile(r"\b[0-9]{1,2}x[A-Z0-9]{3,5}\b")
# Descriptions that tell no host: what a driver gives where nobody set one, and switches' own ends.
_NAMELESS = re.compile(r"(MT[0-9]+ |localhost\b|ConnectX|.*Technologies\s*$)")
_AGGREGATION = "Aggregation Node"
_MANAGED = re.compile(r"MF[0-9];([^:]*):(.*)")


class _Node(NamedTuple):
    """A switch or an adapter: its GUID, its description, and what else its lines say."""

    guid: str
    text: str
    lid: str


class _Cable(NamedTuple):
    """An end of a cable as the block of one node lists it."""

    node: str
    port: str
    other: str
    other_port: str
    rate: Rate
    speed: str
    port_guid: str
    lid: str


def sniff(text: str) -> bool:
    """Tell whether a text has the heading, or a block of a switch or an adapter."""
    head = text[:50_000]
    return head.startswith("#\n# Topology file: generated on") or bool(
        re.search(r'^(Switch|Ca)\s+[0-9]+\s+"[SH]-[0-9A-Fa-f]+"', head, re.MULTILINE)
    )


def read(text: str, name: str) -> Draft:
    """Read a network; each host is a rank, whose adapters are told by their description.

    Raises:
        ValueError: a line is wrong, with its number, or there is no cable.
    """
    nodes, ends = _parse(text)
    hosts, notes = _hosts(nodes)
    if not hosts:
        raise ValueError("no adapter has a host's name in its description: no rank is known")
    cables, odd = _cables(nodes, ends, hosts)
    if not cables:
        raise ValueError(
            "no cable leads from a host to a switch: the file is cut off, or of one node"
        )
    return _draft(name, nodes, hosts, cables, (notes, odd))


def _parse(text: str) -> tuple[dict[str, _Node], list[_Cable]]:
    """Read the blocks of all nodes."""
    nodes: dict[str, _Node] = {}
    ends: list[_Cable] = []
    current = ""
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if header := _HEADER.fullmatch(line):
            current = header[2].lower()
            if current in nodes:
                raise ValueError(f"line {number}: {header[2]} is described twice")
            lid = re.search(r"\blid ([0-9]{1,6})\b", header[4])
            nodes[current] = _Node(current[2:].zfill(16), header[3], lid[1] if lid else "")
        elif port := _PORT.fullmatch(line):
            ends.append(_end(number, current, port))
        elif line and not (line.startswith("#") or _ATTRIBUTE.match(line) or _GROUP.match(line)):
            expected = "expected a node, a port or an attribute"
            raise ValueError(f"line {number}: found {show_value(line)}, {expected}")
    if not nodes:
        raise ValueError("no switch and no adapter in it")
    return nodes, ends


def _end(number: int, node: str, port: "re.Match[str]") -> _Cable:
    """Read a line of a port."""
    if not node:
        raise ValueError(f"line {number}: a port of no node")
    # Behind the description, which may look like a speed itself.
    rest = port[5].rpartition('"')[2]
    speed = _SPEED.search(rest)
    rate = infiniband(speed[0]) if speed else None
    if speed is None or rate is None:
        found = show_value(speed[0] if speed else short(rest.strip()))
        raise ValueError(
            f"line {number}: found {found}, expected a rate such as 4x{'/'.join(LANE)}"
        )
    lid = re.search(r"#\s*lid ([0-9]{1,6})\b", port[5])
    return _Cable(
        *(node, port[1], port[3].lower(), port[4], rate, speed[0]),
        *((port[2] or "").lower(), lid[1] if lid else ""),
    )


def _hosts(nodes: dict[str, _Node]) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Tell the host and the device of each adapter by its description, as `node7 mlx5_3`."""
    hosts: dict[str, tuple[str, str]] = {}
    nameless, aggregation = [], 0
    for key, node in nodes.items():
        if key.startswith("s-"):
            continue
        host, _, device = node.text.strip().partition(" ")
        if _AGGREGATION in node.text:
            aggregation += 1
        elif not host or _NAMELESS.match(node.text):
            nameless.append(node.guid)
        else:
            hosts[key] = (fit(host), device.strip())
    notes = []
    if nameless:
        listed = list_names(nameless, 3)
        notes.append(f"{len(nameless)} adapters name no host, and are left out: {listed}")
    if aggregation:
        notes.append(f"{aggregation} aggregation nodes (SHARP) are left out: switches add nothing")
    return hosts, notes


def _cables(
    nodes: dict[str, _Node], ends: list[_Cable], hosts: dict[str, tuple[str, str]]
) -> tuple[list[_Cable], list[str]]:
    """Take each cable once, and say which are told at one end only, or unlike at both."""
    found = {(end.node, end.port): end for end in ends}
    kept: list[_Cable] = []
    unlike, lost = [], []
    for end in ends:
        known = end.other in nodes and (end.other[0] == "s" or end.other in hosts)
        own = end.node[0] == "s" or end.node in hosts
        back = found.get((end.other, end.other_port))
        if end.other not in nodes:
            lost.append(f"{end.node}[{end.port}]")
        if not (known and own):
            continue
        if back is not None and back.rate != end.rate and (end.node, end.port) < back[:2]:
            unlike.append(f"{end.node}[{end.port}] ({end.speed}, {back.speed} back)")
        if back is None or _comes_first(end, back):
            kept.append(end)
    odd = [f"ports lead to nodes that are not in the file: {list_names(lost)}"] if lost else []
    odd += [f"two rates of one cable: {list_names(unlike)}"] if unlike else []
    return kept, odd


def _comes_first(end: _Cable, back: _Cable) -> bool:
    """Keep of both lists of a cable that of the adapter, or of the first of two switches."""
    if end.node[0] != end.other[0]:
        return end.node[0] == "h"
    return (end.node, end.port) < (back.node, back.port)


def _draft(
    name: str,
    nodes: dict[str, _Node],
    hosts: dict[str, tuple[str, str]],
    cables: list[_Cable],
    said: tuple[list[str], list[str]],
) -> Draft:
    """Put hosts, ports, switches and cables together."""
    switches = _switch_names(nodes)
    ports, own = _ports(nodes, hosts, cables)
    names = {**switches, **{key: vertex.name for key, vertex in ports.items()}}
    bundles = _bundles(cables, names)
    depth = _depths(cables)
    level = {switches[key]: depth[key] for key in switches if key in depth}
    made = [
        _cable(src, dst, rate, speed, count, level)
        for (src, dst, rate, speed), count in bundles.items()
    ]
    ranks = sorted({vertex.host for vertex in ports.values()}, key=natural)
    vertices = (
        *(Vertex(host, RANK, "host", host) for host in ranks),
        *ports.values(),
        *(Vertex(names[key], SWITCH, "IB switch") for key in nodes if key[0] == "s"),
    )
    return Draft(name, vertices, (*own, *made), (*said[0], ALONE), tuple(said[1]), fabric=True)


def _bundles(cables: list[_Cable], names: dict[str, str]) -> dict[tuple[str, str, Rate, str], int]:
    """Count the cables of one rate between two ends; those of a host come first."""
    bundles: Counter[tuple[str, str, Rate, str]] = Counter()
    for each in cables:
        near = f"{each.node}[{each.port}]" if each.node[0] == "h" else each.node
        far = f"{each.other}[{each.other_port}]" if each.other[0] == "h" else each.other
        if near[0] == "s" and far[0] == "h":
            near, far = far, near
        bundles[names[near], names[far], each.rate, each.speed] += 1
    return bundles


def _ports(
    nodes: dict[str, _Node], hosts: dict[str, tuple[str, str]], cables: list[_Cable]
) -> tuple[dict[str, Vertex], list[Cable]]:
    """Make a vertex of each port of a host that a cable is in, and join it with the host."""
    found: dict[str, Vertex] = {}
    own: list[Cable] = []
    used: Counter[str] = Counter()
    ends = [
        end
        for each in cables
        for end in (
            (each.node, each.port, each.port_guid, each.lid, each),
            (each.other, each.other_port, "", "", each),
        )
    ]
    for near, port, guid, lid, each in ends:
        if near[0] == "s" or f"{near}[{port}]" in found:
            continue
        host, device = hosts[near]
        keys = [f"guid {nodes[near].guid}", *([f"guid {guid.zfill(16)}"] if guid else [])]
        keys += [f"lid {lid}"] if lid else []
        keys += [f"device {device}"] if device else []
        number = used[host]
        used[host] += 1
        vertex = Vertex(
            f"{host}.port{number}", ADAPTER, "adapter", host, tuple(keys), rate=each.rate
        )
        found[f"{near}[{port}]"] = vertex
        own.append(Cable(host, vertex.name, NETWORK, each.rate, 0.0, source=each.speed))
    return found, own


def _cable(src: str, dst: str, rate: Rate, speed: str, count: int, level: dict[str, int]) -> Cable:
    """Make one cable of those between two ends; uplinks lead away from the hosts."""
    if src in level and level.get(src, 0) > level.get(dst, 0):
        src, dst = dst, src
    medium = UPLINK if src in level else NETWORK
    return Cable(src, dst, medium, rate * count, lanes=count, source=f"{speed} in the file")


def _depths(cables: list[_Cable]) -> dict[str, int]:
    """Compute how many cables each switch is away from the nearest host."""
    near: dict[str, list[str]] = defaultdict(list)
    for each in cables:
        near[each.node].append(each.other)
        near[each.other].append(each.node)
    depth = dict.fromkeys((key for key in near if key[0] == "h"), 0)
    todo = list(depth)
    for key in todo:
        for other in near[key]:
            if other not in depth and other[0] == "s":
                depth[other] = depth[key] + 1
                todo.append(other)
    return depth


def _switch_names(nodes: dict[str, _Node]) -> dict[str, str]:
    """Name switches by their descriptions where these tell them apart, else by GUID."""
    plain = {}
    for key, node in nodes.items():
        if key[0] == "s":
            managed = _MANAGED.match(node.text)
            plain[key] = fit(managed[1] if managed else node.text.split(";")[0]).strip()
    seen = Counter(plain.values())
    return {
        key: text if text and seen[text] == 1 else f"S-{nodes[key].guid}"
        for key, text in plain.items()
    }
