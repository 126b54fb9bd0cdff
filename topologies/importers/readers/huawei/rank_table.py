"""Huawei's rank tables 1.0 and 1.2: servers, their devices, and super-pods of servers."""

from collections import defaultdict

import msgspec

from topologies.importers.draft import LOCAL, NETWORK, RANK, SWITCH, UPLINK, Cable, Draft, Vertex
from topologies.importers.readers.huawei import rank_table_2
from topologies.importers.readers.huawei.rank_table_2 import NEVER_FULL, Word, decode, mesh, whole
from topologies.importers.texts.host_names import fit
from topologies.model.messages import show_value

VERSIONS = ("1.0", "1.2", "2.0")
PLANES = 7  # of UB, a link of each die in each
DIES = 2  # of a package of Atlas A3, joined by SIO
NET = "network"
NOTE = "the table says who is where; links and rates are those of the profile"


class _Device(msgspec.Struct, frozen=True):
    rank_id: Word
    device_id: Word = "0"
    device_ip: Word = ""
    super_device_id: Word | None = None


class _Server(msgspec.Struct, frozen=True):
    server_id: str
    device: list[_Device]


class _Member(msgspec.Struct, frozen=True):
    server_id: str


class _Pod(msgspec.Struct, frozen=True):
    super_pod_id: Word
    server_list: list[_Member]


class _Table(msgspec.Struct, frozen=True):
    server_list: list[_Server]
    version: str = "1.0"
    super_pod_list: list[_Pod] = []


def sniff(text: str) -> bool:
    """Tell whether a text is JSON with a list of servers or ranks of such a table."""
    head = text.lstrip()[:1] == "{"
    old = '"server_list"' in text and ('"device"' in text or '"device_id"' in text)
    return head and (old or rank_table_2.sniff(text))


def read(text: str, name: str) -> Draft:
    """Read a table of any of the three versions.

    Raises:
        ValueError: it is none, or of another version, or incomplete; with the place.
    """
    version = decode(text, rank_table_2.Head).version
    if version not in VERSIONS:
        expected = f"expected {', '.join(VERSIONS)}"
        raise ValueError(f"version: found {show_value(version)}, {expected}")
    if version == "2.0":
        return rank_table_2.read(text, name)
    return _draft(decode(text, _Table), name)


def _draft(table: _Table, name: str) -> Draft:
    pod_of = _pods(table)
    devices = _devices(table)
    apart = len(table.server_list) > 1
    ranks = [_rank(server, device, apart, bool(pod_of)) for _, server, device in devices]
    cables, switches = _inside_pods(ranks, pod_of) if pod_of else _inside_servers(ranks)
    outside = (not pod_of and apart) or len(set(pod_of.values())) > 1
    if outside and all(device.device_ip for _, _, device in devices):
        switches.append(Vertex(NET, SWITCH, "network"))
        cables += [Cable(rank.name, NET, NETWORK) for rank in ranks]
    notes = [NOTE, NEVER_FULL] if pod_of or outside else [NOTE]
    return Draft(name, (*ranks, *switches), tuple(cables), tuple(notes), tabled=True)


def _rank(server: str, device: _Device, apart: bool, die: bool) -> Vertex:
    """Name a rank by its device and, where there are several, its server."""
    number = whole(device.device_id, "device_id")
    name = f"{server}.d{number}" if apart else f"d{number}"
    return Vertex(name, RANK, "die" if die else "NPU", server, (f"{LOCAL}{number}",))


def _devices(table: _Table) -> list[tuple[int, str, _Device]]:
    """List the devices with their servers, by rank.

    Raises:
        ValueError: there are none, or a rank is there twice.
    """
    found = [
        (
            whole(device.rank_id, f"server_list[{i}].device[{k}].rank_id"),
            fit(server.server_id),
            device,
        )
        for i, server in enumerate(table.server_list)
        for k, device in enumerate(server.device)
    ]
    ranks = sorted(rank for rank, _, _ in found)
    if not ranks or ranks != list(range(len(ranks))):
        raise ValueError(f"rank_id: expected each number from 0 to {max(len(ranks) - 1, 0)} once")
    return sorted(found, key=lambda each: each[0])


def _pods(table: _Table) -> dict[str, str]:
    """Tell the super-pod of each server.

    Raises:
        ValueError: a server is in none, or in two.
    """
    pods: dict[str, str] = {}
    for pod in table.super_pod_list:
        name = fit(str(pod.super_pod_id))
        for member in pod.server_list:
            if pods.setdefault(fit(member.server_id), name) != name:
                raise ValueError(f"super_pod_list: {member.server_id!r} is in two super-pods")
    lost = [each.server_id for each in table.server_list if fit(each.server_id) not in pods]
    if pods and lost:
        raise ValueError(f"super_pod_list: {show_value(lost[0])} is in no super-pod")
    return pods


def _inside_servers(ranks: list[Vertex]) -> tuple[list[Cable], list[Vertex]]:
    """Join the devices of a server, each with each: by HCCS, as in Atlas A2."""
    servers: dict[str, list[Vertex]] = defaultdict(list)
    for rank in ranks:
        servers[rank.host].append(rank)
    cables = [each for host, inside in servers.items() for each in mesh(inside, host, "HCCS")]
    return cables, []


def _inside_pods(ranks: list[Vertex], pod_of: dict[str, str]) -> tuple[list[Cable], list[Vertex]]:
    """Join the dies of a node by its switches, and nodes by those of the pod, drawn as one each.

    The two dies of a package have a link of their own.
    """
    nodes = {host: Vertex(f"{host}.l1", SWITCH, "UB L1", host) for host in pod_of}
    pods = {pod: Vertex(f"pod{pod}.l2", SWITCH, "UB L2") for pod in pod_of.values()}
    cables = [Cable(rank.name, nodes[rank.host].name, "UB", lanes=PLANES) for rank in ranks]
    cables += [Cable(nodes[host].name, pods[pod].name, UPLINK) for host, pod in pod_of.items()]
    packages: dict[tuple[str, int], list[Vertex]] = defaultdict(list)
    for rank in ranks:
        die = int(rank.name.rpartition("d")[2])
        packages[rank.host, die // DIES].append(rank)
    for both in packages.values():
        if len(both) == DIES:
            cables.append(Cable(both[0].name, both[1].name, "SIO"))
    return cables, [*nodes.values(), *pods.values()]
