from itertools import pairwise

import networkx as nx
import numpy as np
import pytest

from solvers.certify.distances import UNREACHED, distances, distances_between
from topologies.model.topology import Link, build
from topologies.presets import shapes
from topologies.symmetry.group import declared_group, orbits


def random_machine(seed):
    draw = np.random.default_rng(seed)
    ends = draw.integers(0, 12, (26, 2))
    links = [Link(f"r{a}", f"r{b}", 1) for a, b in ends.tolist() if a != b]
    machine = build("random", [f"r{i}" for i in range(12)], [], links)
    return machine, draw.integers(0, 5, machine.links).tolist()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("scale", [1, 2**60])
def test_agrees_with_networkx_on_free_parallel_and_missing_links(seed, scale):
    machine, price = random_machine(seed)
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(12))
    for a, b, p in zip(machine.src.tolist(), machine.dst.tolist(), price, strict=True):
        graph.add_edge(a, b, weight=p * scale)
    found = distances(machine, [p * scale for p in price], range(12))
    for source in range(12):
        right = nx.single_source_dijkstra_path_length(graph, source)
        assert found[source].tolist() == [right.get(v, UNREACHED) for v in range(12)]


def test_images_of_one_search_are_the_searches_from_the_images():
    torus = shapes.torus([3, 4])
    price = [1 + 2 * int(c) for c in torus.link_class]
    group = declared_group(torus)
    orbit = orbits(group.generators, torus.vertices)
    assert np.array_equal(
        distances_between(torus, price, group, orbit, torus.ranks, np.arange(torus.ranks)),
        distances(torus, price, range(torus.ranks)),
    )


def test_sums_beyond_the_exact_floats_stay_exact():
    line = shapes.line(40)
    last = distances(line, [2**53 + 1] * line.links, [0])[0]
    assert all(b - a == 2**53 + 1 for a, b in pairwise(last.tolist()))
