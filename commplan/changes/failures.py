"""The single failures of a machine, one of each kind that are alike in the eyes of a collective."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from solvers.kept_symmetry import colour_roles, find_symmetry
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import is_alike
from topologies.derive.damage import Damage
from topologies.model.topology import Topology
from topologies.symmetry.alike import Orbits, find_orbits, label_sets
from topologies.symmetry.group import Group

KINDS = ("link", "nic", "rank", "switch")
GONE = Fraction(0)


@dataclass(frozen=True)
class Failure:
    """One failure, and how many there are that are alike.

    Attributes:
        kind: link (a cable, with its way back), nic (the links of one class at a rank), rank or
            switch.
        name: of the one that stands for all.
        count: of those that are alike.
        damage: what that one does.
        group: of automorphisms that carry it to each that is alike.
    """

    kind: str
    name: str
    count: int
    damage: Damage
    group: Group | None = field(default=None, compare=False)


def list_failures(
    topology: Topology, what: Collective, kinds: Sequence[str] = KINDS
) -> tuple[Failure, ...]:
    """List the single failures of a machine, one for each orbit of what a collective keeps.

    Two are alike where an automorphism that keeps the collective carries one to the other; so what
    is proved of one holds for all. A class of links at a rank is a NIC where it has several links
    and is not all that the rank has.

    Args:
        topology: the machine.
        what: the collective.
        kinds: some of `KINDS`.
    """
    orbits = _orbits(topology, what)
    listed = {"link": _cables, "nic": _nics, "rank": _ranks, "switch": _switches}
    found = (failure for kind in kinds for failure in listed[kind](topology, orbits))
    return tuple(replace(failure, group=orbits.group) for failure in found)


def _orbits(topology: Topology, what: Collective) -> Orbits:
    """Find what is alike in the eyes of the collective."""
    if is_alike(what):
        return find_orbits(topology, find_symmetry(topology, what), colour_roles(topology, what))
    apart = np.arange(topology.vertices)
    return find_orbits(topology, find_symmetry(topology, what), apart)


def _gone(topology: Topology, links: Sequence[int]) -> Damage:
    """Take links away, each with its way back."""
    both = {*links, *(int(topology.mate[link]) for link in links)} - {-1}
    return Damage(tuple((link, GONE) for link in sorted(both)))


def _cables(topology: Topology, orbits: Orbits) -> Iterator[Failure]:
    """List links; those of a duplex pair fail together."""
    own = np.arange(topology.links)
    first = own[(topology.mate < 0) | (topology.mate > own)]
    label = orbits.link[first]
    back = np.where(topology.mate[first] < 0, label, orbits.link[topology.mate[first]])
    for one, count in _one_of_each(np.stack([np.minimum(label, back), np.maximum(label, back)])):
        link = int(first[one])
        name = topology.link_name(link)
        duplex = topology.mate[link] >= 0
        yield Failure(
            "link", name.replace("->", "<->") if duplex else name, count, _gone(topology, [link])
        )


def _nics(topology: Topology, orbits: Orbits) -> Iterator[Failure]:
    """List the classes of links at a rank that are several links, and not all that it has."""
    links: dict[tuple[int, int], list[int]] = {}
    for link, (src, dst, kind) in enumerate(
        zip(topology.src.tolist(), topology.dst.tolist(), topology.link_class.tolist(), strict=True)
    ):
        for end in (src, dst):
            if end < topology.ranks:
                links.setdefault((end, kind), []).append(link)
    classes = Counter(rank for rank, _ in links)
    several = [
        each for each, own in links.items() if classes[each[0]] > 1 < _count_cables(topology, own)
    ]
    gone = [_gone(topology, links[each]) for each in several]
    label = label_sets(topology, orbits.group, [[link for link, _ in d.links] for d in gone])
    for one, count in _one_of_each(label[None]):
        rank, kind = several[one]
        yield Failure(
            "nic", f"{topology.names[rank]}: {topology.classes[kind].name}", count, gone[one]
        )


def _count_cables(topology: Topology, links: Sequence[int]) -> int:
    """Count links, a duplex pair as one."""
    mates = [int(topology.mate[link]) for link in links]
    return len({min(link, link if m < 0 else m) for link, m in zip(links, mates, strict=True)})


def _ranks(topology: Topology, orbits: Orbits) -> Iterator[Failure]:
    """List the ranks."""
    for one, count in _one_of_each(orbits.vertex[None, : topology.ranks]):
        yield Failure("rank", topology.names[one], count, Damage(vertices=(one,)))


def _switches(topology: Topology, orbits: Orbits) -> Iterator[Failure]:
    """List the switches."""
    for one, count in _one_of_each(orbits.vertex[None, topology.ranks :]):
        vertex = topology.ranks + one
        yield Failure("switch", topology.names[vertex], count, Damage(vertices=(vertex,)))


def _one_of_each(labels: np.ndarray) -> Iterator[tuple[int, int]]:
    """Give the first column of each kind, and how many are like it."""
    _, first, count = np.unique(labels, axis=1, return_index=True, return_counts=True)
    for place in np.argsort(first).tolist():
        yield int(first[place]), int(count[place])
