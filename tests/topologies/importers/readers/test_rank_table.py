"""Huawei's rank tables: who is where."""

import json
import re
from pathlib import Path

import pytest

from topologies.importers.importing import import_files
from topologies.model.topology import TopologyError

POD = {"super_pod_id": "0", "server_list": [{"server_id": "node_0"}]}


def changed(sample, name, **fields):
    return json.dumps(json.loads(Path(sample(name)).read_text()) | fields)


def test_servers_of_910b_are_meshes_joined_by_their_adapters(imported, rates, bound):
    made = imported("rank-table-1.0.json", profiles=["atlas-a2"]).topology
    assert (made.ranks, made.vertices - made.ranks) == (16, 1)
    found = rates(made)
    assert found["node_0.d0", "node_0.d7"] == 28
    assert found["node_1.d3", "network"] == 25
    # An NPU takes in 15 of 16 blocks over seven links and its adapter.
    assert bound(made, "all_gather") == pytest.approx((7 * 28 + 25) * 16 / 15)


def test_dies_of_a_super_pod_have_its_switches_and_their_sibling(imported, rates, bound):
    made = imported("rank-table-1.2.json", profiles=["atlas-a3"]).topology
    found = rates(made)
    assert found["node_0.d0", "node_0.d1"] == 270
    assert ("node_0.d1", "node_0.d2") not in found
    assert found["node_0.d0", "node_0.l1"] == 196
    assert found["node_0.l1", "pod0.l2"] == 16 * 196
    # A package takes in 30 of 32 blocks over two times 196.
    assert bound(made, "all_gather") == pytest.approx(392 * 32 / 30)


def test_ports_of_a_layer_are_counted(imported, rates):
    found = rates(imported("rank-table-2.0.json", profiles=["atlas-950"]).topology)
    assert found["az0-rack0.d0", "az0-rack0.d1"] == 56
    assert found["az0-rack1.d3", "net1-az0"] == 4 * 56


def test_ranks_are_in_their_order(sample, draft):
    table = json.loads(Path(sample("rank-table-1.0.json")).read_text())
    for server in table["server_list"]:
        for device in server["device"]:
            device["rank_id"] = str(15 - int(device["rank_id"]))
    names = [each.name for each in draft("rank-table", json.dumps(table)).of("rank")]
    assert (names[0], names[15]) == ("node_1.d7", "node_0.d0")


@pytest.mark.parametrize(
    ("name", "fields", "fault"),
    [
        ("1.0", {"version": "3.0"}, "version: found '3.0', expected 1.0, 1.2, 2.0"),
        ("1.0", {"server_list": []}, "rank_id: expected each number"),
        ("1.0", {"server_list": [{"server_id": 7}]}, "Expected 'str', got 'int' - at"),
        (
            "1.2",
            {"super_pod_list": [{"super_pod_id": "0", "server_list": [{"server_id": "node_0"}]}]},
            "super_pod_list: 'node_1' is in no super-pod",
        ),
        ("2.0", {"rank_count": 9}, "rank_count: 9, but 8 ranks are listed"),
        ("2.0", {"rank_list": []}, "rank_list: expected each rank_id"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(sample, draft, name, fields, fault):
    with pytest.raises(ValueError, match=r"^") as told:
        draft("rank-table", changed(sample, f"rank-table-{name}.json", **fields))
    assert str(told.value).startswith(fault)


def test_servers_named_by_addresses_are_told_apart(sample, draft):
    text = Path(sample("rank-table-1.2.json")).read_text().replace("node_0", "fe80::1")
    assert draft("rank-table", text).of("rank")[0].name == "fe80__1.d0"


def test_ports_of_a_box_are_those_of_its_topology_file(imported, rates):
    found = rates(imported("ascend-topology.json", profiles=["atlas-950"]).topology)
    assert found["d0", "d1"] == 56
    assert found["d0", "net1-0"] == found["net1-0", "d1"] == 6 * 56


@pytest.fixture
def wires(tmp_path):
    """Write a topology file of four NPUs, two of which are joined by two ports."""
    pairs = [(a, b, 2 if (a, b) == (0, 1) else 1) for a in range(4) for b in range(a + 1, 4)]
    edges = [
        {
            **{"net_layer": 0, "link_type": "PEER2PEER", "local_a": a, "local_b": b},
            "local_a_ports": [f"1/{port}" for port in range(ports)],
        }
        for a, b, ports in pairs
    ]
    edges += [{"net_layer": 0, "link_type": "PEER2NET", "local_a": k} for k in range(4)]
    edges += [{"net_layer": 2, "link_type": "PEER2NET", "local_a": k} for k in range(4)]
    file = tmp_path / "topo.json"
    peers = [{"local_id": number} for number in range(4)]
    file.write_text(json.dumps({"version": "2.0", "peer_list": peers, "edge_list": edges}))
    return str(file)


def test_a_rank_table_takes_the_wires_of_a_box_from_the_topology_file(sample, rates, wires):
    table = sample("rank-table-2.0.json")
    made = import_files([wires, table], profiles=["atlas-950"])
    found = rates(made.topology)
    plain = rates(import_files([table], profiles=["atlas-950"]).topology)
    for box in ("az0-rack0", "az0-rack1"):
        assert found[f"{box}.d0", f"{box}.d1"] == 112
        assert found[f"{box}.d0", f"{box}.d2"] == 56
        assert found[f"{box}.d3", f"{box}.net0-0"] == 56
        assert found[f"{box}.d3", "net1-az0"] == plain[f"{box}.d3", "net1-az0"]
    assert not any("net2" in end for ends in found for end in ends)
    assert made.formats == ("ascend", "rank-table")


def test_devices_that_the_topology_file_does_not_have_are_told(sample, wires):
    with pytest.raises(TopologyError, match=r"d4, node_0\.d5.*: not in the peer_list"):
        import_files([wires, sample("rank-table-1.0.json")], profiles=["atlas-a2"])
    with pytest.raises(TopologyError, match="1 rank tables and 2 topology files, expected one"):
        import_files([wires, wires, sample("rank-table-1.0.json")], profiles=["atlas-a2"])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"local_b": 1', '"local_b": 7', "edge_list[0].local_b: 7 is not in peer_list"),
        ("PEER2PEER", "PEER2ALL", "edge_list[0].link_type: found 'PEER2ALL', expected PEER2PEER"),
        ('"edge_count": 3', '"edge_count": 4', "edge_count: 4, but 3 are listed"),
        ('"local_b": 1', '"local_b": 0', "edge_list[0]: it leads from d0 to itself"),
    ],
)
def test_a_wrong_topology_file_names_the_place(sample, draft, old, new, says):
    text = Path(sample("ascend-topology.json")).read_text()
    with pytest.raises(ValueError, match=re.escape(says)):
        draft("ascend", text.replace(old, new, 1))
