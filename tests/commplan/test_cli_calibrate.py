"""`commplan calibrate` under mpirun: every process ends alike, one file, one answer."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import commplan

HOME = Path(commplan.__file__).parent.parent


@pytest.fixture
def measured(mpi, tmp_path):
    """Give a function that runs the command as so many processes."""

    def run(count, *words):
        command = [*mpi.command_line(count), sys.executable, "-m", "mpi4py", "-m", "commplan"]
        environment = mpi.environment(60) | {"PYTHONPATH": str(HOME)}
        return subprocess.run(
            [*command, "calibrate", *words],
            cwd=tmp_path,
            env=environment,
            timeout=120,
            text=True,
            capture_output=True,
        )

    return run


@pytest.mark.mpi
def test_the_processes_of_one_computer_become_a_machine(measured, tmp_path):
    words = ("-o", "mine.toml", "--seconds", "3", "--window", "0.02", "--json")
    ended = measured(3, *words)
    assert (ended.returncode, ended.stderr) == (0, "")
    fields = json.loads(ended.stdout)
    assert fields["ranks"] == 3
    assert all(
        each["low"] <= each["bandwidth_GBps"] <= each["high"]
        for each in fields["classes"]
        if each["low"]
    )
    assert commplan.topology(str(tmp_path / "mine.toml")).ranks == 3


@pytest.mark.mpi
def test_a_stated_machine_keeps_its_shape(measured, tmp_path):
    words = ("--topology", "ring:3", "-o", "mine.toml", "--seconds", "2", "--window", "0.02")
    assert measured(3, *words, "--launches", "measured.json").returncode == 0
    assert len(json.loads((tmp_path / "measured.json").read_text())["launches"]) == 1
    made = commplan.topology(str(tmp_path / "mine.toml"))
    assert (made.ranks, made.links) == (3, 6)


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("count", "words", "fault"),
    [
        (1, ["-o", "mine.toml"], "1 process, expected 2 or more"),
        (2, ["-o", "mine.toml", "--topology", "ring:3"], "2 processes, expected 3"),
        (2, ["-o", "nowhere/mine.toml"], "there is no folder nowhere"),
        (2, ["-o", "mine.toml", "--seconds", "0"], "0"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(measured, tmp_path, count, words, fault):
    ended = measured(count, *words)
    lines = [line for line in ended.stderr.splitlines() if line.startswith("commplan:")]
    assert (ended.returncode, ended.stdout, len(lines)) == (2, "", 1)
    assert fault in lines[0]
    assert not (tmp_path / "mine.toml").exists()
