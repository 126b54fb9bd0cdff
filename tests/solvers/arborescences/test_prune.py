from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from solvers.arborescences.prune import Branch, prune

# Vertices 0 to 4 are ranks, 5 and above switches; links are named by their ends.


def hop(*vertices):
    links = tuple(10 * a + b for a, b in pairwise(vertices))
    return vertices[0], vertices[-1], links


def test_a_helper_without_children_is_cut_off_with_the_helper_above_it():
    tree = {1: Branch(0, (hop(0, 1),)), 5: Branch(0, (hop(0, 5),)), 6: Branch(5, (hop(5, 6),))}
    assert prune(tree, frozenset({5, 6}), 5, inward=False) == {1: Branch(0, (hop(0, 1),))}


def test_a_helper_that_branches_stays():
    tree = {5: Branch(0, (hop(0, 5),)), **{v: Branch(5, (hop(5, v),)) for v in (1, 2)}}
    assert prune(tree, frozenset({5}), 5, inward=False) == tree


def test_at_a_switch_with_one_child_the_data_go_through():
    tree = {5: Branch(0, (hop(0, 6, 5),)), 1: Branch(5, (hop(5, 1),))}
    assert prune(tree, frozenset({5}), 5, inward=False) == {1: Branch(0, (hop(0, 6, 5, 1),))}
    back = {5: Branch(0, (hop(5, 6, 0),)), 1: Branch(5, (hop(1, 5),))}
    assert prune(back, frozenset({5}), 5, inward=True) == {1: Branch(0, (hop(1, 5, 6, 0),))}


def test_at_a_rank_with_one_child_the_data_rest():
    tree = {3: Branch(0, (hop(0, 3),)), 1: Branch(3, (hop(3, 1),))}
    assert prune(tree, frozenset({3}), 5, inward=False) == {1: Branch(0, (hop(0, 3), hop(3, 1)))}


def test_a_way_that_passes_a_rank_of_the_tree_ends_there():
    tree = {
        3: Branch(0, (hop(0, 3),)),
        1: Branch(3, (hop(3, 1),)),
        2: Branch(0, (hop(0, 3), hop(3, 2))),
    }
    assert prune(tree, frozenset({3}), 5, inward=False) == {
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
    assert prune(tree, frozenset({3}), 5, inward=True) == {
        1: Branch(3, (hop(1, 3),)),
        2: Branch(3, (hop(2, 3),)),
        3: Branch(0, (hop(3, 0),)),
        4: Branch(3, (hop(4, 3),)),
    }


def random_tree(draw, inward):
    """Grow a tree on some of 16 ranks and 4 switches, whose ways pass some of the ranks."""
    vertices = draw.sample(range(20), draw.randint(2, 20))
    found = {}
    for i, vertex in enumerate(vertices[1:], 1):
        parent = vertices[draw.randrange(max(i - 3, 0), i)]
        others = [rank for rank in range(16) if rank not in (vertex, parent)]
        stops = [parent, *draw.sample(others, draw.choice([0, 0, 1, 3])), vertex]
        hops = pairwise(stops[::-1] if inward else stops)
        found[vertex] = Branch(parent, tuple((a, b, (20 * a + b,)) for a, b in hops))
    helpers = [v for v in vertices if v > 15 or draw.random() < 0.3]
    return dict(draw.sample(list(found.items()), len(found))), frozenset(helpers), vertices[0]


def links_of(found):
    return Counter(link for branch in found.values() for hop in branch.hops for link in hop[2])


@given(st.randoms(use_true_random=False), st.booleans())
def test_what_is_left_is_a_tree_without_detours_over_its_own_vertices(draw, inward):
    tree, helpers, root = random_tree(draw, inward)
    found = prune(tree, helpers, 16, inward=inward)
    children = Counter(branch.parent for branch in found.values())
    assert tree.keys() - helpers <= found.keys() <= tree.keys()
    assert list(found) == [vertex for vertex in tree if vertex in found]
    assert all(children[vertex] > 1 for vertex in found.keys() & helpers)
    assert links_of(found) <= links_of(tree)
    for vertex, (parent, hops) in found.items():
        ends = (vertex, parent) if inward else (parent, vertex)
        assert (hops[0][0], hops[-1][1]) == ends
        assert all(before[1] == after[0] for before, after in pairwise(hops))
        assert not {src for src, _, _ in hops[1:]} & {*found, root}
        above = [vertex]
        while above[-1] in found:
            assert len(above) <= len(found)
            above.append(found[above[-1]].parent)
        assert above[-1] == root


def test_a_tree_of_tens_of_thousands_of_ranks_is_put_straight():
    """Each rank but the first is two below its parent, over the rank between."""
    count = 20_000
    tree = {v: Branch(v - 2, (hop(v - 2, v - 1), hop(v - 1, v))) for v in range(count, 1, -1)}
    tree |= {1: Branch(0, (hop(0, 1),))}
    straight = {v: Branch(v - 1, (hop(v - 1, v),)) for v in tree}
    assert prune(tree, frozenset(), count + 1, inward=False) == straight
    helpers = frozenset(range(1, count))
    whole = Branch(0, tuple(hop(v, v + 1) for v in range(count)))
    assert prune(tree, helpers, count + 1, inward=False) == {count: whole}
    assert prune(tree, helpers | {count}, count + 1, inward=False) == {}


def test_a_vertex_that_moves_up_may_be_far_below():
    """The first rank of a long chain sends over all the others to the root, the last one first."""
    count = 5_000
    tree = {v: Branch(v - 1, (hop(v, v - 1),)) for v in range(2, count + 1)}
    tree |= {1: Branch(0, tuple(hop(*ends) for ends in pairwise([1, *range(count, 1, -1), 0])))}
    turned = {v: Branch(v - 1, (hop(v, v - 1),)) for v in range(3, count + 1)}
    turned |= {2: Branch(0, (hop(2, 0),)), 1: Branch(count, (hop(1, count),))}
    assert prune(tree, frozenset(), count + 1, inward=True) == turned
