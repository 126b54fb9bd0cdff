"""Parts of machines: what is cut out, what is merged, and what a bound on either says."""

from fractions import Fraction
from math import lcm

import numpy as np
import pytest

from bench.optimum import optimum
from solvers.bounds.cuts import cut_bound
from solvers.schedules.kinds import collective
from topologies.derive.part import Submachine, contract, islands, submachine, without_others
from topologies.model.topology import Link, Switch, build
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.nvidia import dgx_a100
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import leaf_spine, line, ring, star, torus
from topologies.symmetry.group import Group, cyclic_subgroup, declared_group, orbits, reduce_group

COLUMNS = ("capacity", "alpha", "link_class", "plane")


def group_of(draw: np.random.Generator, ranks: int) -> list[int]:
    return sorted(draw.choice(ranks, int(draw.integers(2, ranks)), replace=False).tolist())


def faithful(cut: Submachine) -> bool:
    """Tell whether every link of a part is one of the whole: ends, figures and the way back."""
    whole, own = cut.whole, cut.topology
    mates = np.where(own.mate < 0, -1, cut.links[own.mate])
    kept = np.isin(whole.mate[cut.links], cut.links)
    return (
        np.array_equal(cut.vertices[own.src], whole.src[cut.links])
        and np.array_equal(cut.vertices[own.dst], whole.dst[cut.links])
        and np.array_equal(mates, np.where(kept, whole.mate[cut.links], -1))
        and all(
            np.array_equal(getattr(own, name), getattr(whole, name)[cut.links]) for name in COLUMNS
        )
        and own.names == tuple(whole.names[v] for v in cut.vertices)
    )


@pytest.mark.parametrize("seed", range(30))
def test_a_part_has_the_ranks_and_the_links_between_them_as_they_are(seed):
    draw = np.random.default_rng(seed)
    whole = random_machine(seed, 5, 3, density=0.1, flags=True)
    ranks = group_of(draw, 5)
    cut = submachine(whole, ranks)
    assert cut.vertices[: cut.topology.ranks].tolist() == ranks
    assert cut.place(np.array(ranks)).tolist() == list(range(len(ranks)))
    assert faithful(cut)
    inside = np.isin(whole.src, cut.vertices) & np.isin(whole.dst, cut.vertices)
    assert cut.links.tolist() == np.flatnonzero(inside).tolist()


@pytest.mark.parametrize("seed", range(15))
def test_a_part_loses_no_way_that_leads_over_switches_alone(seed):
    whole = random_machine(seed, 4, 3, density=0.05)
    ranks = group_of(np.random.default_rng(seed), 4)
    cut, what = submachine(whole, ranks), collective("all_to_all", range(len(ranks)))
    over = optimum(without_others(whole, ranks), collective("all_to_all", ranks))
    assert (optimum(cut.topology, what) if cut.topology.links else 0) == pytest.approx(over)


def test_dead_ends_are_pruned_until_none_is_left():
    """Behind `near` a chain of switches leads to a rank that takes no part, and back."""
    links = [Link("a", "near", Fraction(1), duplex=True), Link("near", "b", Fraction(1))]
    links += [Link("b", "near", Fraction(1)), Link("near", "mid", Fraction(1), duplex=True)]
    links += [Link("mid", "far", Fraction(1), duplex=True), Link("far", "c", Fraction(1))]
    links += [Link("c", "far", Fraction(1)), Link("a", "sink", Fraction(1))]
    switches = [Switch(name) for name in ("near", "mid", "far", "sink")]
    whole = build("chain", ["a", "b", "c"], switches, links)
    assert submachine(whole, [0, 1]).topology.names == ("a", "b", "near")
    # With c the chain is a way, and of it only the sink goes.
    assert submachine(whole, [0, 2]).topology.names == ("a", "c", "near", "mid", "far")


def test_a_box_of_a_large_machine_has_nothing_of_other_boxes():
    cut = submachine(dgx_a100(4), range(8, 16)).topology
    assert cut.ranks == 8
    assert not [name for name in cut.names if name.startswith(("b0.", "b2.", "b3."))]
    assert "b1.nvs" in cut.names


@pytest.mark.parametrize(
    ("whole", "ranks", "order"),
    [
        (torus([4, 4]), range(4), 4),
        (torus([4, 4]), range(0, 16, 4), 4),
        (torus([4, 4]), [0, 10], 2),
        (torus([4, 4]), [0, 1, 5], 1),
        (star(6), range(0, 6, 2), 3),
    ],
)
def test_what_keeps_the_ranks_of_the_declared_symmetry_is_kept(whole, ranks, order):
    group = declared_group(submachine(whole, list(ranks)).topology)  # which checks that it is one
    assert group.order >= order
    assert len(np.unique(orbits(group.generators, group.generators.shape[1])[: len(ranks)])) == (
        len(ranks) // order
    )


