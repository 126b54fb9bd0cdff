"""Numbers for vertices that depend on what the machine is, and not on how it was written down.

Machines that differ only in the order of their ranks, switches and links get the same numbering, up
to an automorphism: so whatever is worked out on the renumbered machine is equal for all of them.
Colour refinement tells vertices apart; where it leaves some alike, one of them is marked and the
colours are refined further. Whichever it is makes no difference where they are images of each
other, which is not proved: among a few, all are tried and the one that tells most apart is taken.

Source: McKay and Piperno, Practical graph isomorphism II, Journal of Symbolic Computation 60
(2014), for the search tree of which this follows one path.
"""

import numpy as np

from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.group import orbits
from topologies.symmetry.refinement import Web, refine_further, refine_together, web

TRIED = 16  # vertices of one colour that are tried, where there are no more
WORK = 2**27  # arcs that may be looked at; beyond, what is still alike keeps its order


def numbering(topology: Topology, colours: IntArray) -> IntArray:
    """Give each vertex its number, the ranks first, and those of lower colours first among them.

    Complexity: refinements × links.

    Args:
        topology: the machine.
        colours: what tells vertices apart besides the machine.
    """
    net = web(topology, list(sort_permutations(topology.symmetry)))
    switch = np.arange(topology.vertices) >= topology.ranks
    start = np.unique(np.stack([switch, colours]), axis=1, return_inverse=True)[1].reshape(-1)
    told = _only(refine_together(net, start[None]))
    left = WORK // (net.words.nnz + 64 * topology.vertices)
    while left > 0 and len(cell := _tied_cell(told, topology.ranks)):
        tried = cell if len(cell) <= min(TRIED, left) else cell[:1]
        left -= len(tried)
        further = max((_mark(net, told, int(v)) for v in tried), key=lambda c: _signature(net, c))
        told = _split_cell(told, cell) if further.max() == told.max() + 1 else further
    order = np.lexsort((np.arange(len(told)), told, start))
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return frozen(number)


def sort_permutations(permutations: IntArray) -> IntArray:
    """Sort permutations by the lengths of their cycles, which do not depend on any numbers."""

    def lengths(row: IntArray) -> list[int]:
        return sorted(np.bincount(orbits(row[None], len(row))).tolist())

    return permutations[sorted(range(len(permutations)), key=lambda i: lengths(permutations[i]))]


def _only(colourings: IntArray | None) -> IntArray:
    assert colourings is not None  # one colouring cannot come apart
    return np.asarray(colourings[0])


def _tied_cell(told: IntArray, ranks: int) -> IntArray:
    """List the vertices of the least colour that several have, of ranks if there is one."""
    several = np.bincount(told)[told] > 1
    if several[:ranks].any():
        several[ranks:] = False
    if not several.any():
        return np.flatnonzero(several)
    return np.flatnonzero(several & (told == told[several].min()))


def _mark(net: Web, told: IntArray, vertex: int) -> IntArray:
    marked = told.copy()
    marked[vertex] = told.max() + 1
    return _only(refine_further(net, marked[None]))


def _signature(net: Web, told: IntArray) -> tuple[int, int]:
    """Compute the number of colours, and a word for how they lie to each other."""
    words = np.random.default_rng(0).integers(0, 2**64, int(told.max()) + 1, dtype=np.uint64)[told]
    return int(told.max()), int((words * (net.words @ words)).sum())


def _split_cell(told: IntArray, cell: IntArray) -> IntArray:
    """Tell all of a cell apart: marking one told nothing else apart, so any order is as good."""
    now = told.copy()
    now[cell] = told.max() + 1 + np.arange(len(cell))
    return np.unique(now, return_inverse=True)[1].reshape(-1)
