"""Permutations of vertices that lie on grids."""

from topologies.symmetry.rotations import Grid, drop_identities, turn


def test_each_grid_moves_along_its_own_axes():
    moved = turn(Grid((2, 3), (1,)), Grid((2,)), Grid((2, 2), (0, 1)))
    assert moved.tolist() == [1, 2, 0, 4, 5, 3, 6, 7, 11, 10, 9, 8]


def test_an_empty_grid_takes_no_place():
    assert turn(Grid((0,)), Grid((2,), (0,))).tolist() == [1, 0]


def test_turns_that_move_nothing_are_left_out():
    still, swap = turn(Grid((2,))), turn(Grid((2,), (0,)))
    assert drop_identities(still, swap, still).tolist() == [[1, 0]]
    assert drop_identities(still).shape == (0, 2)
