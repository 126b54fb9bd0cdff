"""Which rank of the topology each process plays: given, or from the names of the computers."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from topologies.model.arguments import refuse, whole
from topologies.model.errors import WRONG_INPUT, ArgumentError, CommplanError
from topologies.model.messages import list_names, nearest
from topologies.model.topology import Topology, digest

BRIEF = 80  # letters of ranks that are said
Placement = Sequence[int | str] | Mapping[str, str | Sequence[int]] | str | None


class PlacementError(CommplanError, ValueError):
    """A map that does not give every process a rank of its own."""

    exit_code = WRONG_INPUT


def meet(
    comm: Any,  # noqa: ANN401 (of mpi4py)
    topology: Topology,
    ranks: Placement,
    options: Mapping[str, str],
) -> tuple[int, ...]:
    """Find the rank that each process plays, where all are told the same.

    All processes of `comm` call this together.

    Args:
        comm: a communicator of mpi4py.
        topology: the machine.
        ranks: see `place`.
        options: what has to be the same at all.

    Raises:
        PlacementError: see `place`.
        ArgumentError: processes are told something else; all raise it.
    """
    from mpi4py import MPI

    if isinstance(ranks, Iterable) and not isinstance(ranks, str | Mapping):
        ranks = list(ranks)
    given = sorted(ranks.items()) if isinstance(ranks, Mapping) else ranks
    said = " ".join(map(str, given)) if isinstance(given, list) else str(given)
    if len(said) > BRIEF:
        said = f"{said[:BRIEF]}... ({hashlib.sha256(said.encode()).hexdigest()[:12]})"
    machine = f"{topology.name} ({digest(topology)[:12]})"
    own = {"topology": machine, "ranks": said, **options}
    met = comm.allgather((MPI.Get_processor_name(), own))
    for name, first in met[0][1].items():
        for process, (_, other) in enumerate(met):
            if other[name] != first:
                raise ArgumentError(
                    f"{name}: process 0 is given {first}, process {process} {other[name]}; "
                    "expected the same at all processes"
                )
    return place(topology, [host for host, _ in met], ranks)


def place(topology: Topology, hosts: Sequence[str], ranks: Placement) -> tuple[int, ...]:
    """Find the rank that each process plays.

    The processes of one computer take its ranks in order. node1.cluster.local and node1 are one
    computer. Complexity: processes + letters of the names of ranks and computers.

    Args:
        topology: the machine.
        hosts: the computer of each process.
        ranks: None, process i plays rank i; a list, process i plays ranks[i], a number or a name;
            "hosts", the processes of a computer play the ranks whose names begin with its name, up
            to a dot; a mapping from computers, to such beginnings or to lists of ranks.

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
        number = {name: rank for rank, name in enumerate(topology.names[: topology.ranks])}
        played = tuple(_rank(topology, number, each) for each in ranks)
    for process, rank in enumerate(played):
        whole(f"ranks[{process}]", rank, error=PlacementError)
    _check(topology, hosts, played)
    return played


def caller_order(played: Sequence[int]) -> list[int]:
    """Count for each process those that play lower ranks; complexity: processes × log."""
    number = {rank: lower for lower, rank in enumerate(sorted(played))}
    return [number[rank] for rank in played]


def _by_host(
    topology: Topology, hosts: Sequence[str], ranks: Mapping[str, str | Sequence[int]]
) -> tuple[int, ...]:
    free = {}
    names, said = _Names.of(topology), _host_keys(ranks)
    for host, processes in Counter(hosts).items():
        told = _look_up_host(host, ranks, said)
        if not isinstance(told, Iterable):
            refuse(f"ranks of {host}", told, "a beginning of names, or a list", PlacementError)
        found = names.find_beginning(told) if isinstance(told, str) else list(told)
        if len(found) < processes:
            called = list_names(topology.names[: topology.ranks])
            raise PlacementError(
                f"ranks: {len(found)} of {topology.name} are on computer {host}, "
                f"for {processes} processes; its ranks are {called}"
            )
        free[host] = found[::-1]
    return tuple(free[host].pop() for host in hosts)


