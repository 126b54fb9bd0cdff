"""Whether every rank can reach every other."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from topologies.topology import BoolArray, Topology
from topologies.wording import listed


def faults(topology: Topology) -> list[str]:
    """Name each group of ranks that is cut off from the first rank, one sentence for each."""
    links = coo_array(
        (np.ones(topology.links, dtype=np.int8), (topology.src, topology.dst)),
        shape=(topology.vertices, topology.vertices),
    ).tocsr()
    _, parts = connected_components(links, directed=True, connection="strong")
    parts = parts[: topology.ranks]
    if (parts == parts[0]).all():
        return []
    reached = _reached(links)
    sentences = []
    _, first, part = np.unique(parts, return_index=True, return_inverse=True)
    members = np.split(np.argsort(part, kind="stable"), np.cumsum(np.bincount(part))[:-1])
    for p in np.argsort(first)[1:]:
        away = listed([topology.names[rank] for rank in members[p]])
        origin = topology.names[0]
        if reached[members[p][0]]:
            sentences.append(f"ranks: {origin} cannot be reached from {away}")
        else:
            sentences.append(f"ranks: {away} cannot be reached from {origin}")
    return sentences


def _reached(links: coo_array) -> BoolArray:
    """Mark the vertices that a way leads to from vertex 0."""
    mark = np.zeros(links.shape[0], dtype=np.bool_)
    mark[breadth_first_order(links, 0, return_predecessors=False)] = True
    return mark
