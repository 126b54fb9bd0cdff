"""Efficiencies: read, written, refused, and multiplied in exactly."""

from dataclasses import replace
from fractions import Fraction

import pytest

from topologies.derive.derate import derate
from topologies.formats import columns, reader
from topologies.formats.spec import topology
from topologies.formats.writer import describe
from topologies.model.topology import Link, LinkClass, TopologyError, build
from topologies.presets.registry import PRESETS

HALF = LinkClass("slow", 1, efficiency=Fraction(1, 3), efficiency_source="a stopwatch")


def pair(*classes):
    links = [
        Link("a", "b", Fraction(30), link_class=0, duplex=True),
        Link("a", "b", Fraction(7), link_class=1, duplex=True),
    ]
    return build("pair", ["a", "b"], [], links, classes=classes)


def test_bandwidths_are_multiplied_exactly_and_nothing_else_changes():
    made = pair(HALF, LinkClass("fast"))
    found = derate(made)
    assert [int(c) * found.unit for c in found.capacity] == [10, 10, 7, 7]
    assert found.names == made.names
    assert (found.alpha == made.alpha).all()


def test_a_machine_that_states_none_stays_as_it_is():
    made = topology("torus:4x4")
    found = derate(made)
    assert (found.bandwidth == made.bandwidth).all()


def test_files_and_columns_keep_them():
    made = pair(HALF, LinkClass("fast"))
    assert reader.topology(describe(made)).classes == made.classes
    assert columns.unpack(columns.pack(made)).classes == made.classes


@pytest.mark.parametrize("part", [0, 2, -1])
def test_a_part_that_is_none_is_refused(part):
    fields = describe(pair(HALF, LinkClass("fast")))
    fields["classes"][0]["efficiency"] = part
    with pytest.raises(
        TopologyError, match=r"^classes\[0\]\.efficiency: found .*, expected above 0"
    ):
        reader.topology(fields)


@pytest.mark.parametrize("row", [(7, "1/2", ""), (0, "3/2", ""), (-1, "1/2", "")])
def test_columns_that_fit_no_class_are_refused(row):
    packed = columns.pack(pair(HALF, LinkClass("fast")))
    broken = {name: getattr(packed, name) for name in packed.__struct_fields__}
    with pytest.raises(TopologyError, match="efficiency: found"):
        columns.unpack(columns.Columns(**(broken | {"efficiency": [row]})))


def test_bandwidths_without_a_sensible_unit_are_refused():
    odd = replace(HALF, efficiency=Fraction(1, 10**15 + 37))
    with pytest.raises(TopologyError, match=r"^efficiency: the bandwidths have no common unit"):
        derate(pair(odd, LinkClass("fast")))


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_efficiency_of_a_preset_has_its_source(name):
    made = topology(PRESETS[name].example)
    for each in made.classes:
        assert (each.efficiency == 1) == (each.efficiency_source == "")
    assert derate(made).bandwidth.min() > 0
