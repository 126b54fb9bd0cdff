"""The machine as programs were measured to find it: links at a part of their bandwidth."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm

import numpy as np

from topologies.model.topology import CAPACITY_LIMIT, Topology, TopologyError, frozen
from topologies.model.units import Share


def derate(topology: Topology) -> Topology:
    """Multiply each link's bandwidth by the efficiency that its class states, exactly.

    Raises:
        TopologyError: the products have no common unit that is large enough to count in.
    """
    efficiency = [each.efficiency for each in topology.classes]
    return scale_links(topology, [efficiency[kind] for kind in topology.link_class.tolist()])


def scale_links(topology: Topology, parts: Sequence[Share]) -> Topology:
    """Multiply the bandwidth of each link by a part of its own, exactly.

    Args:
        topology: the machine.
        parts: one for each link, above 0.

    Raises:
        TopologyError: the products have no common unit that is large enough to count in.
    """
    distinct = set(parts)
    if distinct <= {Fraction(1)}:
        return topology
    fine = lcm(*(part.denominator for part in distinct))
    whole = np.array([int(part * fine) for part in parts], dtype=object)
    capacity = topology.capacity.astype(object) * whole
    shared = int(np.gcd.reduce(capacity))
    if max(capacity) // shared >= CAPACITY_LIMIT:
        raise TopologyError(["efficiency: the bandwidths have no common unit of a sensible size"])
    return replace(
        topology,
        capacity=frozen((capacity // shared).astype(np.int64)),
        unit=topology.unit * Fraction(shared, fine),
    )
