from fractions import Fraction
from itertools import pairwise

import networkx as nx
import pytest

from runtime.fabric.layout import FabricError
from runtime.fabric.routes import follow, keep_differing, next_hops, of_schedule
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Transfer, schedule
from solvers.solve import solve
from topologies.model.topology import Link, Switch, build
from topologies.presets.shapes import leaf_spine, line, ring


def test_every_way_has_the_fewest_links(small_machine):
    hops = next_hops(small_machine)
    graph = nx.DiGraph(zip(small_machine.src.tolist(), small_machine.dst.tolist(), strict=True))
    graph.add_nodes_from(range(small_machine.vertices))
    far = dict(nx.all_pairs_shortest_path_length(graph))
    for src in range(small_machine.vertices):
        for dst in range(small_machine.vertices):
            found = follow(hops, src, dst)
            assert len(found) - 1 == far[src][dst]
            assert all(graph.has_edge(*pair) for pair in pairwise(found))


def test_of_the_shortest_ways_the_fastest_is_taken():
    links = [("a", "s", 1), ("s", "b", 4), ("a", "t", 3), ("t", "b", 3)]
    made = [Link(src, dst, Fraction(rate), duplex=True) for src, dst, rate in links]
    machine = build("m", ["a", "b"], [Switch("s"), Switch("t")], made)
    assert follow(next_hops(machine), 0, 1) == (0, 3, 1)


def test_targets_spread_over_the_spines():
    machine = leaf_spine(2, 4, 4)
    hops = next_hops(machine)
    spines = {follow(hops, 0, dst)[2] for dst in range(4, 8)}
    assert len(spines) == 4


def test_a_vertex_without_a_way_back_is_refused():
    machine = build("m", ["a", "b"], [], [Link("a", "b", Fraction(1))])
    with pytest.raises(FabricError, match="m: no path from b to a"):
        next_hops(machine)


@pytest.mark.parametrize("name", ["all_gather", "all_reduce", "all_to_all", "broadcast"])
def test_a_schedules_ways_follow_its_links(name):
    machine = ring(5)
    found = of_schedule(solve(machine, collective(name, range(5))))
    assert found
    assert all(len(route) == 2 for route in found.values()) or name == "all_to_all"
    assert all(route[0] == src and route[-1] == dst for (src, dst), route in found.items())


def detour():
    """Send one block there the short way and another the long way round."""
    machine = ring(4)
    link = {
        ends: i
        for i, ends in enumerate(zip(machine.src.tolist(), machine.dst.tolist(), strict=True))
    }
    what = collective("all_to_all", range(4))
    return machine, what, link


def test_several_ways_for_one_pair_are_refused():
    machine, what, link = detour()
    routes = [(link[0, 1], link[1, 2]), (link[0, 3], link[3, 2])]
    sends = [Transfer(i, 0, 0, 2, route) for i, route in enumerate(routes)]
    pieces = [(2, Fraction(1, 2)), (2, Fraction(1, 2))]
    several = schedule(machine, what, pieces, sends, UNPROVED)
    with pytest.raises(FabricError, match="r0 -> r2: the schedule takes 2 ways"):
        of_schedule(several)


def test_only_ways_that_differ_need_rules():
    hops = next_hops(line(4))
    assert keep_differing({(0, 2): (0, 1, 2)}, hops) == {}
    around = next_hops(ring(4))
    usual = follow(around, 0, 2)
    other = (0, 3, 2) if usual == (0, 1, 2) else (0, 1, 2)
    assert keep_differing({(0, 2): other, (1, 2): (1, 2)}, around) == {(0, 2): other}
