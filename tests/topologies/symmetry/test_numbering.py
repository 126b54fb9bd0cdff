"""Numbers and orders that say what a machine is, however it was written down."""

from fractions import Fraction

import numpy as np
import pytest

from bench.relabelled import shuffle
from topologies.derive.nearness import join_switches, order_by_nearness
from topologies.derive.relabel import relabel
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, build, digest
from topologies.presets.random_machines import wild_machine
from topologies.symmetry.numbering import numbering

MACHINES = ("torus:2x4", "mesh:3x2", "star:9", "leaf-spine:2x2x3", "dgx-1", "dgx-a100:boxes=2")


def content(machine):
    """Give all that a machine is but the names, in an order of its own."""
    made = relabel(machine, numbering(machine, np.zeros(machine.vertices, dtype=np.int64)))
    columns = ("src", "dst", "capacity", "alpha", "overhead")
    return [getattr(made.topology, name).tolist() for name in columns]


@pytest.mark.parametrize("name", MACHINES)
def test_a_shuffled_machine_gets_the_same_numbers(name):
    made = topology(name)
    for seed in range(3):
        assert content(shuffle(made, seed)[0]) == content(made)


@pytest.mark.parametrize("seed", range(8))
def test_so_does_a_random_one(seed):
    made = wild_machine(seed, 6)
    assert content(shuffle(made, seed)[0]) == content(made)


def test_renumbered_links_lead_between_the_same_ranks_and_mates_stay_together():
    made = topology("dgx-1")
    place = np.random.default_rng(0).permutation(8)
    other = relabel(made, place)
    moved = other.topology
    for link in range(made.links):
        now = other.link[link]
        assert moved.link_name(now) == made.link_name(link)
        assert moved.capacity[now] == made.capacity[link]
        assert moved.mate[now] == other.link[made.mate[link]]
    assert digest(relabel(moved, np.argsort(place)).topology) != digest(moved)


def test_parallel_links_come_in_the_order_of_their_planes():
    ends = [Link("a", "b", Fraction(10**9), 1e-6, True, plane=plane) for plane in (2, 0, 1)]
    made = build("planes", ["a", "b"], [], ends)
    for seed in range(3):
        moved = relabel(shuffle(made, seed)[0], np.arange(2)).topology
        assert moved.plane.tolist() == [0, 1, 2, 0, 1, 2]
        assert moved.mate.tolist() == [3, 4, 5, 0, 1, 2]


def test_switches_of_a_plane_are_joined_and_those_near_the_ranks_come_first():
    made = shuffle(topology("cloudmatrix384:nodes=2"), 0)[0]
    seen = relabel(made, join_switches(made)).topology
    kinds, plane = seen.kinds[seen.ranks :], {}
    for tail, head, own in zip(seen.src, seen.dst, seen.plane, strict=True):
        plane |= {int(tail): int(own), int(head): int(own)}
    assert kinds == ("L1",) * 14 + ("L2",) * 112
    order = [plane[switch] for switch in range(seen.ranks, seen.vertices)]
    assert all(len(set(order[i : i + 2])) == 1 for i in range(0, 14, 2))
    assert all(len(set(order[i : i + 16])) == 1 for i in range(14, 126, 16))
    assert seen.names[: seen.ranks] == made.names[: made.ranks]


def test_switches_that_nothing_leads_away_from_are_ordered_too():
    made = build("apart", ["a"], [Switch("s"), Switch("t")], [Link("a", "t", Fraction(10**9), 0.0)])
    assert join_switches(made).tolist() in ([0, 2, 1], [0, 1, 2])


def grid(*dims, wrap):
    """Give the points of a grid, and the hops between any two."""
    points = list(np.ndindex(*dims))
    steps = np.abs(np.array(points)[:, None] - np.array(points))
    steps = np.minimum(steps, np.array(dims) - steps) if wrap else steps
    return points, steps.sum(axis=2)


@pytest.mark.parametrize("wrap", [True, False])
@pytest.mark.parametrize("dims", [(2, 8), (8, 2), (3, 5), (5, 3, 2)])
def test_a_grid_is_numbered_row_by_row_along_its_longest_lines(dims, wrap):
    points, hops = grid(*dims, wrap=wrap)
    order = [points[i] for i in order_by_nearness(hops)]
    longest = max(dims)
    for row in range(0, len(order), longest):
        line = order[row : row + longest]
        fixed = [i for i in range(len(dims)) if len({p[i] for p in line}) == 1]
        assert len(fixed) == len(dims) - 1
        assert [p[dims.index(longest)] for p in line] == [
            p[dims.index(longest)] for p in order[:longest]
        ]


def test_boxes_are_runs_whose_ranks_stand_beside_those_near_to_them():
    """Two boxes of three; rank i of one is nearer to one rank of the other than to the rest."""
    near = {(0, 4), (1, 5), (2, 3)}
    hops = np.array(
        [
            [
                0 if a == b else 1 if a // 3 == b // 3 else 3 - ((min(a, b), max(a, b)) in near)
                for b in range(6)
            ]
            for a in range(6)
        ]
    )
    assert order_by_nearness(hops) == [0, 1, 2, 4, 5, 3]


def test_elsewhere_partners_of_patterns_come_near():
    """A cube with its diagonals: no product, and no line."""
    points = np.arange(8)
    places = np.random.default_rng(1).permutation(8)
    bits = np.array([[bin(int(places[a] ^ places[b])).count("1") for b in points] for a in points])
    hops = np.where(bits == 3, 1, bits)
    order = np.array(order_by_nearness(hops))
    partners = [hops[order[i], order[i ^ bit]] for i in range(8) for bit in (1, 2, 4)]
    assert max(partners) == 1
