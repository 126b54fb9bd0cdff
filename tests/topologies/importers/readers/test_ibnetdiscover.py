"""The output of ibnetdiscover: hosts, rails, bundles of cables."""

from pathlib import Path

import pytest

HOST = """Ca 1 "H-{0}" # "{1}"
[1]({0}) "S-5"[{2}] # lid {2} lmc 0 "leaf" lid 1 {3}
"""
TWO = 'Switch 36 "S-5" # "leaf" base port 0 lid 1 lmc 0\n' + HOST.format(
    "a", "n1 mlx5_0", 1, "4xEDR"
)


def test_hosts_are_ranks_with_all_their_adapters(imported, rates, bound):
    made = imported("ibnetdiscover.out")
    found = rates(made.topology)
    assert made.topology.names[:4] == ("node0", "node1", "node2", "node3")
    assert found["node0", "leaf-0"] == found["node0", "leaf-1"] == 25
    assert found["leaf-1", "spine-1"] == 12.5
    # A host takes in three of four blocks over two adapters.
    assert bound(made.topology, "all_gather") == pytest.approx(50 * 4 / 3)


def test_what_is_slower_than_the_others_is_told(imported):
    made = imported("ibnetdiscover.out")
    assert made.odd == ("degraded: leaf-1 -> spine-1: 12.5 GB/s, not 25 GB/s as the others",)
    assert dict(made.summary)["oversubscribed"].startswith("2.67 : 1 at leaf-1")
    assert dict(made.summary)["rails"] == (
        "4 boxes on 2 leaves: 4 with 2 links, each at a leaf of its own"
    )


def test_cables_in_parallel_are_one_link(draft):
    text = TWO + HOST.format("b", "n2 mlx5_0", 2, "4xEDR")
    text += 'Switch 36 "S-6" # "top" base port 0 lid 9 lmc 0\n'
    text += "".join(f'[{i}] "S-5"[{i + 10}] # "leaf" lid 1 4xEDR\n' for i in (1, 2, 3))
    up = [each for each in draft("ibnetdiscover", text).cables if each.base == "uplink"]
    assert [(each.src, each.dst, each.lanes) for each in up] == [("leaf", "top", 3)]
    assert up[0].rate == 3 * 12_500_000_000


@pytest.mark.parametrize("text", ["localhost HCA-1", "MT4129 ConnectX7   Mellanox Technologies"])
def test_adapters_that_name_no_host_are_left_out_and_told(draft, text):
    read = draft("ibnetdiscover", TWO + HOST.format("c", text, 3, "4xEDR"))
    assert [each.name for each in read.of("rank")] == ["n1"]
    assert read.notes[0].startswith("1 adapters name no host")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (TWO.replace("4xEDR", "4xFAST"), "line 3: found '4xFAST', expected a rate such as 4xSDR/"),
        (TWO.replace("4xEDR", ""), "line 3: found"),
        (TWO + "[oops\n", "line 4: found '[oops', expected a node, a port or an attribute"),
        (TWO.split("\n")[0], "no adapter has a host's name"),
        (TWO + TWO, "line 4: S-5 is described twice"),
        ('[1] "S-5"[1] # "leaf" lid 1 4xEDR\n', "line 1: a port of no node"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(draft, text, fault):
    with pytest.raises(ValueError, match=r"^") as told:
        draft("ibnetdiscover", text)
    assert str(told.value).startswith(fault)


def test_a_line_in_the_middle_of_a_real_file_is_named(sample, draft):
    text = Path(sample("ibnetdiscover.out")).read_text().replace("lid 104 4xHDR", "lid 104 4xHD")
    with pytest.raises(ValueError, match=r"^line 14: found 'lid 104 4xHD', expected"):
        draft("ibnetdiscover", text)


def test_headings_of_chassis_say_nothing_that_is_needed(draft):
    grouped = "Chassis 1 (guid 0x1)\n\nSpine 2\n" + TWO + "Non-Chassis Nodes\n"
    assert draft("ibnetdiscover", grouped) == draft("ibnetdiscover", TWO)
