"""hwloc's XML: GPUs on PCIe and NVLink, else sockets."""

import pytest

PACKAGE = '<object type="Package" gp_index="{0}">{1}</object>'
FILE = '<topology version="2.0"><object type="Machine">{0}</object>{1}</topology>'
GPU = '<object type="PCIDev" gp_index="{0}" pci_type="0302 []" pci_link_speed="{1}"/>'


def test_bandwidths_of_nvlink_are_stated(imported, rates, bound):
    made = imported("hwloc-gpus.xml").topology
    assert rates(made) == {
        **dict.fromkeys([("g0", "g1"), ("g1", "g0")], 50.0),
        **dict.fromkeys([("g0", "g2"), ("g2", "g0"), ("g1", "g2"), ("g2", "g1")], 25.0),
    }
    assert (made.name, made.classes[0].evidence) == ("node1", "stated")
    # The third GPU takes in two of three blocks.
    assert bound(made, "all_gather") == pytest.approx(50 * 3 / 2)


def test_a_host_is_found_by_guid_and_lid(imported, rates):
    made = imported("hwloc-gpus.xml", "ibnetdiscover.out", hosts=2)
    found = rates(made.topology)
    assert found["node0.g0", "node0.pcie0"] == pytest.approx(15.753846)
    # PCIe 3.0 holds the adapter up: 15.75 of 25 GB/s.
    assert found["leaf-1", "node1.pcie1"] == pytest.approx(15.753846)


def test_without_gpus_the_sockets_are_the_ranks(imported):
    made = imported("hwloc-sockets.xml")
    assert (made.topology.ranks, made.topology.kinds[0]) == (2, "socket")
    assert "no GPU in it: the sockets are the ranks" in made.notes


def test_nvswitches_are_one(draft):
    matrix = (
        '<distances2hetero name="NVLinkBandwidth"><indexes>PCIDev:1 PCIDev:2 PCIDev:3 PCIDev:4'
        "</indexes><u64values>0 0 25000 25000 0 0 25000 25000 25000 25000 0 0 25000 25000 0 0"
        "</u64values></distances2hetero>"
    )
    chip = '<object type="PCIDev" gp_index="{0}" pci_type="0680 []"/>'
    inside = GPU.format(1, 8) + GPU.format(2, 8) + chip.format(3) + chip.format(4)
    read = draft("hwloc", FILE.format(PACKAGE.format(9, inside), matrix))
    joins = [each for each in read.cables if each.base == "NVLink"]
    assert [(each.src, each.dst, each.rate, each.duplex) for each in joins] == [
        ("g0", "nvs", 50 * 10**9, True),
        ("g1", "nvs", 50 * 10**9, True),
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<topology version="4.0"/>', "line 1: version is '4.0', expected 1 to 3.x"),
        (FILE.format("", ""), "no Package and no GPU in it"),
        (FILE.format(PACKAGE.format(1, GPU.format(2, "fast")), ""), "line 1: pci_link_speed is"),
        (
            FILE.format(
                PACKAGE.format(1, ""),
                '<distances2 name="NVLinkBandwidth" type="Package">'
                "<indexes>1 2</indexes><u64values>1 2 3</u64values></distances2>",
            ),
            "line 1: 3 values of 2 objects, expected a square",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(draft, text, fault):
    with pytest.raises(ValueError, match=r"^") as told:
        draft("hwloc", text)
    assert str(told.value).startswith(fault)


def test_version_1_calls_packages_sockets(draft):
    gpus = "".join(GPU.format(i, "15.75") for i in range(2))
    text = FILE.format(f'<object type="Socket">{gpus}</object>', "").replace(' version="2.0"', "")
    read = draft("hwloc", text)
    assert {(each.src, each.dst) for each in read.cables} == {("g0", "cpu0"), ("g1", "cpu0")}
    assert "hwloc 1 tells no links between GPUs but PCIe" in read.notes
