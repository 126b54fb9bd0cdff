"""Slurm's topology.conf and topology.yaml, and topograph's models: trees without rates."""

import pytest

from topologies.importers.importing import import_files


def test_a_tree_has_as_many_uplinks_as_downlinks_and_says_so(imported, rates, bound):
    made = imported("slurm-tree.conf", profiles=["hdr"])
    assert made.topology.names[:9] == (*(f"n{i}" for i in range(8)), "n9")
    found = rates(made.topology)
    assert found["n0", "leaf0"] == 25
    assert (found["leaf0", "top"], found["leaf1", "top"]) == (4 * 25, 5 * 25)
    assert "rate of uplink: as many uplinks as downlinks" in made.assumed
    assert bound(made.topology, "all_gather") == pytest.approx(25 * 9 / 8)


def test_blocks_meet_above(imported, rates):
    made = imported("slurm-block.conf")
    assert (made.topology.ranks, made.topology.vertices) == (8, 11)
    assert rates(made.topology)["b1", "blocks"] == 4 * 25
    assert any(note.startswith("blocks say who is near whom") for note in made.notes)


def test_the_default_of_several_topologies_is_read(imported):
    made = imported("slurm.yaml")
    assert made.topology.names[-3:] == ("core", "leaf1", "leaf2")
    assert "topologies left out: flat, racks" in made.notes


def test_numbers_of_nodes_become_names(imported):
    names = imported("topograph.yaml").topology.names
    assert names[:8] == ("extra", "n11", "n12", "n13", "n14", "n21", "n22", "n23")


def test_a_host_has_all_adapters_of_its_profile(imported, rates):
    found = rates(imported("slurm.yaml", profiles=["h100"]).topology)
    assert found["gpu01", "leaf1"] == 8 * 50


def test_boxes_hang_on_the_leaf_of_their_host(imported, rates):
    made = imported("slurm.yaml", "smi-switch.txt", profiles=["h100"])
    assert made.topology.ranks == 64
    found = rates(made.topology)
    assert [pair for pair in found if pair[0] == "leaf2" and pair[1].startswith("gpu05.")]
    assert found["leaf1", "core"] == 4 * 8 * 50


@pytest.mark.parametrize(
    ("form", "text", "fault"),
    [
        ("slurm-conf", "SwitchName=a Nodes=n[0-3", "line 1: found 'n[0-3', expected hosts"),
        ("slurm-conf", "SwitchName=a Nodes=n[3-0]", "line 1: '3-0' is no range"),
        ("slurm-conf", "SwitchName=a Nodes=n[0-999999999]", "line 1: '0-999999999' is no range"),
        ("slurm-conf", "SwitchName=a Nodes=[1-999][1-999]", "line 1: '[1-999][1-999]' stands for"),
        ("slurm-conf", "SwitchName=a Colour=red", "line 1: found 'Colour=red', expected SwitchN"),
        ("slurm-conf", "\nNodes=n1", "line 2: found 'Nodes=n1', expected SwitchName= or"),
        ("slurm-conf", "SwitchName=a Switches=b", "line 1: no switch is named 'b'"),
        ("slurm-conf", "SwitchName=a Nodes=x\nSwitchName=a Nodes=y", "line 2: the switch 'a' is"),
        (
            "slurm-conf",
            "SwitchName=a Switches=b Nodes=x\nSwitchName=b Switches=a",
            "line 1: the switch 'a' is above itself",
        ),
        ("slurm-yaml", "- topology: t\n  flat: true", "no topology with `tree` or `block`"),
        ("slurm-yaml", "- topology: t\n  tree: 3", "[0].tree: found '3', expected a table"),
        ("slurm-yaml", "- a: &x 1\n  tree: *x", "line 2: an alias, expected values written out"),
        ("slurm-yaml", "[" * 100, "line 1: nested too deeply"),
        ("slurm-yaml", "a: b: c", "line 1, column 5: mapping values are not allowed"),
        ("topograph", "switches: {}\nblocks: 3", "blocks: found '3', expected a list"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(draft, form, text, fault):
    with pytest.raises(ValueError, match=r"^") as told:
        draft(form, text)
    assert str(told.value).startswith(fault)


def test_lines_may_go_on(tmp_path):
    (tmp_path / "t.conf").write_text(
        "SwitchName=a \\\n Nodes=n[1-2]  # two\nSwitchName=b Switches=a\n"
    )
    assert import_files([str(tmp_path / "t.conf")]).topology.ranks == 2


def test_what_has_no_meaning_for_links_is_told(draft):
    text = "SwitchName=a Nodes=n[0-3] LinkSpeed=1800\nSwitchName=b Nodes=n[4-7]\n"
    text += "SwitchName=top Switches=a,b\n"
    assert any("LinkSpeed has no unit" in note for note in draft("slurm-conf", text).notes)
    blocks = "BlockName=a Nodes=n[0-3]\nBlockName=b Nodes=n[4-7]\nBlockSizes=4,8\n"
    assert any("BlockSizes say what" in note for note in draft("slurm-conf", blocks).notes)
