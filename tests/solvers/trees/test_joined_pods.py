"""Trees over joined pods: as fast as the cut around a pair allows, and refused elsewhere."""

import numpy as np
import pytest

from runtime.verify.verify import verify
from solvers.lp.linear_program import NotFound
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.trees.joined_pods import LinksBetween, joined_pod_trees
from solvers.trees.large_rooted import pack_large_rooted
from topologies.derive.damage import damaged
from topologies.derive.failures import read_damage
from topologies.formats.spec import topology
from topologies.model.topology import Topology

SMALL = "cloudmatrix384:nodes=28:supernodes=2"


def rate(machine: Topology, root: int) -> float:
    load = np.zeros(machine.links)
    links = LinksBetween(machine)
    for tree in joined_pod_trees(machine, root):
        assert tree.parent[root] == -1
        child = np.flatnonzero(tree.parent >= 0)
        assert len(child) == machine.ranks - 1
        route = links.routes(tree, child)[1]
        load += np.bincount(route, minlength=machine.links) * float(tree.share)
    return float(machine.unit) / float((load / machine.capacity).max())


@pytest.mark.parametrize("root", [0, 447, 530])
def test_no_link_has_more_than_the_ports_of_a_pair_at_their_rate(root: int) -> None:
    machine = topology("cloudmatrix384:nodes=30:supernodes=3")
    assert rate(machine, root) == pytest.approx(2 * (7 * 28e9 + 25e9))


def test_pods_may_be_many() -> None:
    assert rate(topology("cloudmatrix384:nodes=28:supernodes=16"), 5) == pytest.approx(442e9)


@pytest.mark.parametrize("name", ["broadcast", "reduce"])
def test_a_schedule_of_them_is_verified_and_proved(name: str) -> None:
    machine = topology(SMALL)
    made = pack_large_rooted(machine, collective(name, range(machine.ranks), 3), Watch())
    report = verify(made)
    assert report.faults == ()
    assert report.algbw == 442_000_000_000
    assert report.optimal


@pytest.mark.parametrize(
    "machine",
    [
        "cloudmatrix384:nodes=28",  # no rails
        "cloudmatrix384:nodes=26:supernodes=2",  # fewer boxes than trees that enter them
        "cloudmatrix384:nodes=29:supernodes=2",  # no halves
        "dgx-a100:boxes=2",
        "torus:4x4",
    ],
)
def test_other_machines_are_refused(machine: str) -> None:
    with pytest.raises(NotFound):
        joined_pod_trees(topology(machine), 0)


@pytest.mark.parametrize(
    "damage",
    [{"without": ["s0.n0.d0:s0.n0.L1.0"]}, {"slow": ["s1.n3.L1.2:s1.L2.2.5=0.5"]}],
)
def test_a_damaged_machine_is_refused(damage: dict[str, list[str]]) -> None:
    machine = topology(SMALL)
    left = damaged(machine, read_damage(machine, **damage))
    with pytest.raises(NotFound):
        joined_pod_trees(left.topology, 0)
