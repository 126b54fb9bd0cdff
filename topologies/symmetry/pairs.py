"""Which ordered pairs of vertices a group makes alike."""

from typing import NamedTuple

import numpy as np

from topologies.model.topology import IntArray
from topologies.symmetry.group import Group


class PairOrbits(NamedTuple):
    """Of ordered pairs: the number of each one's orbit, and how many elements fix it."""

    orbit: IntArray
    fixed: IntArray


def pair_orbits(group: Group, classes: IntArray, src: IntArray, dst: IntArray) -> PairOrbits:
    """Compute the orbit of each ordered pair of vertices.

    Each is moved until its src is the first of its class; what fixes that one is then all that can
    move its dst. Complexity: pairs × order / the least class of their src.

    Args:
        group: the group.
        classes: the orbit of each vertex.
        src: of each pair.
        dst: of each pair.
    """
    vertices = len(classes)
    pair, back = np.unique(src * vertices + dst, return_inverse=True)
    first, second = np.divmod(pair, vertices)
    least, fixed = second.copy(), np.ones(len(pair), dtype=np.int64)
    if group.order > 1:
        leader = np.unique(classes, return_index=True)[1][classes]
        from_leader = np.zeros(vertices, dtype=np.int64)
        for rank in np.unique(leader[first]).tolist():
            at, images = leader[first] == rank, group.column(rank)
            from_leader[images] = np.arange(len(images))
            moved = group.origins(from_leader[first[at]], second[at])
            own = group.listing.rows(np.flatnonzero(images == rank))
            least[at], fixed[at] = _least(own, moved)
        first = leader[first]
    orbit = np.unique(first * vertices + least, return_inverse=True)[1]
    return PairOrbits(orbit[back], fixed[back])


def _least(elements: IntArray, vertex: IntArray) -> tuple[IntArray, IntArray]:
    """Find for each vertex the least of its images, and count the elements that fix it."""
    least, fixed = vertex.copy(), np.zeros(len(vertex), dtype=np.int64)
    for element in elements:
        image = element[vertex]
        least, fixed = np.minimum(least, image), fixed + (image == vertex)
    return least, fixed
