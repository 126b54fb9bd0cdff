"""Real programs under mpirun: right ones, wrong ones, and those that do not end."""

import os
import re
import sys
from dataclasses import astuple
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

from runtime.emit import c
from runtime.emit.mpi4py import emit
from runtime.emit.targets import TARGETS, Target
from runtime.launch import kills
from runtime.launch.launch import LaunchError, judge, launch, prepare, run
from runtime.launch.mpi import Mpi, compile_c, find
from runtime.launch.process import Ended, _processes, run_limited
from solvers.schedules.collective import all_gather

SIZES = (4, 100, 10_000, 2**18)
CASES = [
    ("ring_of", "all_reduce", 1, {}),
    ("direct_of", "all_to_all", 1, {"in_place": True}),
    ("ring_of", "all_reduce", 3, {"chunks": 3, "dtype": "int8", "op": "prod"}),
    ("ring_of", "reduce_scatter", 3, {"in_place": True, "dtype": "float64", "op": "min"}),
    ("relayed_of", "all_to_all", 3, {"in_place": True}),
    ("tree_of", "all_reduce", 4, {"in_place": True, "op": "prod"}),
    ("direct_of", "gather", 4, {"dtype": "uint64", "played": (3, 1, 0, 2)}),
    ("relayed_of", "reduce_scatter", 4, {"op": "max", "dtype": "int32"}),
    ("tree_of", "broadcast", 5, {"chunks": 5, "dtype": "uint8"}),
    ("tree_of", "all_reduce", 5, {"in_place": True, "chunks": 2}),
]


@pytest.fixture(scope="module")
def prepared(ring_of, tmp_path_factory):
    """Give a function that prepares the program of an all_reduce over two, once for each target."""
    made = ring_of("all_reduce", 2)
    return cache(lambda target, mpi: prepare(made, target, tmp_path_factory.mktemp(target), mpi))


@pytest.mark.mpi
@pytest.mark.parametrize("target", ["mpi4py", "c"])
@pytest.mark.parametrize(("maker", "name", "n", "options"), CASES)
def test_every_rank_is_right(request, mpi, target, maker, name, n, options):
    schedule = request.getfixturevalue(maker)(name, n)
    if n == 3:
        request.getfixturevalue("optimised")
    lines: list[str] = []
    rows = run(
        schedule, SIZES, target, iterations=2, warm_up=1, timeout=60, report=lines.append, **options
    )
    assert [row.wrong for row in rows] == [0] * len(SIZES)
    assert all(row.size <= max(size, n * 8) for row, size in zip(rows, SIZES, strict=True))
    assert all(
        row.seconds > 0 and row.algbw == pytest.approx(row.size / row.seconds) for row in rows
    )
    assert any("out-of-place" in line for line in lines)


@pytest.mark.mpi
def test_both_targets_print_the_same_table(ring_of, mpi):
    def frame(target: str) -> list[str]:
        lines: list[str] = []
        run(ring_of("all_reduce", 2), [1000], target, timeout=60, report=lines.append)
        table = [line for line in lines if line.startswith("#") and "Pid" not in line]
        return [line for line in table if "commplan" not in line and "Avg" not in line]

    assert frame("mpi4py") == frame("c")


def started(mpi: Mpi, text: str, folder: Path, timeout: float = 60, options: tuple = ()):
    program = folder / "program.py"
    program.write_text(text)
    command = [sys.executable, "-m", "mpi4py", str(program), "-n", "1", "-w", "0", *options]
    return launch(command, range(3), mpi, timeout)


def left_over(folder: Path) -> list[int]:
    found = []
    for pid in _processes():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words and pid != os.getpid():
            found.append(pid)
    return found


@pytest.mark.mpi
def test_a_wrong_result_is_told(ring_of, mpi, tmp_path):
    text = emit(ring_of("all_reduce", 3))
    assert "0 0 1 2 in out join" in text
    ending = started(mpi, text.replace("0 0 1 2 in out join", "0 0 1 2 in out put"), tmp_path)
    assert ending.verdict == "wrong"
    assert ending.measurements[0].wrong > 0
    assert ending.reason == f"{ending.measurements[0].wrong} wrong elements"


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("raise RuntimeError('boom')", "process 1: RuntimeError: boom"),
        ("os.kill(os.getpid(), 9)", "rank 1: signal 9"),
        ("os.kill(os.getpid(), 6)", "rank 1: signal 6"),
        ("os.kill(os.getpid(), 11)", "rank 1: signal 11"),
        ("os._exit(3)", "rank 1: exit code 3"),
    ],
)
def test_a_crash_is_told(ring_of, mpi, tmp_path, deed, reason):
    spoiled = spoil(emit(ring_of("all_reduce", 3)), deed)
    ending = started(mpi, spoiled, tmp_path)
    assert ending.verdict == "crash"
    assert reason in ending.reason
    assert not re.search("rank [02]:", ending.reason)
    assert left_over(tmp_path) == []


