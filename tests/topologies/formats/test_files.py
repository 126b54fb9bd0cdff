import json
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topologies.formats import columns, files, reader, spec
from topologies.model.topology import (
    Link,
    LinkClass,
    Switch,
    Topology,
    TopologyError,
    build,
    digest,
    reverse,
)
from topologies.presets import shapes

TWO_BOXES = {
    "format": "commplan/topology/1",
    "name": "two-boxes",
    "ranks": ["g0", "g1"],
    "switches": [{"name": "s0"}, {"name": "s1", "multicast": True, "reduce": True}],
    "links": [
        {"src": "g0", "dst": "s0", "bandwidth_GBps": 300, "latency_us": 0.35, "duplex": True},
        {"src": "s0", "dst": "g1", "bandwidth_GBps": 12.5, "duplex": True},
        {"src": "g1", "dst": "s1", "bandwidth_GBps": 3.14159},
    ],
}
EVERYTHING = build(
    "everything",
    ["g0", "g1", "g2"],
    [Switch("s0", multicast=True, reduce=True, kind="NVSwitch")],
    [
        Link("g0", "s0", Fraction(10**9, 3), 0.1 + 0.2, duplex=True, link_class=1, plane=3),
        Link("g1", "s0", Fraction(10**9, 3), 0.1 + 0.2, duplex=True, link_class=1, plane=3),
        Link("g2", "s0", Fraction(1), 1e-9, duplex=True),
        Link("g0", "g1", Fraction(314159, 100)),
        Link("g0", "g1", Fraction(314159, 100)),
        Link("g1", "g0", Fraction(314159, 50)),
    ],
    kinds=["gpu", "gpu", "rank"],
    classes=[LinkClass("eth", 2, 'a "source"', "measured"), LinkClass("nv")],
    overhead=[1e-7, 0.0, 0.3e-6],
    symmetry=[[0, 1, 2, 3]],
)


