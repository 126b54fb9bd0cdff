"""Which vertices and which links of a machine are alike: orbits of all symmetry that can be found.

A group that plans are folded by is kept small, and leaves apart what a larger one would join. To
tell which failures are alike no group need be listed: permutations that join orbits are enough.
For two orbits that colour refinement cannot tell apart, an automorphism is looked for that carries
one representative to the other; each is compared with the machine, so that none is believed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from topologies.model.reachability import parts
from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.automorphisms import Effort, Extension
from topologies.symmetry.group import Group, link_images, link_orbits
from topologies.symmetry.refinement import refine_together, web

REFINEMENTS = 2**15  # at most, over all pairs of orbits
FOLLOWED = 16  # sets of links that are met, for each that is asked about
Way = tuple[tuple[int, int], ...]  # vertices and their images


@dataclass(frozen=True, eq=False)
class Orbits:
    """Labels of what is alike, equal where an automorphism carries one to the other.

    Attributes:
        vertex: of each vertex.
        link: of each directed link.
        group: of automorphisms that does so; it may be too large to list.
    """

    vertex: IntArray
    link: IntArray
    group: Group


def find_orbits(topology: Topology, known: Group, colours: IntArray | None = None) -> Orbits:
    """Search for the orbits of vertices and links, of automorphisms that keep a colouring.

    Orbits that the search leaves apart may yet be one; what it joins is alike.
    Complexity: pairs of orbits that look alike × refinements, of which there are REFINEMENTS.

    Args:
        topology: the machine.
        known: automorphisms to begin with, which keep the colouring.
        colours: of the vertices; none where every vertex may go to every other one.
    """
    if colours is None:
        colours = np.zeros(topology.vertices, dtype=np.int64)
    plain = web(topology)
    looks = refine_together(plain, colours[None])
    assert looks is not None  # one colouring cannot come apart
    effort = Effort(REFINEMENTS)
    group, tried = known, set[Way]()
    while (way := next(_open_ways(topology, group, looks[0], tried), None)) and effort.left > 0:
        extension = Extension(topology, plain, group.vertex_orbits, effort)
        found = extension.carry(looks[0], way)
        tried.add(way)
        if found is not None:
            group = Group(frozen(np.concatenate([group.generators, found[None]])))
    link = link_orbits(topology, group)[_first_twins(topology)]
    return Orbits(group.vertex_orbits, frozen(link), group)


def label_sets(topology: Topology, group: Group, sets: Sequence[Sequence[int]]) -> IntArray:
    """Label sets of links, equal where generators in turn carry one to the other.

    That each link of one is alike to one of the other is not enough: where they go to matters too.
    Sets that these are carried to on the way are followed as well, FOLLOWED for each at most; what
    is left apart then may yet be alike. Complexity: links of all these sets × generators.

    Args:
        topology: the machine.
        group: of automorphisms.
        sets: numbers of links.
    """
    if not sets:
        return frozen(np.zeros(0, dtype=np.int64))
    twin = np.append(_first_twins(topology), -1)
    own = np.full((len(sets), max(map(len, sets))), -1, dtype=np.int64)
    for row, links in zip(own, sets, strict=True):
        row[: len(links)] = links
    own, images = np.sort(twin[own], axis=1), link_images(topology, group.generators)
    met = own
    while True:
        moved = [np.sort(twin[np.append(image, -1)[met]], axis=1) for image in images]
        rows = np.concatenate([own, met, *moved])
        known, place = np.unique(rows, axis=0, return_inverse=True)
        if len(known) == len(met) or len(known) > FOLLOWED * len(sets):
            place = place.reshape(-1)
            src = np.tile(place[len(own) : len(own) + len(met)], len(images))
            label = parts(len(known), src, place[len(own) + len(met) :])
            return frozen(label[place[: len(own)]])
        met = known


def _first_twins(topology: Topology) -> IntArray:
    """Give for each link the first that has its ends and its figures."""
    ends = (topology.src, topology.dst, topology.capacity, topology.alpha.view(np.int64))
    _, first, place = np.unique(np.stack(ends), axis=1, return_index=True, return_inverse=True)
    return np.asarray(first[place.reshape(-1)], dtype=np.int64)


def _open_ways(topology: Topology, group: Group, looks: IntArray, tried: set[Way]) -> Iterator[Way]:
    """List pairs of orbits, of vertices and then of links, that look alike and are not joined."""
    vertex = np.unique(group.vertex_orbits, return_index=True)[1].tolist()
    for one, other in combinations(vertex, 2):
        if looks[one] == looks[other] and ((one, other),) not in tried:
            yield ((one, other),)
    ends = np.stack([topology.src, topology.dst])
    figures = np.stack([*looks[ends], topology.capacity, topology.alpha.view(np.int64)])
    alike = np.unique(figures, axis=1, return_inverse=True)[1].reshape(-1)
    link = np.unique(link_orbits(topology, group), return_index=True)[1].tolist()
    for one, other in combinations(link, 2):
        a, b = ends[:, one].tolist(), ends[:, other].tolist()
        way = ((a[0], b[0]), (a[1], b[1]))
        if alike[one] == alike[other] and way not in tried:
            yield way
