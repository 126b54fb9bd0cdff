"""Graphs with parallel links: between each two vertices the lightest one counts."""

import numpy as np
from scipy.sparse import csr_array

from topologies.model.topology import FloatArray, IntArray


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
