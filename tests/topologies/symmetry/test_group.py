"""Groups of automorphisms: their elements, orbits and images of links."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from topologies.model.topology import Link, Switch, build, integers
from topologies.presets.shapes import full_mesh, hypercube, line, ring, star, torus
from topologies.symmetry.group import (
    Group,
    SymmetryError,
    count_orbits,
    declared_group,
    free_subgroup,
    link_images,
    moved_links,
    orbits,
    subgroup,
    trivial,
)
from topologies.symmetry.search import find_group


def rows(*permutations):
    return np.array(permutations, dtype=np.int64)


def test_a_group_lists_each_element_once_and_identity_first():
    symmetric = Group(rows([1, 0, 2, 3], [1, 2, 3, 0]))
    assert symmetric.order == 24
    assert symmetric.elements[0].tolist() == [0, 1, 2, 3]
    assert len({tuple(element) for element in symmetric.elements.tolist()}) == 24


def test_inverses_undo_the_elements():
    group = Group(rows([1, 2, 0, 4, 3]))
    assert group.order == 6
    for element, inverse in zip(group.elements, group.inverses, strict=True):
        assert element[inverse].tolist() == [0, 1, 2, 3, 4]


def test_the_trivial_group_has_one_element():
    assert trivial(ring(4)).elements.tolist() == [[0, 1, 2, 3]]


def test_a_group_too_large_to_list_is_refused(monkeypatch):
    monkeypatch.setattr("topologies.symmetry.group.ELEMENT_LIMIT", 50)
    with pytest.raises(SymmetryError, match="too large"):
        Group(rows([1, 0, 2, 3], [1, 2, 3, 0])).elements  # noqa: B018


def test_orbits_are_numbered_by_their_least_point():
    assert orbits(rows([0, 3, 2, 1, 5, 4]), 6).tolist() == [0, 1, 2, 1, 3, 3]
    assert orbits(rows([5, 4, 2, 3, 1, 0], [0, 1, 3, 2, 4, 5]), 6).tolist() == [0, 1, 2, 2, 1, 0]
    assert orbits(np.zeros((0, 3), dtype=np.int64), 3).tolist() == [0, 1, 2]


def test_links_follow_their_ends():
    machine = torus([3, 4])
    group = declared_group(machine)
    images = link_images(machine, group.elements)
    for element, image in zip(group.elements, images, strict=True):
        assert np.array_equal(machine.src[image], element[machine.src])
        assert np.array_equal(machine.dst[image], element[machine.dst])


def test_parallel_links_keep_their_figures_and_their_order():
    def cables(a, b):
        return [Link(a, b, Fraction(1)), Link(a, b, Fraction(2)), Link(a, b, Fraction(1))]

    machine = build("ring", ["a", "b"], [], [*cables("a", "b"), *reversed(cables("b", "a"))])
    assert link_images(machine, rows([1, 0])).tolist() == [[3, 4, 5, 0, 1, 2]]


def test_images_of_links_compose_like_the_elements():
    machine = full_mesh(4)
    group = declared_group(machine)
    images = link_images(machine, group.elements)
    number = {tuple(element): i for i, element in enumerate(group.elements.tolist())}
    for (a, first), (b, second) in pairwise(enumerate(group.elements)):
        product = number[tuple(second[first].tolist())]
        assert np.array_equal(images[b][images[a]], images[product])


def almost(**change):
    figures = {"bandwidth": Fraction(1), "alpha": 0.0} | change
    other = {key: value for key, value in figures.items() if key in ("bandwidth", "alpha")}
    return build(
        "almost",
        ["a", "b"],
        [Switch("s"), Switch("t", multicast=change.get("multicast", False))],
        [Link("a", "s", Fraction(1), 0.0, True), Link("b", "t", **other, duplex=True)],
        overhead=change.get("overhead", ()),
        symmetry=[[1, 0, 3, 2]],
    )


def test_the_unchanged_machine_is_symmetric():
    assert declared_group(almost()).order == 2


@pytest.mark.parametrize(
    "change",
    [{"bandwidth": Fraction(2)}, {"alpha": 1e-6}, {"multicast": True}, {"overhead": [0.0, 1.0]}],
    ids=str,
)
def test_a_permutation_that_changes_a_figure_is_refused(change):
    with pytest.raises(SymmetryError, match=r"symmetry\[0\]: not an automorphism of almost"):
        declared_group(almost(**change))


def test_a_permutation_that_moves_a_link_off_the_links_is_refused():
    machine = line(3)
    with pytest.raises(SymmetryError, match="not an automorphism"):
        link_images(machine, rows([1, 2, 0]))


def test_a_rank_never_becomes_a_switch():
    machine = build("pair", ["a"], [Switch("s")], [Link("a", "s", Fraction(1), duplex=True)])
    with pytest.raises(SymmetryError, match="a rank goes to a switch"):
        link_images(machine, integers([1, 0]).reshape(1, 2))


@pytest.mark.parametrize("name", ["torus", "star", "parallel"])
def test_links_moved_one_by_one_agree_with_whole_images(name):
    cables = [Link("a", "b", Fraction(rate), 0.0, True) for rate in (1, 2, 1)]
    parallel = build("parallel", ["a", "b"], [], cables, symmetry=[[1, 0]])
    machine = {"torus": torus([3, 4]), "star": star(5), "parallel": parallel}[name]
    group = declared_group(machine)
    elements = group.elements
    element, link = np.divmod(np.arange(len(elements) * machine.links), machine.links)
    moved = moved_links(machine, link, group, element)
    assert np.array_equal(moved, link_images(machine, elements).reshape(-1))


def test_a_subgroup_holds_the_marked_elements_and_no_others():
    group = Group(rows([1, 0, 2, 3], [1, 2, 3, 0]))
    for keep in (
        group.elements[:, 2] == 2,
        (group.elements[:, :2] < 2).all(axis=1),
        np.arange(group.order) == 0,
    ):
        kept = subgroup(group, keep)
        assert sorted(kept.elements.tolist()) == sorted(group.elements[keep].tolist())
        assert len(kept.generators) <= 3


def test_a_free_subgroup_moves_every_rank_and_joins_as_many():
    machine = hypercube(3)
    whole = find_group(machine, np.zeros(8, dtype=np.int64))
    assert whole.order > 8
    free = free_subgroup(whole, 8)
    assert free.order == 8
    assert count_orbits(free, 8) == 1
    assert (free.elements[1:] != np.arange(8)).all()


def test_a_group_without_a_free_one_of_the_same_orbits_stays_as_it_is():
    swaps = Group(np.array([[1, 0, 2]]))
    assert free_subgroup(swaps, 3) is swaps


def test_of_free_subgroups_the_one_of_the_shortest_steps_is_found():
    """A torus: all of its automorphisms, of which the steps along its dimensions do."""
    machine = torus([4, 4])
    whole = find_group(machine, np.zeros(16, dtype=np.int64))
    place = np.array(list(np.ndindex(4, 4)))
    apart = np.abs(place[:, None] - place)
    hops = np.minimum(apart, 4 - apart).sum(axis=2)
    free = free_subgroup(whole, 16, hops)
    assert free.order == 16
    assert (hops[np.arange(16), free.generators] == 1).all()
