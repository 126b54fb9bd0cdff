"""Concurrent flows by column generation, against the program over all links."""

from fractions import Fraction

import numpy as np
import pytest

import solvers.flows.concurrent_flow
from solvers.flows.concurrent_flow import solve_concurrent_flow
from solvers.routing.quotient import Quotient
from solvers.schedules.kinds import collective
from solvers.settings.deadline import NO_DEADLINE
from topologies.model.topology import integers
from topologies.presets.amd import mi250
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.nvidia import dgx_h100
from topologies.presets.random_machines import AWKWARD, EVEN, random_machine
from topologies.presets.shapes import mesh, ring, torus
from topologies.symmetry.group import declared_group, trivial

NAMED = {
    "ring": (lambda: ring(6), trivial),
    "torus": (lambda: torus([3, 4]), declared_group),
    "mesh": (lambda: mesh([3, 3]), trivial),
    "mi250": (lambda: mi250(2), trivial),
    "h100": (lambda: dgx_h100(2), trivial),
    "cloudmatrix": (lambda: cloudmatrix384(2), declared_group),
}


def asked(topology, group, seed=None):
    """Ask for the same from each to each, or for amounts at random."""
    view = Quotient(topology, integers(range(topology.ranks)), group)
    wants = np.zeros((len(view.roots), topology.vertices), dtype=object)
    shape = (len(view.roots), topology.ranks)
    drawn = 1 if seed is None else np.random.default_rng(seed).integers(0, 9, shape)
    wants[:, : topology.ranks] = drawn
    wants[np.arange(len(wants)), view.roots] = 0
    shares = [Fraction(view.orbit_of(int(root)), group.order) for root in view.roots]
    return view, wants * np.array(shares, dtype=object)[:, None]


def busiest(view, amounts):
    """Work out the time of the amounts, exactly; check that none is negative."""
    load = [Fraction(0)] * len(view.orbit_size)
    orbits = np.tile(view.link_orbit, len(view.roots)).tolist()
    for orbit, amount in zip(orbits, amounts, strict=True):
        assert amount >= 0
        load[orbit] += amount * int(view.repeats[orbit])
    return max(x / int(c) for x, c in zip(load, view.orbit_capacity, strict=True))


def both(topology, group, monkeypatch, seed=None):
    view, totals = asked(topology, group, seed)
    what = collective("all_to_all", range(topology.ranks))
    times = []
    for rounds in (solvers.flows.concurrent_flow.ROUNDS, 0):
        monkeypatch.setattr(solvers.flows.concurrent_flow, "ROUNDS", rounds)
        times.append(
            busiest(
                view, solve_concurrent_flow(view, what, totals, Fraction(1), NO_DEADLINE).amounts
            )
        )
    return times


@pytest.mark.parametrize("name", NAMED)
def test_few_columns_are_as_good_as_all(name, monkeypatch):
    make, symmetry = NAMED[name]
    made = make()
    few, whole = both(made, symmetry(made), monkeypatch)
    assert few == whole


@pytest.mark.parametrize("seed", range(12))
def test_few_columns_do_on_uneven_machines_and_for_uneven_amounts(seed, monkeypatch):
    rates = AWKWARD if seed % 3 == 2 else EVEN
    made = random_machine(seed, 3 + seed % 3, seed % 3, rates, density=0.2)
    few, whole = both(made, trivial(made), monkeypatch, seed)
    assert float(few) == pytest.approx(float(whole), rel=1e-9)


def test_where_shortest_ways_are_optimal_nothing_else_is_used():
    made = torus([4, 4])
    view, totals = asked(made, trivial(made))
    what = collective("all_to_all", range(16))
    amounts = solve_concurrent_flow(view, what, totals, Fraction(1), NO_DEADLINE).amounts
    per_link = sum(amounts, Fraction(0))
    # Two dimensions of 4: each pair is 1 apart on the mean in each, over all 16 x 16 pairs.
    assert per_link == 16 * 16 * 2
