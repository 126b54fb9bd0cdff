"""What is alike: compared with all automorphisms that networkx enumerates."""

from itertools import combinations

import networkx as nx
import numpy as np
import pytest

from topologies.presets.huawei import cloudmatrix384
from topologies.presets.nvidia import dgx_a100
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import hypercube, line, ring, star, torus
from topologies.symmetry.alike import find_orbits, label_sets
from topologies.symmetry.group import declared_group, trivial

SMALL = [ring(5), line(4), star(4), torus((3, 3)), hypercube(3), dgx_a100(boxes=2)]


def all_automorphisms(machine, colours, most):
    """Enumerate automorphisms, at most so many."""
    graph = nx.MultiDiGraph()
    for vertex in range(machine.vertices):
        kind = (vertex < machine.ranks, int(colours[vertex]), bool(machine.multicast[vertex]))
        graph.add_node(vertex, kind=kind)
    rows = (machine.src, machine.dst, machine.capacity, machine.alpha)
    for src, dst, rate, alpha in zip(*(row.tolist() for row in rows), strict=True):
        graph.add_edge(src, dst, rate=(rate, alpha))
    matcher = nx.algorithms.isomorphism.MultiDiGraphMatcher(
        graph,
        graph,
        node_match=lambda a, b: a["kind"] == b["kind"],
        edge_match=lambda a, b: (
            sorted(each["rate"] for each in a.values())
            == sorted(each["rate"] for each in b.values())
        ),
    )
    for count, found in enumerate(matcher.isomorphisms_iter()):
        if count == most:
            return
        yield found


@pytest.mark.parametrize(
    "machine",
    [*SMALL[:5], *(random_machine(seed, 6, 1) for seed in range(4))],
    ids=lambda machine: machine.name,
)
def test_orbits_are_those_of_all_automorphisms(machine):
    colours = np.zeros(machine.vertices, dtype=np.int64)
    for root in (None, 0):
        if root is not None:
            colours[root] = 1
        found = find_orbits(machine, trivial(machine), colours)
        joined = nx.Graph()
        joined.add_nodes_from(range(machine.vertices))
        pairs = set()
        for image in all_automorphisms(machine, colours, 2000):
            joined.add_edges_from(image.items())
            pairs |= {
                (machine.src[link], machine.dst[link], image[src], image[dst])
                for link, (src, dst) in enumerate(
                    zip(machine.src.tolist(), machine.dst.tolist(), strict=True)
                )
            }
        for one, other in combinations(range(machine.vertices), 2):
            together = nx.has_path(joined, one, other)
            assert (found.vertex[one] == found.vertex[other]) == together
        ends = list(zip(machine.src.tolist(), machine.dst.tolist(), strict=True))
        rates = list(zip(machine.capacity.tolist(), machine.alpha.tolist(), strict=True))
        for one, other in combinations(range(machine.links), 2):
            carried = (*ends[one], *ends[other]) in pairs and rates[one] == rates[other]
            assert (found.link[one] == found.link[other]) == carried


def test_planes_and_dies_of_a_supernode_are_alike():
    machine = cloudmatrix384()
    found = find_orbits(machine, declared_group(machine))
    assert (len(np.unique(found.vertex)), len(np.unique(found.link))) == (3, 5)


@pytest.mark.parametrize("machine", [hypercube(3), star(4)], ids=lambda machine: machine.name)
def test_sets_of_links_that_are_alike_are_carried_to_each_other_by_an_automorphism(machine):
    sets = list(combinations(range(machine.links), 2))
    ends = {
        e: i for i, e in enumerate(zip(machine.src.tolist(), machine.dst.tolist(), strict=True))
    }
    joined = nx.Graph()
    for image in all_automorphisms(machine, np.zeros(machine.vertices), 2000):
        link = [ends[image[src], image[dst]] for src, dst in ends]
        joined.add_edges_from((each, tuple(sorted(link[e] for e in each))) for each in sets)
    found = find_orbits(machine, trivial(machine))
    label = label_sets(machine, found.group, sets).tolist()
    component = {each: i for i, c in enumerate(nx.connected_components(joined)) for each in c}
    pairs = {(n, component[each]) for n, each in zip(label, sets, strict=True)}
    assert len(pairs) == len(set(label)) < len(sets)
    one = label_sets(machine, found.group, [[link] for link in range(machine.links)])
    assert len(set(zip(one.tolist(), found.link.tolist(), strict=True))) == len(set(one.tolist()))
