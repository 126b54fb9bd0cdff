"""The same machine with its vertices and links in another order."""

from dataclasses import dataclass, replace

import numpy as np

from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.numbering import sort_permutations


@dataclass(frozen=True, eq=False)
class Relabelling:
    """A machine, and where the vertices and links of another one stand in it.

    vertex[v] and link[l] are the numbers that they have in `topology`.
    """

    topology: Topology
    vertex: IntArray
    link: IntArray


def relabel(topology: Topology, vertex: IntArray) -> Relabelling:
    """Give vertex v the number vertex[v]; links come in the order of ends, figures and planes.

    Ranks must stay before switches. Links that agree in all keep their order. Of declared
    symmetries each is turned along, and they come in the order of what they do; classes of links
    come in the order of their first links.

    Args:
        topology: the machine.
        vertex: the new number of each vertex.
    """
    back = np.argsort(vertex)
    src, dst = vertex[topology.src], vertex[topology.dst]
    order = np.lexsort((topology.plane, topology.alpha, topology.capacity, dst, src))
    link = np.empty_like(order)
    link[order] = np.arange(len(order))
    mate = topology.mate[order]
    classes = _by_first_use(topology.link_class[order], len(topology.classes))
    symmetry = vertex[sort_permutations(topology.symmetry)[:, back]]
    made = replace(
        topology,
        names=tuple(topology.names[v] for v in back),
        kinds=tuple(topology.kinds[v] for v in back),
        multicast=frozen(topology.multicast[back]),
        reduce=frozen(topology.reduce[back]),
        overhead=frozen(topology.overhead[back[: topology.ranks]]),
        src=frozen(src[order]),
        dst=frozen(dst[order]),
        capacity=frozen(topology.capacity[order]),
        alpha=frozen(topology.alpha[order]),
        mate=frozen(np.where(mate < 0, -1, link[mate])),
        link_class=frozen(np.argsort(classes)[topology.link_class[order]]),
        classes=tuple(topology.classes[i] for i in classes),
        plane=frozen(topology.plane[order]),
        symmetry=frozen(symmetry),
    )
    return Relabelling(made, frozen(vertex), frozen(link))


def _by_first_use(of_link: IntArray, classes: int) -> list[int]:
    """List the classes in the order in which links have them, then those without a link."""
    return list(dict.fromkeys([*of_link.tolist(), *range(classes)]))
