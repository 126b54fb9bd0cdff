"""The elements of a group by their numbers, without a table of them.

Statement. Generators are taken in one after the other; the group of those so far falls into cosets
of the group of those before, and each coset into a leader and the elements after it. So an element
is a leader of each generator, and its number is their places, the last generator's first, as
digits. What is kept are the leaders: some dozens of permutations for a group of many thousands.

Two elements are one where they agree at a base. All points are one. Where the generators commute,
so is a point of each orbit: what fixes p fixes its image h(p), as g(h(p)) = h(g(p)) = h(p).

Source: Dimino's algorithm, as in Butler, Fundamental Algorithms for Permutation Groups (1991),
chapter 3; chapter 10 for bases.
"""

from dataclasses import dataclass
from itertools import combinations
from math import isqrt

import numpy as np

from topologies.model.cached import cached_property
from topologies.model.topology import BoolArray, IntArray, frozen

AT_ONCE = 2**22  # images that are found together: arrays of 32 MB


@dataclass(frozen=True, eq=False)
class Listing:
    """A group of permutations of so many points, as leaders of cosets: (cosets, points) each."""

    points: int
    leaders: tuple[IntArray, ...] = ()

    @property
    def order(self) -> int:
        """Count the elements."""
        count = 1
        for cosets in self.leaders:
            count *= len(cosets)
        return count

    def images(self, element: IntArray, point: IntArray) -> IntArray:
        """Compute where elements send points, entry by entry; shapes are stretched to each other.

        Complexity: a look-up for each entry and generator.
        """
        rest, below = element, self.order
        for cosets in reversed(self.leaders):
            below //= len(cosets)
            digit, rest = np.divmod(rest, below)
            point = cosets[digit, point]
        return np.asarray(np.broadcast_arrays(element, point)[1])

    def origins(self, element: IntArray, point: IntArray) -> IntArray:
        """Compute what elements send to points: the images under their inverses."""
        below = 1
        for back in self._backward:
            point = back[element // below % len(back), point]
            below *= len(back)
        return np.asarray(np.broadcast_arrays(element, point)[1])

    @cached_property
    def _backward(self) -> tuple[IntArray, ...]:
        found = []
        for cosets in self.leaders:
            back = np.empty_like(cosets)
            np.put_along_axis(back, cosets, np.arange(self.points)[None], axis=1)
            found.append(frozen(back))
        return tuple(found)

    def rows(self, numbers: IntArray) -> IntArray:
        """Write out the permutations with these numbers: (numbers, points)."""
        return self.images(np.asarray(numbers)[:, None], np.arange(self.points)[None])

    def marked(self, label: IntArray) -> BoolArray:
        """Mark the elements that keep a labelling of the points: (order,).

        Rare labels are looked at first, and then only what has kept those before.
        """
        kept = np.arange(self.order)
        size = np.bincount(label)[label]
        for some in np.array_split(np.argsort(size, kind="stable"), _cuts(self.points)):
            for part in np.array_split(some, len(kept) * len(some) // AT_ONCE + 1):
                images = label[self.images(kept[:, None], part[None])]
                kept = kept[(images == label[part]).all(axis=1)]
        marks = np.zeros(self.order, dtype=np.bool_)
        marks[kept] = True
        return marks


def _cuts(points: int) -> list[int]:
    """Cut columns so that few come first: 1, 2, 4, ..."""
    return [2**i for i in range(points.bit_length()) if 2**i < points]


def commute(generators: IntArray) -> bool:
    """Tell whether all generators commute."""
    pairs = combinations(generators, 2)
    return all(np.array_equal(one[other], other[one]) for one, other in pairs)


def list_group(
    generators: IntArray, base: IntArray, most: int, *, commuting: bool = False
) -> Listing | None:
    """List the group that permutations generate; None where there are more elements than most.

    Complexity: order × base × generators.

    Args:
        generators: (generators, points).
        base: points by whose images elements are told apart.
        most: of elements.
        commuting: whether all generators commute: leaders are then the powers of one of them, of
            which some dozens stand for thousands.
    """
    points = generators.shape[1]
    words = np.array(np.random.default_rng(0).integers(-(2**63), 2**63, len(base)))
    made = Listing(points)
    for count in range(1, len(generators) + 1):
        found: tuple[IntArray, ...] | None
        if commuting:
            found = _find_powers(made, generators[count - 1], base, words, most // made.order)
        else:
            whole = _find_leaders(made, generators[:count], base, words, most // made.order)
            found = None if whole is None else (whole,)
        if found is None:
            return None
        made = Listing(points, (*made.leaders, *found))
    return made


def _find_powers(
    made: Listing, generator: IntArray, base: IntArray, words: IntArray, most: int
) -> tuple[IntArray, IntArray] | None:
    """Find the powers of a generator that commutes with a group, up to the first one in it.

    Power i + few × j is that of i from the first table after that of j from the second one; so they
    have the numbers that one table would give them. None where there are more than most.
    """
    known = set(_keys(made, None, np.arange(made.points)[base], words))
    count, images = 1, generator[base]
    while int(images @ words) not in known:
        count, images = count + 1, generator[images]
        if count > most:
            return None
    few = max(d for d in range(1, isqrt(count) + 1) if count % d == 0)
    first = _powers(generator, few)
    return first, _powers(generator[first[-1]], count // few)


def _powers(generator: IntArray, count: int) -> IntArray:
    """List the first powers of a permutation, from the identity on."""
    found = [np.arange(len(generator))]
    for _ in range(count - 1):
        found.append(generator[found[-1]])
    return frozen(np.array(found))


def _find_leaders(
    made: Listing, generators: IntArray, base: IntArray, words: IntArray, most: int
) -> IntArray | None:
    """Find an element of each coset, identity first; None where there are more than most.

    Elements are told apart by sums of random 64-bit words.
    """
    found = [np.arange(made.points)]
    table = None
    if made.order * made.points <= AT_ONCE:
        table = made.rows(np.arange(made.order))
    known = set(_keys(made, table, found[0][base], words))
    for leader in found:
        for generator in generators:
            product = leader[generator]
            if int(product[base] @ words) in known:
                continue
            if len(found) >= most:
                return None
            found.append(product)
            known.update(_keys(made, table, product[base], words))
    return frozen(np.array(found))


def _keys(made: Listing, table: IntArray | None, base: IntArray, words: IntArray) -> list[int]:
    """Compute the sum of words of each element after a leader that moves the base so.

    table: of all elements, where it is small.
    """
    keys: list[int] = []
    if table is not None:
        moved = np.zeros(made.points, dtype=np.int64)
        moved[base] = words
        keys = (table @ moved).tolist()
        return keys
    numbers = np.arange(made.order)
    for some in np.array_split(numbers, made.order * len(base) // AT_ONCE + 1):
        keys += (made.images(some[:, None], base[None]) @ words).tolist()
    return keys
