"""Trees cut out of a packing, and the transfers that they become."""

from fractions import Fraction

import numpy as np
import pytest

from solvers.packing.column_generation import ColumnGeneration, Packing
from solvers.packing.families import Family
from solvers.packing.order_lp import Columns, Order
from solvers.routing.path_pool import PathPool
from solvers.routing.quotient import Quotient
from solvers.trees.extract import TransferBuilder, Tree, extract_trees, pair_trees
from topologies.model.topology import Link, build, integers
from topologies.presets.random_machines import random_machine
from topologies.symmetry.group import trivial


def shortest(view):
    """Collect the shortest ways of all pairs."""
    paths = PathPool(view)
    pairs = [(i, v) for i, root in enumerate(view.roots) for v in view.members if v != root]
    paths.ask(*(integers(column) for column in zip(*pairs, strict=True)))
    return paths


MEMBERS = (0, 1, 3, 4)  # rank 2 is a relay


def packed(seed):
    made = random_machine(seed, 5, 2, density=0.1)
    view = Quotient(made, integers(MEMBERS), trivial(made))
    families = [Family(r, inward) for r in MEMBERS for inward in (False, True)]
    return view, ColumnGeneration(view, families, free=True).solve(None, lambda *_: None)


@pytest.fixture(params=range(12), scope="module")
def case(request):
    return packed(request.param)


def parents(packing, tree):
    return {
        int(child): int(packing.columns.parent[tree.column[child]])
        for child in np.flatnonzero(tree.column >= 0)
    }


def test_every_tree_spans_the_members(case):
    view, packing = case
    for family, found in extract_trees(view, packing).items():
        root = MEMBERS.index(family.root)
        for tree in found:
            above = parents(packing, tree)
            assert set(above) == set(range(4)) - {root}
            for child in above:
                for _ in range(4):
                    child = above.get(child, root)
                assert child == root


def test_the_trees_carry_exactly_the_shares_of_their_columns(case):
    view, packing = case
    carried = dict.fromkeys(range(len(packing.share)), Fraction(0))
    for tree in (tree for found in extract_trees(view, packing).values() for tree in found):
        assert tree.share > 0
        for column in tree.column[tree.column >= 0].tolist():
            carried[column] += tree.share
    assert list(carried.values()) == list(packing.share)


def played(transfers, start, add):
    """Carry sets of contributions along transfers, all of one step at once."""
    held = dict(start)
    for step in sorted({t.step for t in transfers}):
        before = dict(held)
        for t in (t for t in transfers if t.step == step):
            parts = [before[t.src], held.get(t.dst, set())] if t.reduce else [before[t.src]]
            assert not t.reduce or add
            assert sum(map(len, parts)) == len(set().union(*parts))
            held[t.dst] = set().union(*parts)
    return held


def test_outward_transfers_bring_the_roots_block_to_everyone(case):
    view, packing = case
    router = TransferBuilder(view, packing)
    for family, found in extract_trees(view, packing).items():
        for tree in found if not family.inward else []:
            held = played(router.outward(tree, 7, 5), {family.root: {"block"}}, add=False)
            assert all(held[member] == {"block"} for member in MEMBERS)
            assert {t.piece for t in router.outward(tree, 7, 5)} == {7}
            assert min(t.step for t in router.outward(tree, 7, 5)) == 5


def test_inward_transfers_add_each_contribution_once(case):
    view, packing = case
    router = TransferBuilder(view, packing)
    for family, found in extract_trees(view, packing).items():
        for tree in found if family.inward else []:
            start = {member: {member} for member in MEMBERS}
            assert played(router.inward(tree, 0), start, add=True)[family.root] == set(MEMBERS)


def test_ways_are_cut_at_the_ranks_they_pass(case):
    view, packing = case
    made, router = view.topology, TransferBuilder(view, packing)
    for column in np.flatnonzero(np.array(packing.share) > 0).tolist():
        hops = router.branch[column].hops
        assert [a[1] for a in hops[:-1]] == [b[0] for b in hops[1:]]
        for src, dst, links in hops:
            stops = [int(made.src[links[0]]), *made.dst[list(links)].tolist()]
            assert (stops[0], stops[-1]) == (src, dst)
            assert all(stop >= made.ranks for stop in stops[1:-1])


def test_a_relay_holds_one_sum_at_a_time():
    links = [Link(a, "relay", Fraction(1)) for a in ("a", "b")]
    links.append(Link("relay", "root", Fraction(1)))
    made = build("funnel", ["root", "a", "b", "relay"], [], links)
    view = Quotient(made, integers([0, 1, 2]), trivial(made))
    paths = shortest(view)
    through = [paths.links.index((e, 2)) for e in (0, 1)]
    columns = Columns(*(integers(c) for c in ([0, 0], [0, 0], [1, 2], through)))
    order = Order(0, integers([0, 1, 2]), integers([0, 1, 2]), inward=True)
    packing = Packing((order,), columns, (Fraction(1), Fraction(1)), None, paths)
    (tree,) = extract_trees(view, packing)[Family(0, True)]
    found = TransferBuilder(view, packing).inward(tree, 0)
    assert played(found, {rank: {rank} for rank in range(3)}, add=True)[0] == {0, 1, 2}
    comes = [t.step for t in found if t.dst == 3]
    goes = [t.step for t in found if t.src == 3]
    assert sorted(comes) == [0, 1]
    assert sorted(goes) == [1, 2]


def share(*parts):
    return [Tree(Family(0, False), Fraction(p, 12), integers([i])) for i, p in enumerate(parts)]


def test_two_rows_of_trees_are_cut_into_common_pieces():
    first, second = share(6, 2, 4), share(3, 5, 4)
    found = [(12 * s, int(a.column[0]), int(b.column[0])) for s, a, b in pair_trees(first, second)]
    assert found == [(3, 0, 0), (3, 0, 1), (2, 1, 1), (4, 2, 2)]


def test_no_trees_make_no_pairs():
    assert list(pair_trees([], [])) == []
