"""Boxes: sets of ranks that are nearer to each other than to the rest."""

from collections.abc import Iterator, Sequence

import numpy as np

from topologies.model.reachability import connected_parts
from topologies.model.topology import BoolArray, IntArray, Topology, frozen

Boxes = tuple[IntArray, ...]

TIERS = 8  # thresholds of each figure that are tried


def list_partitions(topology: Topology, ranks: Sequence[int]) -> list[Boxes]:
    """List the ways to part the ranks into boxes, the fewest boxes first.

    Left out are the links of the outer layers, the slow ones, or those of high alpha; what can
    still reach each other is a box. Paths that leave all ranks together, or every rank alone, are
    none. In a box ranks ascend, and boxes go by their least rank.
    Complexity: links for each tier.
    """
    chosen = np.array(sorted(ranks))
    found: dict[bytes, IntArray] = {}
    for kept in _tiers(topology):
        label = connected_parts(topology, kept, strong=True)[chosen]
        _, first, label = np.unique(label, return_index=True, return_inverse=True)
        label = np.argsort(np.argsort(first))[label]
        if 1 < len(first) < len(chosen):
            found.setdefault(label.tobytes(), label)
    paths = sorted(found.values(), key=lambda label: int(label.max()))
    return [tuple(frozen(chosen[w == box]) for box in range(int(w.max()) + 1)) for w in paths]


def label_tiers(topology: Topology) -> list[IntArray]:
    """Label the vertices by the box they are in, for each tier, the fewest boxes first.

    As `list_partitions` of all ranks, with the switches that are inside.
    """
    found: dict[bytes, IntArray] = {}
    for kept in _tiers(topology):
        label = connected_parts(topology, kept, strong=True)
        _, own = np.unique(label[: topology.ranks], return_inverse=True)
        if 0 < own.max() < topology.ranks - 1:
            found.setdefault(own.tobytes(), frozen(label))
    count = topology.ranks
    return sorted(found.values(), key=lambda label: len(np.unique(label[:count])))


def _tiers(topology: Topology) -> Iterator[BoolArray]:
    """Mark the links that are kept."""
    layer = np.array([each.layer for each in topology.classes])[topology.link_class]
    for most in np.unique(layer).tolist():
        yield layer < most
    for least in _thresholds(topology.capacity):
        yield topology.capacity > least
    for most in _thresholds(topology.alpha):
        yield topology.alpha < most


def _thresholds(figures: np.ndarray[tuple[int], np.dtype[np.generic]]) -> list[float]:
    values = np.unique(figures)
    places = np.linspace(0, len(values) - 1, min(TIERS, len(values))).astype(int)
    return [float(value) for value in values[places]]
