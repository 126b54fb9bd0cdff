import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.schedules import files
from solvers.schedules.certificate import Bound, Cut, Prices
from solvers.schedules.collective import Collective, all_gather
from solvers.schedules.files import ScheduleFileError, check_topology, load, save
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule, Transfer, schedule
from topologies.model.topology import Link, Switch, Topology, build, digest, integers
from topologies.presets import shapes
from topologies.symmetry.group import declared_group

STAR = build(
    "star",
    ["a", "b", "c"],
    [Switch("s", multicast=True, kind="NVSwitch")],
    [Link(r, "s", Fraction(10**9, 3), 1e-6, duplex=True, plane=1) for r in "abc"],
    overhead=[1e-7, 0.1 + 0.2, 0],
)


def gathered(topology: Topology = STAR, asked: Collective | None = None) -> Schedule:
    """Give a schedule in which rank 0 sends its block to the others."""
    third = Fraction(10**400 + 1, 3 * 10**400)
    return schedule(
        topology,
        asked or collective("all_gather", range(3)),
        [(0, third), (0, 1 - third)],
        [
            Transfer(0, 0, 0, 1, (0, 3)),
            Transfer(0, 1, 1, 2, (2, 5), reduce=True),
            Transfer(1, 0, 0, 2, (0, 5)),
        ],
        Bound(Fraction(10**9, 7), "cut", Cut(integers([0, 3]), reversed_links=True)),
        solver="by hand",
        seconds=0.25,
        seed=1,
    )


def assert_equal(ours: Any, theirs: Any) -> None:
    """Compare values field by field, arrays by their entries."""
    if isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
        assert not theirs.flags.writeable
    elif isinstance(ours, tuple):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_equal(a, b)
    elif hasattr(ours, "__dataclass_fields__"):
        assert type(ours) is type(theirs)
        for field in fields(ours):
            assert_equal(getattr(ours, field.name), getattr(theirs, field.name))
    else:
        assert type(ours) is type(theirs)
        assert ours == theirs


