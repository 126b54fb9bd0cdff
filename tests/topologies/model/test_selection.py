"""Ranks as people name them."""

from fractions import Fraction

import pytest

from topologies.formats.spec import topology
from topologies.model.selection import rank, ranks
from topologies.model.topology import Link, TopologyError, build


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


def test_a_number_that_is_the_name_of_another_rank_is_refused_with_both_ways_to_write_it():
    links = [Link(*ends, Fraction(10**9), duplex=True) for ends in ("12", "23", "13")]
    machine = build("digits", "123", [], links)
    said = "'1' is the name of rank 0 and the number of '2'; '1-1' is the number, '[1]' the name"
    for read in (ranks, rank):
        with pytest.raises(TopologyError) as caught:
            read(machine, "1")
        assert caught.value.faults == (said,)
    assert (ranks(machine, "1-1"), ranks(machine, "[1]"), rank(machine, "0")) == ((1,), (0,), 0)
    links = [Link(*ends, Fraction(10**9)) for ends in ("01", "12", "20")]
    assert ranks(build("order", "012", [], links), "1,2") == (1, 2)


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
