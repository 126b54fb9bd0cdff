"""Exact flows: their defining properties, and networkx as a second opinion."""

from fractions import Fraction

import networkx as nx
import numpy as np
import pytest

from solvers.lp.linear_program import NotFound
from solvers.lp.max_flow import max_flow, min_cost_flow, multiply
from topologies.model.topology import integers
from topologies.presets.random_machines import random_machine


def graph(topology, costs=()):
    """Add parallel links up, or give each a vertex of its own if they have costs."""
    made = nx.DiGraph()
    made.add_nodes_from(range(topology.vertices))
    for e in range(topology.links):
        src, dst, capacity = (int(x[e]) for x in (topology.src, topology.dst, topology.capacity))
        middle = topology.vertices + e
        made.add_edge(src, middle, capacity=capacity, weight=int(costs[e]) if len(costs) else 0)
        made.add_edge(middle, dst, capacity=capacity)
    return made


def surplus(topology, arcs):
    amount = np.zeros(topology.vertices, dtype=object)
    np.add.at(amount, topology.dst, np.array(arcs, dtype=object))
    np.subtract.at(amount, topology.src, np.array(arcs, dtype=object))
    return amount


def test_the_flow_is_a_flow_and_the_cut_says_that_none_is_larger():
    for seed in range(30):
        made = random_machine(seed, 4, 2)
        found = max_flow(made.vertices, made.src, made.dst, made.capacity, 0, 1)
        assert (found.arcs >= 0).all()
        assert (found.arcs <= made.capacity).all()
        assert surplus(made, found.arcs).tolist() == [-found.value, found.value, 0, 0, 0, 0]
        assert found.side[0]
        assert not found.side[1]
        leaves = found.side[made.src] & ~found.side[made.dst]
        assert made.capacity[leaves].sum() == found.value


def test_the_value_is_that_of_networkx():
    for seed in range(15):
        made = random_machine(seed, 4, 2)
        found = max_flow(made.vertices, made.src, made.dst, made.capacity, 2, 3)
        assert found.value == nx.maximum_flow_value(graph(made), 2, 3)


def test_capacities_beyond_62_bits_are_refused():
    big = integers([2**61, 2**61])
    with pytest.raises(NotFound, match="too large for an exact flow"):
        max_flow(2, integers([0, 0]), integers([1, 1]), big, 0, 1)
    with pytest.raises(NotFound, match="too large for an exact flow"):
        multiply(big, 2)
    assert multiply(big, 1).tolist() == big.tolist()


def test_a_sink_out_of_reach_gets_nothing():
    found = max_flow(3, integers([0]), integers([1]), integers([5]), 0, 2)
    assert found.value == 0
    assert found.side[0]
    assert not found.side[2]


def test_needs_are_met_within_the_capacities_at_the_least_cost():
    for seed in range(15):
        made = random_machine(seed, 4, 2)
        costs = np.random.default_rng(seed).integers(1, 9, made.links)
        value = max_flow(made.vertices, made.src, made.dst, made.capacity, 0, 1).value
        rate = Fraction(value, 3)
        flow = min_cost_flow(made, 0, {0: 3, 1: 3}, rate, costs.astype(np.float64))
        assert surplus(made, flow).tolist() == [-3, 3, 0, 0, 0, 0]
        loads = [amount * rate for amount in flow]
        assert all(0 <= a <= int(c) for a, c in zip(loads, made.capacity, strict=True))
        wanted = graph(made, costs)
        nx.set_node_attributes(wanted, {0: -value, 1: value}, "demand")
        paid = sum(int(c) * a for c, a in zip(costs, loads, strict=True))
        assert paid == nx.min_cost_flow_cost(wanted)


def test_a_rate_that_the_capacities_do_not_allow_is_refused():
    made = random_machine(1, 2, 0)
    value = max_flow(2, made.src, made.dst, made.capacity, 0, 1).value
    with pytest.raises(NotFound, match="min-cost-flow"):
        min_cost_flow(made, 0, {1: 1}, Fraction(value + 1), np.ones(made.links))
