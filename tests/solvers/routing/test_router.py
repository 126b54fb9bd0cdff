from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest

from solvers.routing.router import RouteError, Router
from topologies.model.topology import Link, Switch, build
from topologies.presets.huawei import cloudmatrix384
from topologies.presets.shapes import leaf_spine, ring, star, torus


def named(topology, way):
    return [[topology.link_name(link) for link in hop.route] for hop in way]


def test_a_way_through_a_switch_is_one_hop():
    machine = star(3)
    assert named(machine, Router(machine).path(0, 2)) == [["r0 -> s0", "s0 -> r2"]]


def test_ranks_relay_only_where_no_switch_joins():
    slow = [Link(a, "s", Fraction(1), 1.0, duplex=True) for a in ("a", "b")]
    fast = [Link(a, "c", Fraction(1), 0.0, duplex=True) for a in ("a", "b")]
    machine = build("two ways", ["a", "b", "c"], [Switch("s")], slow + fast)
    assert named(machine, Router(machine).path(0, 1)) == [["a -> s", "s -> b"]]
    alone = build("one way", ["a", "b", "c"], [], fast)
    assert [(hop.src, hop.dst) for hop in Router(alone).path(0, 1)] == [(0, 2), (2, 1)]


def test_less_alpha_comes_before_fewer_links():
    links = [
        Link("a", "s", Fraction(1), 1.0),
        Link("s", "b", Fraction(1), 1.0),
        Link("a", "t", Fraction(1), 0.5),
        Link("t", "u", Fraction(1), 0.5),
        Link("u", "b", Fraction(1), 0.5),
    ]
    machine = build("detour", ["a", "b"], [Switch(s) for s in "stu"], links)
    assert named(machine, Router(machine).path(0, 1)) == [["a -> t", "t -> u", "u -> b"]]


def test_the_way_around_a_ring_is_the_shorter_one():
    routes = Router(ring(8))
    assert [hop.dst for hop in routes.path(1, 6)] == [0, 7, 6]
    assert routes.path(3, 3) == ()


def test_equal_ways_are_spread_over_the_spines():
    machine = leaf_spine(2, 4, 4)
    routes = Router(machine)
    uplinks = Counter(routes.path(i, i + 4)[0].route[1] for i in range(4))
    assert len(uplinks) == 4


def test_neighbours_of_a_supernode_share_no_link():
    routes = Router(cloudmatrix384(2))
    links = Counter(link for i in range(16) for link in routes.path(i, i + 16)[0].route)
    assert max(links.values()) == 1


def test_messages_of_one_rank_use_all_its_planes():
    routes = Router(cloudmatrix384(2))
    assert len({routes.path(0, dst)[0].route[0] for dst in range(16, 23)}) == 7


def test_asking_again_gives_the_same_way():
    routes = Router(torus([3, 3]))
    first = [routes.path(0, dst) for dst in range(9)]
    assert [routes.path(0, dst) for dst in range(9)] == first


def test_ranks_that_are_not_joined_are_named():
    machine = build("apart", ["a", "b"], [], [Link("a", "b", Fraction(1))])
    with pytest.raises(RouteError, match="apart: no path from b to a"):
        Router(machine).path(1, 0)


def test_a_long_row_of_switches_is_no_trouble():
    names = ["a", *(f"s{i}" for i in range(2000)), "b"]
    links = [Link(x, y, Fraction(1), 1e-6) for x, y in pairwise(names)]
    machine = build("row", ["a", "b"], [Switch(s) for s in names[1:-1]], links)
    assert len(Router(machine).path(0, 1)[0].route) == 2001
