import networkx as nx
import numpy as np
import pytest

from solvers.lp.linear_program import Infeasible
from solvers.routing.nearest_ranks import NearestRanks
from solvers.routing.shortest_path_trees import TreeFinder
from topologies.model.topology import Link, build, integers
from topologies.presets.nvidia import dgx_a100
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import star


def unheard(_):
    pytest.fail("nothing is charged where no one leans on neighbours")


def tree_of(found, number):
    rows = np.flatnonzero(found.tree == number)
    return {
        int(found.child[row]): (
            int(found.parent[row]),
            found.route[found.route_start[row] : found.route_start[row + 1]].tolist(),
        )
        for row in rows
    }


@pytest.mark.parametrize("seed", range(20))
def test_ways_are_as_short_as_those_of_networkx(seed):
    topology = random_machine(seed, 6, 3)
    price = np.random.default_rng(seed).uniform(1.0, 2.0, topology.links)
    graph = nx.MultiDiGraph()
    graph.add_weighted_edges_from(zip(topology.src, topology.dst, price, strict=True))
    roots = integers([0, 3, 5])
    found = TreeFinder(topology).trees(roots, integers(range(6)), price, unheard)
    for number, root in enumerate(roots.tolist()):
        expected = nx.single_source_dijkstra_path_length(graph, root)
        tree = tree_of(found, number)
        assert sorted(tree) == [rank for rank in range(6) if rank != root]
        for rank in tree:
            length, at = 0.0, rank
            while at != root:
                at, route = tree[at]
                length += price[route].sum()
            assert length == pytest.approx(expected[rank])


def test_routes_pass_switches_only_and_depths_count_ranks():
    topology = random_machine(3, 6, 3)
    found = TreeFinder(topology).trees(
        integers([2]), integers(range(6)), np.ones(topology.links), unheard
    )
    depth = {2: 0} | dict(zip(found.child.tolist(), found.depth.tolist(), strict=True))
    for child, (parent, route) in tree_of(found, 0).items():
        assert depth[child] == depth[parent] + 1
        assert topology.src[route[0]] == parent
        assert topology.dst[route[-1]] == child
        assert (topology.src[route[1:]] == topology.dst[route[:-1]]).all()
        assert (topology.dst[route[:-1]] >= topology.ranks).all()


def test_ranks_that_lead_to_no_member_are_left_out():
    found = TreeFinder(star(5)).trees(integers([0]), integers([0, 3]), np.ones(10), unheard)
    assert found.child.tolist() == [3]


def test_a_member_out_of_reach_is_infeasible():
    topology = build("one way", ["a", "b"], [], [Link("a", "b", 10**9)])
    with pytest.raises(Infeasible, match="cannot be reached"):
        TreeFinder(topology).trees(integers([1]), integers([0, 1]), np.ones(1), unheard)


def leaning(topology, price):
    heard = []

    def charge(links):
        heard.append(links)
        return price

    ranks = integers(range(topology.ranks))
    machine = TreeFinder(topology, NearestRanks(topology, price))
    return machine.trees(ranks, ranks, price, charge), heard


@pytest.mark.parametrize("seed", range(20))
def test_trees_that_lean_on_neighbours_reach_everyone_over_connected_routes(seed):
    topology = random_machine(seed, 6, 3)
    price = np.random.default_rng(seed).uniform(1.0, 2.0, topology.links)
    found, heard = leaning(topology, price)
    assert len(heard) == 6
    for root in range(6):
        tree = tree_of(found, root)
        assert sorted(tree) == [rank for rank in range(6) if rank != root]
        assert sum(len(route) for _, route in tree.values()) == len(heard[root])
        for rank, (parent, route) in tree.items():
            assert topology.src[route[0]] == parent
            assert topology.dst[route[-1]] == rank
            assert (topology.src[route[1:]] == topology.dst[route[:-1]]).all()
            assert (topology.dst[route[:-1]] >= topology.ranks).all()
            at, steps = rank, 0
            while at != root:
                at, steps = tree[at][0], steps + 1
                assert steps < 6


def test_a_box_is_entered_once_by_each_tree():
    topology = dgx_a100(2)
    found, _ = leaning(topology, float(topology.capacity.max()) / topology.capacity)
    for root in range(16):
        tree = tree_of(found, root)
        assert sum(rank // 8 != parent // 8 for rank, (parent, _) in tree.items()) == 1
