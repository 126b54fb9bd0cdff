"""Machines found again from what a simulation of processes measures on them."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bench.contest.unknown_machines import cases
from bench.simulated_probe import SimulatedProbe
from runtime.calibrate.calibrate import calibrate
from runtime.calibrate.model.wires import wires
from topologies.formats import files
from topologies.model.topology import Link, Switch, build, frozen
from topologies.presets.random_machines import irregular_machine
from topologies.presets.shapes import star, torus

MEGA = 10**6


def tree(top):
    """Build hosts on switches on switches; a host is its rate, a switch (uplink, what is below)."""
    hosts, switches, links = [], [], []

    def lay(below):
        name = f"x{len(switches)}"
        switches.append(Switch(name))
        for each in below:
            rate, child = each if isinstance(each, tuple) else (each, None)
            if child is None:
                hosts.append(end := f"h{len(hosts)}")
            else:
                end = lay(child)
            links.append(Link(end, name, Fraction(rate * MEGA), 1e-5, duplex=True))
        return name

    lay(top)
    return build("tree", hosts, switches, links)


def uplinks(topology):
    """Give the rate out of each set of ranks that a cable between switches parts from the rest."""
    net = wires(topology)
    found = {}
    for cable, ends in enumerate(net.ends):
        if min(ends) >= topology.ranks:
            inside = frozenset(src for (src, _), way in net.ways.items() if cable in way)
            found[inside] = net.stated[cable]
    return found


TREES = {
    "a star": [10] * 8,
    "two groups": [(10, [10] * 4), (10, [10] * 4)],
    "uneven groups": [(20, [10] * 5), (20, [10] * 3)],
    "boxes with one adapter": [(10, [20, 20])] * 4,
    "three tiers": [(20, [(15, [10, 10]), (15, [10, 10])])] * 2,
    "many": [(40, [10] * 8)] * 4,
}


@pytest.mark.parametrize("name", TREES)
def test_without_a_topology_groups_uplinks_and_rates_are_found(name):
    truth = tree(TREES[name])
    found = calibrate(SimulatedProbe(truth, 1000)).topology
    wanted, got = uplinks(truth), uplinks(found)
    assert set(got) == set(wanted)
    assert all(got[ranks] == pytest.approx(wanted[ranks], rel=0.05) for ranks in wanted)
    own = found.bandwidth[found.src < found.ranks]
    assert own == pytest.approx(truth.bandwidth[truth.src < truth.ranks], rel=0.05)


def test_an_uplink_that_nothing_fills_is_left_out():
    assert uplinks(calibrate(SimulatedProbe(tree([(40, [10] * 4)] * 3))).topology) == {}


@pytest.mark.parametrize("seed", [1, 2, 5, 7, 9, 14])
def test_links_of_irregular_machines_that_are_slower_than_stated_are_found(seed):
    stated = irregular_machine(seed)
    pairs = np.flatnonzero(stated.mate > np.arange(stated.links))
    slow = np.random.default_rng(seed).choice(pairs, 3, replace=False)
    capacity = stated.capacity * 2
    capacity[slow] //= 2
    capacity[stated.mate[slow]] //= 2
    truth = replace(stated, unit=stated.unit / 2, capacity=frozen(capacity))
    found = calibrate(SimulatedProbe(truth), stated)
    for each in found.classes:
        rates = found.net.stated * 0 + np.bincount(found.net.cable, truth.bandwidth)
        if each.rate is not None:
            own = rates[list(each.cables)]
            assert own == pytest.approx(np.full(len(own), each.used), rel=0.05)
        else:  # nobody can tell how much more than this it carries
            assert (rates[list(each.cables)] <= each.used * 2.001).all()


def test_latencies_are_those_of_the_links():
    truth = irregular_machine(9)
    alpha = truth.alpha * 100
    found = calibrate(SimulatedProbe(replace(truth, alpha=frozen(alpha))), truth)
    assert found.topology.alpha == pytest.approx(alpha, rel=0.2)
    assert found.overhead == pytest.approx(5e-6)


def test_latencies_that_are_nearly_alike_are_one():
    truth = irregular_machine(2)  # eight kinds of links, all 1 ms late
    late = replace(truth, alpha=frozen(np.full(truth.links, 1e-3)))
    found = calibrate(SimulatedProbe(late), truth).topology
    assert len(set(found.alpha.tolist())) == 1
    assert found.alpha == pytest.approx(1e-3, rel=0.02)


@pytest.mark.parametrize("seed", [6, 13, 18])
def test_rates_are_right_though_buffers_fill_in_a_tenth_of_the_rounds(seed):
    (case,) = list(cases([seed]))[-1:]
    probe = SimulatedProbe(case.truth, 400, seed=seed, noise=0.03, bursts=0.1)
    found = calibrate(probe, case.stated)
    true = wires(case.truth).stated
    for each in found.classes:
        # Of links one behind the other only the slowest is known.
        cables = [c for c in each.cables if found.net.twins[c] == c and each.rate is not None]
        behind = [true[found.net.twins == c].min() for c in cables]
        assert np.full(len(cables), each.used) == pytest.approx(np.array(behind), rel=0.05)


def test_links_are_not_thought_to_have_grown_where_most_are_slow():
    stated = star(8)
    half = stated.capacity.astype(np.int64) * 10 // 2
    half[:6], half[6:8] = stated.capacity[:6] * 10, stated.capacity[6:8] * 6
    truth = replace(stated, unit=stated.unit / 10, capacity=frozen(half))
    found = calibrate(SimulatedProbe(truth, noise=0.02), stated).topology
    assert found.bandwidth / stated.bandwidth == pytest.approx(half / 10, rel=0.05)


def test_ranks_are_not_thought_to_pass_packets_on():
    truth = torus([3, 3])
    found = calibrate(SimulatedProbe(truth), truth)
    assert found.topology.bandwidth == pytest.approx(truth.bandwidth, rel=0.05)


def test_what_there_is_no_time_for_keeps_what_is_stated():
    stated = star(6)
    found = calibrate(SimulatedProbe(stated, budget=1), stated)
    kept = [each for each in found.classes if each.rate is None]
    assert all(each.used == pytest.approx(float(stated.bandwidth[0])) for each in kept)


def test_the_machine_can_be_written_and_read(tmp_path):
    found = calibrate(SimulatedProbe(tree([10] * 3 + [(15, [10, 5])] * 2))).topology
    files.save(found, tmp_path / "found.toml")
    again = files.load(tmp_path / "found.toml")
    assert again.bandwidth == pytest.approx(found.bandwidth)
    assert {each.evidence for each in again.classes} == {"measured"}


def test_two_ranks_are_a_machine():
    found = calibrate(SimulatedProbe(star(2)))
    assert (found.topology.ranks, found.topology.links) == (2, 4)


def test_a_slow_link_behind_another_is_found_though_nothing_tells_them_apart():
    def beyond(rate):
        hosts = [Link(f"h{i}", "x0", Fraction(10 * MEGA), 1e-5, duplex=True) for i in range(4)]
        far = Link("h4", "x1", Fraction(rate * MEGA), 1e-5, duplex=True)
        trunk = Link("x1", "x0", Fraction(20 * MEGA), 1e-5, duplex=True)
        names = [f"h{i}" for i in range(5)]
        return build("beyond", names, [Switch("x0"), Switch("x1")], [*hosts, far, trunk])

    def rates(rate):
        made = calibrate(SimulatedProbe(beyond(rate)), beyond(30)).topology
        ends = zip(made.src, made.dst, made.bandwidth / MEGA, strict=True)
        return {(made.names[a], made.names[b]): each for a, b, each in ends}

    slow, good = rates(5), rates(30)
    assert (slow["h4", "x1"], slow["x1", "x0"]) == pytest.approx((5, 5), rel=0.05)
    # As fast as stated: the one stated slower was full, and the other keeps what is stated.
    assert (good["h4", "x1"], good["x1", "x0"]) == pytest.approx((30, 20), rel=0.05)


def test_rates_that_are_measured_with_noise_are_simple_multiples_of_one_another():
    truth = tree([10, 10, 10, 5, (15, [10, 10])])
    found = calibrate(SimulatedProbe(truth, noise=0.03)).topology
    assert set(found.capacity.tolist()) == {1, 2, 3}
    assert float(found.unit) == pytest.approx(5 * MEGA, rel=0.05)
    stated = irregular_machine(3)
    again = calibrate(SimulatedProbe(stated, noise=0.03), stated).topology
    assert (again.capacity == stated.capacity).all()


def test_what_was_not_measured_is_assumed_where_nothing_is_stated():
    found = calibrate(SimulatedProbe(tree([100, 10, 10, 10]))).topology
    assert "assumed" in {each.evidence for each in found.classes}
    assert "stated" not in {each.evidence for each in found.classes}
