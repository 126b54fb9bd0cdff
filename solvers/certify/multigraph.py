"""Graphs with parallel links: between each two vertices the lightest one counts.

Small graphs are searched here, in rounds over all arcs (Bellman 1958; Ford 1956): SciPy's searches
come with its linear algebra, which takes a tenth of a second to load.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from topologies.model.topology import FloatArray, IntArray

SMALL = 2**17  # starts × arcs up to which a graph is searched in rounds
ROUNDS = 64  # arcs of a way, up to which it pays


class Ways(NamedTuple):
    """Shortest ways from some vertices to all.

    Attributes:
        length: (starts, vertices), inf where no way leads.
        before: (starts, vertices), the vertex before the last, negative where there is none.
    """

    length: FloatArray
    before: IntArray


def simplify(
    tail: IntArray, head: IntArray, weight: FloatArray, vertices: int
) -> tuple[csr_array, IntArray]:
    """Make the graph of the lightest arc between each two vertices, as scipy's searches take it.

    A sparse array made of all arcs would add parallel ones up. Gives also which arcs these are, by
    tail, then by head. Complexity: sorting the arcs.
    """
    pairs = tail * vertices + head
    order = np.lexsort((weight, pairs))
    kept = order[np.unique(pairs[order], return_index=True)[1]]
    graph = csr_array((weight[kept], (tail[kept], head[kept])), shape=(vertices, vertices))
    return graph, kept


def dijkstra(graph: csr_array, **how: Any) -> Any:  # noqa: ANN401
    """Load SciPy's search when it is asked for, and search: all as its function of that name."""
    from scipy.sparse.csgraph import dijkstra as search

    return search(graph, **how)


def lengths(graph: csr_array, starts: IntArray) -> FloatArray:
    """Compute how far all vertices are from some: (starts, vertices), inf where no way leads.

    Complexity: as of `shortest`.
    """
    found = _search_in_rounds(graph, starts)
    return np.asarray(dijkstra(graph, indices=starts)) if found is None else found.length


def shortest(graph: csr_array, starts: IntArray) -> Ways:
    """Find shortest ways from some vertices to all.

    Of ways of the same length another may be found in a small graph than by `dijkstra`.
    Complexity: starts × arcs × arcs of the longest way in small graphs, else Dijkstra's.

    Args:
        graph: its weights are not negative.
        starts: vertices.
    """
    found = _search_in_rounds(graph, starts)
    if found is not None:
        return found
    return Ways(*dijkstra(graph, indices=starts, return_predecessors=True))


def _search_in_rounds(graph: csr_array, starts: IntArray) -> Ways | None:
    """Search a small graph; None where it is large, or a way is long."""
    if len(starts) * graph.nnz > SMALL:
        return None
    by_head = graph.tocsc()
    tail, weight, count = by_head.indices, by_head.data, np.diff(by_head.indptr)
    heads = np.flatnonzero(count)
    first, count, arc = by_head.indptr[heads], count[heads], np.arange(len(tail))
    length = np.full((len(starts), graph.shape[0]), np.inf)
    length[np.arange(len(starts)), starts] = 0.0
    before = np.full(length.shape, -1, dtype=np.int64)
    for _ in range(ROUNDS if len(heads) else 0):
        over = length[:, tail] + weight
        least = np.minimum.reduceat(over, first, axis=1)
        row, place = np.nonzero(least < length[:, heads])
        if not len(row):
            return Ways(length, before)
        over = np.where(over == np.repeat(least, count, axis=1), arc, len(arc))
        chosen = np.minimum.reduceat(over, first, axis=1)
        # No circle comes of it: a vertex gets another one before it only where it comes nearer.
        before[row, heads[place]] = tail[chosen[row, place]]
        length[row, heads[place]] = least[row, place]
    return None if len(heads) else Ways(length, before)