def spoil(text: str, deed: str) -> str:
    """Let process 1 do something else than the collective."""
    place = '        """Do the collective once."""\n'
    assert place in text
    return text.replace(place, f"{place}        if self.comm.rank == 1:\n            {deed}\n")


@pytest.mark.mpi
def test_a_hang_is_told_and_names_who_waits_for_whom(ring_of, mpi, tmp_path):
    spoiled = spoil(emit(ring_of("all_reduce", 3)), "return")
    ending = started(mpi, spoiled, tmp_path, timeout=4, options=("-b", "12"))
    assert ending.verdict == "hang"
    # Process 1 sends nothing; process 2 waits for it first.
    assert ending.reason == "rank 2 blocked in step 0 waiting for rank 1 (piece 0)"
    assert left_over(tmp_path) == []


@pytest.mark.mpi
def test_a_hang_of_the_c_program_is_told(ring_of, mpi, tmp_path):
    source, program = tmp_path / "program.c", tmp_path / "program"
    place = "/* Do the collective once. */\nstatic void run(void)\n{\n"
    text = c.emit(ring_of("all_reduce", 3))
    assert place in text
    source.write_text(text.replace(place, f"{place}    if (plan.me == 1) return;\n"))
    compile_c(mpi, source, program)
    ending = launch([str(program), "--crowded", "-b", "12", "-n", "1"], range(3), mpi, 4)
    assert (ending.verdict, ending.reason) == (
        "hang",
        "rank 2 blocked in step 0 waiting for rank 1 (piece 0)",
    )


@pytest.mark.mpi
def test_a_program_that_spins_for_ever_is_ended_with_all_its_processes(ring_of, mpi, tmp_path):
    text = emit(ring_of("all_reduce", 3)).replace(
        "def main() -> int:\n", "def main() -> int:\n    threading.Event().wait()\n"
    )
    text = text.replace("import time\n", "import threading\nimport time\n")
    ending = started(mpi, text, tmp_path, timeout=3)
    assert (ending.verdict, ending.reason) == ("hang", "no end after 3 seconds")
    assert left_over(tmp_path) == []


@pytest.mark.mpi
@pytest.mark.parametrize("target", ["mpi4py", "c"])
def test_a_wrong_number_of_processes_is_told_in_a_line(prepared, mpi, target):
    ended = run_limited([*mpi.command_line(3), *prepared(target, mpi)], mpi.environment(60), 60)
    assert ended.code == 2
    assert "commplan: 3 processes were started, the plan is for 2" in ended.errors


@pytest.mark.mpi
@pytest.mark.parametrize("target", ["mpi4py", "c"])
@pytest.mark.parametrize(
    "words",
    [
        ["-b", "3Q"],
        ["-b", "1048577GiB"],
        ["-n", "0"],
        ["-w", "9999999999"],
        ["-c", "2"],
        ["--map", "0,0"],
        ["--type", "x"],
        ["--chunks", "65537"],
        ["--watchdog", "nan"],
    ],
)
def test_a_wrong_command_line_ends_with_2(prepared, mpi, target, words):
    command = [*mpi.command_line(2), *prepared(target, mpi), *words]
    ended = run_limited(command, mpi.environment(60), 60)
    assert ended.code == 2
    [said] = [line for line in ended.errors if " error: " in line or "commplan: " in line]
    assert words[0] in said or words[-1] in said


@pytest.mark.mpi
@pytest.mark.parametrize("target", ["mpi4py", "c"])
@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_is_printed_once(prepared, mpi, target, word):
    ended = run_limited(
        [*mpi.command_line(2), *prepared(target, mpi), word], mpi.environment(60), 60
    )
    assert (ended.code, ended.errors) == (0, [])
    assert sum("usage:" in line for line in ended.output) == 1
    assert sum("--watchdog" in line for line in ended.output) >= 1


