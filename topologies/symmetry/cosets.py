"""Listing a permutation group: coset after coset of a part of it that is listed.

Source: Dimino's algorithm, as in Butler, Fundamental Algorithms for Permutation Groups (1991),
chapter 3.
"""

from collections.abc import Sequence

import numpy as np

from topologies.model.topology import IntArray


def leaders(elements: IntArray, generators: Sequence[IntArray], most: int) -> list[IntArray]:
    """Find an element of each coset of a group in the one that the generators make; identity first.

    A coset holds every element after its leader.

    Elements are told apart by sums of random 64-bit words, for which they need not be made.
    Complexity: order of the result × points, and generators × points for each coset.

    Args:
        elements: (order, points), all of the smaller group.
        generators: those of it, and more.
        most: of cosets; where there are more, none are given.
    """
    points = elements.shape[1]
    words = np.array(np.random.default_rng(0).integers(-(2**63), 2**63, points))
    found = [np.arange(points)]
    known = set(_keys(elements, found[0], words))
    for leader in found:
        for generator in generators:
            product = leader[generator]
            if int(product @ words) in known:
                continue
            if len(found) == most:
                return []
            found.append(product)
            known.update(_keys(elements, product, words))
    return found


def list_elements(elements: IntArray, found: Sequence[IntArray]) -> IntArray:
    """List the elements of all cosets."""
    return np.concatenate([elements[:, leader] for leader in found])


def _keys(elements: IntArray, leader: IntArray, words: IntArray) -> list[int]:
    """Compute the sum of words of each element of a coset."""
    moved = np.empty_like(words)
    moved[leader] = words
    keys: list[int] = (elements @ moved).tolist()
    return keys
