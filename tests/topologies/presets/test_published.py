"""Sums over machines against those that their makers print, and shapes against definitions."""

from collections import Counter

import networkx as nx
import numpy as np
import pytest

from topologies.formats.spec import topology
from topologies.model.topology import Topology
from topologies.presets.google import V4, V5E, V5P, V6E, V7
from topologies.presets.nvidia import dgx_1
from topologies.presets.nvidia_v100 import ndv2


def out(machine: Topology, *names: str) -> set[float]:
    """Add up what leaves each rank over links of these classes, all if none is named, in GB/s."""
    kept = [i for i, each in enumerate(machine.classes) if not names or each.name in names]
    used = np.isin(machine.link_class, kept)
    rates = np.bincount(machine.src[used], machine.bandwidth[used], machine.vertices)
    return set((rates[: machine.ranks] / 1e9).round(6).tolist())


def across(machine: Topology, side: range) -> float:
    """Add up what leads from some ranks to all others, one way, in GB/s."""
    inside = np.isin(np.arange(machine.vertices), side)
    return float(machine.bandwidth[inside[machine.src] & ~inside[machine.dst]].sum()) / 1e9


def undirected(machine: Topology) -> "nx.Graph[int]":
    """Make the graph of a machine, with its rates."""
    graph: nx.Graph[int] = nx.Graph()
    for a, b, rate in zip(machine.src, machine.dst, machine.bandwidth, strict=True):
        graph.add_edge(int(a), int(b), rate=float(rate))
    return graph


@pytest.mark.parametrize(
    ("name", "classes", "both_ways"),
    [
        ("dgx-2", ("NVLink 2",), 300),
        ("dgx-h100:boxes=2", ("NVLink 4",), 900),
        ("dgx-b200:boxes=2", ("NVLink 5",), 14_400 / 8),
        ("nvl72:racks=2", ("NVLink 5",), 1800),
        ("mi355x", (), 7 * 153.6),
        ("tpu-v4:4x4x4", (), 600),
        ("tpu-v5e:16x16", (), 400),
        ("tpu-v5p:4x4x8", (), 1200),
        ("tpu-v6e:16x16", (), 800),
        ("tpu-v7:4x4x8:twisted=1", (), 1200),
        ("trn2", (), 1024),
        ("trn2-ultra", (), 1280),
        ("atlas-950", (), 1680),
    ],
)
def test_a_rank_has_what_its_maker_prints_both_ways_together(name, classes, both_ways):
    [rate] = out(topology(name), *classes)
    assert rate == pytest.approx(both_ways / 2)


def test_the_lanes_of_ub_mesh_close():
    pod = topology("ub-mesh:racks=4x4")
    assert out(pod) == {72 * 14}
    assert out(pod, "UB board", "UB rack") == {56 * 14}
    racks = pod.kinds.count("LRS")
    assert (racks, pod.ranks) == (16, 1024)
    up = pod.link_class == 3
    lanes = np.bincount(pod.src[up], pod.bandwidth[up])[pod.ranks :] / 14e9
    assert lanes.tolist() == [6 * 128] * racks


def test_a_tpu_v6e_pod_has_the_bisection_of_its_page():
    assert across(topology("tpu-v6e:16x16"), range(128)) == 3200


def test_pods_have_the_chips_of_their_pages():
    chips = {kind.name: int(np.prod(kind.largest)) for kind in (V4, V5E, V5P, V6E, V7)}
    assert chips == {
        "tpu-v4": 4096,
        "tpu-v5e": 256,
        "tpu-v5p": 8960,
        "tpu-v6e": 256,
        "tpu-v7": 9216,
    }


@pytest.mark.parametrize(
    ("name", "open_axes"),
    [
        ("tpu-v4:4x4x4", []),
        ("tpu-v4:2x4x4", [0, 1, 2]),
        ("tpu-v5p:8x8x12", []),
        ("tpu-v6e:8x16", [0]),
        ("tpu-v5e:8x8", [0, 1]),
        ("tpu-v6e:16x16", []),
    ],
)
def test_axes_close_where_slices_close_them(name, open_axes):
    made = topology(name)
    dims = [int(n) for n in name.partition(":")[2].split("x")]
    for axis, size in enumerate(dims):
        links = int((made.link_class == axis).sum()) // 2
        lines = made.ranks // size
        assert links == lines * (size - (axis in open_axes))


