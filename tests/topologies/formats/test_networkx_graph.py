from fractions import Fraction

import networkx as nx
import numpy as np
import pytest

from topologies.formats import spec
from topologies.formats.networkx_graph import from_networkx, to_networkx
from topologies.model.topology import Link, Switch, TopologyError, build, digest
from topologies.presets import shapes


@pytest.mark.parametrize("example", [entry.example for entry in spec.catalogue()])
def test_a_topology_comes_back_from_networkx_the_same(example: str) -> None:
    made = spec.topology(example)
    again = from_networkx(to_networkx(made))
    assert digest(again) == digest(made)
    assert (again.name, again.kinds, again.classes) == (made.name, made.kinds, made.classes)
    assert np.array_equal(again.link_class, made.link_class)
    assert np.array_equal(again.plane, made.plane)


def test_parallel_links_overheads_and_fractions_survive() -> None:
    links = [Link("a", "b", Fraction(1, 3)), Link("a", "b", Fraction(1, 3)), Link("b", "a", 7)]
    made = build("m", ["a", "b"], [Switch("s", reduce=True)], links, overhead=[0.5, 0.25])
    assert digest(from_networkx(to_networkx(made))) == digest(made)


def test_the_attributes_are_bytes_and_seconds() -> None:
    graph = to_networkx(shapes.star(2, bandwidth=10, alpha=0.5, multicast=True))
    assert graph.edges["r0", "s0", 0]["bandwidth"] == 10
    assert graph.edges["r0", "s0", 0]["alpha"] == 0.5
    assert graph.nodes["s0"]["kind"] == "switch"
    assert graph.nodes["s0"]["multicast"]
    assert nx.maximum_flow_value(nx.DiGraph(graph), "r0", "r1", capacity="bandwidth") == 10


@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
def test_every_kind_of_graph_is_taken(kind: type[nx.Graph]) -> None:
    graph = kind()
    graph.add_edge(0, 1, bandwidth=0.1)
    graph.add_edge(1, 0, bandwidth=0.1)
    made = from_networkx(graph, alpha=1e-6)
    assert made.links == 4 if kind is nx.MultiGraph else 2
    assert made.unit == Fraction(1, 10)
    assert (made.mate >= 0).all() == (not graph.is_directed())
    assert set(made.alpha) == {1e-6}


def test_a_plain_graph_needs_one_figure() -> None:
    made = from_networkx(nx.petersen_graph(), bandwidth=12.5e9)
    assert (made.ranks, made.links, made.unit) == (10, 30, 12.5e9)


def test_all_mistakes_of_a_graph_are_named_at_once() -> None:
    graph = nx.DiGraph([(0, 1, {"bandwidth": float("nan")}), (1, 2, {"duplex": True})])
    graph.add_node(3, kind="router")
    graph.add_node(4, overhead=-1)
    with pytest.raises(TopologyError) as caught:
        from_networkx(graph)
    assert caught.value.faults == (
        "graph: node 3: kind is 'router', expected 'rank' or 'switch'",
        "graph: edge 0 -> 1: bandwidth is nan, expected a number, 0 or more",
        "graph: edge 1 -> 2: no attribute 'bandwidth'",
        "graph: edge 1 -> 2: duplex, but no edge leads back",
        "graph: node 4: overhead is -1, expected a number, 0 or more",
    )


def test_an_unreachable_node_is_named() -> None:
    with pytest.raises(TopologyError, match=r"^graph: ranks: 2, 3 cannot be reached from 0, "):
        from_networkx(nx.Graph([(0, 1), (2, 3)]), bandwidth=1)
