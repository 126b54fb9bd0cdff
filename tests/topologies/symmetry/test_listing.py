"""Elements by number say the same as a table of them."""

import numpy as np
import pytest

from topologies.model.topology import integers
from topologies.presets.shapes import torus
from topologies.symmetry.group import Group, declared_group
from topologies.symmetry.listing import Listing, commute, list_group

SYMMETRIC = np.array([[1, 0, 2, 3], [1, 2, 3, 0]])


def groups() -> list[Group]:
    turned = np.array([[1, 2, 0, 3, 4, 5], [0, 1, 2, 4, 5, 3]])
    return [Group(SYMMETRIC), Group(turned), declared_group(torus([3, 4])), Group(turned[:0])]


@pytest.mark.parametrize("which", range(4))
def test_images_are_those_of_the_table_and_origins_undo_them(which: int) -> None:
    group = groups()[which]
    element, point = np.indices(group.elements.shape).reshape(2, -1)
    images = group.listing.images(element, point)
    assert np.array_equal(images, group.elements.reshape(-1))
    assert np.array_equal(group.listing.origins(element, images), point)
    assert np.array_equal(group.origins(element, images), point)
    assert len(np.unique(group.elements, axis=0)) == group.order


def test_where_generators_commute_a_point_of_each_orbit_tells_elements_apart() -> None:
    group = declared_group(torus([3, 4]))
    assert commute(group.generators)
    assert not commute(SYMMETRIC)
    found = list_group(group.generators, integers([0]), 100)
    assert found is not None
    assert np.array_equal(found.rows(np.arange(12)), group.elements)


@pytest.mark.parametrize("generators", [torus([3, 4]).symmetry, torus([12, 2]).symmetry])
def test_tables_of_powers_number_elements_as_one_table_of_leaders_does(generators) -> None:
    base, numbers = np.arange(generators.shape[1]), np.arange(generators.shape[1])
    tables = [list_group(generators, base, 24, commuting=each) for each in (True, False)]
    assert tables[0] is not None
    assert tables[1] is not None
    assert np.array_equal(tables[0].rows(numbers), tables[1].rows(numbers))
    assert len(tables[0].leaders) == 2 * len(tables[1].leaders)
    assert list_group(generators, base, 5, commuting=True) is None


def test_marks_the_elements_that_keep_labels() -> None:
    group = Group(SYMMETRIC)
    for label in (integers([0, 1, 1, 2]), integers([0, 0, 0, 0]), integers([3, 2, 1, 0])):
        kept = (label[group.elements] == label).all(axis=1)
        assert np.array_equal(group.listing.marked(label), kept)


def test_gives_none_where_there_are_too_many() -> None:
    assert list_group(SYMMETRIC, np.arange(4), 23) is None
    found = list_group(SYMMETRIC, np.arange(4), 24)
    assert isinstance(found, Listing)
    assert found.order == 24
