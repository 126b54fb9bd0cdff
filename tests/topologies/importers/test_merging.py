"""Files of hosts and of their network become one machine."""

import shutil
from pathlib import Path

import pytest

from topologies.importers.importing import import_files
from topologies.model.topology import TopologyError


def test_one_host_stands_for_all_of_a_network(imported, rates, bound):
    made = imported("nccl-nvswitch.xml", "ibnetdiscover.out")
    assert made.topology.ranks == 16
    found = rates(made.topology)
    assert found["node3.g0", "node3.nvs"] == 300
    assert found["leaf-0", "node3.pcie0"] == found["leaf-1", "node3.pcie1"] == 25
    # Two adapters bring twelve of 16 blocks into a box.
    assert bound(made.topology, "all_gather") == pytest.approx(50 * 16 / 12)
    assert "4 hosts are taken to be like nccl-nvswitch" in made.notes


def test_fewer_hosts_than_the_network_has_may_be_meant(imported):
    made = imported("nccl-nvswitch.xml", "ibnetdiscover.out", hosts=2)
    assert made.topology.ranks == 8


def test_hosts_are_told_by_guid_or_by_name(sample, tmp_path):
    # NCCL writes a GUID with its bytes turned around; node0 is named by nothing else.
    shutil.copy(sample("nccl-nvswitch.xml"), tmp_path / "first.xml")
    other = Path(sample("nccl-nvswitch.xml")).read_text().replace("guid=", "was=")
    (tmp_path / "node2.xml").write_text(other)
    files = [str(tmp_path / name) for name in ("node2.xml", "first.xml")]
    made = import_files([*files, sample("ibnetdiscover.out")])
    hosts = {name.partition(".")[0] for name in made.topology.names[:8]}
    assert hosts == {"node0", "node2"}
    assert "no file is of node1, node3: left out" in made.notes


def test_an_adapter_that_a_host_has_lost_is_told(sample, tmp_path):
    whole = Path(sample("nccl-nvswitch.xml")).read_text().replace("guid=", "was=")
    lost = whole[: whole.rindex('<pci busid="0000:29')] + "</pci></cpu></system>"
    for name, text in {"node0.xml": whole, "node1.xml": lost}.items():
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / name) for name in ("node0.xml", "node1.xml")]
    assert import_files([*files, sample("ibnetdiscover.out")]).odd == (
        "1 port of the network without an adapter in the file: node1",
        "degraded: leaf-1 -> spine-1: 12.5 GB/s, not 25 GB/s as the others",
        "a rail is missing: node1 with 1, the other has 2 adapters",
    )


def test_a_host_that_the_network_does_not_know_is_named(sample, tmp_path):
    for name in ("node1.txt", "nodeX.txt"):
        shutil.copy(sample("smi-mesh.txt"), tmp_path / name)
    files = [str(tmp_path / "node1.txt"), str(tmp_path / "nodeX.txt")]
    with pytest.raises(TopologyError, match=r"^nodeX: no host of the network has its name"):
        import_files([*files, sample("ibnetdiscover.out")])


def test_two_files_of_one_host_are_refused(sample, tmp_path):
    for name in ("node1.txt", "node1.b.txt"):
        shutil.copy(sample("smi-mesh.txt"), tmp_path / name)
    files = [str(tmp_path / "node1.txt"), str(tmp_path / "node1.b.txt")]
    with pytest.raises(TopologyError, match="are both of node1"):
        import_files([*files, sample("ibnetdiscover.out")])


def test_without_a_network_all_adapters_meet_and_that_is_told(imported, rates):
    made = imported("nccl-nvswitch.xml", hosts=3)
    assert made.topology.ranks == 12
    assert any(note.startswith("no network is given") for note in made.notes)
    assert rates(made.topology)["h2.pcie0", "network"] == 25


def test_adapters_that_only_the_profile_knows_are_beside_the_ranks(sample, tmp_path):
    (tmp_path / "box.txt").write_text("\tGPU0\tGPU1\nGPU0\t X \tNV4\nGPU1\tNV4\t X \n")
    with pytest.raises(TopologyError, match="no adapter is known of h0, h1"):
        import_files([str(tmp_path / "box.txt")], hosts=2)
    made = import_files([str(tmp_path / "box.txt")], hosts=2, profiles=["h100"])
    assert (made.topology.ranks, made.topology.vertices) == (4, 5)


@pytest.mark.parametrize(
    ("names", "hosts", "fault"),
    [
        (["ibnetdiscover.out", "ibnetdiscover.out"], None, "2 files of networks"),
        (["ibnetdiscover.out"], 2, "--hosts: 0 files of hosts"),
        (["nccl-nvswitch.xml", "ibnetdiscover.out"], 5, "--hosts: 5, but the network has 4"),
    ],
)
def test_what_cannot_be_merged_is_told(imported, names, hosts, fault):
    with pytest.raises(TopologyError, match=f"^{fault}"):
        imported(*names, hosts=hosts)


def test_a_host_of_another_kind_is_no_copy_of_the_file(sample, tmp_path):
    text = Path(sample("ibnetdiscover.out")).read_text()
    hosts = "".join(
        f'Ca 1 "H-{h}{k}77" # "more{h} mlx5_{k}"\n[1]({h}{k}77) "S-500000000000000{k + 1}"'
        f'[{30 + h}] # lid 9 lmc 0 "leaf-{k}" lid 1 4xHDR\n'
        for h in range(1, 5)
        for k in range(2)
        if (h, k) != (4, 1)
    )
    (tmp_path / "fabric.out").write_text(f"{text}\n{hosts}")
    made = import_files([sample("nccl-nvswitch.xml"), str(tmp_path / "fabric.out")])
    assert made.topology.ranks == 7 * 4
    assert any(note.endswith("left out: more4") for note in made.notes)


def test_an_assumed_rate_that_makes_less_of_adapters_is_told(tmp_path):
    matrix = "\tGPU0\tGPU1\tNIC0\nGPU0\t X \tNV18\tPIX\nGPU1\tNV18\t X \tPIX\nNIC0\tPIX\tPIX\t X \n"
    switch = 'Switch\t65 "S-1"\t\t# "leaf" enhanced port 0 lid 1 lmc 0\n'
    ports = "".join(
        f'[{k}]\t"H-{k}"[1]({k})\t\t# "n{k} mlx5_0" lid {k + 1} 4xNDR\n' for k in (1, 2)
    )
    hosts = "".join(
        f'Ca\t1 "H-{k}"\t\t# "n{k} mlx5_0"\n[1]({k})\t"S-1"[{k}]\t\t# lid {k + 1} lmc 0 "leaf" '
        "lid 1 4xNDR\n\n"
        for k in (1, 2)
    )
    files = [("n1.txt", matrix), ("n2.txt", matrix), ("f.out", f"{switch}{ports}\n{hosts}")]
    names = [str(tmp_path / name) for name, _ in files]
    for name, (_, text) in zip(names, files, strict=True):
        Path(name).write_text(text)
    odd = import_files(names).odd
    assert odd[0].startswith("2 adapters of 50 GB/s beside links that are assumed to carry 31.5")
    assert import_files(names, profiles=["h100"]).odd == ()
