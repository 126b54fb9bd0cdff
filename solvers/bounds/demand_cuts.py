"""Bounds for any demand matrix: cuts around single ranks and around tiers, and the distances.

On a non-blocking tier, where only the links of the ranks themselves fill up, the tightest cut
around a rank is the whole truth: the largest sum of a row or column over the rank's bandwidth.
Slower tiers are found by leaving out the links that are slow, or far out: what then hangs together
is a set of vertices whose cut is tried. Every link at the price of 1 proves that the data times
their distances fit into all links together, which is what counts where ranks are joined directly.
"""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from solvers.certify.certificates import prove, scope
from solvers.certify.dual_bound import Unproven
from solvers.schedules.certificate import UNPROVED, Bound, Cut, Prices
from solvers.schedules.collective import Collective
from topologies.model.reachability import connected_parts
from topologies.model.topology import IntArray, Topology, frozen, integers
from topologies.symmetry.group import trivial

TIERS = 8  # thresholds of bandwidth that are tried


def tightest_demand_cut(topology: Topology, collective: Collective, demand: IntArray) -> Bound:
    """Compute the best bound of the cuts that are tried and of the distances.

    Complexity: links for each tier, and the distances between all ranks.

    Args:
        topology: the machine.
        collective: what is to be done.
        demand: (ranks, ranks) without a diagonal.
    """
    whole = np.zeros((topology.vertices,) * 2, dtype=np.int64)
    whole[np.ix_(collective.ranks, collective.ranks)] = demand
    tried = [_best_cut(topology, whole, label) for label in candidate_cuts(topology)]
    _, cut = max((found for found in tried if found is not None), key=lambda found: found[0])
    bounds = [_bound(topology, collective, cut)]
    prices = Prices((Fraction(1),), frozen(np.zeros(topology.links, dtype=np.int64)))
    bounds.append(_bound(topology, collective, prices))
    return min((b for b in bounds if b.algbw is not None), key=_rate, default=UNPROVED)


def _rate(bound: Bound) -> Fraction:
    assert bound.algbw is not None
    return bound.algbw


def _bound(topology: Topology, collective: Collective, certificate: Cut | Prices) -> Bound:
    try:
        rate = prove(topology, collective, certificate, trivial(topology))
    except Unproven:
        return UNPROVED
    return Bound(rate, scope(certificate, collective), certificate)


def candidate_cuts(topology: Topology) -> Iterator[IntArray]:
    """Label the vertices by the sets whose cuts are tried: single ones first, then tiers."""
    yield np.arange(topology.vertices)
    layer = np.array([each.layer for each in topology.classes])[topology.link_class]
    for most in np.unique(layer).tolist():
        yield connected_parts(topology, layer < most)
    widths = np.unique(topology.capacity)
    for least in widths[np.linspace(0, len(widths) - 1, min(TIERS, len(widths))).astype(int)]:
        yield connected_parts(topology, topology.capacity > least)


def _best_cut(topology: Topology, demand: IntArray, label: IntArray) -> tuple[Fraction, Cut] | None:
    """Compute the time and the cut of the tightest set of a partition; None if nothing crosses."""
    sets = int(label.max()) + 1
    crossing = label[topology.src] != label[topology.dst]
    best: tuple[Fraction, Cut] | None = None
    for enters, ends in enumerate((topology.src, topology.dst)):
        data = np.zeros((sets, topology.vertices), dtype=np.int64)
        np.add.at(data, label, demand.T if enters else demand)
        inside = np.zeros(sets, dtype=np.int64)
        np.add.at(inside, label, data[label, np.arange(topology.vertices)])
        must = data.sum(axis=1) - inside
        room = np.zeros(sets, dtype=np.int64)
        np.add.at(room, label[ends[crossing]], topology.capacity[crossing])
        busy = np.flatnonzero((must > 0) & (room > 0))
        if not len(busy):
            continue
        worst = int(busy[np.argmax(must[busy] / room[busy])])
        time = Fraction(int(must[worst]), int(room[worst]))
        if best is None or time > best[0]:
            members = integers(np.flatnonzero(label == worst))
            best = time, Cut(members, reversed_links=bool(enters))
    return best