def test_a_command_that_writes_much_and_ends_is_read_whole():
    lines: list[str] = []
    code = "print('x' * 100_000); print('y'); import sys; sys.exit(7)"
    ended = run_limited([sys.executable, "-c", code], dict(os.environ), 30, lines.append)
    assert (ended.code, [len(line) for line in ended.output]) == (7, [100_000, 1])
    assert lines == ended.output


@pytest.mark.parametrize(
    ("ended", "verdict", "reason"),
    [
        (Ended(code=139), "crash", "signal 11 (SIGSEGV)"),
        (Ended(code=1, errors=["a", "b", "c", "d"]), "crash", "exit code 1; b; c; d"),
        (Ended(timed_out=True), "hang", "no end after 5 seconds"),
        (Ended(code=0), "crash", "it ended well, but measured nothing"),
    ],
)
def test_endings_without_a_table(ended, verdict, reason):
    assert astuple(judge(ended, 5, ())) == (verdict, reason, ())


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        (
            ["# commplan process 1 ended with 137", "The first to do so"],
            "rank 7: signal 9 (SIGKILL)",
        ),
        (
            ["# commplan process 1 ended with 137", "commplan: why"],
            "rank 7: signal 9 (SIGKILL); why",
        ),
        (["x", "# commplan process 2 ended with 3", "y", "---"], "rank 5: exit code 3; x; y"),
        (
            ["# commplan process 0 ended with 134", "# commplan process 1 ended with 1"],
            "rank 6: signal 6 (SIGABRT)",
        ),
        (["# commplan process 3 ended with 1"], "exit code 9"),  # there is none
        (["EXIT STRING: Killed (signal 9)"], "signal 9 (SIGKILL); EXIT STRING: Killed (signal 9)"),
    ],
)
def test_who_says_first_that_it_ended_badly_is_named(monkeypatch, errors, reason):
    monkeypatch.setattr(kills, "advice", lambda *_: "")
    assert judge(Ended(code=9, errors=errors), 5, (6, 7, 5)).reason == reason


def test_what_a_bus_error_means_and_how_to_mend_it_is_told():
    ended = Ended(code=9, errors=["# commplan process 0 ended with 135"])
    reason = judge(ended, 5, (4,)).reason
    assert reason.startswith("rank 4: signal 7 (SIGBUS); memory that lies in a file could not be ")
    assert "docker run --shm-size" in reason


def test_a_map_must_fit_and_a_target_must_run(ring_of, mpi):
    with pytest.raises(LaunchError, match="map: found 0,0, expected each of the 2 ranks 0,1 once"):
        run(ring_of("all_reduce", 2), [4], played=(0, 0))
    with pytest.raises(LaunchError, match="no target is named 'gaol'"):
        run(ring_of("all_reduce", 2), [4], target="gaol")


def test_a_target_of_others_runs_if_it_says_how(ring_of, mpi):
    made = ring_of("all_reduce", 2)
    TARGETS.register("mine", Target(TARGETS["mpi4py"].emit, runner="python"))
    TARGETS.register("picture", Target(lambda schedule: "o-o"))
    try:
        assert run(made, [4], target="mine", iterations=1)[0].wrong == 0
        with pytest.raises(LaunchError, match="'picture' cannot be run; mpi4py and c and mine can"):
            run(made, [4], target="picture")
    finally:
        TARGETS.remove("mine")
        TARGETS.remove("picture")


def test_the_environment_names_mpirun_first(monkeypatch):
    monkeypatch.setenv("COMMPLAN_MPIRUN", "/nowhere/mpirun")
    with pytest.raises(LaunchError, match="/nowhere/mpirun does not start"):
        find()


@pytest.mark.mpi
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("target", ["mpi4py", "c"])
def test_odd_shares_and_unequal_blocks_are_right(by_hand, mpi, target, in_place):
    half, small = Fraction(1, 2), Fraction(1, 3**60)
    what = all_gather((0, 1, 2), [1, 2, 4])
    pieces = [(0, small), (0, half - small), (0, half), (1, half), (1, half), (2, Fraction(1))]
    sends = [
        (piece, 0, block, dst, False)
        for piece, (block, _) in enumerate(pieces)
        for dst in range(3)
        if dst != block
    ]
    rows = run(by_hand(what, pieces, sends), [1, 28, 1003], target, timeout=60, in_place=in_place)
    assert [(row.size, row.wrong) for row in rows] == [(12, 0), (28, 0), (992, 0)]