def faults(tmp_path: Path, changes: dict | str | bytes, name: str = "m.json") -> list[str]:
    """Give the complaints about a file, without its name."""
    path = tmp_path / name
    if isinstance(changes, dict):
        changes = json.dumps(TWO_BOXES | changes)
    path.write_bytes(changes.encode() if isinstance(changes, str) else changes)
    with pytest.raises(TopologyError) as caught:
        files.load(path)
    lines = caught.value.faults
    assert all(line.startswith(f"{path}: ") and line.isprintable() for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_figures_are_the_decimals_that_are_written(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(TWO_BOXES))
    made = files.load(path)
    bandwidth = [int(c) * made.unit for c in made.capacity]
    assert bandwidth == [300 * 10**9] * 2 + [12500000000] * 2 + [3141590000]
    assert made.alpha.tolist() == [0.35e-6] * 2 + [0, 0, 0]
    assert made.multicast.tolist() == made.reduce.tolist() == [False, False, False, True]
    assert made.mate.tolist() == [1, 0, 3, 2, -1]


@pytest.mark.parametrize("suffix", ["json", "toml"])
def test_a_saved_topology_comes_back_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    files.save(EVERYTHING, path)
    made = files.load(path)
    assert digest(made) == digest(EVERYTHING)
    for column in ("name", "kinds", "classes"):
        assert getattr(made, column) == getattr(EVERYTHING, column)
    for column in ("link_class", "plane", "symmetry"):
        assert np.array_equal(getattr(made, column), getattr(EVERYTHING, column))


@pytest.mark.parametrize("example", [entry.example for entry in spec.catalogue()])
def test_every_preset_comes_back_the_same(tmp_path: Path, example: str) -> None:
    made = spec.topology(example)
    files.save(made, tmp_path / "m.json")
    files.save(made, tmp_path / "m.toml")
    assert digest(files.load(tmp_path / "m.json")) == digest(made)
    again = files.load(tmp_path / "m.toml")
    assert digest(again) == digest(made)
    assert np.array_equal(again.symmetry, made.symmetry)


def test_the_first_letter_tells_the_language_of_a_file_without_suffix(tmp_path: Path) -> None:
    for suffix in "json", "toml":
        files.save(EVERYTHING, tmp_path / f"m.{suffix}")
        (tmp_path / "m").write_bytes((tmp_path / f"m.{suffix}").read_bytes())
        assert digest(files.load(tmp_path / "m")) == digest(EVERYTHING)


def test_saving_leaves_nothing_beside_the_file_and_keeps_it_when_it_fails(tmp_path: Path) -> None:
    files.save(EVERYTHING, tmp_path / "m.json")
    with pytest.raises(TopologyError, match=r"^.*/none/m.json: no such file or directory$"):
        files.save(EVERYTHING, tmp_path / "none" / "m.json")
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


def test_paired_links_that_differ_are_not_written_as_duplex(tmp_path: Path) -> None:
    ring = shapes.ring(3)
    capacity = ring.capacity.copy()
    capacity[1] = 5
    columns = {field: getattr(ring, field) for field in ring.__dataclass_fields__}
    odd = type(ring)(**columns | {"capacity": capacity})
    with pytest.raises(TopologyError, match="link r0 -> r1: unlike its opposite link"):
        files.save(odd, tmp_path / "m.json")
    files.save(reverse(ring), tmp_path / "m.json")
    assert digest(files.load(tmp_path / "m.json")) == digest(reverse(ring))


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = """
format = "commplan/topology/1"
name = "bad"
ranks = ["g0", "g1", "g1", {name = "g2", overhead_us = -1, colour = "red"}, 5]
switches = [{name = "s:0"}, {multicast = "yes"}]
classes = [{name = "nv", evidence = "rumour"}]
symmetry = [[1, 0], ["x"]]
links = [
 {src = "g0", dst = "g1", bandwidth_GBps = nan},
 {src = "g0", bandwidth_GBps = 1},
 {src = "g0", dst = "g99", bandwidth_GBps = 0, class = "eth"},
 {src = "g0", dst = "g0", bandwidth_GBps = -3.5, latency_us = -1},
 {src = "g0", dst = "g\\u0007", bandwidth_GBps = "fast", duplex = 1, plane = 1.5},
 {src = "g0", dst = "s:0", bandwidth_GBps = 1e999999999},
 7,
]
colour = "blue"
"""
    number = "expected a number of at most 60 digits"
    assert faults(tmp_path, text, "m.toml") == [
        "no field is named 'colour'; "
        "known: format, name, ranks, switches, links, classes, symmetry, counts",
        "ranks[3]: no field is named 'colour'; known: name, kind, overhead_us, ports",
        "ranks[4]: found 5, expected a table",
        "switches[1]: the field 'name' is missing",
        "switches[1].multicast: found 'yes', expected true or false",
        "classes[0].evidence: no evidence is named 'rumour'; "
        "known: documented, secondary, measured, derived, estimate, stated, profile, assumed",
        f"links[0] g0 -> g1 bandwidth_GBps: found NaN, {number}",
        "links[1]: the field 'dst' is missing",
        "links[2] g0 -> g99 class: no class of links is named 'eth'; known: nv",
        f"links[4] g0 -> g\\x07 bandwidth_GBps: found 'fast', {number}",
        "links[4] g0 -> g\\x07 duplex: found 1, expected true or false",
        "links[4] g0 -> g\\x07 plane: found 1.5, expected a whole number",
        f"links[5] g0 -> s:0 bandwidth_GBps: found 1E+999999999, {number}",
        "links[6]: found 7, expected a table",
        "ranks[2]: the name 'g1' is used twice",
        "switches[0]: 's:0' is no name (printable, without ':' and ',')",
        "links[2] g0 -> g99: no rank or switch is named g99",
        "links[2] g0 -> g99: bandwidth is 0 GB/s, expected more than 0",
        "links[3] g0 -> g0: a link joins two different vertices",
        "links[3] g0 -> g0: bandwidth is -3.5 GB/s, expected more than 0",
        "links[3] g0 -> g0: latency is -1 us, expected 0 or more",
        "links[4] g0 -> g\\x07: no rank or switch is named g\\x07",
        "ranks[3]: overhead is -1 us, expected 0 or more",
        "symmetry[0]: not a permutation of the 7 vertices",
        "symmetry[1]: not a permutation of the 7 vertices",
    ]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"format": "commplan/topology/2"}, "format: found 'commplan/topology/2', expected"),
        ({"ranks": []}, "ranks: none; a machine has at least one"),
        ({"links": {}}, "links: found a table, expected a list"),
        ({"name": "a\nb"}, "name: found 'a\\nb', expected printable text"),
        ({"name": True}, "name: found true, expected text"),
        ({"name": "n" * 1001}, "name: found 1,001 characters, expected at most 1,000"),
        ({"ranks": ["g" * 1001]}, "ranks[0]: found 1,001 characters, expected at most 1,000"),
        (
            {"ranks": [{"name": "g", "kind": "\t"}]},
            "ranks[0].kind: found '\\t', expected printable",
        ),
        ({"switches": [{"name": "s" * 9999}]}, "switches[0]: found 9,999 characters, expected"),
        ({"classes": [{"name": "c" * 1001}]}, "classes[0].name: found 1,001 characters, expected"),
        (
            {"links": [{"src": "x" * 9999, "dst": "g1", "bandwidth_GBps": 1}]},
            f"links[0] {'x' * 57}... -> g1: no rank or switch is named {'x' * 57}...",
        ),
        ({"ranks": ["g0", "g1", "g2"]}, "ranks: g2 cannot be reached from g0"),
        ({"symmetry": [[0, 1, 2, 3], [1, 0, 2, 3]]}, "symmetry[1]: not an automorphism"),
        ({"symmetry": [[2, 1, 0, 3]]}, "symmetry[0]: a rank goes to a switch"),
        ({"links": [0] * 1_000_001}, "links: 1,000,001, at most 1,000,000 are read"),
        ("{", "line 1, column 2: expecting property name enclosed in double quotes"),
        ('{"format":\n x}', "line 2, column 2: expecting value"),
        ("[1, 2]", "found a JSON list, expected a topology (JSON, TOML or GraphML)"),
        ("7", "found lines of numbers, expected a topology"),
        ("null", "file: found null, expected a table"),
        ("", "found an empty file, expected a topology"),
        ("/* x */", "found a program in C, expected a topology"),
        (
            '{"name": 1,\n "name": 2}',
            "line 2, column 2: the key 'name' is given twice in one table",
        ),
        ('{"format": ' + "[" * 100_000, "nested too deeply"),
        (b"\xff", "found binary data, expected a topology"),
        (b'{"format": "\xff"}', "found binary data, expected a topology"),
        (b"{" + b" " * 9999 + b"\xff", "byte 10000: not UTF-8 text"),
        (b" " * (files.SIZE_LIMIT + 1), "larger than 50 MB, the most that is read"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, changes: dict | str | bytes, fault: str) -> None:
    assert faults(tmp_path, changes)[0].startswith(fault)


