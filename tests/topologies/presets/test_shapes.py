"""Machines by formula: counts, figures and symmetry."""

from fractions import Fraction

import networkx as nx
import numpy as np
import pytest

from topologies.model.topology import TopologyError
from topologies.presets.shapes import (
    full_mesh,
    hypercube,
    leaf_spine,
    line,
    mesh,
    nd_full_mesh,
    ring,
    star,
    torus,
)
from topologies.symmetry.group import declared_group

# shape, its arguments, ranks, duplex links, order of the declared group
KNOWN = [
    *((ring, (n,), n, links, n) for n, links in ((1, 0), (2, 1), (3, 3), (8, 8))),
    *((line, (n,), n, n - 1, order) for n, order in ((1, 1), (2, 2), (5, 1), (8, 2))),
    *((full_mesh, (n,), n, n * (n - 1) // 2, n) for n in (1, 2, 3, 8)),
    *((star, (n,), n, n, n) for n in (1, 2, 3, 8)),
    (torus, ([4],), 4, 4, 4),
    (torus, ([2, 2],), 4, 4, 4),
    (torus, ([3, 3],), 9, 18, 9),
    (torus, ([2, 4],), 8, 12, 8),
    (torus, ([1, 5],), 5, 5, 5),
    (torus, ([4, 4, 4],), 64, 192, 64),
    (torus, ([4, 3], [True, False]), 12, 20, 4),
    (mesh, ([3, 3],), 9, 12, 1),
    (mesh, ([2, 3],), 6, 7, 2),
    (mesh, ([4, 4],), 16, 24, 4),
    *((hypercube, (n,), 2**n, n * 2**n // 2, 2**n) for n in (0, 1, 3, 5)),
    (nd_full_mesh, ([2, 3],), 6, 9, 6),
    (nd_full_mesh, ([8, 8, 4, 4],), 1024, 1024 * 20 // 2, 1024),
    (leaf_spine, (1, 1, 1), 1, 2, 1),
    (leaf_spine, (4, 2, 3), 12, 20, 12),
]


def names(known):
    shape, sizes, *_ = known
    return f"{shape.__name__}-{sizes}"


@pytest.mark.parametrize("known", KNOWN, ids=names)
def test_counts_and_order_of_the_group_are_as_known(known):
    shape, sizes, ranks, duplex, order = known
    machine = shape(*sizes)
    assert (machine.ranks, machine.links) == (ranks, 2 * duplex)
    assert declared_group(machine).order == order


@pytest.mark.parametrize("known", KNOWN, ids=names)
def test_no_symmetry_but_the_identity_fixes_a_rank(known):
    shape, sizes, *_ = known
    machine = shape(*sizes)
    moved = declared_group(machine).elements[1:, : machine.ranks]
    assert (moved != np.arange(machine.ranks)).all()


def test_every_small_machine_is_connected_and_symmetric_as_declared(small_machine):
    graph = nx.DiGraph(zip(small_machine.src.tolist(), small_machine.dst.tolist(), strict=True))
    graph.add_nodes_from(range(small_machine.vertices))
    assert nx.is_strongly_connected(graph)
    assert small_machine.ranks % declared_group(small_machine).order == 0


@pytest.mark.parametrize(
    ("machine", "graph"),
    [
        (torus([3, 4, 5]), nx.grid_graph([5, 4, 3], periodic=True)),
        (mesh([3, 4]), nx.grid_graph([4, 3])),
        (hypercube(4), nx.hypercube_graph(4)),
        (nd_full_mesh([3, 4]), nx.cartesian_product(nx.complete_graph(3), nx.complete_graph(4))),
    ],
    ids=["torus", "mesh", "hypercube", "nd-full-mesh"],
)
def test_a_product_has_the_edges_of_the_textbook(machine, graph):
    def rank(place):
        return "r" + ".".join(map(str, place))

    found = {
        (machine.names[a], machine.names[b]) for a, b in zip(machine.src, machine.dst, strict=True)
    }
    assert found == {(rank(a), rank(b)) for a, b in graph.to_directed().edges}


def test_a_ring_of_two_has_one_link_of_one_bandwidth():
    machine = ring(2, bandwidth=Fraction(7, 2), alpha=3e-6)
    assert machine.bandwidth.tolist() == [3.5, 3.5]
    assert machine.alpha.tolist() == [3e-6, 3e-6]
    assert machine.mate.tolist() == [1, 0]


def test_each_dimension_has_its_bandwidth():
    machine = nd_full_mesh([2, 3], bandwidth=[10, 4])
    rates = [machine.bandwidth[machine.link_class == k].tolist() for k in range(2)]
    assert rates == [[10.0] * 6, [4.0] * 12]


def test_oversubscription_thins_the_uplinks():
    machine = leaf_spine(2, 3, 6, oversubscription=4, bandwidth=8)
    uplinks = machine.capacity[machine.link_class == 1]
    assert {Fraction(int(c)) * machine.unit for c in uplinks} == {Fraction(6 * 8, 3 * 4)}


def test_a_star_copies_and_adds_only_if_asked():
    plain = star(3)
    assert not plain.multicast.any()
    assert not plain.reduce.any()
    able = star(3, multicast=True, reduce=True)
    assert able.multicast.tolist() == able.reduce.tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ring(0), "n: 0, expected 1 or more"),
        (lambda: full_mesh(0), "n: 0, expected 1 or more"),
        (lambda: star(-1), "n: -1, expected 1 or more"),
        (lambda: hypercube(-1), "n: -1, expected 0 or more"),
        (lambda: torus([2, 0]), "n: 0, expected 1 or more"),
        (lambda: torus([]), "dims: none, expected 1 or more"),
        (lambda: torus([2, 2], [True]), "wrap: 1 flags for 2 dimensions"),
        (lambda: nd_full_mesh([2, 2], bandwidth=[1]), "bandwidth: 1 figures for 2 dimensions"),
        (
            lambda: leaf_spine(1, 0, 0),
            "spines: 0, expected 1 or more\nhosts: 0, expected 1 or more",
        ),
        (lambda: leaf_spine(1, 1, 1, 0), "oversubscription: 0, expected more than 0"),
    ],
)
def test_an_impossible_size_is_refused_by_name(make, message):
    with pytest.raises(TopologyError) as refused:
        make()
    assert str(refused.value) == message
