from fractions import Fraction

import pytest

from topologies.derive.bundle import bundle
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, build


@pytest.mark.parametrize("name", ["torus:4x4", "dgx-a100", "full-mesh:4"])
def test_a_machine_without_switches_that_are_alike_stays_itself(name):
    machine = topology(name)
    assert bundle(machine) is machine


def test_switches_of_one_box_become_one_as_fast_as_all():
    made = bundle(topology("dgx-h100:boxes=2"))
    kinds = made.kinds[made.ranks :]
    assert kinds.count("NVSwitch") == 2
    assert kinds.count("leaf") == 8  # each joins other GPUs
    rates = {float(rate) / 1e9 for rate in made.bandwidth}
    assert rates == {450.0, 50.0, 100.0}


def test_planes_become_one_plane():
    machine = topology("cloudmatrix384:nodes=4")
    made = bundle(machine)
    assert made.vertices == machine.ranks + 4 + 1
    for rank in range(made.ranks):
        into = made.bandwidth[made.dst == rank].sum()
        assert into == machine.bandwidth[machine.dst == rank].sum()


def test_the_longest_latency_counts_and_overheads_stay():
    links = [
        Link(rank, switch, Fraction(rate * 10**9), alpha, duplex=True)
        for rank in ("a", "b")
        for switch, rate, alpha in (("s", 1, 1e-6), ("t", 2, 2e-6))
    ]
    made = bundle(build("two", ["a", "b"], [Switch("s"), Switch("t")], links, overhead=[1e-6, 0.0]))
    assert made.links == 4
    assert set(made.bandwidth.tolist()) == {3e9}
    assert set(made.alpha.tolist()) == {2e-6}
    assert made.overhead.tolist() == [1e-6, 0.0]
