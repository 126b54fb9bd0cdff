"""The matrix of `nvidia-smi topo -m`."""

import pytest

ROWS = "\tGPU0\tGPU1\tNIC0\nGPU0\t X \t{0}\tPIX\nGPU1\t{0}\t X \tSYS\nNIC0\tPIX\tSYS\t X \n"


def test_links_between_all_pairs_are_a_mesh_where_a_gpu_has_so_many(imported, rates, bound):
    made = imported("smi-mesh.txt").topology
    assert (made.ranks, made.vertices) == (4, 4)
    assert set(rates(made).values()) == {100.0}
    assert bound(made, "all_gather") == pytest.approx(400)


def test_more_links_than_a_gpu_has_are_those_to_a_switch(imported, rates):
    made = imported("smi-switch.txt")
    assert (made.topology.ranks, made.topology.vertices) == (8, 9)
    assert set(rates(made.topology).values()) == {18 * 25.0}
    assert any("more than a GPU has links" in note for note in made.notes)


def test_a_profile_says_the_rate_of_a_link_and_that_switches_add(imported, rates):
    made = imported("smi-switch.txt", profiles=["b200"])
    assert set(rates(made.topology).values()) == {18 * 50.0}
    assert made.topology.reduce[-1]
    assert not any(text.startswith("rate") for text in made.assumed)


def test_devices_near_each_other_share_what_leads_away(imported, rates):
    found = rates(imported("smi-mesh.txt", hosts=2, profiles=["a100"]).topology)
    assert ("h0.g0", "h0.bridge0") in found
    assert ("h0.g1", "h0.bridge0") in found
    assert ("h0.bridge0", "h0.bridge1") in found
    assert found["network", "h0.bridge0"] == 25.0


def test_gpus_without_direct_links_meet_where_the_words_say(draft):
    read = draft("nvidia-smi", ROWS.format("NODE"))
    assert {(each.src, each.dst) for each in read.cables} == {
        ("g0", "pcie0"),
        ("NIC0", "pcie0"),
        ("pcie0", "numa0"),
        ("g1", "numa0"),
    }


@pytest.mark.parametrize("change", [("\t", "  "), ("GPU0", "\x1b[4mGPU0\x1b[0m"), ("PIX", " PIX ")])
def test_spaces_and_underlines_do_not_matter(draft, change):
    text = ROWS.format("NV2")
    assert draft("nvidia-smi", text.replace(*change)).cables == draft("nvidia-smi", text).cables


def test_other_makers_words_are_read(draft):
    text = "\tNPU0\tNPU1\nNPU0\t X \tHCCS\nNPU1\tHCCS\t X \n"
    assert [each.medium for each in draft("nvidia-smi", text).cables][:1] == ["HCCS"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (ROWS.format("NV2").rpartition("NIC0")[0], "no row of NIC0: the matrix is cut off"),
        (ROWS.format("NVX"), "line 2: found 'NVX', expected X, NV#"),
        (ROWS.format("X"), "line 2: X stands for a device and itself, not GPU1"),
        (ROWS.replace("\tSYS\n", "\n", 1).format("NV2"), "line 3: 2 cells of GPU1, expected 3"),
        (
            ROWS.replace("GPU1\tNIC0", "GPU0\tNIC0", 1).format("NV2"),
            "line 1: a device is listed twice",
        ),
        ("hello\n", "line 1: found 'hello', expected GPU0"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(draft, text, fault):
    with pytest.raises(ValueError, match=r"^") as told:
        draft("nvidia-smi", text)
    assert str(told.value).startswith(fault)


def test_dies_of_npu_smi_have_their_sibling_and_a_switch(draft):
    read = draft(
        "nvidia-smi",
        "          Phy-ID0    Phy-ID1    Phy-ID2    CPU Affinity\n"
        "Phy-ID0    X          SIO        HCCS_SW    0-23\n"
        "Phy-ID1    SIO        X          HCCS_SW    0-23\n"
        "Phy-ID2    HCCS_SW    HCCS_SW    X          NA\n\n"
        "Legend:\n\n  X    = Self\n  NA   = Unknown relationship.\n",
    )
    found = {(each.src, each.dst, each.medium) for each in read.cables}
    assert ("g0", "g1", "SIO") in found
    assert {(f"g{i}", "nvs", "HCCS") for i in range(3)} <= found
    assert not any(src == "g1" and dst == "g2" for src, dst, _ in found)
