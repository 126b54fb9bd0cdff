"""Groups found for machines that declare none: right, and as useful as the declared ones."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import process_time

import numpy as np
import pytest

from topologies.formats import files
from topologies.model.topology import Link, build
from topologies.presets.amd import mi250
from topologies.presets.huawei import atlas_a2, cloudmatrix384
from topologies.presets.nvidia import dgx_1, dgx_a100, nvl72
from topologies.presets.shapes import (
    full_mesh,
    hypercube,
    leaf_spine,
    line,
    mesh,
    ring,
    star,
    torus,
)
from topologies.symmetry import search
from topologies.symmetry.group import link_images, orbits
from topologies.symmetry.refinement import refine
from topologies.symmetry.search import find_group

DATA = Path(__file__).parents[2] / "data"
UNDECLARED = {
    "mi250": (mi250(2), 8, 4),
    "torus-4x4x4": (torus([4, 4, 4]), 64, 1),
    "torus-3x5": (torus([3, 5]), 15, 1),
    "dgx-a100": (dgx_a100(4), 32, 1),
    "dgx-1": (dgx_1(), 4, 2),
    "nvl72": (nvl72(), 72, 1),
    "atlas-a2": (atlas_a2(2), 16, 1),
    "cloudmatrix384-2": (cloudmatrix384(2), 32, 1),
    "leaf-spine": (leaf_spine(4, 4, 4), 16, 1),
    "ring": (ring(9), 9, 1),
    "star": (star(8), 8, 1),
    "full-mesh": (full_mesh(6), 6, 1),
    "teccl-dgx2": (files.load(DATA / "teccl-dgx2-2x16.toml"), 16, 2),
    "teccl-ndv2": (files.load(DATA / "teccl-ndv2-4x8.toml"), 4, 8),
}


def uncoloured(topology):
    return np.zeros(topology.vertices, dtype=np.int64)


def rank_orbits(topology, group):
    return len(set(orbits(group.generators, topology.vertices)[: topology.ranks].tolist()))


def link_orbits(topology, generators):
    return len(set(orbits(link_images(topology, generators), topology.links).tolist()))


@pytest.mark.parametrize("name", UNDECLARED)
def test_a_free_group_is_found_on_machines_that_have_one(name):
    topology, order, count = UNDECLARED[name]
    group = find_group(topology, uncoloured(topology))
    assert (group.order, rank_orbits(topology, group)) == (order, count)
    moved = group.elements[1:, : topology.ranks]
    assert (moved != np.arange(topology.ranks)).all()
    if len(topology.symmetry):
        assert link_orbits(topology, group.generators) == link_orbits(topology, topology.symmetry)


def test_the_supernode_is_turned_as_a_whole_within_seconds():
    topology = cloudmatrix384()
    started = process_time()
    group = find_group(topology, uncoloured(topology))
    assert process_time() - started < 15
    assert group.order == 768
    assert rank_orbits(topology, group) == 1
    assert link_orbits(topology, group.generators) == 29


def test_a_root_leaves_its_stabiliser():
    topology = torus([4, 6])
    group = find_group(topology, root_of(topology, 5))
    assert (group.elements[:, 5] == 5).all()
    assert group.order == 4
    assert rank_orbits(topology, group) == 12
    supernode = cloudmatrix384(6)
    group = find_group(supernode, root_of(supernode, 0))
    assert rank_orbits(supernode, group) == 4  # root, its package, its node, the other nodes
    assert group.order % 5 == 0


def root_of(topology, root):
    colours = uncoloured(topology)
    colours[root] = 1
    return colours


def test_groups_that_do_not_commute_are_found_where_they_merge_more():
    square = torus([4, 4])
    group = find_group(square, root_of(square, 0))
    assert rank_orbits(square, group) == len(set(refine(square, root_of(square, 0)).tolist()))
    first, second = group.generators[0], group.generators[-1]
    assert not np.array_equal(first[second], second[first])
    assert rank_orbits(mesh([6, 6]), find_group(mesh([6, 6]), uncoloured(mesh([6, 6])))) == 6


def test_a_hypercube_has_one_orbit_whatever_group_is_chosen():
    for dimension in (2, 3, 4, 6):
        topology = hypercube(dimension)
        assert rank_orbits(topology, find_group(topology, uncoloured(topology))) == 1


def test_colours_are_kept():
    topology = star(6)
    colours = np.array([0, 1, 0, 1, 2, 2, 3])
    group = find_group(topology, colours)
    assert (colours[group.elements] == colours).all()
    assert rank_orbits(topology, group) == 3


def test_a_machine_without_symmetry_gives_the_trivial_group_at_once(monkeypatch):
    topology = ring(200)
    slow = replace(topology, capacity=np.where(np.arange(topology.links) < 3, 1, 2))
    monkeypatch.setattr(search.Extension, "find", None)
    assert find_group(slow, uncoloured(slow)).order == 1


def test_a_rigid_machine_that_looks_regular_is_given_up():
    # The Frucht graph: every vertex has three neighbours, and no automorphism moves any.
    chords = (-5, -2, -4, 2, 5, -2, 2, 5, -2, -5, 4, 2)
    ends = {(i, (i + 1) % 12) for i in range(12)}
    ends |= {tuple(sorted((i, (i + chord) % 12))) for i, chord in enumerate(chords)}
    links = [Link(str(a), str(b), Fraction(1), 0.0, True) for a, b in sorted(ends)]
    topology = build("Frucht", [str(i) for i in range(12)], [], links)
    assert set(refine(topology).tolist()) == {0}
    assert find_group(topology, uncoloured(topology)).order == 1


def test_the_same_machine_gives_the_same_group():
    for topology in (mi250(2), leaf_spine(3, 4, 5), cloudmatrix384(3)):
        first, second = (find_group(topology, uncoloured(topology)) for _ in range(2))
        assert np.array_equal(first.generators, second.generators)


def test_no_group_is_larger_than_the_limits(monkeypatch):
    topology = torus([4, 6])
    monkeypatch.setattr(search, "ORDER_LIMIT", 12)
    assert find_group(topology, uncoloured(topology)).order <= 12
    monkeypatch.setattr(search, "TABLE_LIMIT", 6 * topology.vertices)
    assert find_group(topology, uncoloured(topology)).order <= 6


def test_the_time_bounds_the_search():
    topology = leaf_spine(16, 8, 16)
    assert find_group(topology, uncoloured(topology), work=0.0).order == 1


def test_vertices_numbered_anyhow_still_show_their_symmetry():
    old = torus([4, 4])
    number = np.random.default_rng(1).permutation(old.vertices)
    new = replace(old, src=number[old.src], dst=number[old.dst])
    assert rank_orbits(new, find_group(new, uncoloured(new))) == 1


def test_a_line_has_its_mirror_image():
    assert find_group(line(5), uncoloured(line(5))).elements.tolist() == [
        [0, 1, 2, 3, 4],
        [4, 3, 2, 1, 0],
    ]


def test_switches_stay_where_they_are_not_to_be_turned():
    machine = leaf_spine(6, 3, 8)
    kept, turned = (find_group(machine, uncoloured(machine), turned=way) for way in (False, True))
    assert kept.order == turned.order == 48
    spines = np.arange(machine.vertices - 3, machine.vertices)
    assert (kept.generators[:, spines] == spines).all()
    assert (turned.generators[:, spines] != spines).any()
