import time
from math import inf
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from bench.contest.interrupted import refuse_interrupted
from bench.contest.kept import JournalError, Kept, TimeOverError
from bench.contest.launches import Journal, Launch
from bench.contest.margins import Promise, judge, least_margin
from bench.contest.selected import Row, summary
from bench.select import main
from runtime.fabric.layout import FabricError
from runtime.launch.mpi import LaunchError
from runtime.launch.process import Ended

LAUNCH = Launch("star", "broadcast", "ring", 0)


def test_a_launch_that_is_in_the_file_is_not_made_again(tmp_path):
    path = tmp_path / "launches.jsonl"
    first = Journal("mpich", path)
    assert first.missing(LAUNCH, [1, 2]) == [1, 2]
    first.add(LAUNCH, {1: 0.5, 2: inf})
    again = Journal("mpich", path)
    assert again.known == {LAUNCH: {1: 0.5, 2: inf}}
    assert again.missing(LAUNCH, [1, 2, 4]) == [4]


@pytest.mark.parametrize("text", ["", "[]\n", '{"format": "other"}\n', "\x00\n"])
def test_a_file_of_something_else_is_refused(tmp_path, text):
    path = tmp_path / "launches.jsonl"
    path.write_text(text)
    with pytest.raises(JournalError):
        Journal("mpich", path)


def test_launches_of_another_library_are_refused(tmp_path):
    Journal("mpich", tmp_path / "launches.jsonl")
    with pytest.raises(JournalError, match="expected those"):
        Journal("openmpi", tmp_path / "launches.jsonl")


def test_the_command_refuses_them_in_a_line(tmp_path):
    Journal("another", path := tmp_path / "launches.jsonl")
    ended = CliRunner().invoke(main, ["--report", "--rows", str(path)])
    assert ended.exit_code == 2
    assert ended.output.count("\n") == 1


@pytest.mark.parametrize(
    ("ended", "alive", "error"),
    [
        (Ended(0), False, None),
        (Ended(1, timed_out=True), True, None),
        (Ended(139), True, None),
        (Ended(137, errors=["# commplan process 3 ended with 139"]), True, None),
        (Ended(9, errors=["# commplan process 3 ended with 137"]), True, LaunchError),
        (Ended(143), True, LaunchError),
        (Ended(-9), True, LaunchError),
        (Ended(1), False, FabricError),
    ],
)
def test_what_somebody_ended_is_not_kept(ended, alive, error):
    keeper = SimpleNamespace(alive=alive)
    if error is None:
        refuse_interrupted(ended, keeper)
        return
    with pytest.raises(error):
        refuse_interrupted(ended, keeper)


def test_no_launch_begins_when_the_time_is_over():
    with pytest.raises(TimeOverError):
        Journal("mpich", until=time.monotonic() - 1).begin()


def test_a_margin_is_the_least_above_which_promises_are_kept():
    kept = [Promise(1.6, 1.4, 1.0)] * 20
    lost = [Promise(1.35, 0.5, 1.0)] * 2
    assert least_margin(kept) == 0.0
    assert least_margin([*kept, *lost]) == 0.4
    assert least_margin([*kept, *(Promise(1.35, 0.5, 2.0) for _ in lost)]) == 0.2
    assert judge(lost, 0.3, "all").startswith("on all 2 of 2 lost")
    assert judge(lost, 0.5, "all") == "it leaves none of all"


def test_a_summary_counts_rows_that_lost_and_rows_near_the_fastest():
    rows = [
        Row("star", "broadcast", 2**20, 1.0, took, 1.5, "ring", 0.5, "ring", {})
        for took in (0.5, 1.1, 0.9)
    ]
    text = "\n".join(summary(rows))
    assert "1 of 3, with a rule 1" in text
    assert "within 10% of the fastest measured: 1 of 3" in text


def test_what_is_kept_is_not_made_once_more(tmp_path):
    made = []
    for _ in range(2):
        kept = Kept("rows/1", "mpich", tmp_path / "rows")
        found = kept.once({"who": "ring", "turn": "0"}, lambda: made.append(1) or {"seconds": None})
        assert found == {"who": "ring", "turn": "0", "seconds": None}
    assert made == [1]
