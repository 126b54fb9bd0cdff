"""Every path from rank to rank that passes nothing but switches."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from solvers.settings.deadline import NotFound
from topologies.model.topology import FloatArray, Topology

PATHS_LIMIT = 20_000  # of a machine, for which exact questions can be asked


class SwitchPath(NamedTuple):
    """What one message can take: from a rank to another over links, switches between them."""

    src: int
    dst: int
    links: tuple[int, ...]


def switch_paths(topology: Topology, limit: int = PATHS_LIMIT) -> list[SwitchPath]:
    """List all paths that pass no switch twice, and no rank; parallel links make different paths.

    Complexity: paths × length × degree, and the dead ends besides.

    Raises:
        NotFound: there are more than `limit`.
    """
    leaving = [np.flatnonzero(topology.src == v).tolist() for v in range(topology.vertices)]
    found: list[SwitchPath] = []
    for src in range(topology.ranks):
        for path in _from(topology, leaving, src, limit):
            found.append(path)
            if len(found) > limit:
                raise NotFound(
                    f"{topology.name} has more than {limit} paths from rank to rank through "
                    "switches, too many for an exact schedule"
                )
    return found


def _from(
    topology: Topology, leaving: list[list[int]], src: int, limit: int
) -> Iterator[SwitchPath]:
    """Walk on from switch to switch, depth first.

    Raises:
        NotFound: most of very many walks end nowhere.
    """
    heads: list[int] = topology.dst.tolist()
    stack: list[tuple[int, ...]] = [(link,) for link in reversed(leaving[src])]
    walked = 0
    while stack:
        links = stack.pop()
        end = heads[links[-1]]
        walked += 1
        if walked > 10 * limit:
            raise NotFound(f"{topology.name}: too many paths through switches from rank {src}")
        if end < topology.ranks:
            if end != src:
                yield SwitchPath(src, end, links)
            continue
        passed = {heads[link] for link in links}
        stack += [(*links, a) for a in reversed(leaving[end]) if heads[a] not in passed]


def message_distances(topology: Topology, paths: list[SwitchPath]) -> FloatArray:
    """Count the messages that a piece takes from rank to rank: (ranks, ranks), inf for never."""
    from scipy.sparse.csgraph import shortest_path

    ends = np.array([(path.src, path.dst) for path in paths], dtype=np.int64).reshape(-1, 2)
    shape = (topology.ranks, topology.ranks)
    graph = csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=shape)
    return np.asarray(shortest_path(graph, unweighted=True))