def _host_keys(ranks: Mapping[str, str | Sequence[int]]) -> dict[str, list[str]]:
    """List by a computer's full name and its first word under which keys something is said."""
    said: dict[str, list[str]] = {}
    for name in ranks:
        forms = _forms(str(name))
        for form in {forms[0], forms[-1]}:
            said.setdefault(form, []).append(name)
    return said


def _look_up_host(
    host: str, ranks: Mapping[str, str | Sequence[int]], keys: Mapping[str, list[str]]
) -> str | Sequence[int]:
    """Look up what is said of a computer, by its full name or its first word (`_host_keys`).

    Raises:
        PlacementError: nothing is, or what is said of several computers fits; naming both sides.
    """
    if host in ranks:
        return ranks[host]
    fitting = {name for form in _forms(host) for name in keys.get(form, ())}
    if len(fitting) == 1:
        return ranks[fitting.pop()]
    fits = [name for name in ranks if name in fitting]
    said = f"{', '.join(fits)} fit it" if fits else f"only of {list_names(list(ranks))}"
    raise PlacementError(f"ranks: nothing is said of computer {host}, {said}")


def _forms(host: str) -> list[str]:
    """Give a computer's name in full, and ever shorter: node1.cluster.local, node1.cluster, node1.

    Names of computers have no case; an address of numbers has no shorter form.
    """
    words = host.lower().rstrip(".").split(".")
    if all(word.isdigit() for word in words):
        return [host.lower()]
    return [".".join(words[:count]) for count in range(len(words), 0, -1)]


class _Names(NamedTuple):
    """The ranks by what they are called, without case, and by what stands before a dot there."""

    whole: Mapping[str, list[int]]
    before: Mapping[str, list[int]]

    @classmethod
    def of(cls, topology: Topology) -> Self:
        """Read the names of all ranks once."""
        whole: dict[str, list[int]] = {}
        before: dict[str, list[int]] = {}
        for rank, name in enumerate(topology.names[: topology.ranks]):
            lower = name.lower()
            whole.setdefault(lower, []).append(rank)
            for dot in re.finditer(r"\.", lower):
                before.setdefault(lower[: dot.start()], []).append(rank)
        return cls(whole, before)

    def find_beginning(self, beginning: str) -> list[int]:
        """List the ranks of that name, or whose names go on after it with a dot.

        What a computer is called in full may be longer than in the names of the ranks.
        """
        for form in (beginning.lower(), *_forms(beginning)):
            if found := self.whole.get(form) or self.before.get(form):
                return found
        return []


def _rank(topology: Topology, number: Mapping[str, int], rank: int | str) -> int:
    """Look up the number of a rank; number: of each name.

    Raises:
        PlacementError: none has the name.
    """
    if not isinstance(rank, str):
        return rank
    if rank in number:
        return number[rank]
    names = topology.names[: topology.ranks]
    near = nearest(rank, names)
    advice = f"nearest: {near}; " if near else ""
    raise PlacementError(
        f"ranks: {topology.name} has no rank named {rank!r}; {advice}it has {list_names(names)}"
    )


def _check(topology: Topology, hosts: Sequence[str], played: Sequence[int]) -> None:
    if len(played) != len(hosts):
        raise PlacementError(f"ranks: {len(played)} of them for {len(hosts)} processes")
    first: dict[int, int] = {}
    for process, rank in enumerate(played):
        if not 0 <= rank < topology.ranks:
            raise PlacementError(
                f"ranks: process {process} plays rank {rank}, but {topology.name} has "
                f"{topology.ranks} ranks"
            )
        if (other := first.setdefault(rank, process)) < process:
            raise PlacementError(f"ranks: processes {other} and {process} both play rank {rank}")
