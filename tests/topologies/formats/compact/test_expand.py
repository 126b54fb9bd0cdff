"""Rows with indices: what they stand for, and every mistake in one line with its place."""

import json
from pathlib import Path

import pytest

from topologies.formats import files
from topologies.formats.compact import expand as module
from topologies.formats.compact.expand import expand
from topologies.model.topology import TopologyError, digest
from topologies.presets import shapes

BOXES = {
    "format": "commplan/topology/1",
    "name": "boxes",
    "counts": {"b": 2, "g": 3},
    "ranks": ["b{b}.g{g}"],
    "switches": [{"name": "hub{b}"}, {"name": "top"}],
    "links": [
        {"src": "b{b}.g{g}", "dst": "hub{b}", "bandwidth_GBps": 50, "duplex": True},
        {"src": "hub{b}", "dst": "top", "bandwidth_GBps": 25, "duplex": True},
    ],
}


def rows(row: dict, **counts: int) -> list[tuple[str, str]]:
    """Expand one row of links: the ends of each that it stands for."""
    full, _ = expand({"counts": counts, "links": [row]})
    return [(each["src"], each["dst"]) for each in full["links"]]


def faults(tmp_path: Path, changes: dict) -> list[str]:
    """Give the complaints about a file, without its name."""
    path = tmp_path / "m.json"
    path.write_text(json.dumps(BOXES | changes))
    with pytest.raises(TopologyError) as caught:
        files.load(path)
    assert all(line.startswith(f"{path}: ") and line.isprintable() for line in caught.value.faults)
    return [line.removeprefix(f"{path}: ") for line in caught.value.faults]


def test_a_row_stands_for_each_value_of_its_indices_the_first_slowest() -> None:
    assert rows({"src": "a{i}", "dst": "b{i}.{j}"}, i=2, j=2) == [
        ("a0", "b0.0"),
        ("a0", "b0.1"),
        ("a1", "b1.0"),
        ("a1", "b1.1"),
    ]


def test_each_gives_another_order_and_fewer_values() -> None:
    found = rows({"each": "j=1..2 i=0..4/2", "src": "a{i}", "dst": "b{j}"}, i=5, j=3)
    assert found == [(f"a{i}", f"b{j}") for j in (1, 2) for i in (0, 2, 4)]


def test_what_is_added_goes_around_or_flips_bits() -> None:
    assert rows({"src": "r{i}", "dst": "r{i+1}"}, i=3) == [("r0", "r1"), ("r1", "r2"), ("r2", "r0")]
    assert rows({"src": "r{i}", "dst": "r{i^2}"}, i=4)[:2] == [("r0", "r2"), ("r1", "r3")]


def test_rows_of_a_group_are_repeated_together() -> None:
    group = {"each": "b", "rows": [{"src": "x{b}", "dst": "y{b}.{g}"}, {"src": "z", "dst": "x{b}"}]}
    assert rows(group, b=2, g=2) == [
        *(("x0", "y0.0"), ("x0", "y0.1"), ("z", "x0")),
        *(("x1", "y1.0"), ("x1", "y1.1"), ("z", "x1")),
    ]


def test_a_plane_may_be_an_index() -> None:
    row = {"src": "a", "dst": "b{p}", "plane": "{p}"}
    full, _ = expand({"counts": {"p": 2}, "links": [row]})
    assert [each["plane"] for each in full["links"]] == [0, 1]


def test_a_short_ring_is_the_ring(tmp_path: Path) -> None:
    (tmp_path / "ring.toml").write_text(
        'format = "commplan/topology/1"\nname = "ring:5"\ncounts = {r = 5}\nranks = ["r{r}"]\n'
        'symmetry = [{"r{r}" = "r{r+1}"}]\n'
        'links = [{src = "r{r}", dst = "r{r+1}", bandwidth_GBps = 25, latency_us = 1, '
        "duplex = true}]\n"
    )
    made = files.load(tmp_path / "ring.toml")
    assert digest(made) == digest(shapes.ring(5))
    assert made.symmetry.tolist() == shapes.ring(5).symmetry.tolist()


