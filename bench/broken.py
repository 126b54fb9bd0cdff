"""Machines with a dead link."""

from dataclasses import replace

import numpy as np

from topologies.model.topology import Topology, frozen


def without_link(machine: Topology, first: str, second: str) -> Topology:
    """Leave out all links between two vertices, both ways.

    What symmetry was declared is left out too: it holds no longer.

    Raises:
        ValueError: no link joins them.
    """
    ends = {machine.names.index(first), machine.names.index(second)}
    pairs = zip(machine.src.tolist(), machine.dst.tolist(), strict=True)
    keep = np.array([{src, dst} != ends for src, dst in pairs])
    if keep.all():
        raise ValueError(f"{machine.name}: no link between {first} and {second}")
    place = np.append(np.cumsum(keep) - 1, -1)  # the last is for links without a mate
    return replace(
        machine,
        name=f"{machine.name} without {first} - {second}",
        src=frozen(machine.src[keep]),
        dst=frozen(machine.dst[keep]),
        capacity=frozen(machine.capacity[keep]),
        alpha=frozen(machine.alpha[keep]),
        mate=frozen(place[machine.mate[keep]]),
        link_class=frozen(machine.link_class[keep]),
        plane=frozen(machine.plane[keep]),
        symmetry=machine.symmetry[:0],
    )
