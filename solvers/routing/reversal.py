"""Machines that are the same the other way round, where sums come in as results go out.

Statement. Let every link have a mate, back between the same ends and as wide. Turn all trees of an
optimal all_reduce round: what spread now adds, and the other way about. That is optimal too, and
so is the mean of the two, in which the trees that add are those that spread turned round. So only
the latter are looked for, with what crosses a link or its mate as the load: half the rows and
half the columns of the linear program.

With a group the mates of an orbit of links must be an orbit, since loads are added up over orbits.
"""

import numpy as np

from solvers.schedules.capabilities import mark_branching
from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.group import Group, link_images, orbits


def find_reversal(topology: Topology, group: Group, *, in_network: bool) -> IntArray | None:
    """Find each link's mate, none where the machine is not the same the other way round.

    Of parallel links those of one plane are mates. Complexity: sorting the links, twice.
    """
    copies, adds = mark_branching(topology, (), "all", in_network=in_network)
    mate = _pair_links(topology)
    if mate is None or (copies != adds).any():
        return None
    orbit = orbits(link_images(topology, group.generators), topology.links)
    pairs = np.unique(np.stack([orbit, orbit[mate]]), axis=1)
    return frozen(mate) if pairs.shape[1] == orbit.max(initial=-1) + 1 else None


def _pair_links(topology: Topology) -> IntArray | None:
    """Pair the links of each width, plane and pair of ends, in their order."""
    src, dst, kind = topology.src, topology.dst, (topology.plane, topology.capacity)
    there, back = np.lexsort((*kind, dst, src)), np.lexsort((*kind, src, dst))
    fields = ((src, dst), (dst, src), *((k, k) for k in kind))
    if any((one[there] != other[back]).any() for one, other in fields):
        return None
    mate = np.empty(topology.links, dtype=np.int64)
    mate[there] = back
    return mate
