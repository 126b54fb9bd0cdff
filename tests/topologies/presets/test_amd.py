"""MI250 against the published graph."""

import networkx as nx
import numpy as np

from topologies.presets.amd import mi250


def test_each_die_has_seven_links_of_fifty_gigabytes():
    machine = mi250()
    assert np.bincount(machine.src, machine.bandwidth).tolist() == [350e9] * 16


def test_a_package_is_two_dies_with_four_links():
    machine = mi250()
    inside = machine.link_class == 0
    assert machine.bandwidth[inside].tolist() == [200e9] * 16
    assert (machine.src[inside] // 2 == machine.dst[inside] // 2).all()


def test_the_farthest_dies_are_five_links_apart():
    machine = mi250()
    graph = nx.DiGraph(zip(machine.src.tolist(), machine.dst.tolist(), strict=True))
    assert nx.diameter(graph) == 5


def test_boxes_meet_on_one_switch():
    machine = mi250(3)
    network = (machine.link_class == 2) & (machine.dst == machine.vertices - 1)
    assert machine.bandwidth[network].tolist() == [16e9] * 48
