"""Colour refinement: vertices that look alike from everywhere get the same colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from topologies.model.topology import FloatArray, IntArray, Topology, frozen

WordArray = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Web:
    """What refinement sees of a machine: what each vertex is, and a random word for each arc.

    Attributes:
        words: (vertices, vertices) of 64-bit words: that for what joins row to column, out and in,
            and on the diagonal one for the vertex itself.
    """

    kinds: IntArray
    words: csr_array


def web(topology: Topology, permutations: Sequence[IntArray] = ()) -> Web:
    """Write down the links, out and in, told apart by capacity and alpha.

    Each permutation joins the vertices with their images, by arcs of a kind of its own: so the
    automorphisms of the web are those of the machine that commute with the permutations.
    """
    itself = np.arange(topology.vertices)
    figures = _number_values(topology.capacity)
    figures = _number_values(figures * topology.links + _number_values(topology.alpha))
    links, kinds = int(figures.max(initial=0)) + 1, len(permutations)
    own, out, into = np.split(_words(0, 1 + 2 * (links + kinds)), [1, 1 + links + kinds])
    kind = np.concatenate([figures, links + np.repeat(np.arange(kinds), len(itself))])
    src = np.concatenate([topology.src, *(itself for _ in permutations)])
    dst = np.concatenate([topology.dst, *permutations])
    words = np.concatenate([own.repeat(len(itself)), out[kind], into[kind]])
    ends = np.concatenate([itself, src, dst]), np.concatenate([itself, dst, src])
    return Web(_kinds(topology), csr_array(coo_array((words, ends), shape=2 * itself.shape)))


def refine_together(web: Web, colours: IntArray) -> IntArray | None:
    """Refine colourings together until nothing changes: vertices that look alike share a colour.

    The result is named alike in all rows; it is None as soon as the rows do not hold each colour
    equally often: then no automorphism leads from one to another. Two vertices keep one colour
    while the multisets of (arc, colour) around them agree (1-dimensional Weisfeiler-Leman).
    Multisets are compared by sums of random 64-bit words. Complexity: rounds × (links + vertices ×
    log(vertices)) for each colouring.

    Args:
        web: what refinement sees of the machine.
        colours: (colourings, vertices).
    """
    kinds = int(web.kinds.max()) + 1
    return refine_further(web, _number_values(colours * kinds + web.kinds).reshape(colours.shape))


def refine_further(web: Web, colours: IntArray) -> IntArray | None:
    """Refine gapless colourings, finer than what the vertices are, as `refine_together` does."""
    rows, points = colours.shape
    drawn = _words(1, rows * points)
    while True:
        counts = np.bincount(colours[0])
        if any(not np.array_equal(np.bincount(row), counts) for row in colours[1:]):
            return None
        split = _rank_words((web.words @ drawn[colours].T).T).reshape(rows, points)
        if split.max() == colours.max():
            return frozen(colours)
        colours = split


def refine(topology: Topology, start: IntArray | None = None) -> IntArray:
    """Compute the coarsest stable colouring of the vertices that is finer than `start`.

    Vertices of one orbit always share a colour; the converse does not hold.
    """
    colours = np.zeros(topology.vertices, dtype=np.int64) if start is None else start
    refined = refine_together(web(topology), colours[None])
    assert refined is not None  # one colouring cannot come apart
    return frozen(refined[0])


def representatives(colours: IntArray, among: IntArray) -> IntArray:
    """Pick the first vertex of each colour that occurs in `among`."""
    _, first = np.unique(colours[among], return_index=True)
    return frozen(among[np.sort(first)])


def _kinds(topology: Topology) -> IntArray:
    """Tell ranks, by their overhead, from switches, and switches by what they can do."""
    flags = topology.multicast + 2 * topology.reduce.astype(np.int64)
    flags[: topology.ranks] = 4 + _number_values(topology.overhead)
    return flags


@lru_cache(maxsize=8)
def _words(seed: int, count: int) -> WordArray:
    words = np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)
    words.setflags(write=False)
    return words


def _rank_words(words: WordArray) -> IntArray:
    """Give numbers from 0 to the distinct words, by as many of their bits as leave room for places.

    A sort of words that carry their places takes half the time of one that looks for these.
    """
    low = np.uint64((1 << words.size.bit_length()) - 1)
    keys = np.sort((words.reshape(-1) & ~low) | np.arange(words.size, dtype=np.uint64))
    numbers = np.zeros(words.size, dtype=np.int64)
    numbers[(keys[1:] & low).astype(np.int64)] = np.cumsum((keys[1:] ^ keys[:-1]) > low)
    return numbers


def _number_values(values: FloatArray | IntArray | WordArray) -> IntArray:
    """Assign numbers from 0 to the distinct values."""
    numbers = np.unique(values, return_inverse=True)[1]
    return np.asarray(numbers, dtype=np.int64).reshape(-1)
