"""What a schedule's certificate proves, worked out from nothing but the certificate."""

from fractions import Fraction

import numpy as np

from runtime.check_prices import Unproven
from runtime.check_prices import proved as proved_by_prices
from solvers.certificate import Certificate, Cut
from solvers.collective import Collective
from solvers.schedule import Schedule
from topologies.topology import BoolArray, IntArray

TREES = "reduce-broadcast trees"


def proved(schedule: Schedule) -> Fraction | None:
    """Give the size / time in bytes per second that the certificate proves; None if there is none.

    The schedule must be well formed, and its group right.

    Raises:
        Unproven: the certificate proves nothing, or something else than its scope says.
    """
    certificate = schedule.bound.certificate
    if certificate is None:
        return None
    expected = scope(certificate, schedule.collective)
    if schedule.bound.scope != expected:
        raise Unproven(f"the scope is {schedule.bound.scope!r}, expected {expected!r}")
    if isinstance(certificate, Cut):
        return _cut(schedule, certificate)
    return proved_by_prices(schedule, certificate)


def scope(certificate: Certificate, what: Collective) -> str:
    """Say for which schedules a certificate speaks.

    Prices of sums that many want are paid by one tree into a root and one out of it; schedules
    of another form might pay less.
    """
    if isinstance(certificate, Cut):
        return "cut"
    sums = zip(what.holders, what.wanters, strict=True)
    return TREES if any(len(h) > 1 and len(w) > 1 for h, w in sums) else "prices"


def _cut(schedule: Schedule, cut: Cut) -> Fraction:
    """Divide the capacity that crosses the cut by the data that must."""
    topology = schedule.topology
    if len(cut.inside) and not 0 <= cut.inside.min() <= cut.inside.max() < topology.vertices:
        raise Unproven(f"the cut names a vertex beyond the {topology.vertices} of the topology")
    side = np.zeros(topology.vertices, dtype=np.bool_)
    side[cut.inside] = True
    if cut.reversed_links:
        side = ~side
    data = _must_leave(schedule.collective, side)
    if data == 0:
        raise Unproven("no data must cross the cut")
    capacity = int(topology.capacity[side[topology.src] & ~side[topology.dst]].sum())
    return topology.unit * capacity / data


def _must_leave(what: Collective, side: BoolArray) -> Fraction:
    """Add up the blocks that have a holder in `side` and a wanter outside, as parts of the size.

    Each such block crosses at least once: in full, or as the sum of what is held inside.
    """
    held = _touched(what, what.inputs, side)
    wanted = _touched(what, what.outputs, ~side)
    return Fraction(int(what.sizes[held & wanted].sum()), what.total)


def _touched(what: Collective, buffers: tuple[IntArray, ...], side: BoolArray) -> BoolArray:
    """Tell which blocks are in a buffer of a rank in `side`."""
    found = np.zeros(what.blocks, dtype=np.bool_)
    for rank, blocks in zip(what.ranks, buffers, strict=True):
        if side[rank]:
            found[blocks] = True
    return found
