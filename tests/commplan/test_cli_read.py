import json

from commplan.cli.commands.foreign import reading
from solvers.lp.linear_program import NotFound

RING = "collective all_gather\n" + "".join(
    f"{(block + step) % 4} -> {(block + step + 1) % 4}: {block} {step}\n"
    for block in range(4)
    for step in range(3)
)


def test_read_writes_a_schedule_that_all_commands_take(ask, call, tmp_path):
    (tmp_path / "ring.txt").write_text(RING)
    found = ask("read", "ring.txt", "--topology", "ring:4", "-o", "ring.json")
    assert (found["correct"], found["format"], found["height"]) == (True, "text", 3)
    assert found["gap"] == 0.5
    assert found["ours_algbw_GBps"] == 2 * found["algbw_GBps"] == found["bound_GBps"]
    assert all(row["ours_seconds"] < row["seconds"] for row in found["rows"])
    assert ask("verify", "ring.json")["correct"]
    assert ask("simulate", "ring.json", "--size", "1MiB")["algbw_GBps"] > 30


def test_read_says_what_is_wrong_and_writes_nothing(call, tmp_path):
    (tmp_path / "ring.txt").write_text(RING.rpartition("3 ->")[0])
    result = call("read", "ring.txt", "--topology", "ring:4", "-o", "ring.json", "--json")
    assert result.exit_code == 1
    assert "ends without the contribution" in json.loads(result.stdout)["faults"][0]
    (tmp_path / "bad.txt").write_text("0 -> 1")
    result = call("read", "bad.txt", "--topology", "ring:4", "-o", "ring.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert not (tmp_path / "ring.json").exists()


def test_read_says_that_a_plan_is_right_where_the_time_is_over(call, monkeypatch, tmp_path):
    def search(*_):
        raise NotFound("the time is over")

    monkeypatch.setattr(reading, "compare", search)
    (tmp_path / "ring.txt").write_text(RING)
    result = call("read", "ring.txt", "--topology", "ring:4", "-o", "ring.json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "what 'ring.txt', which is right, is worth: the time is over" in result.stderr
    assert not (tmp_path / "ring.json").exists()
