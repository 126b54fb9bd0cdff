"""Colour refinement: vertices that look alike from everywhere get the same colour."""

import numpy as np

from topologies.topology import IntArray, Topology, frozen


def refine(topology: Topology, start: IntArray | None = None) -> IntArray:
    """Give the coarsest stable colouring of the vertices that is finer than `start`.

    Two vertices keep one colour while the multisets of (colour, capacity, alpha) over their links,
    out and in, agree (1-dimensional Weisfeiler-Leman). Vertices of one orbit always share a colour;
    the converse does not hold. Multisets are compared by sums of random 64-bit words.
    Complexity: rounds × links.
    """
    colours = np.zeros(topology.vertices, dtype=np.int64) if start is None else start
    colours = _numbered(np.stack([colours, _kinds(topology)]))
    figures = _numbered(np.stack([topology.capacity, topology.alpha.view(np.int64)]))
    draw = np.random.default_rng(0)
    words = draw.integers(-(2**62), 2**62, (2, int(figures.max(initial=0)) + 1, topology.vertices))
    while True:
        view = np.zeros((2, topology.vertices), dtype=np.int64)
        np.add.at(view[0], topology.src, words[0, figures, colours[topology.dst]])
        np.add.at(view[1], topology.dst, words[1, figures, colours[topology.src]])
        finer = _numbered(np.stack([colours, *view]))
        if finer.max() == colours.max():
            return frozen(colours)
        colours = finer


def representatives(colours: IntArray, among: IntArray) -> IntArray:
    """Pick the first vertex of each colour that occurs in `among`."""
    _, first = np.unique(colours[among], return_index=True)
    return frozen(among[np.sort(first)])


def _kinds(topology: Topology) -> IntArray:
    """Tell ranks from switches, and switches by what they can do."""
    flags = topology.multicast + 2 * topology.reduce.astype(np.int64)
    flags[: topology.ranks] = 4
    return flags


def _numbered(rows: IntArray) -> IntArray:
    """Give numbers from 0 to the distinct columns of `rows`."""
    return np.unique(rows, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)