def symmetric() -> Schedule:
    """Give a schedule with a group, prices and rooted shares."""
    torus = shapes.torus((3, 2))
    prices = Prices((Fraction(0), Fraction(1, 10**30)), integers([0, 1] * (torus.links // 2)))
    return schedule(
        torus,
        collective("all_to_all", range(6)),
        [(1, Fraction(1))],
        [Transfer(0, 0, 0, 1, (0,))],
        Bound(Fraction(3), "prices", prices),
        declared_group(torus),
    )


LAYOUT = Collective(
    "all_to_allv", (2, 0), integers([3, 0]), (integers([0]), integers([])), (integers([1]),) * 2
)
SINGLE = schedule(
    build("one", ["a"], [], []),
    collective("broadcast", [0], 0),
    [(0, Fraction(1))],
    [],
    Bound(None, "cut", None),
)


@pytest.mark.parametrize("name", ["s.json", "s.json.gz"])
@pytest.mark.parametrize(
    "made",
    [
        gathered(),
        gathered(asked=all_gather((0, 1, 2), [1, 2, 3])),
        gathered(asked=LAYOUT),
        gathered(asked=collective("reduce", [0, 2], 2)),
        symmetric(),
        SINGLE,
    ],
)
def test_a_saved_schedule_comes_back_the_same(tmp_path: Path, made: Schedule, name: str) -> None:
    save(made, tmp_path / name)
    again = load(tmp_path / name)
    assert_equal(made, again)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_named_collective_is_not_written_out(tmp_path: Path) -> None:
    save(gathered(), tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text())["collective"]["layout"] is None
    save(gathered(asked=all_gather((0, 1, 2), [1, 2, 3])), tmp_path / "s.json")
    layout = json.loads((tmp_path / "s.json").read_text())["collective"]["layout"]
    assert layout["sizes"] == [1, 2, 3]


def test_the_bytes_are_always_the_same(tmp_path: Path) -> None:
    for name in ("a.json.gz", "b.json.gz"):
        save(gathered(), tmp_path / name)
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()
    assert (tmp_path / "a.json.gz").read_bytes()[4:8] == bytes(4)


def test_a_schedule_for_another_machine_is_refused() -> None:
    check_topology(gathered(), STAR)
    with pytest.raises(ScheduleFileError, match=r"^made for star \(.*\), but ring:3 \(.*\) is"):
        check_topology(gathered(), shapes.ring(3))


def put(*path: str | int, value: object) -> Callable[[Any], None]:
    """Make a change that sets one value of a file."""

    def change(content: Any) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return change


def layout(**columns: object) -> Callable[[Any], None]:
    """Make a change that sets the layout of the collective."""
    rows = {"sizes": [1], "inputs": [[0], [], []], "outputs": [[0], [0], [0]]}
    return put("collective", "layout", value=rows | columns)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (put("format", value="commplan/schedule/2"), "format: found 'commplan/schedule/2', exp"),
        (put("colour", value=1), "object contains unknown field `colour`"),
        (lambda content: content.pop("share"), "object missing required field `share`"),
        (put("topology", "src", 3, value="x"), "topology.src[3]: expected `int`, got `str`"),
        (put("topology", "src", 3, value=4), "topology.src[3]: found 4, expected 0 to 3"),
        (put("topology", "src", 3, value=10**30), "topology.src[3]: found 10000"),
        (put("topology", "dst", 0, value=0), "topology.src, dst: a link joins"),
        (put("topology", "name", value="b\n"), "topology.name: found 'b\\n', expected print"),
        (put("topology", "names", 0, value="b"), "topology.ranks[1]: the name 'b' is used twice"),
        (put("topology", "names", 0, value="x:y"), "topology.ranks[0]: 'x:y' is no name"),
        (put("topology", "names", 0, value="x"), "topology.digest: found another one"),
        (put("topology", "ranks", value=0), "topology.ranks: found 0, expected 1 to 4"),
        (put("topology", "ranks", value=2), "topology.overhead: 3 entries, expected 2"),
        (put("topology", "unit", value="1/0"), "topology.unit: found '1/0', expected a positive"),
        (put("topology", "unit", value="-1"), "topology.unit: expected `str` matching regex"),
        (put("topology", "unit", value="9" * 5000), "topology.unit: expected `str` matching"),
        (put("topology", "figures", 0, value=[0, 0, 0]), "topology.figures.capacity[0]: found 0"),
        (put("topology", "figures", 0, value=[1, -1, 0]), "topology.figures: found a time that"),
        (put("topology", "figures", 0, value=[1, 1e61, 0]), "topology.figures: found a time that"),
        (put("topology", "unit", value="1/" + "9" * 99), "topology.unit: found '1/999"),
        (put("topology", "figures", 0, value=[2**47, 0, 0]), "topology.figures: the capacities"),
        (put("topology", "mate", 0, value=2), "topology.mate: a link's mate is"),
        (put("topology", "mate", value=[]), "topology.digest: found another one"),
        (put("topology", "mate", value=[0]), "topology.mate: 1 entries, expected 6"),
        (put("topology", "symmetry", value=[[0]]), "topology.symmetry[0]: 1 entries, expected 4"),
        (put("topology", "multicast", value=[0]), "topology.multicast[0]: found 0, expected 3"),
        (put("collective", "name", value="all_gath"), "no collective is named 'all_gath'"),
        (put("collective", "name", value="a;b"), "collective.name: expected `str` matching"),
        (put("collective", "root", value=7), "collective.root: 7 is not among the ranks"),
        (put("collective", "root", value=0), "all_gather has no root"),
        (put("collective", "name", value="broadcast"), "collective.root: none, broadcast has"),
        (put("collective", "ranks", value=[0, 1, 3]), "collective.ranks[2]: found 3, expected 0"),
        (put("collective", "ranks", value=[1, 1]), "collective.ranks: expected different ranks"),
        (layout(sizes=[-1]), "collective.layout.sizes[0]: found -1"),
        (layout(sizes=[0]), "collective.layout: all buffers are empty"),
        (layout(inputs=[]), "collective.layout.inputs: 0 buffers for 3 ranks"),
        (layout(outputs=[[0, 0], [], []]), "collective.layout.outputs[0]: a block is given twice"),
        (
            layout(outputs=[[1], [], []]),
            "collective.layout.outputs[0][0]: found 1, expected 0 to 0",
        ),
        (put("block", 0, value=3), "block[0]: found 3, expected 0 to 2"),
        (put("block", value=[0]), "share: 2 entries, expected 1"),
        (put("share", 0, value="0"), "share: found '0', expected a positive fraction"),
        (put("share", 0, value="1e9"), "share[0]: expected `str` matching"),
        (put("transfers", "piece", value=[0]), "transfers.hops: 3 entries, expected 1"),
        (
            put("transfers", "piece", value=[0, 2, 2]),
            "transfers.piece[1]: found 2, expected 0 to 1",
        ),
        (put("transfers", "piece", value=[1, 0, 0]), "transfers[1]: not in the order of piece"),
        (put("transfers", "step", value=[1, 0, 0]), "transfers[1]: not in the order of piece"),
        (put("transfers", "src", 0, value=3), "transfers.src[0]: found 3, expected 0 to 2"),
        (put("transfers", "dst", 0, value=-1), "transfers.dst[0]: found -1, expected 0 to 2"),
        (put("transfers", "route", 0, value=6), "transfers.route[0]: found 6, expected 0 to 5"),
        (put("transfers", "hops", value=[2, 2, 1]), "transfers.route: 6 links, expected 5"),
        (put("transfers", "hops", value=[2**62, 2**62, 0]), "transfers.hops[0]: found 46116860"),
        (put("transfers", "reduce", value=[3]), "transfers.reduce[0]: found 3, expected 0 to 2"),
        (put("group", value=[[0, 0, 2, 3]]), "group[0]: not a permutation of the 4 vertices"),
        (put("group", value=[[3, 0, 1, 2]]), "group[0]: a rank goes to a switch"),
        (put("bound", "algbw", value="0"), "bound.algbw: found '0', expected a positive"),
        (put("bound", "scope", value="\x1b[2J"), "bound.scope: expected printable text"),
        (put("bound", "certificate", "inside", value=[3, 0]), "bound.certificate.inside: not in"),
        (put("bound", "certificate", "type", value="faith"), "bound.certificate.type: invalid val"),
        (
            put(
                "bound",
                "certificate",
                value={"type": "prices", "of_class": ["1/" + "7" * 400], "of_link": [0] * 6},
            ),
            "bound.certificate.of_class: found '1/777",
        ),
        (
            put("bound", "certificate", value={"type": "prices", "of_class": [], "of_link": [0]}),
            "bound.certificate.of_link: 1 entries, expected 6",
        ),
        (put("provenance", "solver", value="\x1b"), "provenance.solver: expected printable text"),
        (put("provenance", "solver", value=None), "provenance[...]: expected `int | float | str`"),
    ],
)
def test_each_wrong_part_is_named(
    tmp_path: Path, change: Callable[[Any], None], fault: str
) -> None:
    path = tmp_path / "s.json"
    save(gathered(), path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    assert complaint(path).startswith(fault)


def complaint(path: Path) -> str:
    """Give the complaint about a file, without its name."""
    with pytest.raises(ScheduleFileError) as caught:
        load(path)
    line = str(caught.value)
    assert line.isprintable()
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def test_a_key_that_is_given_twice_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    save(gathered(), path)
    path.write_text(path.read_text().replace('"route":', '\n"hops":[],"route":'))
    assert complaint(path) == "line 2, column 1: the key 'hops' is given twice in one table"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "found an empty file, expected a schedule, as `commplan compile` writes it"),
        (b"[]", "found a JSON list, expected a schedule"),
        (b"/* all_gather */", "found a program in C, expected a schedule"),
        (b"text", "found text, expected a schedule"),
        (gzip.compress(b"text"), "found text, expected a schedule"),
        (b"{", "damaged: input data was truncated"),
        (b"{}", "format: found none, expected 'commplan/schedule/1'"),
        (
            b'{"format": "commplan/together/1"}',
            "format: found 'commplan/together/1', collectives at the same time, for `verify`",
        ),
        (b'{"format": ' + b"[" * 100_000, "format: expected `str | null`, got `array`"),
        (b'{"other": ' + b"[" * 100_000, "nested too deeply"),
        (b"\x1f\x8bnonsense", "gzip: damaged"),
        (gzip.compress(b"{}")[:-3], "gzip: cut short"),
        (gzip.compress(b"{}") + b"more", "gzip: something follows its end"),
        (b"\xff", "found binary data, expected a schedule"),
    ],
)
def test_what_is_no_schedule_is_refused(tmp_path: Path, data: bytes, fault: str) -> None:
    (tmp_path / "s").write_bytes(data)
    assert complaint(tmp_path / "s").lower().startswith(fault.lower())


