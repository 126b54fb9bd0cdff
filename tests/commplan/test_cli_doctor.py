"""`commplan doctor` says what programs run on here, and why."""

import json
from pathlib import Path

from click.testing import CliRunner

from commplan.cli.group import commands
from runtime.execute import core


def asked(*words):
    result = CliRunner().invoke(commands, ["doctor", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_names_the_executor_and_the_reason(mpi):
    told = json.loads(asked("--json"))
    assert told["executor"] == ("core" if core.status().built else "mpi4py")
    assert core.status().reason in told["reason"]
    assert told["mpi"] == mpi.kind


def test_without_a_core_it_says_why(monkeypatch, tmp_path):
    (tmp_path / "why").write_text("no C compiler was found at install\n")
    monkeypatch.setattr(core, "LIBRARY", tmp_path / "none.so")
    monkeypatch.setattr(core, "REASON", tmp_path / "why")
    core.status.cache_clear()
    try:
        assert "no C compiler was found at install" in asked()
        core.REASON.unlink()
        assert core.status.__wrapped__().reason.startswith("commplan was not installed")
        Path(tmp_path / "none.so").write_text("no library")
        assert "none.so: " in core.status.__wrapped__().reason
    finally:
        core.status.cache_clear()


def test_without_an_mpirun_it_still_answers(monkeypatch):
    monkeypatch.setenv("COMMPLAN_MPIRUN", "/nowhere/mpirun")
    told = json.loads(asked("--json"))
    assert (told["mpi"], "does not start" in told["mpirun"]) == ("", True)
