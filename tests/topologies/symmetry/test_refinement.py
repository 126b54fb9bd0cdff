"""Colour refinement: what looks alike."""

from fractions import Fraction

import numpy as np

from topologies.model.topology import Link, Switch, build, integers
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import line, ring, star
from topologies.symmetry.group import declared_group, orbits
from topologies.symmetry.refinement import refine, representatives


def same(a, b):
    """Tell whether two labellings make the same classes."""
    return len(set(zip(a, b, strict=True))) == len(set(a)) == len(set(b))


def test_all_ranks_of_a_ring_look_alike():
    assert set(refine(ring(7)).tolist()) == {0}


def test_on_a_line_only_mirror_images_look_alike():
    assert same(refine(line(5)).tolist(), [0, 1, 2, 1, 0])


def test_vertices_of_one_orbit_share_a_colour():
    for made in (star(4), ring(6), line(6)):
        orbit = orbits(declared_group(made).generators, made.vertices).tolist()
        pairs = set(zip(orbit, refine(made).tolist(), strict=True))
        assert len(pairs) == len(set(orbit))


def test_colours_follow_when_the_vertices_are_numbered_anew():
    for seed in range(20):
        old = random_machine(seed, 5, 3)
        shuffle = np.random.default_rng(seed).permutation(5)
        order = [*shuffle, 5, 6, 7]
        links = [
            Link(
                old.names[old.src[e]],
                old.names[old.dst[e]],
                old.capacity[e] * old.unit,
                old.alpha[e],
            )
            for e in range(old.links)
        ]
        names = [old.names[v] for v in order]
        new = build("anew", names[:5], [Switch(name) for name in names[5:]], links)
        assert same(refine(new).tolist(), refine(old)[order].tolist())


def test_a_slower_a_later_or_a_one_way_link_tells_its_ends_apart():
    def triangle(last):
        links = [Link("a", "b", Fraction(2), 1.0, True), Link("b", "c", Fraction(2), 1.0, True)]
        return refine(build("triangle", ["a", "b", "c"], [], [*links, last])).tolist()

    assert triangle(Link("c", "a", Fraction(2), 1.0, True)) == [0, 0, 0]
    for last in (
        Link("c", "a", Fraction(1), 1.0, True),
        Link("c", "a", Fraction(2), 2.0, True),
    ):
        assert same(triangle(last), [0, 1, 0])
    assert len(set(triangle(Link("c", "a", Fraction(2), 1.0)))) == 3


def test_switches_that_can_do_different_things_differ():
    def hubs(second):
        pairs = [("a", "s"), ("b", "t")]
        links = [Link(*ends, Fraction(1), duplex=True) for ends in pairs]
        made = build("hubs", ["a", "b"], [Switch("s"), second], links)
        return len(set(refine(made).tolist()))

    assert [
        hubs(Switch("t")),
        hubs(Switch("t", multicast=True)),
        hubs(Switch("t", reduce=True)),
    ] == [
        2,
        4,
        4,
    ]


def test_a_marked_vertex_spreads_its_mark():
    mark = np.zeros(6, dtype=np.int64)
    mark[0] = 1
    assert same(refine(ring(6), mark).tolist(), [0, 1, 2, 3, 2, 1])


def test_representatives_are_the_first_of_each_colour():
    colours = integers([4, 2, 4, 7, 2, 7])
    assert representatives(colours, integers([5, 4, 3, 1, 0])).tolist() == [5, 4, 0]
