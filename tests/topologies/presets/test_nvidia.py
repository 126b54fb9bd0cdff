"""DGX and NVL72 against the published graphs."""

import networkx as nx
import numpy as np

from topologies.presets.nvidia import dgx_1, dgx_a100, dgx_h100, nvl72

# microsoft/msccl-tools 030a750, msccl/topologies/presets/nvidia.py: the DGX-1 in their numbering.
MSCCL_DOUBLE = [(0, 1), (0, 4), (1, 3), (2, 3), (2, 6), (4, 5), (5, 7), (6, 7)]
MSCCL_SINGLE = [(0, 2), (0, 3), (1, 2), (1, 5), (3, 7), (4, 6), (4, 7), (5, 6)]


def out_of_ranks(machine, link_class=0):
    used = machine.link_class == link_class
    out = np.bincount(machine.src[used], machine.bandwidth[used], machine.vertices)
    return set(out[: machine.ranks].tolist())


def test_dgx_1_has_six_links_at_each_gpu():
    assert out_of_ranks(dgx_1()) == {6 * 25e9}


def test_dgx_1_is_the_graph_that_others_ship():
    machine = dgx_1()
    ours, theirs = nx.Graph(), nx.Graph()
    for a, b, rate in zip(machine.src, machine.dst, machine.bandwidth, strict=True):
        ours.add_edge(int(a), int(b), cables=int(rate / 25e9))
    theirs.add_edges_from(MSCCL_DOUBLE, cables=2)
    theirs.add_edges_from(MSCCL_SINGLE, cables=1)
    assert nx.is_isomorphic(ours, theirs, edge_match=lambda a, b: a["cables"] == b["cables"])


def test_dgx_a100_has_a_hub_and_adapters():
    assert out_of_ranks(dgx_a100()) == {300e9}
    assert out_of_ranks(dgx_a100(2), link_class=1) == {25e9}
    assert not dgx_a100().multicast.any()


def test_dgx_h100_has_four_switches_that_copy_and_add():
    machine = dgx_h100()
    assert out_of_ranks(machine) == {450e9}
    first = machine.src == 0
    assert machine.bandwidth[first].tolist() == [125e9, 100e9, 100e9, 125e9]
    assert machine.multicast.tolist() == machine.reduce.tolist() == [False] * 8 + [True] * 4


def test_dgx_h100_boxes_meet_on_rails_with_as_much_up_as_down():
    machine = dgx_h100(4)
    assert out_of_ranks(machine, link_class=1) == {50e9}
    up = (machine.link_class == 2) & (machine.dst == machine.vertices - 1)
    assert machine.bandwidth[up].tolist() == [4 * 50e9] * 8
    network = [kind != "NVSwitch" for kind in machine.kinds]
    assert not machine.multicast[network].any()


def test_nvl72_is_complete_bipartite():
    machine = nvl72()
    ends = set(zip(machine.src.tolist(), machine.dst.tolist(), strict=True))
    assert ends >= {(gpu, 72 + chip) for gpu in range(72) for chip in range(18)}
    assert out_of_ranks(machine) == {900e9}
    assert machine.multicast[72:].all()
    assert machine.reduce[72:].all()
