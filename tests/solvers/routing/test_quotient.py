"""A machine seen through its symmetry."""

import numpy as np
import pytest

from solvers.routing.quotient import Quotient
from topologies.model.topology import integers
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import leaf_spine, ring, star, torus
from topologies.symmetry.group import declared_group, link_images, trivial

MACHINES = {
    "ring": ring(5),
    "torus": torus([3, 4]),
    "star": star(4),
    "leaf-spine": leaf_spine(2, 2, 2),
    "supernode": cloudmatrix384(1),
}


def everyone(topology, group=None):
    return Quotient(topology, integers(range(topology.ranks)), group or declared_group(topology))


@pytest.fixture(params=MACHINES)
def quotient(request):
    return everyone(MACHINES[request.param])


def test_links_of_one_orbit_are_the_images_of_each_other(quotient):
    images = link_images(quotient.topology, quotient.group.elements)
    for link in range(quotient.topology.links):
        orbit = np.flatnonzero(quotient.link_orbit == quotient.link_orbit[link])
        assert np.unique(images[:, link]).tolist() == orbit.tolist()
        assert quotient.orbit_size[quotient.link_orbit[link]] == len(orbit)
        capacity = quotient.orbit_capacity[quotient.link_orbit[link]]
        assert (quotient.topology.capacity[orbit] == capacity).all()


def test_every_member_is_an_image_of_a_root(quotient):
    place, element = quotient.from_root
    for member in quotient.members:
        root = quotient.roots[place[member]]
        assert quotient.group.elements[element[member], root] == member
    assert sum(quotient.orbit_of(int(root)) for root in quotient.roots) == len(quotient.members)


def test_distances_between_members_are_those_without_symmetry(quotient):
    weight = np.random.default_rng(0).integers(1, 9, len(quotient.orbit_size))
    weight = weight[quotient.link_orbit].astype(np.float64)
    alone = everyone(quotient.topology, trivial(quotient.topology))
    near, far = (view.between_members(view.distances(weight)[0]) for view in (quotient, alone))
    assert near == pytest.approx(far)


def relaxed(topology, members, weight, start):
    """Find distances from `start` by Bellman and Ford, not passing through members."""
    length = np.full(topology.vertices, np.inf)
    for _ in range(topology.vertices):
        for e in range(topology.links):
            src, dst = topology.src[e], topology.dst[e]
            base = 0.0 if src == start else np.inf if src in members else length[src]
            length[dst] = min(length[dst], base + weight[e])
    return length


def test_ways_never_pass_through_members():
    for seed in range(15):
        made = random_machine(seed, 5, 3, density=0.1)
        view = Quotient(made, integers([0, 2, 3]), trivial(made))
        weight = np.random.default_rng(seed).integers(1, 9, made.links).astype(np.float64)
        length, entry = view.distances(weight)
        for row, start in enumerate(view.roots):
            expected = relaxed(made, {0, 2, 3}, weight, start)
            others = np.arange(made.vertices) != start
            assert length[row, others].tolist() == expected[others].tolist()
            for vertex in np.flatnonzero(others & np.isfinite(expected)):
                link = entry[row, vertex]
                tail = made.src[link]
                before = 0 if tail == start else length[row, tail]
                assert made.dst[link] == vertex
                assert before + weight[link] == length[row, vertex]
