"""What flows get of cables that they share evenly."""

from collections.abc import Sequence

import numpy as np

from topologies.model.topology import BoolArray, FloatArray

Way = tuple[int, ...]  # the cables that a flow passes


def passes(ways: Sequence[Way], cables: int) -> BoolArray:
    """Mark which flow passes which cable: (flows, cables)."""
    found = np.zeros((len(ways), cables), dtype=bool)
    for flow, way in enumerate(ways):
        found[flow, list(way)] = True
    return found


def fair_rates(passing: BoolArray, capacity: FloatArray) -> FloatArray:
    """Share cables among flows, max-min fairly: no flow gains but at one that has no more.

    All rates rise together until a cable is full; its flows stay, the others go on (progressive
    filling: Bertsekas and Gallager, Data Networks, 1992, section 6.5.2).

    Args:
        passing: which flow passes which cable.
        capacity: of each cable; infinite ones never fill.

    Returns:
        The rate of each flow, infinite where nothing bounds it.
    """
    rates = np.full(len(passing), np.inf)
    active = np.ones(len(passing), dtype=bool)
    left = np.asarray(capacity, dtype=np.float64).copy()
    while active.any():
        count = passing[active].sum(axis=0)
        level = np.divide(left, count, out=np.full(len(left), np.inf), where=count > 0)
        lowest = level.min(initial=np.inf)
        if not np.isfinite(lowest):
            break
        full = level <= lowest * (1 + 1e-9)
        stopped = active & passing[:, full].any(axis=1)
        rates[stopped] = lowest
        active &= ~stopped
        left = np.maximum(left - lowest * passing[stopped].sum(axis=0), 0.0)
    return rates
