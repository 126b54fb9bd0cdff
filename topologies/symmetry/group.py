"""Symmetry as a value: automorphisms of a machine, and the group that they generate."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import lcm
from weakref import WeakKeyDictionary

import numpy as np

from topologies.model.cached import cached_property
from topologies.model.errors import WRONG_INPUT, CommplanError
from topologies.model.reachability import parts
from topologies.model.topology import BoolArray, IntArray, Topology, frozen
from topologies.symmetry.cosets import leaders, list_elements
from topologies.symmetry.listing import Listing, commute, list_group

ELEMENT_LIMIT = 2**27  # entries of the table of group elements
TOLD_APART = 2**29  # images by which elements are told apart: some seconds
TABLE = 2**22  # entries of a table up to which elements are looked up in it: 128 MB
COMMUTING_LIMIT = 2**18  # elements of a group whose generators commute
FREE_TRIES = 4  # random orders in which elements are taken in that move every rank


class SymmetryError(CommplanError, ValueError):
    """A permutation that is no automorphism, or a group too large to list."""

    exit_code = WRONG_INPUT


@dataclass(frozen=True, eq=False)
class Group:
    """A group of permutations of the vertices, given by generators (one in each row)."""

    generators: IntArray

    @cached_property
    def listing(self) -> Listing:
        """List the elements by number, identity first, without a table of them.

        Generators are taken in one after the other, as cosets of the group of those before.
        Complexity: order × vertices; where the generators commute order × orbits.

        Raises:
            SymmetryError: there are more than can be told apart in a moment.
        """
        points = self.generators.shape[1]
        base, most = np.arange(points), TOLD_APART // max(points, 1)
        commuting = bool(len(self.generators)) and commute(self.generators)
        if commuting:
            base = np.unique(orbits(self.generators, points), return_index=True)[1]
            most = max(most, min(TOLD_APART // len(base), COMMUTING_LIMIT))
        made = list_group(self.generators, base, max(most, 1), commuting=commuting)
        if made is None:
            raise SymmetryError("the group is too large to list")
        return made

    @cached_property
    def elements(self) -> IntArray:
        """Write out all elements, identity first: element g sends vertex v to elements[g, v].

        Complexity: order × vertices.

        Raises:
            SymmetryError: the table would hold more than ELEMENT_LIMIT entries.
        """
        if self.order * self.generators.shape[1] > ELEMENT_LIMIT:
            raise SymmetryError("the group is too large to list")
        return frozen(self.listing.rows(np.arange(self.order)))

    @property
    def order(self) -> int:
        """Count the elements."""
        return self.listing.order

    def images(self, element: IntArray, vertex: IntArray) -> IntArray:
        """Compute where elements, by number, send vertices, entry by entry."""
        if self._is_small:
            return np.asarray(self.elements[element, vertex])
        return self.listing.images(element, vertex)

    def origins(self, element: IntArray, vertex: IntArray) -> IntArray:
        """Compute what elements, by number, send to vertices, entry by entry."""
        if self._is_small:
            return np.asarray(self.inverses[element, vertex])
        return self.listing.origins(element, vertex)

    def column(self, vertex: int) -> IntArray:
        """Compute where each element sends a vertex: (order,)."""
        return self.images(np.arange(self.order), np.array(vertex))

    @property
    def _is_small(self) -> bool:
        """Tell whether a table of the elements is faster, and no burden."""
        return bool(self.order * self.generators.shape[1] <= TABLE)

    @cached_property
    def vertex_orbits(self) -> IntArray:
        """Label each vertex with the number of its orbit, orbits numbered by their least vertex."""
        return orbits(self.generators, self.generators.shape[1])

    @cached_property
    def inverses(self) -> IntArray:
        """List the inverse of each element, in the order of `elements`."""
        inverse = np.empty_like(self.elements)
        np.put_along_axis(inverse, self.elements, np.arange(inverse.shape[1])[None], axis=1)
        return frozen(inverse)


def trivial(topology: Topology) -> Group:
    """Give the group that holds nothing but the identity."""
    return Group(np.zeros((0, topology.vertices), dtype=np.int64))


def declared_group(topology: Topology) -> Group:
    """Look up the group that the topology declares.

    Raises:
        SymmetryError: a declared generator is no automorphism of the topology.
    """
    group = Group(topology.symmetry)
    link_images(topology, group.generators)
    return group


def orbits(permutations: IntArray, points: int) -> IntArray:
    """Label each point with the number of its orbit, orbits numbered by their least point."""
    moved = np.tile(np.arange(points), len(permutations))
    labels = parts(points, moved, permutations.reshape(-1))
    _, first, label = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return frozen(rank[label])


def link_images(topology: Topology, permutations: IntArray) -> IntArray:
    """Compute the permutation of the links that each permutation of the vertices induces.

    A link goes to the link between the images of its ends with the same capacity, alpha and
    overhead; among parallel links that agree in all, the first goes to the first.

    Returns:
        (permutations, links). Complexity: links × log(links) each.

    Raises:
        SymmetryError: a permutation does not map ranks to ranks or links to equal links.
    """
    place = np.argsort(_order(topology, topology.src, topology.dst), kind="stable")
    images = np.empty((len(permutations), topology.links), dtype=np.int64)
    for row, permutation in enumerate(permutations):
        if (permutation[: topology.ranks] >= topology.ranks).any():
            raise SymmetryError(f"symmetry[{row}]: a rank goes to a switch")
        src, dst = permutation[topology.src], permutation[topology.dst]
        moved = np.argsort(_order(topology, src, dst), kind="stable")
        if not _is_automorphism(topology, permutation, src[moved], dst[moved], moved, place):
            raise SymmetryError(f"symmetry[{row}]: not an automorphism of {topology.name}")
        images[row, moved] = place
    return frozen(images)


def link_orbits(topology: Topology, group: Group) -> IntArray:
    """Label each link with the number of its orbit; looked up where it is asked for again.

    Raises:
        SymmetryError: as of `link_images`.
    """
    known = _LINK_ORBITS.get(group)
    if known is None or known[0] is not topology:
        label = orbits(link_images(topology, group.generators), topology.links)
        known = _LINK_ORBITS[group] = topology, label
    return known[1]


_LINK_ORBITS: WeakKeyDictionary[Group, tuple[Topology, IntArray]] = WeakKeyDictionary()


def moved_links(topology: Topology, links: IntArray, group: Group, element: IntArray) -> IntArray:
    """Compute the image of links[i] under element[i] of a group of automorphisms, for each i.

    Agrees with `link_images`, but works on the links asked for alone.
    Complexity: links × log(links) once, then log(links) for each image.
    """
    pairs = topology.src * topology.vertices + topology.dst
    figures = (topology.alpha, topology.capacity, pairs)
    place = np.lexsort(figures)
    pairs = pairs[place]
    twin = np.empty(topology.links, dtype=np.int64)
    twin[place] = np.arange(topology.links) - np.searchsorted(pairs, pairs)
    src = group.images(element, topology.src[links])
    dst = group.images(element, topology.dst[links])
    return frozen(place[np.searchsorted(pairs, src * topology.vertices + dst) + twin[links]])


def _order(topology: Topology, src: IntArray, dst: IntArray) -> IntArray:
    """Rank the links by ends and figures, so that equal links get equal numbers."""
    figures = np.stack([src, dst, topology.capacity, topology.alpha.view(np.int64)])
    place = np.lexsort(figures[::-1])
    changes = (np.diff(figures[:, place], axis=1) != 0).any(axis=0)
    order = np.empty(len(src), dtype=np.int64)
    order[place] = np.concatenate([[0], np.cumsum(changes)])[: len(src)]
    return order


def _is_automorphism(
    topology: Topology,
    permutation: IntArray,
    src: IntArray,
    dst: IntArray,
    moved: IntArray,
    place: IntArray,
) -> bool:
    """Compare the moved machine with the one in place, column by column."""
    ranks = permutation[: topology.ranks]
    return (
        np.array_equal(src, topology.src[place])
        and np.array_equal(dst, topology.dst[place])
        and np.array_equal(topology.capacity[moved], topology.capacity[place])
        and np.array_equal(topology.alpha[moved], topology.alpha[place])
        and np.array_equal(topology.multicast, topology.multicast[permutation])
        and np.array_equal(topology.reduce, topology.reduce[permutation])
        and np.array_equal(topology.overhead, topology.overhead[ranks])
    )


def reduce_group(group: Group, points: int) -> Group:
    """Find a smaller group with the same orbits of the first vertices, where one is soon found.

    Generators are multiplied where the product merges what both merge: so cycles side by side turn
    together, and the order is their least common multiple instead of their product.

    Args:
        group: automorphisms of the machine that keep the collective.
        points: how many vertices count.
    """
    kept = list(group.generators)
    joined = True
    while joined:
        joined = False
        for one, other in combinations(range(len(kept)), 2):
            rest = [row for i, row in enumerate(kept) if i not in (one, other)]
            both = [*rest, kept[one][kept[other]]]
            if _count(both, points) == _count(kept, points):
                kept, joined = both, True
                break
    smaller = Group(frozen(np.array(kept, dtype=np.int64).reshape(-1, group.generators.shape[1])))
    return smaller if smaller.order < group.order else group


def cyclic_subgroup(group: Group, points: int, most: int) -> Group:
    """Search for the powers of one element, of few orbits among the first vertices.

    Complexity: order of the group × vertices × log(longest cycle).

    Args:
        group: automorphisms of the machine that keep the collective.
        points: how many vertices count.
        most: of the order.
    """
    elements = group.elements
    least = _least_in_cycle(elements)
    cycles = (least == np.arange(elements.shape[1]))[:, :points].sum(axis=1)
    for row in np.argsort(cycles, kind="stable").tolist():
        length = np.bincount(least[row])
        if lcm(*np.unique(length[length > 0]).tolist()) <= most:
            return Group(frozen(elements[row : row + 1]))
    return Group(group.generators[:0])


def free_subgroup(group: Group, points: int, far: IntArray | None = None) -> Group:
    """Find a smaller group with the same orbits of the first vertices that moves each of these.

    Elements that do are taken in one after the other: where distances are given those that move
    vertices least far first, as the steps along a grid; else, and where that ends too soon, those
    of the shortest cycles, then those of the longest, and then in random orders.
    Complexity: cosets × order of the result × vertices, for each order.

    Args:
        group: automorphisms of the machine that keep the collective.
        points: how many vertices count.
        far: (points, points), how far they are from each other.

    Returns:
        such a group, or the one given where none is found.
    """
    sizes = np.bincount(orbits(group.generators, group.generators.shape[1])[:points])
    size = int(sizes.max(initial=1))
    if group.order == size or (sizes != size).any():
        return group
    moving = group.elements[(group.elements[:, :points] != np.arange(points)).all(axis=1)]
    cycles = (_least_in_cycle(moving) == np.arange(moving.shape[1]))[:, :points].sum(axis=1)
    moving = moving[np.argsort(-cycles, kind="stable")]
    draw = np.random.default_rng(0)
    mixed = (draw.permutation(moving) for _ in range(FREE_TRIES))
    near = [] if far is None else [moving[_by_distance(moving[:, :points], far)]]
    for sequence in chain(near, (moving, moving[::-1]), mixed):
        chosen = _grow_freely(sequence, size, points)
        if chosen and _count(chosen, points) == len(sizes):
            return Group(frozen(np.array(chosen)))
    return group


def _by_distance(moving: IntArray, far: IntArray) -> IntArray:
    """Order permutations by how far they move the points, all together."""
    return np.argsort(far[np.arange(len(far)), moving].sum(axis=1), kind="stable")


def _grow_freely(sequence: IntArray, size: int, points: int) -> list[IntArray]:
    """Take in permutations as long as the group that they generate moves all of the points."""
    chosen: list[IntArray] = []
    elements = np.arange(sequence.shape[1])[None]
    label = elements[0]
    for row in sequence:
        if (label[row[:points]] == label[:points]).all():
            continue  # it merges no orbits
        cosets = leaders(elements, [*chosen, row], size // len(elements))
        wider = list_elements(elements, cosets) if cosets else elements
        if len(wider) > len(elements) and (wider[1:, :points] != np.arange(points)).all():
            chosen, elements = [*chosen, row], wider
            label = orbits(np.array(chosen), len(row))
        if len(elements) == size:
            break
    return chosen


def count_orbits(group: Group, points: int) -> int:
    """Count the orbits of the first points."""
    return len(np.unique(orbits(group.generators, group.generators.shape[1])[:points]))


def _least_in_cycle(elements: IntArray) -> IntArray:
    """Find the least point of the cycle of each point under each permutation."""
    least, power = np.minimum(np.arange(elements.shape[1]), elements), elements
    while True:
        wider = np.minimum(least, np.take_along_axis(least, power, axis=1))
        power = np.take_along_axis(power, power, axis=1)
        if (wider == least).all():
            return least
        least = wider


def _count(permutations: Sequence[IntArray], points: int) -> int:
    """Count the orbits of the first points."""
    label = orbits(np.array(permutations), len(permutations[0]))
    return len(np.unique(label[:points]))


def subgroup(group: Group, keep: BoolArray) -> Group:
    """Give the subgroup whose elements are marked in `keep` (they must be closed under products).

    Generators are picked greedily: each is the first element not yet generated.
    """
    chosen: list[IntArray] = []
    found = {np.arange(group.generators.shape[1]).tobytes()}
    for element in group.listing.rows(np.flatnonzero(keep)):
        if element.tobytes() not in found:
            chosen.append(element)
            found = {row.tobytes() for row in Group(np.array(chosen)).elements}
    points = group.generators.shape[1]
    return Group(frozen(np.array(chosen, dtype=np.int64).reshape(-1, points)))
