"""Which rank of the topology each process plays: given, or from the names of the computers."""

from collections.abc import Mapping, Sequence

from topologies.errors import WRONG_INPUT, CommplanError
from topologies.topology import Topology

Placement = Sequence[int] | Mapping[str, str | Sequence[int]] | str | None


class PlacementError(CommplanError, ValueError):
    """A map that does not give every process a rank of its own."""

    exit_code = WRONG_INPUT


def placed(topology: Topology, hosts: Sequence[str], ranks: Placement) -> tuple[int, ...]:
    """Give the rank that each process plays; hosts[i] is the computer of process i.

    ranks: None, process i plays rank i; a list, process i plays ranks[i]; "hosts", the processes
    of a computer play the ranks whose names begin with its name, up to a dot; a mapping from
    computers, to such beginnings or to lists of ranks. The processes of one computer take its
    ranks in order.

    Raises:
        PlacementError: a process without a rank, or two with one.
    """
    if ranks is None:
        ranks = range(len(hosts))
    if isinstance(ranks, str):
        if ranks != "hosts":
            raise PlacementError(f"ranks: found {ranks!r}, expected 'hosts'")
        ranks = {host: host for host in hosts}
    played = _by_host(topology, hosts, ranks) if isinstance(ranks, Mapping) else tuple(ranks)
    _check(topology, hosts, played)
    return played


def _by_host(
    topology: Topology, hosts: Sequence[str], ranks: Mapping[str, str | Sequence[int]]
) -> tuple[int, ...]:
    free = {}
    for host in dict.fromkeys(hosts):
        if host not in ranks:
            raise PlacementError(f"ranks: nothing is said of computer {host}")
        told = ranks[host]
        free[host] = list(_named(topology, told) if isinstance(told, str) else told)[::-1]
        if len(free[host]) < hosts.count(host):
            raise PlacementError(
                f"ranks: {len(free[host])} of {topology.name} are on computer {host}, "
                f"for {hosts.count(host)} processes"
            )
    return tuple(free[host].pop() for host in hosts)


def _named(topology: Topology, beginning: str) -> list[int]:
    """List the ranks of that name, or whose names go on after it with a dot."""
    names = topology.names[: topology.ranks]
    found = [i for i, name in enumerate(names) if name == beginning]
    return found or [i for i, name in enumerate(names) if name.startswith(f"{beginning}.")]


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
