"""`replan` and `contingency` on the command line."""

import json


def test_replan_says_what_is_lost_and_writes_a_right_schedule(call, ask, ring4):
    made = ask("replan", "ring4.json", "--without", "r0:r1", "-o", "left.json")
    assert ask("compile", "ring:4", "all_gather", "-o", "whole.json").keys() <= made.keys()
    assert made["optimal"]
    assert 0 < made["lost"] < 1
    assert made["ranks_touched"] == 4
    assert ask("verify", "left.json")["correct"]
    assert "lost" in call("replan", "ring4.json", "--slow", "r0:r1=0.5", "-o", "x.json").stdout


def test_no_is_one_line_and_exit_1(call, ring4):
    cases = {
        ("--without-rank", "r1"): "r1 takes part in the all_reduce, and would have to be left out",
        ("--without", "r0:r1", "--without", "r2:r3"): "proved impossible",
    }
    for words, line in cases.items():
        result = call("replan", "ring4.json", *words, "-o", "x.json")
        assert (result.exit_code, result.stdout) == (1, "")
        assert line in result.stderr
        assert result.stderr.count("\n") == 1
    assert not (ring4.parent / "x.json").exists()


def test_wrong_words_are_one_line_and_exit_2(call, ring4):
    cases = {
        (): "nothing has failed",
        ("--without", "r0:r9"): "no rank or switch is named 'r9'",
        ("--slow", "r0:r1=1.5"): "expected a part above 0 and below 1",
    }
    for words, line in cases.items():
        result = call("replan", "ring4.json", *words, "-o", "x.json")
        assert (result.exit_code, result.stdout) == (2, "")
        assert line in result.stderr


def test_contingency_writes_a_folder_of_right_schedules(call, ask, ring4):
    found = ask("contingency", "ring4.json", "-o", "folder")
    first = found["rows"][0]
    same = found["outcomes"][0]
    assert [first[k] for k in ("failure", "count")] == [same[k] for k in ("name", "count")]
    assert first["loss"] == same["lost"]
    assert first["algbw_GBps"] == first["bound_GBps"]
    assert found["proved"]
    table = json.loads((ring4.parent / "folder" / "contingency.json").read_text())
    rows = [{k: v for k, v in row.items() if k != "file"} for row in table["outcomes"]]
    assert rows == found["outcomes"]
    for row in table["outcomes"]:
        assert ask("verify", f"folder/{row['file']}")["correct"]
    again = call("contingency", "ring4.json", "-o", "folder")
    assert (again.exit_code, again.stderr) == (
        2,
        "commplan: folder: it is there already, expected a new folder\n",
    )
    wrong = call("contingency", "ring4.json", "-o", "other", "--kinds", "lnk")
    assert wrong.exit_code == 2
    assert "nearest: link" in wrong.stderr


SLOW = """
format = "commplan/topology/1"
name = "slow"
ranks = ["a", "b", "c"]
switches = [{name = "s"}]
links = [
  {src = "a", dst = "s", bandwidth_GBps = 10, duplex = true},
  {src = "b", dst = "s", bandwidth_GBps = 10, duplex = true},
  {src = "c", dst = "s", bandwidth_GBps = 2, duplex = true},
]
"""


def test_a_slow_rank_that_fails_is_a_gain(call, tmp_path):
    (tmp_path / "slow.toml").write_text(SLOW)
    assert call("compile", "slow.toml", "all_gather", "-o", "plan.json").exit_code == 0
    printed = call("contingency", "plan.json", "-o", "folder", "--kinds", "rank").stdout
    [line] = [line for line in printed.splitlines() if line.split()[:2] == ["rank", "c"]]
    assert "gains" in line
    assert "-" not in line
