"""Run a schedule under mpirun, and tell a wrong result, a crash and a hang apart."""

import importlib.util
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from signal import SIGKILL

from runtime import rank_map
from runtime.deaths import HEAD, FirstDeath
from runtime.emit import c, mpi4py
from runtime.moves import moves
from runtime.mpi import LaunchError, Mpi, compile_c, find
from runtime.process import Ended, watched
from solvers.schedule import Schedule


@dataclass(frozen=True)
class Measurement:
    """What a program measured at one size: bytes, seconds (median), bytes per second.

    wrong: elements that were not what the definition asks for, over all processes; None where
    nothing was checked.
    """

    size: int
    count: int
    type: str
    op: str
    chunks: int
    in_place: bool
    ranks: int
    iterations: int
    seconds: float
    algbw: float
    busbw: float
    wrong: int | None


@dataclass(frozen=True)
class Ending:
    """How a launch ended: right, wrong, crash or hang; with the reason in a line."""

    verdict: str
    reason: str
    measurements: tuple[Measurement, ...] = ()


class RunError(RuntimeError):
    """A program that crashed or hung; `ending` says which."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(f"{ending.verdict}: {ending.reason}")
        self.ending = ending


def run(
    schedule: Schedule,
    sizes: Sequence[int],
    target: str = "mpi4py",
    *,
    dtype: str = "float32",
    op: str = "sum",
    chunks: int = 0,
    in_place: bool = False,
    iterations: int = 20,
    warm_up: int = 5,
    check: bool = True,
    played: Sequence[int] = (),
    timeout: float = 600.0,
    report: Callable[[str], None] | None = None,
    mpi: Mpi | None = None,
) -> list[Measurement]:
    """Emit a schedule, run it under mpirun at every size (bytes), and give what it measured.

    chunks: 0 leaves the number to the program. played: the rank that each process plays, in order
    if empty. report gets every line of the output as it comes. A wrong result is a measurement
    with `wrong` above 0. mpi: the one of this computer where none is given.

    Raises:
        LaunchError: nothing can be started.
        MapError: `played` does not name each rank once.
        RunError: the program crashed, or did not end within `timeout` seconds.
    """
    ranks = moves(schedule).ranks
    if played:
        rank_map.check(played, ranks)
    options = ["-b", *map(str, sizes), "-n", str(iterations), "-w", str(warm_up)]
    options += ["-c", str(int(check)), "--type", dtype, "--op", op]
    options += ["--in-place"] if in_place else []
    options += ["--chunks", str(chunks)] if chunks else []
    options += ["--map", ",".join(map(str, played))] if played else []
    mpi = mpi or find()
    with tempfile.TemporaryDirectory(prefix="commplan-") as folder:
        program = prepare(schedule, target, Path(folder), mpi)
        ending = launch([*program, *options], len(ranks), mpi, timeout, report)
    if ending.verdict in ("crash", "hang"):
        raise RunError(ending)
    return list(ending.measurements)


def prepare(schedule: Schedule, target: str, folder: Path, mpi: Mpi) -> list[str]:
    """Write a schedule's program into a folder, compile it if need be; give its command.

    Raises:
        LaunchError: an unknown target, or one that lacks mpi4py or a compiler.
    """
    if target == "mpi4py":
        if importlib.util.find_spec("mpi4py") is None:
            raise LaunchError("mpi4py is not installed; it comes with the extra commplan[mpi]")
        source = folder / "program.py"
        source.write_text(mpi4py.emit(schedule), encoding="utf-8")
        return [sys.executable, "-m", "mpi4py", str(source)]
    if target != "c":
        raise LaunchError(f"target {target!r} cannot be run; mpi4py and c can")
    source, program = folder / "program.c", folder / "program"
    source.write_text(c.emit(schedule), encoding="utf-8")
    compile_c(mpi, source, program)
    crowded = len(moves(schedule).ranks) > (os.cpu_count() or 1)
    return [str(program), *(["--crowded"] if crowded else [])]


def launch(
    command: Sequence[str],
    processes: int,
    mpi: Mpi,
    timeout: float = 600.0,
    report: Callable[[str], None] | None = None,
) -> Ending:
    """Run an emitted program under mpirun and say how it ended; nothing of it runs on after that.

    A process that waits for a message longer than half of `timeout` names the rank it waits for.
    """
    whole = [*mpi.starting(processes), *command, "--watchdog", f"{timeout / 2:g}"]
    deaths = FirstDeath()

    def heard(line: str) -> None:
        deaths.hear(line)
        if report is not None:
            report(line)

    try:
        ended = watched(whole, mpi.environment(timeout), timeout, heard)
    finally:
        deaths.close()
    return judged(ended, timeout, deaths.rank)


def judged(ended: Ended, timeout: float, first: int | None = None) -> Ending:
    """Say how a launch ended, from its exit code, what it said, and which rank died first."""
    rows = tuple(_measurements(ended.output))
    said = [line.partition("commplan: ")[2] for line in ended.errors if "commplan: " in line]
    blocked = [line for line in said if re.search(r"blocked in step \d+", line)]
    if blocked or ended.timed_out:
        # Who is stuck in the earliest step waits for the cause, the others for the stuck.
        reason = min(blocked, key=_step, default=f"no end after {timeout:g} seconds")
        return Ending("hang", reason, rows)
    wrong = sum(row.wrong or 0 for row in rows)
    if wrong:
        return Ending("wrong", f"{wrong} wrong elements", rows)
    if ended.code == 0 and rows:
        return Ending("right", "every rank's result is right", rows)
    last = said[:1] or [line for line in ended.errors if line.strip()][-3:]
    return Ending("crash", "; ".join([_exit(ended, first), *last]), rows)


def _step(line: str) -> int:
    """Read the step in which a process says that it is blocked."""
    return int(re.findall(r"blocked in step (\d+)", line)[0])


def _exit(ended: Ended, first: int | None) -> str:
    """Name the rank that ended badly, if that is sure, and its exit code or signal.

    Both MPIs write out the signal. Else a code above 128, or below 0, stands for one.
    """
    text = "\n".join([*ended.output, *ended.errors])
    said = re.search(r"\(signal (\d+)\)|exited on signal (\d+)", text)
    signal = ended.code - 128 if 128 < ended.code < 160 else -ended.code
    if said:
        signal = int(said[1] or said[2])
    if not 0 < signal < 65:
        return f"exit code {ended.code}"
    return f"{_culprit(text, signal, first)}signal {signal}"


def _culprit(text: str, signal: int, first: int | None) -> str:
    """Find the rank that a signal ended, by the numbers of processes in the head of the table.

    first: the rank whose process was gone first. It may be one that MPICH ended, by signal 9, while
    the kernel still cleared up after the culprit. MPICH too may name one of those: their exit code
    tells.
    """
    ranks = {pid: rank for rank, pid, _ in HEAD.findall(text)}
    mpich = re.search(r"= +PID (\d+) RUNNING.*\n= +EXIT CODE: (\d+)\n", text)
    other = re.search(r"process rank \d+ with PID (\d+)", text)
    ended, code = mpich.groups() if mpich else (other[1] if other else "", str(signal))
    named, gone = ranks.get(ended), None if first is None else str(first)
    if named is not None and signal != SIGKILL:
        if code == str(signal):
            gone = named
        elif gone == named:
            gone = None
    return "" if gone is None else f"rank {gone}: "


def _measurements(lines: Sequence[str]) -> list[Measurement]:
    """Read the lines that emitted programs print for machines."""
    known = {field.name for field in fields(Measurement)}
    found = []
    for line in lines:
        if line.startswith("# commplan {"):
            row = json.loads(line.removeprefix("# commplan "))
            found.append(Measurement(**{name: row[name] for name in known}))
    return found
