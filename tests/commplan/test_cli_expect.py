import csv
import json
from io import StringIO

import pytest


def test_a_table_for_each_collective(call):
    found = call("expect", "ring:4", "all_gather", "broadcast", "--sizes", "1KiB:64KiB")
    assert found.exit_code == 0
    lines = found.stdout.splitlines()
    assert lines[0].startswith("all_gather on ring:4, 4 ranks: bound (cut), best known, ring and")
    assert [line.split()[0] for line in lines[2:6]] == ["1", "4", "16", "64"]
    assert lines[6] == ""
    assert lines[7].startswith("broadcast on ring:4")


def test_lines_of_commas_and_json_say_the_same(call):
    asked = ("expect", "ring:4", "gather", "--sizes", "1KiB:1KiB", "--format")
    [row] = csv.DictReader(StringIO(call(*asked, "csv").stdout))
    answer = json.loads(call(*asked, "json").stdout)
    [same] = answer["rows"]
    assert answer["machine"] == "ring:4"
    assert row.keys() == same.keys()
    assert float(row["predicted_seconds"]) == pytest.approx(same["predicted_seconds"])
    assert row["ring_seconds"] == ""
    assert same["ring_seconds"] is None
    assert row["binds"] == same["binds"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("ring:4", "all_gater"), "nearest: all_gather"),
        (("ring:4", "--sizes", "2KiB:1KiB"), "2KiB is more than 1KiB"),
        (("ring:4", "--set", "none.json"), "none.json: no such file"),
        (("ring:4", "--plot", "picture.xyz"), "found the ending '.xyz'"),
    ],
)
def test_wrong_questions_end_in_one_line(call, words, says):
    found = call("expect", *words)
    assert found.exit_code == 2
    assert says in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_a_picture_is_drawn(call, tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "times.svg"
    asked = ("expect", "ring:3", "all_gather", "scatter", "--sizes", "1KiB:64KiB")
    assert call(*asked, "--plot", str(file)).exit_code == 0
    assert file.read_bytes().lstrip().startswith(b"<?xml")
