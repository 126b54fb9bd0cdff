"""Start a command with a time limit, read its lines as they come, and leave nothing running."""

import errno
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from types import FrameType
from typing import IO, cast
from uuid import uuid4

from topologies.model.units import Seconds

# What an mpirun gets to end its processes by itself before they are killed; Open MPI takes 6 s.
GRACE_SECONDS = 8.0
LAST_SECONDS = 3.0  # what a command gets after a line that ought to be its last
PAUSE_SECONDS = 0.2  # after which a thread looks whether it should end
BLOCK = 2**16  # bytes that are read at once
MARK = "COMMPLAN_RUN"  # the variable by which what a command started is known
REQUESTS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
# Asks for SIGTERM at the parent's death (prctl(2), PR_SET_PDEATHSIG), unless it is dead already,
# undoes what Python does to signals, and becomes another program.
TETHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
parent, program, *words = sys.argv[1:]
if os.getppid() != int(parent):
    sys.exit(128 + signal.SIGTERM)
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
os.execv(program, words)
"""


@dataclass
class Ended:
    """How a command ended, and every line it wrote."""

    code: int = 0
    timed_out: bool = False
    output: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def run_limited(
    command: Sequence[str],
    environment: dict[str, str],
    seconds: Seconds,
    report: Callable[[str], None] | None = None,
    last: Callable[[str], object] | None = None,
) -> Ended:
    """Run a command for at most so many seconds, with all that it starts.

    report gets each line of output and errors, from a thread of its own. last tells of a line if
    the command ought to end by itself after it; it gets LAST_SECONDS to do so. Whoever asks this
    process to stop, or kills it, ends the command as well. What the command left behind, having
    detached itself, is known by a mark in its environment, and ended too.
    """
    ended, mark = Ended(), f"{MARK}={uuid4().hex}"
    with (
        _stop_in_order(),
        subprocess.Popen(
            _die_with_parent(command, environment),
            env=environment | dict([mark.split("=")]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process,
    ):
        reader = _Reader(process, ended, report, last)
        try:
            reader.start()
            ended.timed_out = not _wait_for_end(process, time.monotonic() + seconds, reader)
        finally:
            _end(process)
            ended.code = process.returncode
            # What a failing mpirun left behind may hold the streams open.
            reader.wait(PAUSE_SECONDS if ended.code else GRACE_SECONDS)
            _end_marked(mark)
            reader.finish()
    return ended


@contextmanager
def _stop_in_order() -> Iterator[None]:
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


def _wait_for_end(process: subprocess.Popen[bytes], deadline: float, reader: "_Reader") -> bool:
    """Wait for a command; tell whether it has ended, or should have after what it said."""
    while (now := time.monotonic()) < min(deadline, reader.deadline):
        with suppress(subprocess.TimeoutExpired):
            process.wait(min(PAUSE_SECONDS, max(deadline - now, 0)))
            return True
    return reader.deadline < deadline


def _die_with_parent(command: Sequence[str], environment: dict[str, str]) -> list[str]:
    """Write the command that lets Linux end it when this process is gone, however it went.

    A small Python asks for that and becomes the command. Nothing runs between fork and exec in
    this process, which may have threads that hold locks.

    Raises:
        FileNotFoundError: there is no such command.
    """
    found = shutil.which(command[0], path=environment.get("PATH"))
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", TETHER, str(os.getpid()), found, *command]


class _Reader(threading.Thread):
    """Reads the lines of a command until its streams end, or until it is told to finish.

    The streams end when nobody can write to them any more; who detached itself may for ever.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        ended: Ended,
        report: Callable[[str], None] | None,
        last: Callable[[str], object] | None,
    ) -> None:
        super().__init__(daemon=True)
        assert process.stdout is not None
        assert process.stderr is not None
        self.streams = {process.stdout: ended.output, process.stderr: ended.errors}
        self.report, self.last, self.enough = report, last, threading.Event()
        self.deadline = inf  # by which the command ought to have ended

    def run(self) -> None:
        """Take each line as it comes."""
        with selectors.DefaultSelector() as selector:
            for stream in self.streams:
                selector.register(stream, selectors.EVENT_READ, bytearray())
            while selector.get_map() and not self.enough.is_set():
                for key, _ in selector.select(PAUSE_SECONDS):
                    block, rest = os.read(key.fd, BLOCK), key.data
                    *lines, rest[:] = (bytes(rest) + block).split(b"\n")
                    if not block:
                        selector.unregister(key.fileobj)
                        lines = [bytes(rest)] if rest else []
                    for line in lines:
                        self._take(line, self.streams[cast(IO[bytes], key.fileobj)])

    def _take(self, line: bytes, lines: list[str]) -> None:
        lines.append(line.decode(errors="replace").rstrip("\r"))
        if self.report is not None:
            self.report(lines[-1])
        if self.last is not None and self.last(lines[-1]):
            self.deadline = min(self.deadline, time.monotonic() + LAST_SECONDS)

    def wait(self, seconds: Seconds) -> None:
        """Wait for the end of the streams; where it never began, there is none to wait for."""
        if self.ident is not None:
            self.join(seconds)

    def finish(self) -> None:
        """Take what is there, and no more."""
        self.wait(PAUSE_SECONDS)
        self.enough.set()
        self.wait(GRACE_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
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


def _end_marked(mark: str) -> None:
    """End what carries a mark in its environment: first asked, then killed."""
    for number, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, PAUSE_SECONDS)):
        deadline = time.monotonic() + patience
        asked: set[int] = set()
        while (left := _find_marked(mark)) and time.monotonic() < deadline:
            for pid in left - asked:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
            asked |= left
            time.sleep(PAUSE_SECONDS / 10)


def _find_marked(mark: str) -> set[int]:
    """List what carries a mark, where the system shows environments (Linux does)."""
    if not Path("/proc/self/environ").exists():
        return set()
    return {pid for pid, text in _read("environ") if mark.encode() in text.split(b"\0")}


def birth(pid: int) -> str:
    """Look up the time of birth of a process, empty where none has the number."""
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
    for pid, text in _read("stat"):
        # The name stands in brackets and may hold anything; state and parent follow it.
        words = text.rpartition(b")")[2].split()
        listed[pid] = (int(words[1]), words[19].decode())
    return listed


def _read(name: str) -> Iterator[tuple[int, bytes]]:
    """Read a file of each process that is still there and shows it."""
    # Patterns look at each entry before they give it, and fail where a process ends meanwhile.
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            yield int(pid), Path("/proc", pid, name).read_bytes()


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