def test_braces_are_names_where_there_are_no_counts(tmp_path: Path) -> None:
    plain = {key: value for key, value in BOXES.items() if key != "counts"}
    (tmp_path / "m.json").write_text(json.dumps(plain))
    assert files.load(tmp_path / "m.json").names == ("b{b}.g{g}", "hub{b}", "top")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"counts": 3}, "counts: found 3, expected a table"),
        ({"counts": {"b-": 2}}, "counts: 'b-' is no index, expected letters, then digits"),
        ({"counts": {"b": 0, "g": 3}}, "counts.b: found 0, expected 1 to a million"),
        ({"counts": {"b": True, "g": 3}}, "counts.b: found true, expected 1 to a million"),
        ({"counts": {"b": 2}}, "ranks[0]: no index of counts is named 'g'; known: b"),
        (
            {"ranks": ["b{b.g{g}"]},
            "ranks[0].name: found 'b{b.g{g}', expected an index in braces, as in {b}, {b+1} or",
        ),
        (
            {"links": [{"src": "b0.g0", "dst": "hub0", "bandwidth_GBps": 1, "each": "b c"}]},
            "links[0]: no index of counts is named 'c'; known: b, g",
        ),
        (
            {"links": [{"src": "b0.g0", "dst": "hub0", "bandwidth_GBps": 1, "each": 3}]},
            "links[0].each: found 3, expected indices as in 'b g=0..2'",
        ),
        (
            {"links": [{"src": "b{b}.g0", "dst": "hub0", "bandwidth_GBps": 1, "each": "b=1..2"}]},
            "links[0].each: found b=1..2, expected values from 0 to 1",
        ),
        (
            {"links": [{"src": "b{b}.g0", "dst": "hub0", "bandwidth_GBps": 1, "each": "b b"}]},
            "links[0].each: b is given twice",
        ),
        (
            {"links": [{"src": "b{b}.g{g}", "dst": "hub0", "bandwidth_GBps": 1, "each": "g"}]},
            "links[0].each: b is missing, which the names have",
        ),
        ({"links": [{"each": "b", "rows": 3}]}, "links[0].rows: found 3, expected a list of rows"),
        ({"links": [{"each": "b", "rows": []}]}, "links[0].rows: found a list, expected a list of"),
        ({"links": [{"rows": ["x"]}]}, "links[0]: the field 'each' is missing"),
        (
            {"links": [{"each": "b", "rows": ["x"], "bandwidth_GBps": 2}]},
            "links[0]: no field is named 'bandwidth_GBps'; known: each, rows",
        ),
        (
            {"links": [{"each": "b", "rows": [{"src": "b{c}.g0", "dst": "top"}]}]},
            "links[0].rows[0]: no index of counts is named 'c'; known: b, g",
        ),
        ({"links": [7]}, "links[0]: found 7, expected a table"),
        (
            {"links": [BOXES["links"][0], {"src": "hub{g}", "dst": "top", "bandwidth_GBps": 1}]},
            "links[1] hub2 -> top: no rank or switch is named hub2",
        ),
        (
            {"symmetry": [{"b{b}.g{g}": "b{b+1}.g{g}", "hub{g}": "hub{g}"}]},
            "symmetry[0]: no rank or switch is named 'hub2'",
        ),
        ({"symmetry": [{"b{b}.g{g}": 3}]}, "symmetry[0]: found 3, expected a name"),
        ({"symmetry": [{"hub{b}": "b{b}.g{g}"}]}, "symmetry[0]: 'b{b}.g{g}' has g, which its"),
        ({"symmetry": [{"hub{b}": "hub{"}]}, "symmetry[0]: found 'hub{', expected an index in"),
        ({"symmetry": [{"hub{b}": "hub0"}]}, "symmetry[0]: not a permutation of the 9 vertices"),
        ({"symmetry": [{"b{b}.g{g}": "b{b+1}.g{g}"}]}, "symmetry[0]: not an automorphism"),
    ],
)
def test_each_mistake_is_one_line_with_its_place(tmp_path: Path, changes: dict, fault: str) -> None:
    assert faults(tmp_path, changes)[0].startswith(fault)


def test_what_is_wrong_with_a_row_is_told_once(tmp_path: Path) -> None:
    row = {"src": "b{b}.g{g}", "dst": "hob{b}", "bandwidth_GBps": 0, "class": "x"}
    assert faults(tmp_path, {"links": [row, BOXES["links"][1]]}) == [
        "links[0] b0.g0 -> hob0 class: no class of links is named 'x'; there is none "
        "(and 5 more of the row)",
        "links[0] b0.g0 -> hob0: no rank or switch is named hob0; nearest: hub0 "
        "(and 5 more of the row)",
        "links[0] b0.g0 -> hob0: bandwidth is 0 GB/s, expected more than 0 (and 5 more of the row)",
    ]


def test_what_would_be_endless_is_refused_before_it_is_written_out(tmp_path: Path) -> None:
    many = {"b": 10**6, "g": 10**6}
    assert faults(tmp_path, {"counts": many}) == [
        "ranks: 1,000,000,000,000 rows, at most 250,000 are read"
    ]
    deep = {"each": "b", "rows": [{"src": "x", "dst": "y"}]}
    for index in "cdefhijklm":
        deep = {"each": index, "rows": [deep]}
    counts = dict.fromkeys("bcdefghijklm", 10**6)
    [line] = faults(tmp_path, {"counts": counts, "ranks": [], "switches": [], "links": [deep]})
    assert line.endswith("more than 8 groups within each other")
    table = {f"b{{b}}.g{{g}}{i}": "x" for i in range(9)}
    assert faults(tmp_path, {"symmetry": [{"b{b}.g{g}": "b{b}.g{g}"} | table]}) == [
        "symmetry[0]: with 'b{b}.g{g}0' more names move than there are"
    ]


def test_more_permutations_than_can_be_written_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "MOVE_LIMIT", 17)
    assert faults(tmp_path, {"symmetry": [{}, {}]}) == ["symmetry: 2 are too many to write out"]
