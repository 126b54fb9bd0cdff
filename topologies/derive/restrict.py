"""A machine on some of whose ranks nothing runs: those only forward."""

from collections.abc import Sequence

import numpy as np

from topologies.model.topology import Topology, TopologyError, frozen
from topologies.model.units import Rank


def restrict(topology: Topology, ranks: Sequence[Rank]) -> Topology:
    """Turn all other ranks into switches that neither copy nor add; the rest keep their order.

    Rank i of the result is the i-th of `ranks`, in ascending order. A declared symmetry is left
    out: it need not keep the ranks apart.

    Args:
        topology: the machine.
        ranks: that stay ranks.

    Raises:
        TopologyError: a rank that is none, or is named twice.
    """
    chosen = sorted(ranks)
    if len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(topology.ranks)):
        raise TopologyError(
            [f"ranks: found {list(ranks)}, expected some of 0..{topology.ranks - 1}"]
        )
    if len(chosen) == topology.ranks:
        return topology
    empty = sorted(set(range(topology.ranks)) - set(chosen))
    order = np.array([*chosen, *empty, *range(topology.ranks, topology.vertices)], dtype=np.int64)
    place = np.argsort(order)
    columns = {field: getattr(topology, field) for field in topology.__dataclass_fields__}
    return Topology(
        **columns
        | {
            "name": f"{topology.name}, {len(chosen)} of {topology.ranks} ranks",
            "names": tuple(topology.names[v] for v in order),
            "ranks": len(chosen),
            "kinds": tuple(topology.kinds[v] for v in order),
            "multicast": frozen(topology.multicast[order]),
            "reduce": frozen(topology.reduce[order]),
            "overhead": frozen(topology.overhead[chosen]),
            "src": frozen(place[topology.src]),
            "dst": frozen(place[topology.dst]),
            "symmetry": frozen(np.zeros((0, topology.vertices), dtype=np.int64)),
        }
    )
