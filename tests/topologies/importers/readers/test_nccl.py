"""NCCL's topology XML: what hangs on what, and how fast."""

import pytest

SYSTEM = '<system version="1"><cpu numaid="0" arch="x86_64" vendor="AuthenticAMD">{}</cpu></system>'
GPU = '<pci busid="{0}" class="0x030200" link_speed="16 GT/s" link_width="16"><gpu {1}/></pci>'


def test_gpus_around_an_nvswitch_have_all_their_links(imported, rates, bound):
    made = imported("nccl-nvswitch.xml").topology
    assert (made.ranks, made.vertices, made.links) == (4, 5, 8)
    assert set(rates(made).values()) == {3 * 4 * 25.0}
    # A GPU takes in three of four blocks at 300 GB/s.
    assert bound(made, "all_gather") == pytest.approx(300 * 4 / 3)
    assert [each.evidence for each in made.classes] == ["profile"]


def test_bundles_of_xgmi_count_each_link(imported, rates, bound):
    made = imported("rccl-ring.xml").topology
    found = rates(made)
    assert found["g0", "g1"] == 200
    assert found["g1", "g2"] == 50
    assert found["g3", "g0"] == 100
    # {0, 1} takes in two of four blocks over 50 + 100 GB/s; GPU 1 three over 200 + 50.
    assert bound(made, "all_gather") == pytest.approx(150 * 4 / 2)


def test_devices_on_one_pcie_switch_share_its_link(imported, rates):
    found = rates(imported("nccl-nvswitch.xml", hosts=2).topology)
    up = {ends: rate for ends, rate in found.items() if ends == ("h0.pcie0", "h0.pcie1")}
    assert list(up.values()) == [10.0]  # over both sockets, Skylake
    assert found["h0.g0", "h0.pcie0"] == found["h0.g1", "h0.pcie0"] == pytest.approx(16 * 128 / 65)
    assert found["network", "h0.pcie0"] == 25.0


def test_gpus_without_links_go_over_pcie_and_the_socket(draft):
    text = SYSTEM.format(
        GPU.format("0:1", 'dev="0" rank="1"') + GPU.format("0:2", 'dev="1" rank="0"')
    )
    read = draft("nccl", text)
    assert [(each.name, each.keys) for each in read.of("rank")] == [
        ("g0", ("pci 0:2",)),
        ("g1", ("pci 0:1",)),
    ]
    assert {(each.src, each.dst, each.medium) for each in read.cables} == {
        ("g0", "cpu0", "PCIe"),
        ("g1", "cpu0", "PCIe"),
    }


def test_a_link_that_only_one_end_lists_leads_one_way(draft):
    link = 'dev="0" sm="70" rank="0"><nvlink target="0:2" count="2" tclass="0x030200"/></gpu'
    text = SYSTEM.format(
        GPU.replace("<gpu {1}/>", "<gpu {1}>").format("0:1", link)
        + GPU.format("0:2", 'dev="1" sm="70" rank="1"')
    )
    joins = [each for each in draft("nccl", text).cables if each.base == "NVLink"]
    assert [(each.src, each.dst, each.lanes, each.duplex) for each in joins] == [
        ("g0", "g1", 2, False)
    ]
    assert joins[0].medium == "NVLink 2"


def test_gpus_that_no_rank_ran_on_come_last_and_empty_widths_are_sixteen(draft):
    empty = GPU.replace('link_width="16"', 'link_width=""')
    gpus = [empty.format("0:1", 'rank="-1"'), empty.format("0:2", 'rank="0"')]
    read = draft("nccl", SYSTEM.format("".join(gpus)))
    assert [each.keys for each in read.of("rank")] == [("pci 0:2",), ("pci 0:1",)]
    assert [float(each.rate) / 1e9 for each in read.cables] == pytest.approx([2048 / 65] * 2)


