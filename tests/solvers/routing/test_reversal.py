"""Machines that are the same the other way round, and all_reduce on them."""

from dataclasses import replace

import numpy as np
import pytest

import solvers.trees.forest
from runtime.verify.verify import verify
from solvers.routing.reversal import find_reversal
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from solvers.trees.forest import pack_tree_pairs
from topologies.model.topology import Link, Switch, build, frozen
from topologies.presets.amd import mi250
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.nvidia import dgx_a100
from topologies.presets.shapes import full_mesh, ring, star, torus
from topologies.symmetry.group import declared_group, trivial

GIGA = 10**9


def test_mates_lie_back_between_the_same_ends_as_wide(small_machine):
    mate = find_reversal(small_machine, declared_group(small_machine), in_network=False)
    if (small_machine.mate < 0).any():  # ports are links one way
        assert mate is None
        return
    assert mate is not None
    assert (mate[mate] == np.arange(small_machine.links)).all()
    assert (small_machine.src[mate] == small_machine.dst).all()
    assert (small_machine.dst[mate] == small_machine.src).all()
    assert (small_machine.capacity[mate] == small_machine.capacity).all()


def test_links_of_a_plane_are_mates():
    machine = dgx_a100(2)
    mate = find_reversal(machine, declared_group(machine), in_network=False)
    assert (machine.plane[mate] == machine.plane).all()


def test_a_machine_with_a_link_one_way_only_has_no_mirror():
    machine = ring(5)
    kept = np.arange(machine.links) > 0
    fields = ("src", "dst", "capacity", "alpha", "link_class", "plane")
    columns = {name: frozen(getattr(machine, name)[kept]) for name in fields}
    less = replace(machine, **columns, mate=frozen(np.full(kept.sum(), -1)))
    assert find_reversal(less, trivial(less), in_network=False) is None


def test_a_machine_that_is_faster_one_way_has_no_mirror():
    machine = ring(5)
    capacity = machine.capacity.copy()
    capacity[0] *= 2
    uneven = replace(machine, capacity=frozen(capacity))
    assert find_reversal(uneven, trivial(uneven), in_network=False) is None


def test_a_switch_that_copies_and_does_not_add_has_no_mirror():
    machine = star(4)
    copying = replace(machine, multicast=frozen(np.arange(machine.vertices) >= machine.ranks))
    assert find_reversal(copying, trivial(copying), in_network=True) is None
    assert find_reversal(copying, trivial(copying), in_network=False) is not None


def test_the_directions_of_a_ring_that_only_turns_are_mates():
    machine = ring(5)
    turn = frozen((np.arange(5)[None, :] + 1) % 5)
    group = declared_group(replace(machine, symmetry=turn))
    assert group.order == 5
    assert find_reversal(machine, group, in_network=False) is not None


CASES = {
    "ring": (lambda: ring(5), declared_group),
    "torus": (lambda: torus([3, 4]), declared_group),
    "full mesh": (lambda: full_mesh(5), trivial),
    "uneven star": (
        lambda: build(
            "star",
            [f"r{i}" for i in range(5)],
            switches=[Switch("s")],
            links=[Link(f"r{i}", "s", (100 - 10 * i) * GIGA, duplex=True) for i in range(5)],
        ),
        trivial,
    ),
    "mi250": (lambda: mi250(1), declared_group),
    "a100": (lambda: dgx_a100(2), declared_group),
    "cloudmatrix": (lambda: cloudmatrix384(1), declared_group),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("height", [None, 8])
def test_one_direction_is_as_good_as_both(case, height, monkeypatch):
    make, symmetry = CASES[case]
    machine = make()
    what = collective("all_reduce", range(machine.ranks))
    options = SolverOptions(max_height=height)
    found = []
    for hidden in (False, True):
        if hidden:
            monkeypatch.setattr(solvers.trees.forest, "find_reversal", lambda *_, **__: None)
        made = pack_tree_pairs(machine, what, symmetry(machine), Watch(60), options)
        report = verify(made)
        assert report.correct, report.faults
        found.append(report)
    if height is None:
        assert found[0].optimal
        assert found[1].optimal
        assert found[0].algbw == found[1].algbw
    else:
        assert float(found[0].algbw) >= float(found[1].algbw) * 0.95
