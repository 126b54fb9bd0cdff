"""`commplan tune`: the table, the file, and what is refused; one real mpirun, else made up."""

import pytest

from runtime.fabric import record
from runtime.launch import launch
from runtime.launch.launch import Ending, Measurement, RunError
from runtime.metrics.height import height
from runtime.verify.verify import verify
from solvers.schedules import files

WORDS = ("tune", "dgx-a100:overhead=1", "all_reduce", "--size", "4KiB", "-o", "best.json")


@pytest.fixture
def fake(monkeypatch):
    """Let launches take a millisecond for each message in a row; of that height, do as told."""

    def run(schedule, sizes, target, *, played, timeout, **_):
        assert (target, timeout) == ("c", 60.0)
        one = height(schedule)
        if fake_run.fails(one):
            raise RunError(Ending("crash", "rank 1: signal 9"))
        wrong = 5 * fake_run.wrong(one)
        seconds = fake_run.seconds(one)
        whole = (1024, "float32", "sum", 1, False, 8, 20)
        return [Measurement(sizes[0], *whole, seconds, 1.0, 1.0, wrong)]

    def fake_run():
        pass

    fake_run.fails = fake_run.wrong = lambda _: False
    fake_run.seconds = lambda one: 1e-3 * one
    monkeypatch.setattr(launch, "run", run)
    return fake_run


def test_the_fastest_is_written_with_bound_and_proof(ask, fake, tmp_path):
    fake.seconds = lambda one: 1e-3 / one
    found = ask(*WORDS, "--launches", "2")
    best = max(
        (row for row in found["candidates"] if not row["fault"]),
        key=lambda row: -row["measured_seconds"],
    )
    assert found["measured_seconds"] == best["measured_seconds"]
    assert found["measured_seconds"] < found["candidates"][-1]["measured_seconds"]
    schedule = files.load(tmp_path / "best.json")
    assert height(schedule) == pytest.approx(1e-3 / found["measured_seconds"])
    report = verify(schedule)
    assert report.correct
    assert (report.optimal, found["bound_GBps"]) == (found["optimal"], pytest.approx(171.428571))


def test_wrong_and_failing_candidates_are_told(call, fake):
    fake.fails, fake.wrong = (lambda one: one == 1), (lambda one: one == 2)
    result = call(*WORDS)
    assert result.exit_code == 0
    assert "FAILED: crash: rank 1: signal 9" in result.stdout
    assert "FAILED: 5 elements of the result wrong" in result.stdout
    [chosen] = [line for line in result.stdout.splitlines() if line.endswith("  chosen")]
    assert "FAILED" not in chosen


def test_where_all_fail_nothing_is_written(call, fake, tmp_path):
    fake.fails = lambda _: True
    result = call(*WORDS)
    assert (result.exit_code, result.stdout, list(tmp_path.iterdir())) == (1, "", [])
    assert result.stderr.startswith("commplan: no candidate was measured: ")
    assert result.stderr.count("\n") == 1


def test_on_the_fabric_a_machine_is_needed(call, tmp_path, monkeypatch):
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "fabric"))
    result = call(*WORDS, "--fabric")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no emulated machine is up" in result.stderr


def test_a_size_is_needed(call):
    result = call("tune", "ring:2", "all_reduce", "-o", "best.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--size" in result.stderr


@pytest.mark.mpi
def test_it_runs_under_mpirun(ask, mpi, tmp_path):
    assert mpi
    words = ("--size", "1KiB", "--candidates", "1", "--launches", "1", "--iterations", "2")
    found = ask("tune", "ring:2", "all_reduce", *words, "-o", "best.json")
    assert found["measured_seconds"] > 0
    assert verify(files.load(tmp_path / "best.json")).correct


def test_a_time_that_is_over_at_once_is_a_no(call):
    result = call(*WORDS, "--time-limit", "1e-9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not found in time (not proved): the time was over" in result.stderr
