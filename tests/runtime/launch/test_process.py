"""What was started ends with whoever started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from runtime.launch import process
from runtime.launch.process import run_limited

WATCHER = """
import os
from runtime.launch.process import run_limited
run_limited(["sleep", "{seconds}"], dict(os.environ), 60)
"""


def running(seconds):
    """Say whether a sleep of so many seconds is running."""
    wanted = b"\0".join([b"sleep", seconds.encode()])
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(entry.read_bytes().startswith(wanted))
        except OSError:
            continue
    return any(found)


def until(condition, limit=20.0):
    """Wait for a condition; say whether it came true."""
    end = monotonic() + limit
    while not condition() and monotonic() < end:
        Event().wait(0.05)
    return condition()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_signal_to_the_watcher_ends_what_it_watches(number):
    seconds = f"{5000 + number}.{os.getpid()}"
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(
        [sys.executable, "-c", WATCHER.format(seconds=seconds)],
        cwd=root,
        stderr=subprocess.DEVNULL,
    ) as watcher:
        assert until(lambda: running(seconds))
        watcher.send_signal(number)
        assert watcher.wait(20) != 0
    assert until(lambda: not running(seconds))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_detached_itself_is_ended_and_its_open_pipes_hold_nobody_up():
    seconds = f"4000.{os.getpid()}"
    begun = monotonic()
    ended = run_limited(
        ["sh", "-c", f"echo begun; setsid sh -c 'trap : TERM; sleep {seconds}; sleep 1' & exit 3"],
        dict(os.environ),
        30,
    )
    assert ended.output == ["begun"]
    assert ended.code == 3
    assert not ended.timed_out
    assert monotonic() - begun < 25
    assert not running(seconds)


def test_lines_come_whole_whatever_they_hold():
    code = r"import os; os.write(1, b'a\nb\xff\r\n'); os.write(2, b'x\n\ny'); os.write(1, b'last')"
    told = []
    ended = run_limited([sys.executable, "-c", code], dict(os.environ), 30, told.append)
    assert ended.output == ["a", "b\ufffd", "last"]
    assert ended.errors == ["x", "", "y"]
    assert sorted(told) == sorted(ended.output + ended.errors)


def test_after_its_last_words_a_command_has_some_seconds(monkeypatch):
    monkeypatch.setattr(process, "LAST_SECONDS", 0.3)
    command = [sys.executable, "-c", "print('so long', flush=True); input(); print('more')"]
    begin = monotonic()
    asleep = ["sh", "-c", 'sleep 1000 | "$@"', "sh", *command]
    ended = run_limited(asleep, dict(os.environ), 60, last=bye)
    assert monotonic() - begin < 30
    assert (ended.output, ended.timed_out, ended.code) == (["so long"], False, -signal.SIGTERM)


def test_a_command_is_started_as_it_is_and_python_has_changed_no_signal(tmp_path):
    script = 'echo "$0,$1,$#"; kill -PIPE $$; echo "still here"'
    ended = run_limited(["sh", "-c", script, "-c", "a  b"], dict(os.environ), 30)
    assert (ended.output, ended.code) == (["-c,a  b,1"], -signal.SIGPIPE)


def test_a_command_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        run_limited(["no-such-program"], dict(os.environ), 30)


def test_nothing_runs_between_fork_and_exec():
    source = Path(process.__file__).read_text(encoding="utf-8")
    assert "preexec_fn" not in source


def test_who_ends_after_its_last_words_is_not_ended(monkeypatch):
    command = [sys.executable, "-c", "print('so long', flush=True); exit(3)"]
    ended = run_limited(command, dict(os.environ), 60, last=bye)
    assert (ended.output, ended.timed_out, ended.code) == (["so long"], False, 3)


def bye(line):
    return "so long" in line
