"""Which ordered pairs of vertices a group makes alike."""

from typing import NamedTuple

import numpy as np

from topologies.model.topology import IntArray
from topologies.symmetry.group import Group, orbits
from topologies.symmetry.listing import Listing

FEW = 64  # elements of a group that are written out as they are


class PairOrbits(NamedTuple):
    """Of ordered pairs: the number of each one's orbit, and how many elements fix it."""

    orbit: IntArray
    fixed: IntArray


def pair_orbits(group: Group, classes: IntArray, src: IntArray, dst: IntArray) -> PairOrbits:
    """Compute the orbit of each ordered pair of vertices.

    Each is moved until its src is the first of its class; what fixes that one is then all that can
    move its dst. Complexity: pairs, and for each class of their src the order × the orbits of what
    fixes its first.

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
            least_of, count = _orbits_of_some(group.listing, np.flatnonzero(images == rank))
            least[at], fixed[at] = least_of[moved], count[moved]
        first = leader[first]
    orbit = np.unique(first * vertices + least, return_inverse=True)[1]
    return PairOrbits(orbit[back], fixed[back])


def _orbits_of_some(listing: Listing, numbers: IntArray) -> tuple[IntArray, IntArray]:
    """Find the least image of each point under a subgroup, and count the elements that fix it.

    Of a small subgroup all images are listed. Of a larger one a few elements, drawn at random,
    mostly join all that the subgroup joins. That they do is seen by counting what fixes a point of
    each orbit: so often as the orbit has points, it is the order.

    Args:
        listing: a group.
        numbers: of the elements of the subgroup.
    """
    if len(numbers) <= FEW:
        least = listing.rows(numbers).min(axis=0)
        return least, len(numbers) // np.bincount(least)[least]
    draw, some = np.random.default_rng(0), FEW
    while True:
        chosen = draw.choice(numbers, some, replace=False) if some < len(numbers) else numbers
        label = orbits(listing.rows(chosen), listing.points)
        first, size = np.unique(label, return_index=True, return_counts=True)[1:]
        if some == len(numbers) or _are_whole(listing, numbers, first, size):
            return first[label], (len(numbers) // size)[label]
        some = min(2 * some, len(numbers))


def _are_whole(listing: Listing, numbers: IntArray, first: IntArray, size: IntArray) -> bool:
    """Tell whether the orbits that begin with some points and have so many are not too small."""
    for point, count in zip(first.tolist(), size.tolist(), strict=True):
        fixing = int((listing.images(numbers, np.array(point)) == point).sum())
        if fixing * count != len(numbers):
            return False
    return True
