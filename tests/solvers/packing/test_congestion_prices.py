"""Trees that avoid the links that others lean on."""

import numpy as np
import pytest

from solvers.packing.column_pool import ColumnPool
from solvers.packing.congestion_prices import Congestion
from solvers.packing.families import Family
from solvers.routing.quotient import Quotient
from topologies.formats import spec
from topologies.model.topology import integers
from topologies.presets.shapes import full_mesh, ring
from topologies.symmetry.group import declared_group, trivial


def planted(topology, families, rounds=1, group=None, plant="cheapest_first"):
    """Plant trees of equal weight; give the pool and the (family, parents) in turn."""
    view = Quotient(topology, integers(range(topology.ranks)), group or trivial(topology))
    made, trees = ColumnPool(view, families), []

    def tree(family, cost):
        trees.append((family, getattr(made, plant)(family, cost)))
        return trees[-1][1]

    weights = dict.fromkeys(families, 1.0)
    prices = 1.0 / view.orbit_capacity
    scale = float(len(families) / view.orbit_capacity.max())
    Congestion(view, weights, scale).run(tree, prices, rounds, np.random.default_rng(0))
    return made, trees


def test_every_family_gets_its_trees_and_their_orders():
    families = [Family(root, inward) for root in range(4) for inward in (False, True)]
    made, trees = planted(full_mesh(4), families, rounds=3)
    assert sorted(f.root for f, _ in trees) == [r for r in range(4) for _ in range(6)]
    assert {made.family_of(order) for order in made.orders} == set(families)
    for family, parent in trees:
        assert parent[family.root] == -1
        assert (np.delete(parent, family.root) >= 0).all()


def test_trees_of_one_root_start_over_different_links():
    _, trees = planted(full_mesh(6), [Family(0, False)], rounds=5)
    busy = np.zeros((6, 6))
    for _, parent in trees:
        for child in range(1, 6):
            busy[parent[child], child] += 1
    # Each of the five trees has five arcs; leaning on the same ones they would load five links.
    assert busy.max() <= 3
    assert (busy > 0).sum() >= 12


@pytest.mark.parametrize("inward", [False, True])
def test_families_enter_a_box_over_different_ranks(inward):
    machine = spec.topology("dgx-a100:boxes=2")
    _, trees = planted(machine, [Family(r, inward) for r in range(16)], plant="nearest_first")
    crossing = np.zeros(16)
    for _, parent in trees:
        for child in np.flatnonzero(parent >= 0):
            if parent[child] // 8 != child // 8:
                crossing[child] += 1
    # Each tree crosses once, eight trees each way: one for each network card.
    assert crossing.sum() == 16
    assert crossing.max() <= 2


def test_loads_count_all_images_of_a_tree():
    topology = ring(5)
    view = Quotient(topology, integers(range(5)), declared_group(topology))
    congestion = Congestion(view, {Family(0, False): 1.0}, 1.0)
    parent = integers([-1, 0, 1, 2, 3])
    _, entry = view.distances(np.ones(topology.links))
    # One way round, 4 arcs of each of 5 images: 4 on each of the 5 links of that way.
    load = congestion._load(parent, False, entry)
    assert sorted(load.tolist()) in ([0.0, 4.0], [4.0])
    assert (load * view.orbit_size).sum() == 20
