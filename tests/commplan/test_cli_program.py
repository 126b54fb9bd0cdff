import ast
import json
import os
from threading import Thread

import pytest

from commplan.cli.commands import program
from runtime.launch.launch import Ending, Measurement, RunError
from runtime.launch.mpi import LaunchError


def test_emit_writes_a_program(call, ask, ring4, tmp_path):
    assert ask("emit", "ring4.json", "--target", "mpi4py", "-o", "x.py") == {
        "path": "x.py",
        "target": "mpi4py",
    }
    ast.parse((tmp_path / "x.py").read_text())
    result = call("emit", "ring4.json", "--target", "c", "-o", "x.c")
    assert result.stdout == "all_reduce on ring:4, 4 ranks: c written to x.c\n"
    assert "MPI_Init" in (tmp_path / "x.c").read_text()


def test_emit_tells_what_equal_chunks_lose(ask, call, ring4, tmp_path):
    found = ask(
        *("emit", "ring4.json", "--target", "mscclpp:protocol=packet", "--equal-chunks", "8"),
        *("-o", "plan.json"),
    )
    assert (found["equal_chunks"], found["loss"]) == (8, 0)
    assert json.loads((tmp_path / "plan.json").read_text())["collective"] == "allreduce"
    refused = call("emit", "ring4.json", "--target", "c", "--equal-chunks", "8", "-o", "x.c")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "equal-chunks" in refused.stderr
    assert not (tmp_path / "x.c").exists()


def test_emit_writes_a_folder_of_traces_or_nothing(ask, call, ring4, tmp_path):
    words = ("emit", "ring4.json", "--target", "chakra:size=4KiB", "-o", "traces")
    found = ask(*words)
    assert (found["path"], found["bytes"]) == ("traces", 6 * 4096)
    names = sorted(path.name for path in (tmp_path / "traces").iterdir())
    assert names[:2] == ["algorithm.0.et", "algorithm.1.et"]
    again = call(*words)
    assert (again.exit_code, again.stdout) == (2, "")
    assert not list(tmp_path.glob(".*.part"))


def test_an_unknown_target_is_refused(call, ring4):
    result = call("emit", "ring4.json", "--target", "fortran", "-o", "x")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("commplan: Invalid value for '--target': no target is named ")


@pytest.mark.mpi
@pytest.mark.parametrize("target", ["mpi4py", "c"])
def test_run_measures_and_checks_every_rank(ask, ring4, mpi, target):
    found = ask(
        *("run", "ring4.json", "--size", "4KiB", "--target", target),
        *("--iterations", "2", "--warmup", "1", "--timeout", "60"),
    )
    assert (found["wrong"], found["ranks"], found["size"]) == (0, 4, 4096)
    assert found["algbw_GBps"] == pytest.approx(4096 / found["seconds"] / 1e9)


@pytest.mark.mpi
@pytest.mark.parametrize("lead", ["1", "5"])
def test_run_takes_the_lead_that_simulate_takes(ask, ring4, mpi, lead):
    told = [
        ask(command, "ring4.json", "--size", "4KiB", "--lead", lead)
        for command in ("run", "simulate")
    ]
    assert [each["lead"] for each in told] == [int(lead)] * 2
    assert told[0]["wrong"] == 0


def measured(wrong):
    return Measurement(16, 4, "float32", "sum", 1, False, 4, 20, 1e-6, 16e6, 24e6, wrong)


def pretend(monkeypatch, outcome):
    """Let mpirun end as told."""

    def run(*_, **__):
        if isinstance(outcome, Exception):
            raise outcome
        return [outcome]

    monkeypatch.setattr(program.launch, "run", run)


def test_a_wrong_result_is_no_success(call, ring4, monkeypatch):
    pretend(monkeypatch, measured(wrong=3))
    result = call("run", "ring4.json", "--size", "16", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["wrong"] == 3
    assert result.stderr == ("commplan: wrong result: 3 elements not as the definition asks for\n")


@pytest.mark.parametrize(
    "ending", [Ending("crash", "exit code 9"), Ending("hang", "no end after 1 seconds")]
)
def test_a_crash_and_a_hang_are_named(call, ring4, monkeypatch, ending):
    pretend(monkeypatch, RunError(ending))
    result = call("run", "ring4.json", "--size", "16", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"commplan: {ending.verdict}: {ending.reason}\n"


def test_without_mpi_the_reason_is_told(call, ring4, monkeypatch):
    pretend(monkeypatch, LaunchError("no mpiexec or mpirun on the path"))
    result = call("run", "ring4.json", "--size", "16")
    assert (result.exit_code, result.stderr) == (1, "commplan: no mpiexec or mpirun on the path\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("0 1 x 3", "'x' is no rank"),
        (None, "no such file or directory"),
        ("", "found an empty file, expected a rank for each process: a line each, or a JSON list"),
        ("0 1 2 4", "found 0,1,2,4, expected each of the 4 ranks 0,1,2,3 once"),
    ],
)
def test_a_wrong_map_is_wrong_input(call, ring4, tmp_path, content, said):
    if content is not None:
        (tmp_path / "map").write_text(content)
    result = call("run", "ring4.json", "--size", "16", "--map", "map")
    assert (result.exit_code, result.stderr) == (2, f"commplan: map: {said}\n")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "0", "-1", "1e999", "x"])
@pytest.mark.parametrize("option", ["--timeout", "--time-limit"])
def test_a_time_that_is_none_is_refused_by_its_option(call, ring4, option, number):
    words = ["run", "ring4.json", "--size", "16"]
    if option == "--time-limit":
        words = ["bound", "ring:4", "all_gather"]
    result = call(*words, option, number)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"commplan: Invalid value for '{option}': ")
    assert result.stderr.count("\n") == 1


def test_a_pipe_that_is_read_twice_is_read_once(ask, ring4, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for _ in range(2):  # another command reads anew
        writer = Thread(target=(tmp_path / "pipe").write_bytes, args=[ring4.read_bytes()])
        writer.start()
        assert ask("verify", "pipe")["correct"]
        writer.join()
