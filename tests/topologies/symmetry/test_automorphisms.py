"""Automorphisms: found where there are some, and never believed unchecked."""

from dataclasses import replace
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from topologies.model.topology import Link, build
from topologies.presets.amd import mi250
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import leaf_spine, line, ring, star, torus
from topologies.symmetry import automorphisms
from topologies.symmetry.automorphisms import Effort, Extension, order
from topologies.symmetry.group import SymmetryError, declared_group, link_images
from topologies.symmetry.refinement import web

PLENTY = 10**4


def find(topology, src, dst, colours=None, commuting=(), effort=PLENTY, orbit=None):
    everywhere = np.zeros(topology.vertices, dtype=np.int64)
    alone = np.arange(topology.vertices)
    extension = Extension(
        topology,
        web(topology, commuting),
        alone if orbit is None else orbit,
        Effort(effort),
    )
    return extension.find(everywhere if colours is None else colours, src, dst)


def is_automorphism(topology, permutation):
    try:
        link_images(topology, np.array([permutation]))
    except SymmetryError:
        return False
    return True


@pytest.mark.parametrize("made", [ring(7), line(6), star(5), torus([3, 4]), leaf_spine(3, 2, 2)])
def test_what_is_found_is_an_automorphism_that_goes_where_it_was_sent(made):
    for dst in range(made.ranks):
        found = find(made, 0, dst)
        if found is not None:
            assert found[0] == dst
            assert is_automorphism(made, found)
        else:
            assert made.name.startswith("line")
            assert dst not in (0, made.ranks - 1)


def test_on_small_machines_it_finds_one_exactly_where_there_is_one():
    for seed in range(40):
        made = random_machine(seed, 4, 0)
        plain = replace(
            made,
            capacity=np.ones_like(made.capacity),
            alpha=np.zeros_like(made.alpha),
            overhead=np.zeros_like(made.overhead),
        )
        everything = [p for p in permutations(range(4)) if is_automorphism(plain, p)]
        for src in range(4):
            for dst in range(4):
                assert (find(plain, src, dst) is not None) == any(
                    p[src] == dst for p in everything
                ), (seed, src, dst)


def test_machines_are_followed_round_by_the_step_that_was_asked_for():
    assert order(find(ring(9), 0, 1)) == 9
    assert order(find(torus([4, 4]), 0, 4)) == 4


def test_colours_are_kept():
    made = ring(6)
    colours = np.array([0, 1, 0, 1, 0, 1])
    assert find(made, 0, 1, colours) is None
    found = find(made, 0, 2, colours)
    assert np.array_equal(colours[found], colours)


def test_it_commutes_with_what_it_should_commute_with():
    made = mi250(2)
    turns = declared_group(made).generators
    for turn in turns:
        for dst in range(1, 32):
            found = find(made, 0, dst, commuting=[turn])
            assert found is None or np.array_equal(found[turn], turn[found])
    assert find(made, 0, int(turns[1][0]), commuting=turns) is not None


def test_switches_that_could_stay_are_turned_as_far_as_the_ranks_are():
    made = leaf_spine(2, 4, 2)
    spines = np.arange(made.vertices - 4, made.vertices)
    found = find(made, 0, 1)
    assert order(found) == 2
    assert (found[spines] != spines).all()


def test_without_effort_nothing_is_found():
    effort = Effort(3)
    assert find(ring(9), 0, 1, effort=0) is None
    assert [effort.spend() for _ in range(5)] == [True, True, True, False, False]


def test_looking_alike_is_not_enough(monkeypatch):
    # Two triangles and a hexagon: all look alike, but no automorphism joins them.
    ends = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]
    ends += [(6 + i, 6 + (i + 1) % 6) for i in range(6)]
    links = [Link(str(a), str(b), Fraction(1), 0.0, True) for a, b in ends]
    made = build("rings", [str(i) for i in range(12)], [], links)
    assert find(made, 0, 6) is None
    assert find(made, 0, 3) is not None
    monkeypatch.setattr(automorphisms, "refine_further", lambda _, colours: colours)
    assert find(made, 0, 6) is None


@pytest.mark.parametrize(
    ("permutation", "expected"), [([0, 1, 2], 1), ([1, 2, 0, 4, 3], 6), ([1, 0, 3, 2], 2)]
)
def test_the_order_is_the_least_power_that_moves_nothing(permutation, expected):
    assert order(np.array(permutation)) == expected