@pytest.mark.parametrize("dims", [(4, 4, 8), (4, 8, 8), (8, 4, 4)])
def test_a_twisted_torus_has_nearer_chips(dims):
    name = f"tpu-v4:{'x'.join(map(str, dims))}"
    plain, twisted = (undirected(topology(name + words)) for words in ("", ":twisted=1"))
    assert {degree for _, degree in twisted.degree} == {6}
    assert nx.diameter(twisted) < nx.diameter(plain)
    far = [nx.single_source_shortest_path_length(graph, 0) for graph in (plain, twisted)]
    assert sum(far[1].values()) < sum(far[0].values())


def test_ndv2_has_the_board_of_a_dgx_1():
    one, other = undirected(ndv2()), undirected(dgx_1())
    assert nx.is_isomorphic(one, other, edge_match=lambda a, b: a["rate"] == b["rate"])


def test_two_gpus_of_a_dgx_2_share_an_adapter_and_eight_of_an_ndv2():
    for name, shared in (("dgx-2:boxes=2", 2), ("ndv2:boxes=2", 8)):
        made = topology(name)
        pcie = [v for v in range(made.ranks, made.vertices) if made.kinds[v] == "PCIe"]
        down = Counter(made.dst[made.src < made.ranks].tolist())
        assert {down[v] for v in pcie} == {shared}
        up = np.isin(made.src, pcie) & (made.dst >= made.ranks)
        assert made.bandwidth[up].tolist() == [12.5e9] * len(pcie)


def test_a_leaf_has_its_downlinks_over_its_oversubscription():
    made = topology("dgx-h100:boxes=32:units=2:oversubscription=4")
    up = (made.link_class == 2) & (made.dst == made.vertices - 1)
    assert made.bandwidth[up].tolist() == [32 * 50e9 / 4] * 16


def test_racks_meet_on_a_rail_for_each_place_of_a_tray():
    made = topology("nvl72:racks=2")
    ports = (made.link_class == 1) & (made.src < made.ranks)
    rails = [made.names[v] for v in made.dst[ports]]
    places = [made.names[v][-1] for v in made.src[ports]]
    assert rails == [f"rail{place}" for place in places]
    assert Counter(rails) == dict.fromkeys(("rail0", "rail1", "rail2", "rail3"), 36)


@pytest.mark.parametrize("k", [2, 4, 6, 8])
def test_a_fat_tree_has_the_parts_of_its_definition(k):
    made = topology(f"fat-tree:{k}")
    assert made.ranks == k**3 // 4
    kinds = Counter(made.kinds)
    half = k // 2
    assert [kinds[kind] for kind in ("edge", "aggregation", "core")] == [
        k * half,
        k * half,
        half**2,
    ]
    ports = np.bincount(made.src, minlength=made.vertices)[made.ranks :]
    assert set(ports.tolist()) == {k}


@pytest.mark.parametrize(("sizes", "groups"), [((1, 2, 1), 3), ((2, 4, 2), 9), ((3, 6, 3), 19)])
def test_a_balanced_dragonfly_is_three_routers_wide(sizes, groups):
    hosts, routers, cables = sizes
    made = topology(f"dragonfly:{hosts}x{routers}x{cables}")
    assert made.ranks == hosts * routers * groups
    graph = undirected(made)
    assert nx.diameter(graph) == 2 + 3
    ports = [graph.degree(router) for router in range(made.ranks, made.vertices)]
    assert set(ports) == {hosts + routers - 1 + cables}
    smaller = topology(f"dragonfly:{hosts}x{routers}x{cables}:groups=2")
    assert smaller.ranks == 2 * hosts * routers
