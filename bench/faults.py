"""Inject faults into collectives under way, and tell how each ended.

`python -m bench.faults` starts collectives on three processes, lets process 1 die, raise, stop,
call something else and so on, and prints what was said, the exit code, the seconds until the end,
and the processes that were left. `limit` is what a process waits for a message.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import commplan
from bench import verdict
from runtime.launch.mpi import find
from runtime.launch.process import children

LIMIT = 3.0
PATIENCE = 60.0
LEAVING = 1.0  # seconds that the last processes may take after the command
INSIDE = (
    "dies",
    "crashes",
    "raises",
    "leaves",
    "stops",
    "is absent",
    "count",
    "new count",
    "plans",
)
OUTSIDE = {"dies": signal.SIGKILL, "stops": signal.SIGSTOP}
SAID = (
    "commplan: ",
    "BlockedError: ",
    "RuntimeError: ",
    "EXIT STRING",
    "noticed that process",
    "Abort(",
    "MPI_ABORT was invoked",
)


@dataclass(frozen=True)
class End:
    """How a command ended."""

    code: int
    seconds: float
    said: str
    left: int


def main() -> None:
    """Print the table; exit 1 if anything hung, ended well, or left a process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", nargs="+", default=["core", "mpi4py", "run-c", "run-mpi4py"])
    parser.add_argument("--faults", nargs="+", default=[*INSIDE, "interrupt", "disk"])
    args = parser.parse_args()
    print(f"{'way':10} {'fault':10} {'s':>5} {'exit':>4} {'left':>4}  said")
    wrong: list[str] = []
    for way in args.ways:
        for fault in args.faults:
            end = inject(way, fault)
            if end is None:
                continue
            if end.code == 0:
                wrong.append(f"{way} {fault}: it ended well")
            if end.left or end.seconds >= PATIENCE:
                wrong.append(f"{way} {fault}: {end.left} processes left, {end.seconds:.1f} s")
            print(
                f"{way:10} {fault:10} {end.seconds:5.1f} {end.code:4} {end.left:4}  {end.said}",
                flush=True,
            )
    verdict.ended(wrong)


def inject(way: str, fault: str) -> End | None:
    """Do one; None where a fault does not apply to a way."""
    token = f"token-{os.getpid()}-{time.monotonic_ns()}"
    with tempfile.TemporaryDirectory(prefix=token) as folder:
        if not way.startswith("run-"):
            return None if fault == "disk" else _inside(way, fault, token)
        if fault not in (*OUTSIDE, "interrupt", "disk"):
            return None
        return _outside(way.removeprefix("run-"), fault, Path(folder), token)


def _inside(way: str, fault: str, token: str) -> End:
    """Let process 1 of a program with a communicator do it."""
    words = [fault, way, str(LIMIT), token]
    mpi = find()
    command = [
        *mpi.command_line(3),
        sys.executable,
        "-m",
        "mpi4py",
        "-m",
        "bench.ranks.faulty",
        *words,
    ]
    return end_of(command, mpi.environment(PATIENCE), fault, token)


def _outside(target: str, fault: str, folder: Path, token: str) -> End:
    """Run a schedule's program, and do it to process 1 from outside."""
    file = folder / f"{token}.json"
    what = commplan.collective("all_reduce", range(3))
    commplan.save_schedule(commplan.plan(commplan.topology("ring:3"), what).schedule, file)
    command = [sys.executable, "-m", "commplan", "run", str(file), "--size", "1KiB", "--target"]
    command += [target, "--iterations", "1000000", "--timeout", str(4 * LIMIT)]
    if fault == "disk":
        command = [sys.executable, "-m", "commplan", "emit", str(file), "--target", target]
        command += ["-o", "/dev/full"]
    return end_of(command, {**os.environ, "TMPDIR": str(folder)}, fault, token)


def end_of(command: list[str], environment: dict[str, str], fault: str, token: str) -> End:
    """Start a command, do to it what is to be done from outside, and see how it ends."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as heard:
        process = subprocess.Popen(
            command, env=environment, stdout=heard, stderr=heard, stdin=subprocess.DEVNULL
        )
        if fault == "interrupt" or "run" in command:
            _meddle(process, fault, token)
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.terminate()
            code = process.wait()
        seconds = time.monotonic() - start
        heard.seek(0)
        text = heard.read().decode(errors="replace").replace("\0", "")
    deadline = time.monotonic() + LEAVING
    while (left := [pid for pid in _find_marked(token) if pid != process.pid]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.1)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return End(code, seconds, _said(text), len(left))


def _meddle(process: subprocess.Popen[bytes], fault: str, token: str) -> None:
    """Wait until the processes are under way, then interrupt the command or fell process 1."""
    victims: list[int] = []
    deadline = time.monotonic() + PATIENCE / 2
    while not victims and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.2)
        # A process, not the shell around it that tells how it ended.
        victims = [pid for pid in _find_marked(token) if _number(pid) == 1 and not children(pid)]
    time.sleep(2)
    if fault == "interrupt":
        process.send_signal(signal.SIGINT)
    for pid in victims if fault in OUTSIDE else []:
        os.kill(pid, OUTSIDE[fault])


def _find_marked(token: str) -> list[int]:
    """List the processes that were started with a token in their command or environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            state = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
            if token.encode() in words and int(entry.name) != os.getpid() and state != "Z":
                found.append(int(entry.name))
    return found


def _number(pid: int) -> int:
    """Give a process's number among those of MPI, -1 if it has none."""
    with suppress(OSError):
        for word in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            name, _, value = word.partition(b"=")
            if name in (b"PMI_RANK", b"OMPI_COMM_WORLD_RANK"):
                return int(value)
    return -1


def _said(text: str) -> str:
    """Give the line that says most."""
    lines = text.splitlines()
    for mark in SAID:
        for line in lines:
            if mark in line:
                return line[line.index(mark) :].removeprefix("commplan: ")[:150]
    return lines[-1][:150] if lines else ""


if __name__ == "__main__":
    main()
