"""Short files: they stand for the machine that they were written of, and are short."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topologies.formats import json_text, toml_text
from topologies.formats.spec import topology
from topologies.model.topology import Link, Switch, Topology, build, digest


def assert_same(one: Topology, other: Topology) -> None:
    """Compare all that a file says."""
    assert digest(one) == digest(other)
    assert (one.name, one.kinds, one.classes) == (other.name, other.kinds, other.classes)
    for column in ("link_class", "plane", "symmetry"):
        assert np.array_equal(getattr(one, column), getattr(other, column))


# A machine, and the most lines of its file.
SHORT = [
    ("dgx-h100:boxes=4", 32),
    ("dgx-h100:boxes=8:units=4:oversubscription=2", 33),
    ("cloudmatrix384:nodes=12", 27),
    ("cloudmatrix384:nodes=2:supernodes=2", 36),
    ("nvl72:racks=3", 30),
    ("mi250:boxes=4", 47),
    ("ub-mesh:racks=2x2", 80),
    ("tpu-v7:8x8x8", 23),
    ("tpu-v4:4x4x8:twisted=1", 27),
    ("torus:4x4x4", 21),
    ("hypercube:6", 30),
    ("fat-tree:8", 26),
    ("dragonfly:2x4x2", 31),
    ("atlas-800t-a2:boxes=4:units=2", 36),
    ("trn2-ultra:servers=2", 28),
]


@pytest.mark.parametrize(("name", "most"), SHORT, ids=[name for name, _ in SHORT])
def test_the_file_of_a_regular_machine_is_short_and_stands_for_it(name: str, most: int) -> None:
    made = topology(name)
    text = toml_text.write(made)
    assert text.count("\n") <= most
    again = toml_text.read(text)
    assert_same(again, made)
    assert toml_text.write(again) == text
    assert_same(json_text.read(json_text.write(again)), made)


def test_a_pod_is_written_as_a_person_would() -> None:
    text = toml_text.write(topology("rails:4x8"))
    assert 'counts = {b = 4, g = 8}\nranks = ["b{b}.g{g}"]\n' in text
    assert '  {src = "b{b}.g{g}", dst = "rail{g}", bandwidth_GBps = 25, latency_us = 1,' in text
    assert '  {"b{b}.g{g}" = "b{b}.g{g+1}", "rail{g}" = "rail{g+1}"}\n' in text


def test_an_edited_file_is_the_larger_machine(tmp_path: Path) -> None:
    text = toml_text.write(topology("atlas-a2:boxes=2"))
    larger = text.replace("counts = {b = 2", "counts = {b = 6").replace("boxes=2", "boxes=6")
    assert_same(toml_text.read(larger), topology("atlas-a2:boxes=6"))


@pytest.mark.parametrize("name", ["random:9:switches=3:seed=4", "irregular:seed=2", "dgx-1"])
def test_what_does_not_repeat_is_written_row_by_row(name: str) -> None:
    text = toml_text.write(topology(name))
    assert text.startswith("format = ")
    assert "{src" in text
    assert_same(toml_text.read(text), topology(name))


NAMES = st.sampled_from(
    [
        *(f"g{i}" for i in range(6)),
        *(f"b{i}.g{j}" for i in range(3) for j in range(3)),
        *("01", "g07", "x", "host1", "host2", "host3", "10.0.0.1", "10.0.0.2", "{b}", "a{b+1}"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(NAMES, min_size=2, max_size=14, unique=True),
    st.lists(
        st.tuples(st.integers(0, 13), st.integers(0, 13), st.integers(1, 2), st.integers(-1, 2)),
        max_size=40,
    ),
    st.integers(0, 4),
)
def test_any_machine_comes_back_the_same(
    names: list[str], drawn: list[tuple[int, int, int, int]], switches: int
) -> None:
    count = len(names)
    ranks = max(1, count - switches)
    ends = [(a % count, b % count, rate, plane) for a, b, rate, plane in drawn]
    spine = [(i, i + 1, 1, -1) for i in range(count - 1)]
    links = [
        Link(names[a], names[b], Fraction(rate), 1e-6, duplex=True, plane=plane)
        for a, b, rate, plane in [*spine, *ends]
        if a != b
    ]
    made = build("m", names[:ranks], [Switch(name) for name in names[ranks:]], links)
    assert_same(toml_text.read(toml_text.write(made)), made)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.data())
def test_regular_machines_with_a_few_odd_links_come_back_the_same(
    boxes: int, ranks: int, hubs: int, data: st.DataObject
) -> None:
    names = [f"b{b}.g{g}" for b in range(boxes) for g in range(ranks)]
    switches = [Switch(f"b{b}.s{s}") for b in range(boxes) for s in range(hubs)]
    rates = [data.draw(st.sampled_from([1, 1, 1, 2])) for _ in range(boxes * ranks * hubs)]
    links = [
        Link(f"b{b}.g{g}", f"b{b}.s{s}", Fraction(rates.pop()), 1e-6, True)
        for b in range(boxes)
        for g in range(ranks)
        for s in range(hubs)
    ]
    links += [Link(f"b{b}.s0", f"b{b + 1}.s0", Fraction(3), 1e-6, True) for b in range(boxes - 1)]
    made = build("m", names, switches, links)
    assert_same(toml_text.read(toml_text.write(made)), made)
