"""CloudMatrix384 and Atlas A2 against the published figures."""

from collections import Counter

import numpy as np
import pytest

from topologies.presets.huawei import atlas_a2, cloudmatrix384


@pytest.fixture(scope="module")
def supernode():
    return cloudmatrix384()


def test_the_supernode_has_the_parts_of_the_paper(supernode):
    assert Counter(supernode.kinds) == {"die": 768, "L1": 336, "L2": 112}
    names = [supernode.classes[i].name for i in supernode.link_class]
    duplex = {name: count // 2 for name, count in Counter(names).items()}
    assert duplex == {"SIO": 384, "UB die-L1": 5376, "UB L1-L2": 5376}


def test_the_supernode_has_the_bandwidths_of_the_paper(supernode):
    out = np.zeros((3, supernode.vertices))
    np.add.at(out, (supernode.link_class, supernode.src), supernode.bandwidth)
    dies, leaves, spines = np.split(out, [768, 768 + 336], axis=1)
    assert set(dies[0]) == {270e9}
    assert set(dies[1]) == {196e9}
    assert set(leaves[2]) == {448e9}
    assert set(spines[2]) == {48 * 28e9}


def test_planes_do_not_meet(supernode):
    plane = np.full(supernode.vertices, -1)
    for end in (supernode.src, supernode.dst):
        for vertex, p in zip(end.tolist(), supernode.plane.tolist(), strict=True):
            if vertex >= supernode.ranks:
                assert plane[vertex] in (-1, p)
                plane[vertex] = p
    assert Counter(plane.tolist()) == {-1: 768} | dict.fromkeys(range(7), 48 + 16)


def test_latencies_add_up_to_those_measured_between_dies(supernode):
    alpha = [set(supernode.alpha[supernode.link_class == k].tolist()) for k in range(3)]
    [package], [die], [uplink] = alpha
    assert package == pytest.approx(0.2e-6)
    assert 2 * die == pytest.approx(0.7e-6)
    assert 2 * die + 2 * uplink == pytest.approx(2.1e-6)


def test_the_dies_of_a_package_are_numbered_together(supernode):
    inside = supernode.link_class == 0
    assert (supernode.src[inside] // 2 == supernode.dst[inside] // 2).all()
    assert supernode.names[17] == "n1.d1"


def test_switches_of_the_supernode_only_forward(supernode):
    assert not supernode.multicast.any()
    assert not supernode.reduce.any()


def test_one_node_has_no_second_tier():
    assert set(cloudmatrix384(1).kinds) == {"die", "L1"}
    assert set(cloudmatrix384(2).kinds) == {"die", "L1", "L2"}


def test_an_atlas_a2_server_is_a_full_mesh_of_196_gigabytes_each():
    server = atlas_a2()
    out = np.bincount(server.src, weights=server.bandwidth)
    assert out.tolist() == [196e9] * 8
    assert len(set(zip(server.src.tolist(), server.dst.tolist(), strict=True))) == 56


def test_slots_of_atlas_a2_servers_meet_on_their_own_leaf():
    pod = atlas_a2(3)
    up = (pod.link_class == 1) & (pod.src < pod.ranks)
    assert (pod.src[up] % 8 == pod.dst[up] - pod.ranks).all()
    assert pod.bandwidth[up].tolist() == [25e9] * 24
