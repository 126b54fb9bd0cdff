"""Orbits of pairs, against all images of each pair written out."""

import numpy as np
import pytest

from topologies.presets.nvidia import dgx_a100
from topologies.presets.shapes import full_mesh, hypercube, torus
from topologies.symmetry import pairs
from topologies.symmetry.group import Group, declared_group

MACHINES = (torus((3, 4)), hypercube(3), dgx_a100(2), full_mesh(5))


@pytest.mark.parametrize("few", [1, 2, 64])
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_pairs_are_alike_where_an_element_carries_one_to_the_other(machine, few, monkeypatch):
    monkeypatch.setattr(pairs, "FEW", few)
    points = machine.vertices
    turned = np.roll(np.arange(points), 1) if machine.links == points * (points - 1) else None
    generators = machine.symmetry if turned is None else np.array([*machine.symmetry, turned])
    group = Group(generators)
    src, dst = (np.arange(points**2) // points, np.arange(points**2) % points)
    found = pairs.pair_orbits(group, group.vertex_orbits, src, dst)
    images = group.elements[:, src] * points + group.elements[:, dst]
    least = images.min(axis=0)
    assert len(set(zip(found.orbit.tolist(), least.tolist(), strict=True))) == len(set(least))
    assert len(set(found.orbit.tolist())) == len(set(least))
    assert (found.fixed == (images == images[0]).sum(axis=0)).all()


def test_a_subgroup_with_few_generators_is_not_taken_for_a_smaller_one(monkeypatch):
    monkeypatch.setattr(pairs, "FEW", 1)
    group = declared_group(dgx_a100(4))
    least, fixed = pairs._orbits_of_some(group.listing, np.arange(group.order))
    assert (least == group.elements.min(axis=0)).all()
    assert (fixed == (group.elements == group.elements[0]).sum(axis=0)).all()
