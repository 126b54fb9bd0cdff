from itertools import pairwise

from solvers.branches import Branch, trimmed

# Vertices 0 to 4 are ranks, 5 and above switches; links are named by their ends.


def hop(*vertices):
    links = tuple(10 * a + b for a, b in pairwise(vertices))
    return vertices[0], vertices[-1], links


def test_a_helper_without_children_is_cut_off_with_the_helper_above_it():
    tree = {1: Branch(0, (hop(0, 1),)), 5: Branch(0, (hop(0, 5),)), 6: Branch(5, (hop(5, 6),))}
    assert trimmed(tree, frozenset({5, 6}), 5, inward=False) == {1: Branch(0, (hop(0, 1),))}


def test_a_helper_that_branches_stays():
    tree = {5: Branch(0, (hop(0, 5),)), **{v: Branch(5, (hop(5, v),)) for v in (1, 2)}}
    assert trimmed(tree, frozenset({5}), 5, inward=False) == tree


def test_at_a_switch_with_one_child_the_data_go_through():
    tree = {5: Branch(0, (hop(0, 6, 5),)), 1: Branch(5, (hop(5, 1),))}
    assert trimmed(tree, frozenset({5}), 5, inward=False) == {1: Branch(0, (hop(0, 6, 5, 1),))}
    back = {5: Branch(0, (hop(5, 6, 0),)), 1: Branch(5, (hop(1, 5),))}
    assert trimmed(back, frozenset({5}), 5, inward=True) == {1: Branch(0, (hop(1, 5, 6, 0),))}


def test_at_a_rank_with_one_child_the_data_rest():
    tree = {3: Branch(0, (hop(0, 3),)), 1: Branch(3, (hop(3, 1),))}
    assert trimmed(tree, frozenset({3}), 5, inward=False) == {1: Branch(0, (hop(0, 3), hop(3, 1)))}


def test_a_way_that_passes_a_rank_of_the_tree_ends_there():
    tree = {
        3: Branch(0, (hop(0, 3),)),
        1: Branch(3, (hop(3, 1),)),
        2: Branch(0, (hop(0, 3), hop(3, 2))),
    }
    assert trimmed(tree, frozenset({3}), 5, inward=False) == {
        3: Branch(0, (hop(0, 3),)),
        1: Branch(3, (hop(3, 1),)),
        2: Branch(3, (hop(3, 2),)),
    }


def test_a_rank_below_the_one_whose_way_passes_it_moves_up_first():
    """Sums of 1 and 2 go to 3, from there to 4, which sends over 3 to the root."""
    tree = {
        1: Branch(3, (hop(1, 3),)),
        2: Branch(3, (hop(2, 3),)),
        3: Branch(4, (hop(3, 4),)),
        4: Branch(0, (hop(4, 3), hop(3, 0))),
    }
    assert trimmed(tree, frozenset({3}), 5, inward=True) == {
        1: Branch(3, (hop(1, 3),)),
        2: Branch(3, (hop(2, 3),)),
        3: Branch(0, (hop(3, 0),)),
        4: Branch(3, (hop(4, 3),)),
    }
