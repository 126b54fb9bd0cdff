"""A machine of which something has failed: links or vertices are gone, links are slower.

What is declared of the symmetry stays as far as it carries what is damaged to what is damaged in
the same way.

Complexity: links × log(links), and the elements of the symmetry.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from topologies.derive.derate import scale_links
from topologies.derive.part import Submachine, take
from topologies.model.arguments import of
from topologies.model.topology import BoolArray, Topology, TopologyError, frozen
from topologies.model.units import Share
from topologies.symmetry.group import (
    Group,
    declared_group,
    moved_links,
    subgroup,
    trivial,
)


@dataclass(frozen=True)
class Damage:
    """What of a machine has failed, by its numbers there.

    Attributes:
        links: each directed link that is damaged, and the part of its bandwidth that is left;
            0 where it is gone.
        vertices: ranks and switches that are gone, with all of their links.
    """

    links: tuple[tuple[int, Share], ...] = ()
    vertices: tuple[int, ...] = ()


def damaged(topology: Topology, damage: Damage, name: str | None = None) -> Submachine:
    """Take away what is gone, and slow down what is slower.

    Ranks that are gone leave no gap: the others are numbered anew, in the same order.

    Args:
        topology: the whole machine.
        damage: what has failed of it.
        name: of what is left.

    Returns:
        what is left, and which vertices and links of the whole machine are its own.

    Raises:
        TopologyError: no rank is left, or a part of a bandwidth is not above 0 and at most 1.
    """
    of("damage", damage, Damage)
    kept, parts = _kept(topology, damage)
    inside = np.ones(topology.vertices, dtype=np.bool_)
    inside[list(damage.vertices)] = False
    if not inside[: topology.ranks].any():
        raise TopologyError(["no rank is left"])
    links = np.flatnonzero(kept & inside[topology.src] & inside[topology.dst])
    place = np.cumsum(inside) - 1
    vertices = np.flatnonzero(inside)
    bare = take(topology, vertices, links)
    slower = bare
    if any(parts.values()):
        slower = scale_links(bare, [parts.get(link, Fraction(1)) for link in links.tolist()])
    generators = place[_kept_group(topology, damage).generators[:, vertices]]
    name = f"{topology.name}, damaged" if name is None else name
    left = replace(slower, name=name, symmetry=frozen(generators))
    return Submachine(topology, left, frozen(vertices), frozen(links))


def _kept(topology: Topology, damage: Damage) -> tuple[BoolArray, dict[int, Share]]:
    """Mark the links that are not gone by themselves, and give the parts left of slower ones."""
    kept = np.ones(topology.links, dtype=np.bool_)
    parts: dict[int, Share] = {}
    for link, left in damage.links:
        if not 0 <= left <= 1:
            raise TopologyError(
                [f"{topology.link_name(link)}: {left} of it is left, expected 0 to 1"]
            )
        parts[link] = min(left, parts.get(link, left))
        kept[link] &= left > 0
    return kept, parts


def _kept_group(topology: Topology, damage: Damage) -> Group:
    """Give the declared symmetries that keep the damage."""
    if not len(topology.symmetry):
        return trivial(topology)
    declared = declared_group(topology)
    return subgroup(declared, _keeping(topology, damage, declared))


def _keeping(topology: Topology, damage: Damage, group: Group) -> BoolArray:
    """Mark the elements of a group that carry what is damaged to what is damaged alike."""
    marks = np.zeros(topology.vertices, dtype=np.bool_)
    marks[list(damage.vertices)] = True
    keep = group.listing.marked(marks.astype(np.int64))
    left = np.ones(topology.links)
    for link, part in damage.links:
        left[link] = float(part)
    for link, part in damage.links:
        images = moved_links(
            topology,
            np.full(group.order, link, dtype=np.int64),
            group,
            np.arange(group.order),
        )
        keep &= left[images] == float(part)
    return keep
