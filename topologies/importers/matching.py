"""Which host of a network a file is about: told by a GUID, a LID or a name."""

from collections.abc import Sequence
from typing import NamedTuple

from topologies.importers.draft import ADAPTER, RANK, Draft, Vertex
from topologies.importers.oddities import usual
from topologies.model.messages import list_names, nearest
from topologies.model.topology import TopologyError

TELLING = ("guid ", "lid ")  # keys that no two hosts share


class Host(NamedTuple):
    """A host as the network knows it: a rank, and its ports."""

    name: str
    rank: Vertex
    adapters: tuple[Vertex, ...]

    @property
    def keys(self) -> set[str]:
        """List what tells the host from all others."""
        return {key for each in self.adapters for key in each.keys if key.startswith(TELLING)}


def hosts_of(fabric: Draft) -> list[Host]:
    """List the hosts of a network, in the order of the file."""
    ports: dict[str, list[Vertex]] = {}
    for each in fabric.of(ADAPTER):
        ports.setdefault(each.host, []).append(each)
    return [Host(each.host, each, tuple(ports.get(each.host, ()))) for each in fabric.of(RANK)]


def match(
    known: Sequence[Host], boxes: Sequence[Draft], hosts: int | None
) -> tuple[list[tuple[Host, Draft]], list[str]]:
    """Find the host of each file; a single file stands for all hosts, or the first so many.

    Returns:
        Pairs of a host and its file, and what was taken for granted.

    Raises:
        TopologyError: a file is of no host, or two are of one, or there are fewer hosts.
    """
    if len(boxes) == 1:
        return _repeat(known, boxes[0], hosts)
    found = [_find(known, box) for box in boxes]
    for place, host in enumerate(found):
        if host in found[:place]:
            first = boxes[found.index(host)].name
            raise TopologyError([f"{boxes[place].name} and {first} are both of {host.name}"])
    left = [host.name for host in known if host not in found]
    notes = [f"no file is of {list_names(left)}: left out"] if left else []
    return list(zip(found, boxes, strict=True)), notes


def _repeat(
    known: Sequence[Host], box: Draft, hosts: int | None
) -> tuple[list[tuple[Host, Draft]], list[str]]:
    """Let one file stand for many hosts, but for those that are of another kind.

    Raises:
        TopologyError: there are fewer hosts.
    """
    common = usual([len(host.adapters) for host in known]) or 0
    other = [host.name for host in known if 2 * len(host.adapters) <= common] if common else []
    alike = [host for host in known if host.name not in set(other)]
    count = len(alike) if hosts is None else hosts
    if count > len(alike):
        raise TopologyError([f"--hosts: {count}, but the network has {len(alike)}"])
    notes = [f"{count} hosts are taken to be like {box.name}"] if count > 1 else []
    if other:
        few = "have half of the adapters of the others or fewer"
        notes.append(f"{few}, and are left out: {list_names(other)}")
    return [(host, box) for host in alike[:count]], notes


def _find(known: Sequence[Host], box: Draft) -> Host:
    """Find the host of a file, by its adapters or else by its name."""
    keys = {key for each in box.of(ADAPTER) for key in each.keys}
    by_key = [host for host in known if host.keys & keys]
    by_name = [host for host in known if _bare(host.name) == _bare(box.name)]
    for found in (by_key, by_name):
        if len(found) == 1:
            return found[0]
    names = [host.name for host in known]
    near = nearest(box.name, names)
    advice = f"; nearest: {near}" if near else ""
    raise TopologyError([f"{box.name}: no host of the network has its name or GUIDs{advice}"])


def _bare(name: str) -> str:
    return name.partition(".")[0].lower()


def match_adapters(host: Host, adapters: Sequence[Vertex]) -> tuple[dict[str, str], list[str]]:
    """Find the adapter of each port: by a key they share, the others in their order.

    Returns:
        The adapters' names by those of the ports, and the adapters without a port.
    """
    named: dict[str, str] = {}
    left = list(adapters)
    for prefix in (TELLING, ("device ",)):
        for port in host.adapters:
            keys = {key for key in port.keys if key.startswith(prefix)}
            found = next((each for each in left if keys & set(each.keys)), None)
            if found is not None and port.name not in named:
                named[port.name] = found.name
                left.remove(found)
    open_ports = [port for port in host.adapters if port.name not in named]
    for port, each in zip(open_ports, list(left), strict=False):
        named[port.name] = each.name
        left.remove(each)
    return named, [each.name for each in left]