@pytest.mark.parametrize("whole", [torus([3, 4]), leaf_spine(2, 2, 3), cloudmatrix384(1)])
def test_without_others_everything_keeps_its_number_and_others_have_no_links(whole):
    ranks = [0, 1, 2, 3]
    left = without_others(whole, ranks)
    assert (left.names, left.ranks, left.vertices) == (whole.names, whole.ranks, whole.vertices)
    ends = np.concatenate([left.src, left.dst])
    assert set(ends[ends < whole.ranks].tolist()) <= set(ranks)
    inside = (whole.src >= whole.ranks) | np.isin(whole.src, ranks)
    inside &= (whole.dst >= whole.ranks) | np.isin(whole.dst, ranks)
    assert left.links == inside.sum()
    moved = declared_group(left).elements[:, ranks]
    assert np.isin(moved, ranks).all()
    assert without_others(whole, range(whole.ranks)) is whole


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_slower_where_all_others_are_one(seed):
    """By an LP over all trees, and by the cuts, with and without links that lead one way."""
    draw = np.random.default_rng(seed)
    whole = random_machine(seed, 4, 1, density=0.05)
    ranks = sorted(draw.choice(4, 2, replace=False).tolist())
    merged = contract(whole, ranks).topology
    for name in ("all_reduce", "all_gather", "all_to_all"):
        whole_rate = optimum(whole, collective(name, ranks))
        assert optimum(merged, collective(name, range(2))) >= whole_rate * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_cuts_are_no_smaller_where_all_others_are_one(seed):
    draw = np.random.default_rng(seed)
    whole = random_machine(seed, 7, 3, density=0.1)
    ranks = group_of(draw, 7)
    cut = contract(whole, ranks)
    for name in ("all_gather", "reduce_scatter", "all_reduce"):
        before = cut_bound(whole, collective(name, ranks)).algbw
        after = cut_bound(cut.topology, collective(name, range(len(ranks)))).algbw
        assert before is not None
        assert after is not None
        assert after >= before


def test_all_others_are_one_free_rank_that_no_link_leaves_for_itself():
    cut = contract(torus([4, 4]), [0, 1])
    merged = cut.topology
    assert (merged.ranks, merged.names[2]) == (3, "all others")
    assert merged.overhead[2] == 0
    assert (merged.src != merged.dst).all()
    # Of 4 links out of each, one leads to the other.
    outward = merged.capacity[(merged.src < 2) & (merged.dst == 2)].sum()
    assert outward == 6 * merged.capacity[0]


def test_where_nothing_is_far_nothing_is_merged():
    merged = contract(star(3), [0, 1, 2]).topology
    assert (merged.ranks, merged.vertices, merged.links) == (3, 4, 6)


def test_islands_are_what_links_in_either_direction_join():
    left = without_others(ring(8), [0, 1, 3, 4, 5, 7])
    assert islands(left, [7, 5, 4, 3, 1, 0]) == [[0, 1, 7], [3, 4, 5]]
    one_way = build("arrow", ["a", "b", "c"], [], [Link("a", "b", Fraction(1))])
    assert islands(one_way, [0, 1, 2]) == [[0, 1], [2]]
    assert islands(line(4), range(4)) == [[0, 1, 2, 3]]


def turns(*cycles: int) -> Group:
    """Turn each of several cycles side by side on its own; one more point stays."""
    points = sum(cycles) + 1
    rows, start = np.tile(np.arange(points), (len(cycles), 1)), 0
    for row, length in zip(rows, cycles, strict=True):
        row[start : start + length] = start + (np.arange(length) + 1) % length
        start += length
    return Group(rows)


def within(smaller: Group, group: Group) -> bool:
    every = {row.tobytes() for row in group.elements}
    return all(row.tobytes() in every for row in smaller.elements)


@pytest.mark.parametrize("cycles", [(4, 4), (4, 4, 4), (2, 3), (6, 4), (5,), (3, 3, 2, 2)])
def test_a_lean_group_has_the_same_orbits_and_an_order_of_less(cycles):
    group, points = turns(*cycles), sum(cycles) + 1
    smaller = reduce_group(group, points)
    assert smaller.order == lcm(*cycles)
    assert within(smaller, group)
    assert np.array_equal(orbits(smaller.generators, points), orbits(group.generators, points))


@pytest.mark.parametrize("whole", [torus([2, 3]), torus([3, 3]), star(5), leaf_spine(2, 2, 2)])
def test_lean_groups_of_machines_keep_the_orbits_of_ranks(whole):
    group = declared_group(whole)
    smaller = reduce_group(group, whole.ranks)
    assert smaller.order <= group.order
    assert within(smaller, group)
    labels = [orbits(g.generators, whole.vertices)[: whole.ranks] for g in (group, smaller)]
    assert np.array_equal(*labels)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 6, 100])
@pytest.mark.parametrize("group", [turns(4, 4), turns(2, 3), declared_group(torus([3, 3]))])
def test_a_cyclic_group_is_the_best_of_one_generator_up_to_an_order(group, most):
    points = group.generators.shape[1]
    found = cyclic_subgroup(group, points, most)
    assert len(found.generators) <= 1
    assert found.order <= most
    assert within(found, group)
    every = [Group(row[None]) for row in group.elements]
    fewest = min(len(np.unique(orbits(g.generators, points))) for g in every if g.order <= most)
    assert len(np.unique(orbits(found.generators, points))) == fewest
