"""A machine whose links are faster, class by class."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from topologies.derive.derate import scale_links
from topologies.model.topology import Topology, frozen
from topologies.model.units import Rate


def widen(topology: Topology, added: Sequence[Rate]) -> Topology:
    """Add so many bytes per second to each link of a class, exactly.

    What is declared of the symmetry stays where it takes no link of one class to one of another.

    Args:
        topology: the machine.
        added: for each class of links, 0 or more.

    Raises:
        TopologyError: the rates have no common unit that is large enough to count in.
    """
    kinds, rates = topology.link_class.tolist(), topology.capacity.tolist()
    parts = [
        1 + added[kind] / (rate * topology.unit) if added[kind] else Fraction(1)
        for kind, rate in zip(kinds, rates, strict=True)
    ]
    return scale_links(_within_classes(topology), parts)


def _within_classes(topology: Topology) -> Topology:
    """Declare only what keeps the classes of links."""
    if not len(topology.symmetry):
        return topology
    ends = topology.src * topology.vertices + topology.dst
    known = np.unique(np.stack([ends, topology.link_class]), axis=1)
    kept = []
    for row in topology.symmetry:
        moved = row[topology.src] * topology.vertices + row[topology.dst]
        image = np.unique(np.stack([moved, topology.link_class]), axis=1)
        kept.append(np.array_equal(image, known))
    return replace(topology, symmetry=frozen(topology.symmetry[np.array(kept)]))
