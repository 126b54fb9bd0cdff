"""Ways between members: which are collected, and how they are told apart."""

import numpy as np
import pytest

from solvers.routing.path_pool import HOP, PathPool
from solvers.routing.quotient import Quotient
from topologies.model.topology import integers
from topologies.presets.random_machines import random_machine
from topologies.presets.shapes import full_mesh, leaf_spine, ring, star
from topologies.symmetry.group import declared_group, trivial


def shortest(view):
    """Collect the shortest ways of all pairs."""
    paths = PathPool(view)
    pairs = [(i, v) for i, root in enumerate(view.roots) for v in view.members if v != root]
    paths.ask(*(integers(column) for column in zip(*pairs, strict=True)))
    return paths


def everyone(topology):
    return Quotient(topology, integers(range(topology.ranks)), declared_group(topology))


def walked(topology, members, links):
    """Follow a way: its ends, if it is simple and passes through no member."""
    stops = [int(topology.src[links[0]]), *topology.dst[list(links)].tolist()]
    assert topology.src[list(links)].tolist() == stops[:-1]
    assert len(set(stops)) == len(stops)
    assert not set(stops[1:-1]) & members
    return stops[0], stops[-1]


def drawn(seed):
    made = random_machine(seed, 5, 4, density=0.2)
    return Quotient(made, integers([0, 1, 4]), trivial(made))


def test_ways_lead_from_their_root_to_their_target_through_no_member():
    for seed in range(20):
        view = drawn(seed)
        paths = shortest(view)
        for root, target, links in zip(paths.root, paths.target, paths.links, strict=True):
            assert walked(view.topology, {0, 1, 4}, links) == (view.roots[root], target)


def test_over_each_first_link_that_begins_a_shortest_way_one_is_kept():
    for seed in range(20):
        view = drawn(seed)
        made, paths = view.topology, shortest(view)
        weight = made.alpha + HOP
        length, _ = view.distances(weight)
        # A link begins a shortest way if the way is no longer without its rivals.
        for row, root in enumerate(view.roots):
            for target in (m for m in view.members if m != root and np.isfinite(length[row, m])):
                found = {paths.links[w][0] for w in paths.between(row, int(target))}
                for w in paths.between(row, int(target)):
                    assert weight[list(paths.links[w])].sum() == pytest.approx(length[row, target])
                for start in np.flatnonzero(made.src == root).tolist():
                    price = np.where(made.src == root, 1e9, weight)
                    price[start] = weight[start]
                    shortest_here = view.distances(price)[0][row, target]
                    wanted = shortest_here <= length[row, target] * (1 + 1e-9)
                    assert (start in found) == bool(wanted)


def test_parallel_spines_share_the_ways():
    made = leaf_spine(2, 2, 2)
    view = Quotient(made, integers(range(4)), trivial(made))
    paths = shortest(view)
    far = [paths.between(0, target) for target in (2, 3)]
    spines = {int(view.topology.dst[paths.links[w][1]]) for targets in far for w in targets}
    assert len(spines) == 2


def test_direct_links_and_one_hub_give_one_way_for_each_pair():
    assert len(shortest(everyone(full_mesh(5)))) == 4
    assert len(shortest(everyone(star(5)))) == 4
    assert len(shortest(everyone(ring(5)))) == 2


def test_a_way_is_taken_in_once_and_numbers_stay():
    paths = shortest(everyone(star(4)))
    known = list(paths.links)
    for links in known:
        paths.add(0, links)
    assert paths.links == known
    assert paths.between(0, 0) == []


def test_crossings_count_links_by_orbit():
    view = everyone(leaf_spine(2, 2, 2))
    paths = shortest(view)
    counted = paths.crossings().toarray()
    for row, links in zip(counted, paths.links, strict=True):
        assert (
            row.tolist() == np.bincount(view.link_orbit[list(links)], minlength=len(row)).tolist()
        )
