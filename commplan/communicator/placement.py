"""Which rank of the topology each process plays: given, or from the names of the computers."""

from collections.abc import Iterable, Mapping, Sequence

from topologies.arguments import refuse, whole
from topologies.errors import WRONG_INPUT, CommplanError
from topologies.topology import Topology
from topologies.wording import listed, nearest

Placement = Sequence[int | str] | Mapping[str, str | Sequence[int]] | str | None


class PlacementError(CommplanError, ValueError):
    """A map that does not give every process a rank of its own."""

    exit_code = WRONG_INPUT


def placed(topology: Topology, hosts: Sequence[str], ranks: Placement) -> tuple[int, ...]:
    """Give the rank that each process plays; hosts[i] is the computer of process i.

    ranks: None, process i plays rank i; a list, process i plays ranks[i], a number or a name;
    "hosts", the processes of a computer play the ranks whose names begin with its name, up to a
    dot; a mapping from computers, to such beginnings or to lists of ranks. The processes of one
    computer take its ranks in order. node1.cluster.local and node1 are one computer.

    Raises:
        PlacementError: a process without a rank, or two with one.
    """
    if ranks is None:
        ranks = range(len(hosts))
    if isinstance(ranks, str):
        if ranks != "hosts":
            raise PlacementError(f"ranks: found {ranks!r}, expected 'hosts'")
        ranks = {host: host for host in hosts}
    if not isinstance(ranks, Iterable):
        expected = "a list of ranks, a mapping from computers, or 'hosts'"
        refuse("ranks", ranks, expected, PlacementError)
    if isinstance(ranks, Mapping):
        played = _by_host(topology, hosts, ranks)
    else:
        played = tuple(_rank(topology, each) for each in ranks)
    for process, rank in enumerate(played):
        whole(f"ranks[{process}]", rank, error=PlacementError)
    _check(topology, hosts, played)
    return played


def _by_host(
    topology: Topology, hosts: Sequence[str], ranks: Mapping[str, str | Sequence[int]]
) -> tuple[int, ...]:
    free = {}
    for host in dict.fromkeys(hosts):
        told = _told(host, ranks)
        if not isinstance(told, Iterable):
            refuse(f"ranks of {host}", told, "a beginning of names, or a list", PlacementError)
        found = _named(topology, told) if isinstance(told, str) else list(told)
        if len(found) < hosts.count(host):
            names = listed(topology.names[: topology.ranks])
            raise PlacementError(
                f"ranks: {len(found)} of {topology.name} are on computer {host}, "
                f"for {hosts.count(host)} processes; its ranks are {names}"
            )
        free[host] = found[::-1]
    return tuple(free[host].pop() for host in hosts)


def _told(host: str, ranks: Mapping[str, str | Sequence[int]]) -> str | Sequence[int]:
    """Give what is said of a computer, whether by its full name or by its first word.

    Raises:
        PlacementError: nothing is, or what is said of several computers fits; naming both sides.
    """
    if host in ranks:
        return ranks[host]
    fits = [name for name in ranks if set(_forms(host)) & {_forms(name)[0], _forms(name)[-1]}]
    if len(fits) == 1:
        return ranks[fits[0]]
    said = f"{', '.join(fits)} fit it" if fits else f"only of {listed(list(ranks))}"
    raise PlacementError(f"ranks: nothing is said of computer {host}, {said}")


def _forms(host: str) -> list[str]:
    """Give a computer's name in full, and ever shorter: node1.cluster.local, node1.cluster, node1.

    Names of computers have no case; an address of numbers has no shorter form.
    """
    words = host.lower().rstrip(".").split(".")
    if all(word.isdigit() for word in words):
        return [host.lower()]
    return [".".join(words[:count]) for count in range(len(words), 0, -1)]


def _named(topology: Topology, beginning: str) -> list[int]:
    """List the ranks of that name, or whose names go on after it with a dot.

    What a computer is called in full may be longer than in the names of the ranks.
    """
    names = [name.lower() for name in topology.names[: topology.ranks]]
    for form in (beginning.lower(), *_forms(beginning)):
        found = [i for i, name in enumerate(names) if name == form]
        found = found or [i for i, name in enumerate(names) if name.startswith(f"{form}.")]
        if found:
            return found
    return []


def _rank(topology: Topology, rank: int | str) -> int:
    """Give the number of a rank.

    Raises:
        PlacementError: none has the name.
    """
    names = topology.names[: topology.ranks]
    if not isinstance(rank, str):
        return rank
    if rank in names:
        return names.index(rank)
    near = nearest(rank, names)
    advice = f"nearest: {near}; " if near else ""
    raise PlacementError(
        f"ranks: {topology.name} has no rank named {rank!r}; {advice}it has {listed(names)}"
    )


def _check(topology: Topology, hosts: Sequence[str], played: Sequence[int]) -> None:
    if len(played) != len(hosts):
        raise PlacementError(f"ranks: {len(played)} of them for {len(hosts)} processes")
    for process, rank in enumerate(played):
        if not 0 <= rank < topology.ranks:
            raise PlacementError(
                f"ranks: process {process} plays rank {rank}, but {topology.name} has "
                f"{topology.ranks} ranks"
            )
        if played.index(rank) < process:
            other = played.index(rank)
            raise PlacementError(f"ranks: processes {other} and {process} both play rank {rank}")
