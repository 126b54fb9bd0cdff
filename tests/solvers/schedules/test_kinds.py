"""Kinds and shapes: what a collective is, by its name and by who holds and wants what."""

import pytest

from solvers.schedules.collective import Movement
from solvers.schedules.kinds import COLLECTIVES, KINDS, Kind, collective, register, remake
from topologies.model.errors import ArgumentError

SHAPES = {
    "all_gather": (Movement.COPY, True, None, False),
    "reduce_scatter": (Movement.SUM, True, None, True),
    "all_reduce": (Movement.COPY_OF_SUM, True, None, False),
    "all_to_all": (Movement.PERSONALISED, False, None, False),
    "broadcast": (Movement.COPY, True, 5, False),
    "reduce": (Movement.SUM, True, 5, True),
    "scatter": (Movement.PERSONALISED, False, 5, False),
    "gather": (Movement.PERSONALISED, False, 5, True),
}


@pytest.mark.parametrize("name", COLLECTIVES)
@pytest.mark.parametrize("ranks", [(1, 5), (0, 3, 5), tuple(range(8))])
def test_a_shape_follows_from_who_holds_and_who_wants(name, ranks):
    root = 5 if KINDS[name].rooted else None
    assert collective(name, ranks, root).shape == SHAPES[name]


@pytest.mark.parametrize("name", COLLECTIVES)
def test_nothing_moves_among_one(name):
    assert collective(name, (3,)).shape.movement is Movement.STAY


@pytest.mark.parametrize("name", COLLECTIVES)
def test_a_kind_makes_its_collective_again(name):
    what = collective(name, range(4))
    assert [b.tolist() for b in remake(what).outputs] == [b.tolist() for b in what.outputs]


def test_a_name_is_taken_once():
    with pytest.raises(ArgumentError, match="there is a collective 'all_gather' already"):
        register(Kind("all_gather", KINDS["all_gather"].make))