def test_a_name_of_the_longest_kind_goes_through_every_file(tmp_path: Path) -> None:
    files.save(build("n" * 1000, ["r" * 1000], [], [], kinds=["k" * 1000]), tmp_path / "m.json")
    made = files.load(tmp_path / "m.json")
    assert columns.unpack(columns.pack(made)).names == ("r" * 1000,)


def test_more_generators_than_can_be_checked_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SYMMETRY_LIMIT", 7)
    assert faults(tmp_path, {"symmetry": [[0, 1, 2, 3]] * 2}) == [
        "symmetry: 2 generators are too many to check"
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = \nb = 1", "line 1, column 5: invalid value"),
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("\n" + "a." * 10**6 + "a = 1", "line 2: a key of more than 50 parts"),
        ("a = " + "0b1" * 1 + "\nb = 0x" + "f" * 10**5, "format: found none, expected"),
        ("\na = " + "9" * 10**5, "line 2: a number of too many digits"),
    ],
)
def test_wrong_toml_is_named(tmp_path: Path, text: str, fault: str) -> None:
    assert faults(tmp_path, text, "m.toml")[0].startswith(fault)


def test_long_lists_of_mistakes_are_cut_short(tmp_path: Path) -> None:
    lines = faults(tmp_path, {"links": [0] * 5000})
    assert len(lines) == 101
    assert lines[-1] == "and 4,900 more mistakes"


