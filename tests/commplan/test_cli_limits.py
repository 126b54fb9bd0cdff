"""Time limits, interruptions, progress and scratch, as a person meets them."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from bench.limits import burning, uneven
from commplan import collective, load_schedule, verify
from commplan.anytime.standby import make_fallback
from commplan.cli.io.progress import in_words
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.settings.deadline import News
from topologies.formats.files import save
from topologies.formats.spec import topology

ROOT = Path(__file__).parents[2]
MORE = 10.0  # seconds beyond a limit that a computer may take which others keep busy
LATE = "commplan: not found in time (not proved): "


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Import what plain plans need: on a busy computer that takes longer than a short limit."""
    machine = topology("ring:3")
    make_fallback(machine, collective("all_gather", range(3)), UNPROVED)


@pytest.fixture(scope="module")
def hard(tmp_path_factory):
    """Write a machine of 64 ranks without symmetry, which takes the solver minutes."""
    file = tmp_path_factory.mktemp("machines") / "hard.json"
    save(uneven(topology("dgx-a100:boxes=16")), file)
    return str(file)


def compiling(machine, output, *words, stderr=subprocess.PIPE):
    command = [sys.executable, "-m", "commplan", "compile", machine, "all_gather", "-o", output]
    return subprocess.Popen(
        [*command, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True
    )


def shown(terminal, wanted):
    """Read what a terminal shows until it shows what is wanted."""
    text = ""
    while wanted not in text:
        text += os.read(terminal, 4096).decode()
    return text


def test_the_time_limit_ends_with_a_verified_schedule_and_its_gap(ask, hard):
    made = ask("compile", hard, "all_gather", "-o", "x.json.gz", "--time-limit", "3")
    assert made["optimal"] is False
    assert 0 < made["algbw_GBps"] < made["bound_GBps"]
    assert made["gap"] == pytest.approx(1 - made["algbw_GBps"] / made["bound_GBps"])
    assert made["seconds"] < 3 + MORE
    assert verify(load_schedule("x.json.gz")).correct


def test_a_time_limit_holds_beside_busy_loops(hard, tmp_path):
    with burning(4):
        started = monotonic()
        process = compiling(hard, str(tmp_path / "x.json.gz"), "--time-limit", "3", "--json")
        process.communicate(timeout=60)
        took = monotonic() - started
    assert took < 3 + MORE
    assert process.returncode in (0, 1)  # what is not found in time is not there


def test_a_script_that_planned_with_a_limit_ends_in_order(hard):
    script = (
        "import commplan\nmachine = commplan.topology({!r})\n"
        "what = commplan.collective('all_gather', range(machine.ranks))\n"
        "try:\n    right = commplan.plan(machine, what, seconds=3.0).report.correct\n"
        "except commplan.NotFound:\n    right = True\nprint(right)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script.format(hard)], cwd=ROOT, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True\n", "")


def test_a_person_reads_that_nothing_is_proved_how_far_it_may_be_and_no_more(call, hard):
    result = call("compile", hard, "all_gather", "-o", "x.json", "--time-limit", "3")
    if result.exit_code:
        assert result.stderr.startswith(LATE)
        return
    assert result.stderr == ""  # no progress is shown where no one looks
    lines = result.stdout.splitlines()
    assert ", optimal: not proved, gap " in lines[2]
    assert lines[2].endswith("%")


def test_next_to_no_time_is_for_a_plain_plan_where_that_takes_a_moment(call, tmp_path):
    answer = call("compile", "random:16", "all_gather", "-o", "x.json", "--time-limit", "0.001")
    assert answer.exit_code == 0
    assert verify(load_schedule("x.json")).correct


def test_what_takes_longer_is_not_found_in_next_to_no_time(call, tmp_path):
    words = ("compile", "dgx-a100:boxes=128", "all_to_all", "--symmetry", "none", "-o", "x.json")
    result = call(*words, "--time-limit", "0.001")
    assert result.exit_code == 1
    assert result.stderr.startswith(LATE)
    assert not (tmp_path / "x.json").exists()


def test_ctrl_c_writes_a_plain_schedule_where_there_is_no_better_one_yet(hard, tmp_path):
    terminal, side = pty.openpty()
    output = str(tmp_path / "x.json.gz")
    process = compiling(hard, output, "--json", stderr=side)
    os.close(side)
    shown(terminal, "bound")
    pressed = monotonic()
    process.send_signal(signal.SIGINT)
    assert "gap" in shown(terminal, "best")
    answer, _ = process.communicate(timeout=60)
    os.close(terminal)
    assert monotonic() - pressed < 5 + MORE  # about two, on an idle computer
    assert process.returncode == 0
    made = json.loads(answer)
    assert made["optimal"] is False
    assert made["gap"] > 0
    assert verify(load_schedule(output)).correct


def test_a_bound_is_the_best_known_when_the_time_is_over(call, ask, hard):
    started = monotonic()
    found = ask("bound", hard, "all_reduce", "--time-limit", "1")
    assert monotonic() - started < 1 + MORE
    assert found["certificate"]["kind"] == "cut"
    assert found["not_tried"] == ["tighter bounds"]
    line = call("bound", hard, "all_reduce", "--time-limit", "0.001").stdout
    assert "GB/s (cut); not tried: " in line
    assert line.endswith("tighter bounds: the time was over\n")


def test_news_are_one_line():
    bound = Bound(4 * 10**9, "cut", None)
    assert in_words(News("solving")) == "solving"
    assert in_words(News("solving", bound)) == "bound 4 GB/s, solving"
    words = in_words(News("solving", bound, 3e9))
    assert words == "bound 4 GB/s, best 3 GB/s, gap 25.00%, solving"


def test_the_scratch_is_told(ask, call):
    made = ask("compile", "dgx-a100", "all_reduce", "-o", "x.json")
    assert 0 < made["scratch"] < 0.1
    assert made["scratch_bytes"] is None
    assert ask("verify", "x.json")["scratch"] == made["scratch"]
    said = f"  scratch   {made['scratch']:.4g} of the size, at most, on a rank"
    assert said in call("verify", "x.json").stdout
    made = ask("compile", "dgx-a100", "all_reduce", "-o", "x.json", "--size", "1KiB")
    assert made["scratch_bytes"] == made["scratch"] * 1024


def test_scratch_can_be_bounded(ask):
    words = ("compile", "dgx-a100", "reduce_scatter", "-o", "x.json", "--max-scratch")
    free = ask(*words, "10%")
    for room in ("0.003", "0.3%"):
        made = ask(*words, room)
        assert made["scratch"] <= 0.003 < free["scratch"]
        assert made["optimal"] is True
    words = ("compile", "dgx-a100", "all_reduce", "-o", "x.json", "--size", "64KiB")
    assert ask(*words)["scratch_bytes"] > 2**15
    made = ask(*words, "--max-scratch", "32KiB")
    assert made["scratch_bytes"] <= 2**15
    assert made["reason"].startswith("bruck 4, lead 1: ")


@pytest.mark.parametrize(
    ("room", "code", "said"),
    [
        ("0.001", 1, "scratch: the least found is 0.001465 of the size (highest throughput, "),
        ("1KiB", 2, "Invalid value for --max-scratch: bytes need --size to compare with"),
        ("4096", 2, "Invalid value for '--max-scratch': '4096' times the size is no bound: bytes "),
        ("some", 2, "Invalid value for '--max-scratch': 'some' is no part of the size, such as "),
        ("-1", 2, "Invalid value for '--max-scratch': '-1' is no part of the size, such as "),
    ],
)
def test_scratch_that_does_not_do_is_refused(call, tmp_path, room, code, said):
    result = call("compile", "dgx-a100", "reduce_scatter", "-o", "x.json", "--max-scratch", room)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith(f"commplan: {said}")
    assert not list(tmp_path.iterdir())


def test_what_an_exchange_of_very_many_ranks_may_reach_is_proved_without_its_blocks(ask, call):
    found = ask("bound", "ring:6000", "all_to_all")
    assert found["routed_GBps"] == pytest.approx(found["algbw_GBps"])
    refused = call("compile", "ring:6000", "all_to_all", "--size", "1MiB", "-o", "none.json")
    assert refused.exit_code == 1
    assert "6,000 ranks is planned only without a size" in refused.stderr