def test_a_fused_file_keeps_its_hosts_apart(draft):
    cpu = '<cpu numaid="0" host_hash="{0}" arch="arm64">{1}</cpu>'
    text = '<system version="1">{}</system>'.format(
        cpu.format("0xa", GPU.format("0:1", 'dev="0" rank="0"'))
        + cpu.format("0xb", GPU.format("0:2", 'dev="0" rank="1"'))
    )
    read = draft("nccl", text)
    assert [each.name for each in read.of("rank")] == ["h0.g0", "h1.g0"]
    assert not [each for each in read.cables if each.base == "CPU"]


@pytest.mark.parametrize(
    ("link", "medium", "rate"),
    [
        ('<c2c bw="45000" count="10"/>', "C2C", 450 * 10**9),
        ('<nvlink target="fff" count="3" tclass="0x068001"/>', "NVLink 2", None),
    ],
)
def test_links_to_the_memory_of_a_processor_are_read(draft, link, medium, rate):
    gpu = f'dev="0" sm="70" rank="0">{link}</gpu'
    text = SYSTEM.format(GPU.replace("<gpu {1}/>", "<gpu {1}>").format("0:1", gpu))
    (cable,) = [each for each in draft("nccl", text).cables if each.base != "PCIe"]
    assert (cable.dst, cable.medium, cable.rate, cable.duplex) == ("cpu0", medium, rate, True)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<system version='3'/>", "line 1: version is '3', expected 1 or 2"),
        ("<system/>", "line 1: version is '', expected 1 or 2"),
        ('<system version="1"><cpu>', "line 1, column 26: no element found"),
        ('<system version="1"/>', "no <cpu> in it"),
        (SYSTEM.format(GPU.format("0:1", 'rank="-2"')), "line 1: rank is '-2', expected a whole"),
        ('<!DOCTYPE s [<!ENTITY a "b">]><system version="1">&a;</system>', "line 1: an entity"),
        ("<!DOCTYPE s SYSTEM 'x'><system version='1'>&a;</system>", "an entity"),
        ('<system version="1">' + "<cpu>" * 200, "line 1: nested more than 100 deep"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(draft, text, fault):
    with pytest.raises(ValueError, match=r"^") as told:
        draft("nccl", text)
    assert str(told.value).startswith(fault) or fault in str(told.value)
    assert "\n" not in str(told.value)


def test_a_bomb_of_entities_is_refused_before_it_grows(draft):
    layers = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 20))
    with pytest.raises(ValueError, match="an entity, expected none"):
        draft("nccl", f'<!DOCTYPE s [<!ENTITY l0 "ha">{layers}]><system version="1">&l19;</system>')


def test_of_a_file_of_adapters_alone_the_sockets_are_the_ranks(draft):
    pci = '<pci busid="0000:00:16.0"/>'
    nic = '<nic><net name="efa0" speed="100000"/></nic>'
    made = draft("nccl", f'<system version="1"><cpu>{pci}{nic}</cpu><cpu>{pci}</cpu></system>')
    assert [(each.name, each.kind) for each in made.of("rank")] == [
        ("cpu0", "socket"),
        ("cpu1", "socket"),
    ]
    assert [each.name for each in made.of("adapter")] == ["nic0"]
    (note,) = made.notes
    assert "no GPU in it, only 1 adapter and 2 other PCI devices: a partial file" in note


def test_a_partial_file_takes_the_switch_of_the_profile(draft, tmp_path):
    from topologies.importers.importing import import_files

    bare = '<pci busid="0:{}" class="0x030200" link_speed="8 GT/s" link_width="16"/>'
    (tmp_path / "vm.xml").write_text(SYSTEM.format(bare.format(1) + bare.format(2)))
    assert import_files([str(tmp_path / "vm.xml")]).topology.vertices == 2
    made = import_files([str(tmp_path / "vm.xml")], profiles=["a100"]).topology
    assert [made.names[v] for v in range(made.ranks, made.vertices)] == ["nvs"]
    assert set(made.bandwidth) == {300e9}