def test_no_more_is_read_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SIZE_LIMIT", 10**6)
    path = tmp_path / "s.json"
    path.write_bytes(gzip.compress(b" " * 10**8)[: 10**6])
    assert complaint(path) == "gzip: more than 1 MB unpacked, the most that is read"
    path.write_bytes(b" " * (10**6 + 1))
    assert complaint(path) == "larger than 1 MB, the most that is read"


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none") == "no such file or directory"
    assert complaint(tmp_path) == "is a directory"
    with pytest.raises(ScheduleFileError, match="no such file or directory"):
        save(gathered(), tmp_path / "none" / "s.json")


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    made = gathered()
    made.provenance["seconds"] = float("nan")
    with pytest.raises(ScheduleFileError, match=r"s.json: not written: .*provenance"):
        save(made, tmp_path / "s.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["s.json", "s.json.gz"])
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / name
    save(symmetric(), path)
    whole = path.read_bytes()
    words = [b"[", b"]", b"{", b"-", b"null", b"1e9", b'"', b"9" * 25, b"0", b"1", b","]

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(
        st.integers(0, len(whole)),
        st.integers(0, 20),
        st.one_of(st.binary(max_size=6), st.sampled_from(words)),
    )
    def damage(place: int, cut: int, new: bytes) -> None:
        path.write_bytes(whole[:place] + new + (whole[place + cut :] if cut < 20 else b""))
        with suppress(ScheduleFileError):
            assert digest(load(path).topology) == digest(symmetric().topology)

    damage()
