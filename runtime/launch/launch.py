"""Run a schedule under mpirun, and tell a wrong result, a crash and a hang apart."""

import importlib.util
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from runtime.emit.targets import Runner, emit, read_target, runnable
from runtime.launch import first_failure, kills, rank_map
from runtime.launch.mpi import LaunchError, Mpi, compile_c, find
from runtime.launch.process import Ended, run_limited
from runtime.program.buffer_plan import moves
from runtime.program.program import DTYPES, OPS, ProgramError
from runtime.verify.structure import check_sound
from solvers.schedules.schedule import Schedule
from topologies.model.arguments import number, refuse, whole
from topologies.model.errors import NO, CommplanError
from topologies.model.units import Bytes, Rank, Seconds


@dataclass(frozen=True)
class Measurement:
    """What a program measured at one size: bytes, seconds (median), bytes per second.

    Attributes:
        wrong: elements that were not what the definition asks for, over all processes; None where
            nothing was checked.
    """

    size: Bytes
    count: int
    type: str
    op: str
    chunks: int
    in_place: bool
    ranks: int
    iterations: int
    seconds: Seconds
    algbw: float
    busbw: float
    wrong: int | None


@dataclass(frozen=True)
class Ending:
    """How a launch ended: right, wrong, crash or hang; with the reason in a line."""

    verdict: str
    reason: str
    measurements: tuple[Measurement, ...] = ()


class RunError(CommplanError, RuntimeError):
    """A program that crashed or hung; `ending` says which."""

    exit_code = NO

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
    played: Sequence[Rank] = (),
    timeout: Seconds = 600.0,
    report: Callable[[str], None] | None = None,
    mpi: Mpi | None = None,
    trace: Callable[[Path], None] | None = None,
) -> list[Measurement]:
    """Emit a schedule, run it under mpirun at every size (bytes), and give what it measured.

    A wrong result is a measurement with `wrong` above 0.

    Args:
        schedule: the schedule.
        sizes: in bytes.
        target: what the program is written for, one that can run.
        dtype: the element type.
        op: the reduction: sum, prod, min, max, avg and the like.
        chunks: of each piece; 0 lets the program choose.
        in_place: whether input and output share a buffer.
        iterations: that are measured.
        warm_up: iterations before those.
        check: whether every rank checks its result.
        played: the rank that each process plays, in order if empty.
        timeout: seconds, for all of it.
        report: gets each line that the program prints.
        mpi: the one of this computer where none is given.
        trace: gets the file with the events of one run more, of the last size (`timeline`).

    Raises:
        ArgumentError: a schedule that is none, or a size, type, operation or number that is none.
        LaunchError: nothing can be started.
        MapError: `played` does not name each rank once.
        RunError: the program crashed, or did not end within `timeout` seconds.
    """
    _check_run(schedule, sizes, dtype, op, iterations, warm_up, chunks, timeout)
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
        program, events = prepare(schedule, target, Path(folder), mpi), Path(folder) / "events"
        options += ["--trace", str(events)] if trace is not None else []
        ending = launch([*program, *options], played or ranks, mpi, timeout, report)
        if ending.verdict in ("crash", "hang"):
            raise RunError(ending)
        if trace is not None:
            trace(events)
    return list(ending.measurements)


def _check_run(
    schedule: Schedule,
    sizes: Sequence[int],
    dtype: str,
    op: str,
    iterations: int,
    warm_up: int,
    chunks: int,
    timeout: Seconds,
) -> None:
    """Look at everything before a process is started.

    Raises:
        ArgumentError: the first that cannot be meant.
    """
    check_sound(schedule)
    if isinstance(sizes, str) or not isinstance(sizes, Iterable) or not list(sizes):
        refuse("sizes", sizes, "a list of bytes")
    for i, size in enumerate(sizes):
        whole(f"sizes[{i}]", size, 1)
    for name, value, known in (("dtype", dtype, DTYPES), ("op", op, tuple(OPS))):
        if value not in known:
            refuse(name, value, f"one of {', '.join(known)}")
    whole("iterations", iterations, 1)
    whole("warm_up", warm_up)
    whole("chunks", chunks)
    number("timeout", timeout, above=True)


def prepare(schedule: Schedule, target: str, folder: Path, mpi: Mpi) -> list[str]:
    """Write a schedule's program into a folder, compile it if need be; give its command.

    Raises:
        ProgramError: the target cannot express the schedule.
        LaunchError: a target that is unknown or cannot be run, or that lacks mpi4py or a compiler.
    """
    if _runner(target) == "python":
        return _prepare_python(emit(schedule, target), folder)
    crowded = len(moves(schedule).ranks) > (os.cpu_count() or 1)
    program = _prepare_c(emit(schedule, target), folder, mpi)
    return [program, *(["--crowded"] if crowded else [])]


