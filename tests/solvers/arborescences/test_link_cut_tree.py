from hypothesis import given
from hypothesis import strategies as st

from solvers.arborescences.link_cut_tree import LinkCutTree


def is_below(parent, vertex, above):
    while (vertex := parent.get(vertex)) is not None:
        if vertex == above:
            return True
    return False


@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_who_is_below_whom_is_known_while_vertices_change_parents(draw, count):
    """Vertices from `count` on are roots."""
    parent = {v: draw.randrange(v + 1, count + 2) for v in range(count)}
    forest = LinkCutTree(parent)
    known = sorted({*parent, *parent.values()})
    for _ in range(40):
        vertex, other = draw.choice(list(parent)), draw.choice(known)
        assert forest.is_below(vertex, other) == is_below(parent, vertex, other)
        assert forest.is_below(other, vertex) == is_below(parent, other, vertex)
        if other != vertex and not is_below(parent, other, vertex):
            forest.hang(vertex, other)
            parent[vertex] = other


def test_a_chain_of_tens_of_thousands_is_no_deeper_than_its_logarithm_again_and_again():
    count = 20_000
    forest = LinkCutTree({v: v - 1 for v in range(1, count)})
    assert all(forest.is_below(count - 1, v) for v in range(count - 1))
    assert not any(forest.is_below(v, count - 1) for v in range(count))
