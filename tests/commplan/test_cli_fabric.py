import json
from pathlib import Path

import pytest

from runtime.fabric import machine, record
from runtime.fabric.layout import FabricError


@pytest.fixture(autouse=True)
def nothing_up(tmp_path, monkeypatch):
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "fabric"))


@pytest.mark.parametrize("words", [("show",), ("run", "ring4.json", "--size", "4KiB")])
def test_without_a_machine_there_is_a_line_that_says_so(call, ring4, words):
    result = call("fabric", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "commplan: no emulated machine is up: commplan fabric up TOPOLOGY makes one\n"
    )


def test_down_says_whether_there_was_one(call):
    assert call("fabric", "down").stdout == "nothing was up\n"


@pytest.mark.parametrize("scale", ["0", "-1", "x", "1/0", "nan", "1" * 40])
def test_a_scale_that_is_none_is_wrong_input(call, scale):
    result = call("fabric", "up", "ring:4", "--scale", scale)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is no number above 0" in result.stderr


def test_what_the_computer_does_not_carry_is_refused(call):
    result = call("fabric", "up", "ring:4", "--scale", "1")
    assert result.exit_code == 1
    assert result.stderr.endswith("at most 400 are carried: scale 0.002\n")


def test_a_damaged_record_is_one_line(call, tmp_path):
    (tmp_path / "fabric").mkdir()
    (tmp_path / "fabric" / record.KEEPER).write_text('{"pid": 1, "born": [}')
    assert call("fabric", "show").exit_code == 1


@pytest.mark.mpi
def test_a_machine_is_made_used_and_taken_down(call, ask, ring4, mpi):
    try:
        found = ask("fabric", "up", "ring:4", "--scale", "0.0002")
    except AssertionError:
        pytest.skip(call("fabric", "up", "ring:4").stderr)
    try:
        assert mpi
        assert (found["name"], found["ranks"], len(found["links"])) == ("ring:4", 4, 8)
        words = ("--size", "256KiB", "--iterations", "2", "--timeout", "60")
        ran = ask("fabric", "run", "ring4.json", *words, "--trace", "ran.json")
        assert (ran["wrong"], ran["routed"]) == (0, True)
        drawn = json.loads(Path("ran.json").read_text())["traceEvents"]
        named = {each["args"]["name"] for each in drawn if each["ph"] == "M"}
        assert ran["trace_seconds"] > 0
        assert {"r0", "to r1", "from r1"} <= named
        assert ran["of_bound"] < 1.1
        hosts = call("fabric", "mpirun", "--timeout", "60", "--", "hostname").stdout
        assert sorted(hosts.split()) == ["v0", "v1", "v2", "v3"]
    finally:
        assert ask("fabric", "down") == {"ended": True}


def test_what_cannot_be_made_is_a_line(call, monkeypatch):
    def fail(*_):
        raise FabricError("no networks can be made here: Operation not permitted")

    monkeypatch.setattr(machine, "up", fail)
    result = call("fabric", "up", "ring:4")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
