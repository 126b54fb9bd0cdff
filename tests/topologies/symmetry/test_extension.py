"""Symmetries of a part move the rest of the machine along."""

import numpy as np
import pytest

from topologies.derive.part import submachine
from topologies.formats.spec import topology
from topologies.model.topology import Topology
from topologies.symmetry.extension import extend_symmetry
from topologies.symmetry.group import Group, link_images
from topologies.symmetry.search import find_group


def turned(machine: Topology, ranks: list[int]) -> tuple[Group, np.ndarray]:
    """Find the symmetry of a part, and its vertices."""
    cut = submachine(machine, ranks)
    found = find_group(cut.topology, np.zeros(cut.topology.vertices, dtype=np.int64))
    return found, cut.vertices


@pytest.mark.parametrize(
    ("name", "ranks"),
    [
        ("cloudmatrix384:nodes=6", [0, 16, 32, 48, 64, 80]),
        ("cloudmatrix384:nodes=6", [0, 1, 24, 25, 36, 37]),
        ("dgx-a100:boxes=4", [0, 8, 16, 24]),
    ],
)
def test_a_symmetry_of_a_part_is_extended_to_one_of_the_machine_of_the_same_order(name, ranks):
    machine = topology(name)
    group, vertices = turned(machine, ranks)
    assert group.order > 1
    found = extend_symmetry(machine, vertices, vertices[group.generators])
    assert found is not None
    link_images(machine, found)  # raises where one is no automorphism
    np.testing.assert_array_equal(found[:, vertices], vertices[group.generators])
    assert Group(found).order == group.order


def test_what_the_rest_of_the_machine_tells_apart_is_not_extend_symmetry():
    machine = topology("line:4")
    swapped = np.array([[1, 0]])  # the ends of a line are not like its middle
    assert extend_symmetry(machine, np.array([0, 1]), swapped) is None


def test_no_permutation_extends_to_none():
    found = extend_symmetry(topology("ring:4"), np.arange(2), np.zeros((0, 2), dtype=np.int64))
    assert found is not None
    assert found.shape == (0, 4)
