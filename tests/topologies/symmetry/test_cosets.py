"""Groups listed coset by coset, against all products."""

import numpy as np
import pytest

from topologies.model.topology import IntArray
from topologies.symmetry.cosets import leaders, list_elements
from topologies.symmetry.group import Group, SymmetryError

GENERATORS = (
    [],
    [[1, 2, 3, 4, 0]],
    [[1, 0, 2, 3], [0, 1, 3, 2]],
    [[1, 2, 3, 0], [1, 0, 2, 3]],  # all 24 permutations
    [[1, 2, 0, 3, 4], [0, 1, 3, 4, 2]],  # the 60 even ones
)


def products(generators: IntArray) -> set[tuple[int, ...]]:
    """Multiply until nothing is new."""
    found = {tuple(range(generators.shape[1]))}
    while True:
        more = {tuple(g[list(e)].tolist()) for e in found for g in generators} | found
        if more == found:
            return found
        found = more


@pytest.mark.parametrize("rows", GENERATORS)
def test_lists_each_product_once(rows: list[list[int]]) -> None:
    generators = np.array(rows, dtype=np.int64).reshape(len(rows), len(rows[0]) if rows else 3)
    elements = Group(generators).elements
    assert sorted(map(tuple, elements.tolist())) == sorted(products(generators))
    assert (elements[0] == np.arange(generators.shape[1])).all()


def test_a_coset_holds_the_elements_after_its_leader() -> None:
    turn, swap = np.array([1, 2, 3, 0]), np.array([1, 0, 2, 3])
    turns = Group(turn[None]).elements
    found = leaders(turns, [turn, swap], 6)
    assert len(found) == 6
    assert len(np.unique(list_elements(turns, found), axis=0)) == 24


def test_gives_none_where_there_are_too_many() -> None:
    turn, swap = np.array([1, 2, 3, 0]), np.array([1, 0, 2, 3])
    assert leaders(Group(turn[None]).elements, [turn, swap], 5) == []


def test_refuses_a_group_that_is_too_large_to_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("topologies.symmetry.group.ELEMENT_LIMIT", 4 * 23)
    with pytest.raises(SymmetryError, match="too large"):
        assert Group(np.array([[1, 2, 3, 0], [1, 0, 2, 3]])).elements
