"""What a certificate proves, worked out from nothing but the certificate.

Solvers claim what this finds, and the checker finds it again; neither side's word is taken.
"""

from collections.abc import Sequence
from fractions import Fraction
from weakref import WeakKeyDictionary

import numpy as np

from solvers.certify.dual_bound import Unproven, prove_by_prices
from solvers.certify.exchange import prove_exchange
from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import Certificate, Cut, Prices
from solvers.schedules.collective import Collective
from solvers.schedules.computed.exchange import Exchange
from topologies.model.topology import BoolArray, IntArray, Topology
from topologies.model.units import Rate
from topologies.symmetry.group import Group

TREES = "reduce-broadcast trees"


def prove(
    topology: Topology,
    collective: Collective,
    certificate: Certificate,
    group: Group,
    *,
    in_network: bool = False,
    relays: Relays = "all",
) -> Rate:
    """Compute the size / time in bytes per second that no schedule can beat.

    A cut does not care about symmetry: what it counts must cross it once, wherever it is copied.
    Who asks the same again, of the very same values, is told what was found.

    Args:
        topology: the machine.
        collective: what is to be done.
        certificate: a cut, or prices.
        group: must keep machine and collective.
        in_network: whether the bound must hold although switches copy and add.
        relays: what ranks outside the collective do.

    Returns:
        the bound.

    Raises:
        Unproven: the certificate proves nothing.
    """
    if isinstance(collective, Exchange) and len(collective.ranks) < topology.ranks:
        raise Unproven("of so many blocks nothing is proved where not all ranks take part")
    if isinstance(certificate, Cut):
        return _cut(topology, collective, certificate)
    asked = topology, collective, group, in_network, relays
    known = _PROVED.get(certificate)
    if known is None or any(a is not b for a, b in zip(asked, known[0], strict=True)):
        if isinstance(collective, Exchange):
            rate = prove_exchange(topology, certificate, group)
        else:
            rate = prove_by_prices(
                topology, collective, certificate, group, in_network=in_network, relays=relays
            )
        known = _PROVED[certificate] = asked, rate
    return known[1]


_PROVED: WeakKeyDictionary[Prices, tuple[tuple[object, ...], Rate]] = WeakKeyDictionary()


def scope(certificate: Certificate, what: Collective) -> str:
    """Say for which schedules a certificate speaks.

    Prices of sums that many want are paid by one tree into a root and one out of it; schedules
    of another form might pay less.
    """
    if isinstance(certificate, Cut):
        return "cut"
    trees = False
    if not isinstance(what, Exchange):
        holders, wanters = what.counts
        trees = bool(((holders > 1) & (wanters > 1)).any())
    low = "" if certificate.height is None else f", height at most {certificate.height}"
    return (TREES if trees else "prices") + low


def _cut(topology: Topology, collective: Collective, cut: Cut) -> Fraction:
    """Divide the capacity that crosses the cut by the data that must."""
    data, links = measure_cut(topology, collective, cut)
    if data == 0:
        raise Unproven("no data must cross the cut")
    return topology.unit * int(topology.capacity[links].sum()) / data


def measure_cut(topology: Topology, collective: Collective, cut: Cut) -> tuple[Fraction, BoolArray]:
    """Compute the data that must cross a cut, as a part of the size, and mark the links across it.

    Raises:
        Unproven: the cut names a vertex that is none.
    """
    if len(cut.inside) and not 0 <= cut.inside.min() <= cut.inside.max() < topology.vertices:
        raise Unproven(f"the cut names a vertex beyond the {topology.vertices} of the topology")
    side = np.zeros(topology.vertices, dtype=np.bool_)
    side[cut.inside] = True
    if cut.reversed_links:
        side = ~side
    return _must_leave(collective, side), side[topology.src] & ~side[topology.dst]


def _must_leave(what: Collective, side: BoolArray) -> Fraction:
    """Add up the blocks that have a holder in `side` and a wanter outside, as parts of the size.

    Each such block crosses at least once: in full, or as the sum of what is held inside.
    """
    held = _mark_touched(what, what.inputs, side)
    wanted = _mark_touched(what, what.outputs, ~side)
    return Fraction(int(what.sizes[held & wanted].sum()), what.total)


def _mark_touched(what: Collective, buffers: Sequence[IntArray], side: BoolArray) -> BoolArray:
    """Tell which blocks are in a buffer of a rank in `side`."""
    found = np.zeros(what.blocks, dtype=np.bool_)
    for rank, blocks in zip(what.ranks, buffers, strict=True):
        if side[rank]:
            found[blocks] = True
    return found
