"""Start a command with a time limit, read its lines as they come, and leave nothing running."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

# What an mpirun gets to end its processes by itself before they are killed; Open MPI takes 6 s.
GRACE_SECONDS = 8.0
REQUESTS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass
class Ended:
    """How a command ended, and every line it wrote."""

    code: int = 0
    timed_out: bool = False
    output: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def watched(
    command: Sequence[str],
    environment: dict[str, str],
    seconds: float,
    report: Callable[[str], None] | None = None,
) -> Ended:
    """Run a command for at most so many seconds, with all that it starts.

    report gets each line of output and errors, from two threads but never at once. Whoever asks
    this process to stop, or kills it, ends the command as well.
    """
    ended = Ended()
    with (
        _stopping_in_order(),
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        ) as process,
    ):
        readers = _readers(process, ended, report)
        try:
            # A request to stop may come while these start: to close what they read from would wait
            # for ever, unless the command is ended first.
            for reader in readers:
                reader.start()
            ended.code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            ended.timed_out = True
        finally:
            _end(process)
            for reader in readers:
                if reader.ident is not None:
                    reader.join(GRACE_SECONDS)
    return ended


@contextmanager
def _stopping_in_order() -> Iterator[None]:
    """Turn requests to stop into an exception, so that what was started is ended first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    mine = [number for number in REQUESTS if signal.getsignal(number) is signal.SIG_DFL]
    for number in mine:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def _die_with_parent() -> None:
    """Ask Linux to end this process when the one that started it is gone, however it went."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _readers(
    process: subprocess.Popen[str], ended: Ended, report: Callable[[str], None] | None
) -> list[threading.Thread]:
    lock = threading.Lock()

    def read(stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            lines.append(line.rstrip("\n"))
            if report is not None:
                with lock:
                    report(line.rstrip("\n"))

    pairs = ((process.stdout, ended.output), (process.stderr, ended.errors))
    return [threading.Thread(target=read, args=pair, daemon=True) for pair in pairs]


def _end(process: subprocess.Popen[str]) -> None:
    """End a command and all that descends from it: first asked, then killed."""
    if process.poll() is not None:
        return
    family = _descendants(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)
    alive = _processes()
    for pid, (_, born) in (family | _descendants(process.pid)).items():
        # A number may have been given to a process of someone else since.
        if pid in alive and alive[pid][1] == born:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()


def birth(pid: int) -> str:
    """Give the time of birth of a process, empty where none has the number."""
    return _processes().get(pid, (0, ""))[1]


def children(pid: int) -> list[int]:
    """List the processes that a process started."""
    return sorted(child for child, (parent, _) in _processes().items() if parent == pid)


def _processes() -> dict[int, tuple[int, str]]:
    """List all processes: the parent and the time of birth of each."""
    return _from_proc() if Path("/proc/self/stat").exists() else _from_ps()


def _from_proc() -> dict[int, tuple[int, str]]:
    """Read Linux's own list, for containers often have no ps."""
    listed = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name stands in brackets and may hold anything; state and parent follow it.
            words = entry.read_text(errors="replace").rpartition(")")[2].split()
            listed[int(entry.parent.name)] = (int(words[1]), words[19])
    return listed


def _from_ps() -> dict[int, tuple[int, str]]:
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,lstart="], capture_output=True, text=True, timeout=30
    )
    rows = (line.split(None, 2) for line in listed.stdout.splitlines())
    return {int(pid): (int(parent), born) for pid, parent, born in rows}


def _descendants(pid: int) -> dict[int, tuple[int, str]]:
    """List what a process started, and what that started."""
    everyone = _processes()
    family: set[int] = {pid}
    grown = True
    while grown:
        children = {child for child, (parent, _) in everyone.items() if parent in family} - family
        family |= children
        grown = bool(children)
    return {member: everyone[member] for member in family - {pid}}
