"""What was started ends with whoever started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

WATCHER = """
import os
from runtime.process import watched
watched(["sleep", "{seconds}"], dict(os.environ), 60)
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
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", WATCHER.format(seconds=seconds)],
        cwd=root,
        stderr=subprocess.DEVNULL,
    ) as watcher:
        assert until(lambda: running(seconds))
        watcher.send_signal(number)
        assert watcher.wait(20) != 0
    assert until(lambda: not running(seconds))
