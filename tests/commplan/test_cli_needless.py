"""What an option cannot change is refused, and so is a file of another kind than its name says."""

import pytest

SWITCHES = "no switch of ring:4 copies or adds"
ALL = "all 4 ranks of ring:4 take part; --ranks says which do"
REFUSED = [
    ("compile ring:4 all_gather -o x.json --relays all", "--relays", ALL),
    ("compile ring:4 all_gather -o x.json --relays forward --ranks 0-3", "--relays", ALL),
    ("bound ring:4 all_gather --relays none", "--relays", ALL),
    ("compile ring:4 all_reduce -o x.json --in-network", "--in-network", SWITCHES),
    ("bound ring:4 all_reduce --in-network", "--in-network", SWITCHES),
    ("compile ring:4 all_gather -o x.json --type int8", "--type", "it is for --size, whose"),
    ("verify s.json --size 1KiB", "--size", "s.json holds one schedule, for every size"),
    ("emit s.json --target c -o x.c --size 1KiB", "--size", "s.json holds one schedule"),
    ("show s.json --size 1KiB", "--size", "s.json holds one schedule, for every size"),
    ("show s.json --type int8", "--type", "it is for the program of a --rank"),
    ("run s.json --size 1KiB --op max", "--op", "all_gather adds nothing up"),
    ("simulate s.json --size 1KiB --achieved", "--achieved", "no class of links of ring:4 says"),
]


@pytest.fixture
def stored(compiled, tmp_path):
    words = ("ring:4", "all_gather")
    (tmp_path / "s.json").write_bytes(compiled(*words))
    (tmp_path / "t.json").write_bytes(compiled(*words, "--sizes", "1:1M"))


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("words", "option", "said"), REFUSED)
def test_an_option_that_changes_nothing_is_refused(call, words, option, said):
    ended = call(*words.split())
    assert (ended.exit_code, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert f"Invalid value for {option}: {said}" in ended.stderr


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    "words",
    [
        "compile ring:4 all_gather -o x.json --relays all --ranks 0,1,2",
        "compile ring:4 all_gather -o x.json --type int8 --size 1KiB",
        "verify t.json --size 1KiB",
        "show t.json --size 1KiB",
        "show s.json --size 1KiB --type int8 --rank 1",
        "emit t.json --size 1KiB --target c -o x.c",
    ],
)
def test_where_it_does_it_is_taken(call, words):
    ended = call(*words.split())
    assert (ended.exit_code, ended.stderr) == (0, "")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("words", "known"),
    [
        ("compile ring:4 all_gather -o x.json.zst", ".json or .json.gz or .gz"),
        ("compile ring:4 all_gather -o x.toml", ".json or .json.gz or .gz"),
        ("topology ring:4 -o x.yaml", ".json or .dot or .gv or .graphml or .toml"),
        ("demand uniform --ranks 3 -o x.xlsx", ".csv or .json or .npy"),
        ("emit s.json --target c -o x.py", ".c"),
        ("emit s.json --target mpi4py -o x.c", ".py"),
    ],
)
def test_a_name_that_ends_as_another_kind_is_not_written(call, tmp_path, words, known):
    ended = call(*words.split())
    assert (ended.exit_code, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    ending = "." + words.rpartition(".")[2]
    assert f"found the ending {ending!r}, expected {known}\n" in ended.stderr
    assert not list(tmp_path.glob("x*"))


@pytest.mark.usefixtures("stored")
def test_files_of_another_kind_are_named_in_a_line(call, tmp_path):
    call("topology", "ring:4", "-o", "m.toml")
    call("emit", "s.json", "--target", "c", "-o", "p.c")
    (tmp_path / "text.gz").write_text("hello")
    (tmp_path / "list.json").write_text("[]")
    for name, kind in (
        ("m.toml", "a topology"),
        ("p.c", "a program in C"),
        ("/dev/null", "an empty file"),
        ("text.gz", "text"),
        ("list.json", "a JSON list"),
    ):
        ended = call("verify", name)
        said = f"commplan: {name}: found {kind}, expected a schedule, as `commplan compile` writes"
        assert (ended.exit_code, ended.stderr) == (2, f"{said} it\n")
    for name, kind in (("s.json", "a schedule"), ("list.json", "a JSON list")):
        ended = call("bound", name, "all_gather")
        said = f"commplan: {name}: found {kind}, expected a topology (JSON, TOML or GraphML)\n"
        assert (ended.exit_code, ended.stderr) == (2, said)
