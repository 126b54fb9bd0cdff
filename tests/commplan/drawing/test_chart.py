"""Times over sizes as pictures: curves that say what they are, and no HTML from names."""

import json
import xml.etree.ElementTree as ElementTree

import pytest

from commplan.drawing.chart import draw_picture


def test_curves_of_several_machines_are_told_apart():
    names = ("bound a", "best a", "bound b", "best b")
    drawn = draw_picture("<x>", {name: [(1024, 1e-6), (4096, 2e-6)] for name in names}, {})
    root = ElementTree.fromstring(drawn)  # well-formed
    lines = [e for e in root.iter() if e.tag.endswith("polyline")]
    colours = [line.get("style") for line in lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    assert ["bound" in line.get("class").split() for line in lines] == [True, False, True, False]
    assert ".bound { stroke-dasharray" in drawn


def test_names_cannot_bring_in_html():
    curve = [(1024, 1e-6), (4096, 2e-6)]
    drawn = draw_picture("<script>", {"best <b>": curve}, {'"><script>': curve})
    assert "<script>" not in drawn
    assert "<b>" not in drawn


def test_the_command_draws_machines_and_what_was_measured(call, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("collective,ranks,size,us\nall_gather,4,1048576,80\n")
    file = tmp_path / "times.svg"
    words = ("ring:4", "star:4", "all_gather", "--sizes", "64KiB:1MiB", "--measured", str(log))
    told = json.loads(call("plot", *words, "-o", str(file), "--json").stdout)
    assert list(told["curves"]) == ["bound ring:4", "best ring:4", "bound star:4", "best star:4"]
    assert told["measured"] == {"log.csv": [[1048576, pytest.approx(8e-5)]]}
    pair = (told["curves"][f"{name} ring:4"] for name in ("bound", "best"))
    for bound, best in zip(*pair, strict=True):
        assert bound[0] == best[0]
        assert bound[1] <= best[1]
    assert "log.csv" in file.read_text()


def test_a_log_of_something_else_is_refused(call, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("collective,ranks,size,us\nall_gather,4,1048576,80\n")
    words = ("star:4", "all_reduce", "--measured", str(log), "-o", str(tmp_path / "x.svg"))
    assert call("plot", *words).exit_code == 2


def test_a_machine_is_drawn_with_what_a_schedule_uses(call, tmp_path):
    plan, file = tmp_path / "plan.json", tmp_path / "used.svg"
    assert call("compile", "star:3", "all_gather", "-o", str(plan)).exit_code == 0
    assert call("topology", "star:3", "--draw", str(file), "--used", str(plan)).exit_code == 0
    assert "100.0% used" in file.read_text()
    other = call("topology", "star:4", "--draw", str(file), "--used", str(plan))
    assert other.exit_code == 2
    assert "made for star:3" in other.stderr


@pytest.mark.parametrize("words", [("--used", "x.json"), ("--draw", "x.dot", "--used", "p.json")])
def test_what_cannot_be_coloured_is_refused(call, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    call("compile", "star:3", "all_gather", "-o", "p.json")
    assert call("topology", "star:3", *words).exit_code == 2


def test_what_takes_no_time_is_not_drawn(call):
    result = call("plot", "ring:1", "all_reduce", "-o", "times.svg", "--sizes", "1KiB:2KiB")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "all_reduce: nothing moves, so that there are no times to draw" in result.stderr


def test_ring_and_tree_are_those_of_what_is_expected(call, tmp_path):
    words = ("dgx-a100:boxes=2", "all_reduce")
    sizes = ("--sizes", "1MiB:1MiB")
    drawn = json.loads(call("plot", *words, *sizes, "-o", str(tmp_path / "x.svg"), "--json").stdout)
    [row] = json.loads(call("expect", *words, *sizes, "--json").stdout)["rows"]
    for name in ("ring", "tree"):
        [[_, seconds]] = drawn["curves"][name]
        assert seconds == row[f"{name}_seconds"]


@pytest.mark.parametrize("words", [("plot", "ring:4", "all_gather"), ("topology", "ring:4")])
def test_colours_are_written_out_for_viewers_that_know_no_variables(call, tmp_path, words):
    file = tmp_path / "picture.svg"
    call(*words, "-o" if words[0] == "plot" else "--draw", str(file))
    assert "var(" not in file.read_text()
