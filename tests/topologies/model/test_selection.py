"""Ranks as people name them."""

import pytest

from topologies.formats.spec import topology
from topologies.model.selection import rank, ranks
from topologies.model.topology import TopologyError


@pytest.fixture(scope="module")
def boxes():
    return topology("dgx-a100:boxes=2")


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("0,1,4-7", (0, 1, 4, 5, 6, 7)),
        ("b1.g0,b0.g1", (8, 1)),
        ("b1.*", tuple(range(8, 16))),
        ("b?.g0", (0, 8)),
        ("b[01].g7, 3", (7, 15, 3)),
    ],
)
def test_ranks_are_numbers_ranges_names_and_patterns(boxes, text, chosen):
    assert ranks(boxes, text) == chosen


def test_tens_of_thousands_of_ranks_may_be_named_one_by_one():
    machine = topology("star:20000")
    names = machine.names[: machine.ranks]
    assert ranks(machine, ",".join(names[::-1])) == tuple(range(20_000))[::-1]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("b0.g9", "no rank is named 'b0.g9'; nearest: b0.g0; ranks are 0 to 15, named b0.g0, "),
        ("16", "'16' is not among the 16 ranks 0 to 15"),
        ("3-1", "'3-1' is no range, its first number is above its last"),
        ("c*", "no name of a rank is like 'c\\*'"),
        ("0,b0.g0", "listed more than once: b0.g0"),
        ("b0.*,b0.g3", "listed more than once: b0.g3"),
        ("", "no rank is named ''"),
        ("0,,1", "no rank is named ''"),
        ("１", "no rank is named '１'"),
        ("+1", "no rank is named '\\+1'"),
        ("\u00a01", "no rank is named "),
        ("b0.nic0", "no rank is named|is a switch"),
    ],
)
def test_what_is_no_rank_is_refused_in_a_sentence(boxes, text, fault):
    with pytest.raises(TopologyError, match=fault):
        ranks(boxes, text)


def test_a_switch_is_told_from_a_name_that_is_unknown():
    with pytest.raises(TopologyError, match="'s0' is a switch, expected ranks"):
        ranks(topology("star:4"), "s0")


def test_every_mistake_of_a_list_is_named(boxes):
    with pytest.raises(TopologyError) as caught:
        ranks(boxes, "x,99,0,0")
    assert len(caught.value.faults) == 3


def test_a_root_is_one_rank(boxes):
    assert rank(boxes, "b1.g0") == rank(boxes, "8") == 8
    with pytest.raises(TopologyError, match=r"'b1\.\*' are 8 ranks, expected one"):
        rank(boxes, "b1.*")
