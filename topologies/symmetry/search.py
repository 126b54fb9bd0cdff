"""Symmetry that nobody declared: a group small enough to list that leaves few orbits of ranks."""

from collections.abc import Callable, Iterator
from itertools import chain, combinations
from math import inf, lcm, log

import numpy as np

from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.automorphisms import Effort, Extension, order
from topologies.symmetry.cosets import leaders, list_elements
from topologies.symmetry.group import Group, orbits
from topologies.symmetry.refinement import refine_together, web

ORDER_LIMIT = 6144
TABLE_LIMIT = 2**24  # elements × vertices
PRICE = 0.25  # of a group twice as large, against half as many orbits
CLOSURES = 6  # powers of one automorphism that are tried as generators
PATIENCE = 40  # pairs of orbits in a row that no automorphism joins, after which the search ends
PACE = 2**26  # what a unit of work may look at: arcs, and some more for each refinement


def find_group(
    topology: Topology,
    colours: IntArray,
    work: float = 5.0,
    late: Callable[[], bool] = lambda: False,
    *,
    turned: bool = True,
) -> Group:
    """Search for a group of automorphisms that keep a colouring of the vertices.

    It leaves as few orbits of ranks as could be found. At first all generators commute: then the
    group moves each rank by its order where it can, and no tree needs to be averaged over those
    that keep its root. Others follow where that leaves orbits apart.

    Args:
        topology: the machine.
        colours: of the vertices.
        work: of the search, in about as many seconds, but by count and not by the clock.
        late: tells whether the time is over, and the group found so far has to do.
        turned: whether switches between which the ranks leave a choice move, or stay.
    """
    plain = web(topology)
    looks = refine_together(plain, colours[None])
    assert looks is not None  # one colouring cannot come apart
    growth = GroupSearch(topology, looks[0], turned=turned)
    effort = Effort(int(work * PACE) // (2**14 + plain.words.nnz + 16 * topology.vertices), late)
    growth.grow(effort, commuting=True)
    if growth.generators:
        growth.grow(effort, commuting=False)
    return growth.group()


class GroupSearch:
    """A group that takes in one automorphism after the other, while that merges orbits of ranks."""

    def __init__(self, topology: Topology, colours: IntArray, *, turned: bool = True) -> None:
        self.topology, self.colours, self.turned = topology, colours, turned
        self.generators: list[IntArray] = []
        self.elements = np.arange(topology.vertices)[None]
        self.orbit = self.elements[0]
        self.limit = min(ORDER_LIMIT, TABLE_LIMIT // topology.vertices)

    def group(self) -> Group:
        """Look up the group of what was taken in."""
        points = self.topology.vertices
        return Group(frozen(np.array(self.generators, dtype=np.int64).reshape(-1, points)))

    def count(self) -> int:
        """Count the orbits of ranks."""
        return self._count(self.orbit)

    def grow(self, effort: Effort, *, commuting: bool) -> None:
        """Look for automorphisms from orbits of ranks to others that look alike."""
        tried: set[tuple[int, int]] = set()
        extension, patience = self._extension(effort, commuting), PATIENCE
        while patience and effort.left > 0 and (pair := next(self._pairs(tried), None)):
            found = list(extension.list_some(self.colours, *pair))
            if found and self.take(*found):
                extension, patience = self._extension(effort, commuting), PATIENCE
            else:
                tried.add(pair)
                patience -= 1

    def _extension(self, effort: Effort, commuting: bool) -> Extension:
        arcs = self.generators if commuting else []
        seen = web(self.topology, arcs)
        return Extension(self.topology, seen, self.orbit, effort, turned=self.turned)

    def _pairs(self, tried: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        ranks = self.topology.ranks
        leaders = np.flatnonzero(self.orbit[:ranks] == np.arange(ranks))
        size = np.bincount(self.colours[:ranks])
        leaders = leaders[np.lexsort((leaders, -size[self.colours[leaders]]))]
        for src, dst in combinations(leaders.tolist(), 2):
            if self.colours[src] == self.colours[dst] and (src, dst) not in tried:
                yield src, dst

    def take(self, *automorphisms: IntArray) -> bool:
        """Take in the power that merges most orbits of ranks for its order, if any does."""
        hopes = []
        powers = (_powers(each, self.limit) for each in automorphisms)
        for power, least in chain.from_iterable(powers):
            orbit = _least(np.array([*self.generators, power]))
            # Every orbit's size divides the order.
            least = lcm(least, len(self.elements), *_sizes(orbit))
            if least <= self.limit and self._count(orbit) < self._count(self.orbit):
                hopes.append((self._worth(orbit, least), power, orbit))
        best, worth = None, -inf
        for hope, power, orbit in sorted(hopes, key=lambda each: -each[0])[:CLOSURES]:
            if hope <= worth:
                break
            generators, most = [*self.generators, power], self.limit // len(self.elements)
            cosets = leaders(self.elements, generators, most)
            now = self._worth(orbit, len(cosets) * len(self.elements)) if cosets else -inf
            if now > worth:
                best, worth = (generators, cosets, orbit), now
        if best is not None:
            self.generators, cosets, self.orbit = best
            self.elements = list_elements(self.elements, cosets)
        return best is not None

    def _worth(self, orbit: IntArray, elements: int) -> float:
        return round(-log(self._count(orbit)) - PRICE * log(elements), 9)

    def _count(self, orbit: IntArray) -> int:
        return len(np.unique(orbit[: self.topology.ranks]))


def _least(permutations: IntArray) -> IntArray:
    """Label each point with the least one of its orbit."""
    label = orbits(permutations, permutations.shape[1])
    return frozen(np.unique(label, return_index=True)[1][label])


def _sizes(orbit: IntArray) -> list[int]:
    """List the different sizes of orbits."""
    return [int(size) for size in np.unique(np.unique(orbit, return_counts=True)[1])]


def list_powers(permutation: IntArray) -> list[IntArray]:
    """List a power of each order that divides the permutation's, itself first."""
    return [power for power, _ in _powers(permutation, ORDER_LIMIT)][::-1]


def _powers(permutation: IntArray, limit: int) -> Iterator[tuple[IntArray, int]]:
    """Find a power of each order that divides the permutation's, up to a limit."""
    whole = order(permutation)
    for least in range(2, min(whole, limit) + 1):
        if whole % least == 0:
            yield _power(permutation, whole // least), least


def _power(permutation: IntArray, exponent: int) -> IntArray:
    """Apply a permutation `exponent` times, by repeated squaring."""
    result = np.arange(len(permutation))
    while exponent:
        if exponent & 1:
            result = permutation[result]
        permutation, exponent = permutation[permutation], exponent >> 1
    return result