def test_numbers_of_a_million_digits_are_refused(tmp_path: Path) -> None:
    row = '{"src": "g0", "dst": "g1", "bandwidth_GBps": ' + "9" * 10**6 + ', "latency_us": 1e-70}'
    text = json.dumps(TWO_BOXES | {"links": []}).replace('"links": []', f'"links": [{row}]')
    first, second, *_ = faults(tmp_path, text)
    assert first.endswith(f"found {'9' * 60}, expected a number of at most 60 digits")
    assert second.endswith("found 1E-70, expected a number of at most 60 digits")


@pytest.mark.parametrize("number", ["1e-999999999999999999999", "1e999999999", "-1E+9999999999999"])
@pytest.mark.parametrize("suffix", ["json", "toml"])
def test_huge_exponents_are_refused_at_once(tmp_path: Path, number: str, suffix: str) -> None:
    equals, end = ("=", "") if suffix == "toml" else (":", ",")
    word = (lambda key: key) if suffix == "toml" else json.dumps
    link = ", ".join(
        f"{word(key)} {equals} {value}"
        for key, value in (("src", '"g0"'), ("dst", '"g1"'), ("bandwidth_GBps", number))
    )
    fields = {
        "format": '"commplan/topology/1"',
        "name": number,
        "ranks": '["g0", "g1"]',
        "switches": "[]",
        "links": f"[{{{link}}}]",
    }
    rows = [f"{word(key)} {equals} {value}" for key, value in fields.items()]
    text = "\n".join(rows) if suffix == "toml" else "{" + f"{end}\n".join(rows) + "}"
    shown = {"1e999999999": "1E+999999999", "-1E+9999999999999": "-1E+9999999999999"}
    found = f"found {shown.get(number, number)}, expected"
    first, second, *_ = faults(tmp_path, text, f"m.{suffix}")
    assert first == f"name: {found} text"
    assert second == f"links[0] g0 -> g1 bandwidth_GBps: {found} a number of at most 60 digits"


def test_ranks_that_no_link_joins_with_the_others_are_refused_but_not_those_with_one_way_links(
    tmp_path: Path,
) -> None:
    ranks = [f"g{i}" for i in range(20)]
    links = [{"src": "g0", "dst": "g1", "bandwidth_GBps": 1}]
    links += [{"src": "g2", "dst": "g0", "bandwidth_GBps": 1}]
    links += [
        {"src": ranks[i], "dst": ranks[i + 1], "bandwidth_GBps": 1, "duplex": True}
        for i in range(3, 19)
    ]
    assert faults(tmp_path, {"ranks": ranks, "links": links}) == [
        "ranks: g3, g4, g5, g6, g7 and 12 more cannot be reached from g0, in either direction",
    ]


def test_a_missing_file_and_a_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match=r"^.*/none.json: no such file or directory$"):
        files.load(tmp_path / "none.json")
    with pytest.raises(TopologyError, match=r"^.*: is a directory$"):
        files.load(tmp_path)
    with pytest.raises(TopologyError, match="null byte"):
        files.load("a\0.json")


def test_a_single_rank_needs_no_links(tmp_path: Path) -> None:
    files.save(build("one", ["g0"], [], [], symmetry=[[0]]), tmp_path / "m.json")
    assert files.load(tmp_path / "m.json").links == 0


def test_a_link_on_the_way_is_followed_and_a_device_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "here.json").symlink_to(tmp_path / "there.json")
    files.save(EVERYTHING, tmp_path / "here.json")
    assert (tmp_path / "here.json").is_symlink()
    files.save(EVERYTHING, "/dev/null")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("made", "suffix"),
    [(EVERYTHING, "json"), (EVERYTHING, "toml"), (spec.topology("cloudmatrix384:nodes=2"), "toml")],
    ids=["json", "toml", "short"],
)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, made: Topology, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / f"m.{suffix}"
    files.save(made, path)
    whole = path.read_bytes()

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(
        st.integers(0, len(whole)),
        st.integers(0, 40),
        st.one_of(
            st.binary(max_size=8), st.sampled_from([b"[", b"{", b"-", b"null", b"1e9", b'"'])
        ),
    )
    def damage(place: int, cut: int, put: bytes) -> None:
        path.write_bytes(whole[:place] + put + (whole[place + cut :] if cut < 40 else b""))
        with suppress(TopologyError):
            files.load(path)

    damage()
