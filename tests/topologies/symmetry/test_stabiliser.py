"""Symmetry around a rank, from declared generators."""

import numpy as np
import pytest

from topologies.formats.spec import topology
from topologies.symmetry.group import link_images, orbits
from topologies.symmetry.refinement import refine
from topologies.symmetry.stabiliser import stabiliser


def rank_orbits(machine, root):
    marks = np.zeros(machine.vertices, dtype=np.int64)
    marks[root] = 1
    looks = refine(machine, marks)
    group = stabiliser(machine, looks, root)
    link_images(machine, group.generators)  # refuses what is no automorphism
    assert (group.generators[:, root] == root).all()
    own = orbits(group.generators, machine.vertices)[: machine.ranks]
    return len(np.unique(own)), len(np.unique(looks[: machine.ranks]))


@pytest.mark.parametrize("root", [0, 5])
@pytest.mark.parametrize("spec", ["torus:5x5", "hypercube:4", "leaf-spine:4x4x4", "ring:9"])
def test_no_two_ranks_that_look_alike_from_the_root_stay_apart(spec, root):
    found, least = rank_orbits(topology(spec), root)
    assert found == least


@pytest.mark.parametrize("spec", ["cloudmatrix384:nodes=6", "cloudmatrix384:nodes=4:supernodes=3"])
def test_hardly_any_ranks_that_look_alike_stay_apart_in_nested_machines(spec):
    found, least = rank_orbits(topology(spec), 3)
    assert found <= 2 * least


def test_without_declared_symmetry_there_is_none():
    assert stabiliser(topology("dgx-1"), np.arange(8), 0).order == 1


def test_planes_turn_along_with_ranks_as_far_as_that_costs_no_order():
    machine = topology("cloudmatrix384:nodes=6")
    group = stabiliser(machine, refine(machine, np.arange(machine.vertices) == 3), 3)
    label = orbits(group.generators, machine.vertices)
    far = [i for i, name in enumerate(machine.names) if name.startswith("n1.L1.")]
    assert len(far) == 7
    assert len(np.unique(label[far])) == 1
    assert group.order == 5 * 16 * 7