def _runner(target: str) -> Runner:
    """Look up what runs the programs of a target.

    Raises:
        LaunchError: nothing does, or it is unknown.
    """
    try:
        known, _ = read_target(target)
    except ProgramError as error:
        raise LaunchError(str(error)) from None
    if not known.runner:
        raise LaunchError(f"target {target!r} cannot be run; {' and '.join(runnable())} can")
    return known.runner


def _prepare_python(text: str, folder: Path) -> list[str]:
    if importlib.util.find_spec("mpi4py") is None:
        raise LaunchError("mpi4py is not installed; it comes with the extra commplan[mpi]")
    source = folder / "program.py"
    source.write_text(text, encoding="utf-8")
    return [sys.executable, "-m", "mpi4py", str(source)]


def _prepare_c(text: str, folder: Path, mpi: Mpi) -> str:
    source, program = folder / "program.c", folder / "program"
    source.write_text(text, encoding="utf-8")
    compile_c(mpi, source, program)
    return str(program)


def launch(
    command: Sequence[str],
    played: Sequence[Rank],
    mpi: Mpi,
    timeout: Seconds = 600.0,
    report: Callable[[str], None] | None = None,
) -> Ending:
    """Run an emitted program under mpirun and say how it ended; nothing of it runs on after that.

    A process that waits for a message longer than half of `timeout` names the rank it waits for.

    Args:
        command: the program and its arguments.
        played: the rank that each process plays.
        mpi: the mpirun to use.
        timeout: in seconds.
        report: gets each line that the program prints.
    """
    words = [*command, "--watchdog", f"{timeout / 2:g}"]

    def heard(line: str) -> None:
        if report is not None and not first_failure.read_death(line):
            report(line)

    started, before = (
        [*mpi.command_line(len(played)), *first_failure.wrap_command(words)],
        kills.count_kills(),
    )
    ended = run_limited(started, mpi.environment(timeout), timeout, heard, first_failure.read_death)
    return judge(ended, timeout, played, before)


def judge(
    ended: Ended, timeout: Seconds, played: Sequence[Rank], before: kills.Killed | None = None
) -> Ending:
    """Say how a launch ended, from its exit code and what it said.

    Args:
        ended: how the command ended.
        timeout: in seconds.
        played: the rank that each process plays.
        before: what the kernel had killed for want of memory when it began.
    """
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
    end = _exit(ended, played) if ended.code else "it ended well, but measured nothing"
    # Beside a rank and a signal, an mpirun says only that it ends the others.
    rest = [] if re.match(r"rank \d+: signal", end) else _words(ended.errors)
    signal = re.search(r"signal (\d+)", end)
    why = kills.advice(int(signal[1]), before or {}, kills.count_kills()) if signal else ""
    return Ending("crash", "; ".join(filter(None, [end, *(said[:1] or rest[-3:]), why])), rows)


def _words(lines: Sequence[str]) -> list[str]:
    """Leave out ornaments and what shells tell."""
    return [line for line in lines if re.search(r"\w", line) and not first_failure.read_death(line)]


def _step(line: str) -> int:
    """Read the step in which a process says that it is blocked."""
    return int(re.findall(r"blocked in step (\d+)", line)[0])


def _exit(ended: Ended, played: Sequence[Rank]) -> str:
    """Name the rank that ended badly before all others, if one did, and its exit code or signal.

    Where none says so, its shell was ended too: mpirun may tell by which signal.
    """
    death = next(filter(None, map(first_failure.read_death, ended.errors)), None)
    if death is not None and death.process < len(played):
        return f"rank {played[death.process]}: {first_failure.describe_exit(death.code)}"
    text = "\n".join([*ended.output, *ended.errors])
    said = re.search(r"\(signal (\d+)\)|exited on signal (\d+)", text)
    return kills.name(int(said[1] or said[2])) if said else first_failure.describe_exit(ended.code)


def _measurements(lines: Sequence[str]) -> list[Measurement]:
    """Read the lines that emitted programs print for machines."""
    known = {field.name for field in fields(Measurement)}
    found = []
    for line in lines:
        if line.startswith("# commplan {"):
            row = json.loads(line.removeprefix("# commplan "))
            found.append(Measurement(**{name: row[name] for name in known}))
    return found
