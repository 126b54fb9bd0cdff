"""The machine as programs were measured to find it: links at a part of their bandwidth."""

from dataclasses import replace
from fractions import Fraction
from math import lcm

import numpy as np

from topologies.model.topology import CAPACITY_LIMIT, Topology, TopologyError, frozen


def derate(topology: Topology) -> Topology:
    """Multiply each link's bandwidth by the efficiency that its class states, exactly.

    Raises:
        TopologyError: the products have no common unit that is large enough to count in.
    """
    parts = [each.efficiency for each in topology.classes]
    fine = lcm(*(part.denominator for part in parts))
    whole = np.array([int(part * fine) for part in parts], dtype=object)
    capacity = topology.capacity.astype(object) * whole[topology.link_class]
    shared = int(np.gcd.reduce(capacity)) if len(capacity) else 1
    if max(capacity, default=0) // shared >= CAPACITY_LIMIT:
        raise TopologyError(["efficiency: the bandwidths have no common unit of a sensible size"])
    return replace(
        topology,
        capacity=frozen((capacity // shared).astype(np.int64)),
        unit=topology.unit * Fraction(shared, fine),
    )
