"""Ask what nobody thought of, the way users ask, and check what can be checked of the answers.

`python -m bench.fuzz --minutes 10` draws machines, collectives and options, runs the commands, and
prints for each kind of check how many cases it saw and how many failed, with the command line that
shows each failure again. Exit code 1 where there is one.
"""

import gzip
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from shlex import join
from tempfile import mkdtemp
from time import monotonic
from typing import Any

import click
import numpy as np

from bench.fuzz_cases import LIMIT, Case, case
from commplan.planning.planner import plan
from runtime.interpret.check import faults
from runtime.interpret.interpret import interpret
from runtime.program.lower import lower
from runtime.verify.verify import verify
from solvers.schedules import files
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.settings.options import SWITCHINGS

PATIENCE = 3 * LIMIT + 60  # seconds; a command that takes longer is stopped
AGAIN = 4  # one case in so many is asked twice, and one by the library
TOLERANCE = 1e-9
FEW = 100_000  # instructions of a program that is run in memory

Fields = dict[str, Any]


@dataclass
class Tally:
    """How often each check was made, and the failures: what was wrong, and how to see it again."""

    cases: Counter[str] = field(default_factory=Counter)
    failed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def note(self, check: str, fault: str, again: str) -> None:
        """Count a check.

        Args:
            check: the kind of check.
            fault: what went wrong, empty if nothing did.
            again: the command that shows it.
        """
        self.cases[check] += 1
        if fault:
            self.failed.setdefault(check, []).append((fault, again))

    def lines(self) -> Iterator[str]:
        """Write a line for each check and, below it, one for each failure."""
        for check, count in self.cases.items():
            wrong = self.failed.get(check, [])
            yield f"{check:<44}{count:>7} cases {len(wrong):>5} failures"
            for fault, again in wrong:
                yield f"  {fault}\n    {again}"


@dataclass(frozen=True)
class Told:
    """How a command ended: its exit code (below 0: a signal), its answer, its last words."""

    code: int
    fields: Fields
    said: str


def command(*words: str) -> Told:
    """Run a command of commplan with --json."""
    line = [sys.executable, "-m", "commplan", *words, "--json"]
    try:
        ended = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return Told(124, {}, f"not ended after {PATIENCE} s")
    try:
        fields = json.loads(ended.stdout or "{}")
    except json.JSONDecodeError:
        fields = {}
    said = ended.stderr.strip().splitlines()
    return Told(ended.returncode, fields, said[-1] if said else "")


def ending(told: Told) -> str:
    """Say what is wrong with the way a command ended: 0, or 1 with a reason, is right."""
    if told.code == 0:
        return "" if told.fields else "exit 0 without an answer"
    return "" if told.code == 1 and told.said else f"exit {told.code}: {told.said}"


def answered(fields: Fields) -> Iterator[tuple[str, str]]:
    """Check the answer of `compile`: pairs of a check and what is wrong."""
    bound, rate = fields["bound_GBps"], fields["algbw_GBps"]
    claim = f"bound {bound}, achieved {rate}, optimal {fields['optimal']}"
    known = bound is not None and rate is not None
    wrong = known and rate > bound * (1 + TOLERANCE)
    yield "achieved is within the bound", claim if wrong else ""
    wrong = known and fields["optimal"] and rate < bound * (1 - TOLERANCE)
    yield "optimal is what reaches its bound", claim if wrong else ""
    least, predicted = fields.get("bound_seconds"), fields.get("predicted_seconds")
    if predicted is not None:
        times = f"bound {least} s, predicted {predicted} s"
        yield "predicted is within the bound at the size", times if slower(least, predicted) else ""


def slower(least: float | None, predicted: float) -> bool:
    """Tell whether a time is below what nothing beats, or below nothing."""
    return predicted < 0 or (least or 0) > predicted * (1 + TOLERANCE) + 1e-14


def ran(schedule: Schedule, seed: int) -> Iterator[tuple[str, str]]:
    """Check what the program of a schedule does in memory."""
    program = lower(schedule, max(64, 2 * schedule.collective.blocks), dtype="float32", chunks=2)
    if len(program) > FEW:
        return
    found = faults(program, schedule.collective, seed)
    yield "the program gives right results", "; ".join(found[:1])
    if schedule.collective.name == "all_reduce":
        draw = np.random.default_rng(seed)
        inputs = [
            draw.standard_normal(memory[0].size).astype(np.float32) for memory in program.memory()
        ]
        # Ranks that only pass messages on want no result.
        different = {each.tobytes() for each in interpret(program, inputs) if each.size}
        wrong = f"{len(different)} different results" if len(different) > 1 else ""
        yield "all ranks have the same bits of a sum", wrong


def asked(question: Case, folder: Path, number: int) -> Iterator[tuple[str, str]]:
    """Ask for a schedule by the commands, and check what comes of it."""
    output = folder / f"schedule-{number}.json"
    made = command("compile", *question.words, "-o", str(output))
    yield "compile ends with 0, or 1 and a reason", ending(made)
    if made.code != 0:
        return
    yield from answered(made.fields)
    seen = command("verify", str(output))
    right = seen.code == 0 and seen.fields.get("correct") is True
    yield "verify says right", "" if right else f"exit {seen.code}: {seen.said} {seen.fields}"
    if made.fields.get("predicted_seconds") is not None and "--max-height" not in question.options:
        for switching in SWITCHINGS:
            yield from simulated(made.fields, str(output), question, switching)
    yield from ran(files.load(str(output)), number)
    if number % AGAIN == 0:
        second = folder / f"schedule-{number}-again.json"
        again = command("compile", *question.words, "-o", str(second))
        yield from repeated(made, again, output, second)


def repeated(made: Told, again: Told, first: Path, second: Path) -> Iterator[tuple[str, str]]:
    """Compare what two runs of a command wrote, where the time limit cut neither of them short."""
    if made.fields["not_tried"] or again.fields.get("not_tried"):
        return
    if again.code:
        yield "two runs write the same schedule", f"then exit {again.code}: {again.said}"
        return
    same = kept(first) == kept(second)
    yield "two runs write the same schedule", "" if same else "the second file is another one"


def simulated(
    fields: Fields, output: str, question: Case, switching: str
) -> Iterator[tuple[str, str]]:
    """Check a simulation at the size that was planned for."""
    sizes = [value for option, value in pairwise(question.options) if option == "--size"]
    words = ["--size", *sizes] if sizes else []
    told = command("simulate", output, *words, "--switching", switching)
    yield "simulate ends with 0", "" if told.code == 0 else f"exit {told.code}: {told.said}"
    if told.code == 0:
        taken, least = told.fields["predicted_seconds"], fields.get("bound_seconds")
        wrong = f"{switching}: bound {least} s, {taken} s" if slower(least, taken) else ""
        yield f"{switching} is within the bound", wrong


def kept(path: Path) -> bytes:
    """Read a schedule file without what says how long its search took."""
    data = path.read_bytes()
    stored = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    stored.get("provenance", {}).pop("seconds", None)
    return json.dumps(stored, sort_keys=True).encode()


def by_library(question: Case, folder: Path, number: int) -> Iterator[tuple[str, str]]:
    """Plan by the library what the commands just stored, and verify it."""
    stored = folder / f"schedule-{number}.json"
    if number % AGAIN != 1 or not stored.exists():
        return
    known = files.load(str(stored))
    made = plan(known.topology, known.collective, size=4096, watch=Watch(LIMIT))
    yield "a plan of the library is right", "; ".join(verify(made.schedule).faults[:1])
    assert made.predicted is not None
    times = f"bound {made.bound} s, predicted {made.predicted} s"
    yield "and within the bound at the size", times if slower(made.bound, made.predicted) else ""


CHECKS: tuple[Callable[[Case, Path, int], Iterator[tuple[str, str]]], ...] = (asked, by_library)


def examine(tally: Tally, seed: int, number: int, folder: Path) -> None:
    """Draw a case and make all checks."""
    question = case(seed, number)
    again = f"python -m bench.fuzz --seed {seed} --case {number}"
    line = join(["commplan", "compile", *question.words, "-o", "schedule.json"])
    for check in CHECKS:
        try:
            for name, fault in check(question, folder, number):
                tally.note(name, fault, f"{again}    # {line}")
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            tally.note(f"nothing is raised ({check.__name__})", fault, f"{again}    # {line}")
    for made in folder.glob(f"schedule-{number}*"):
        made.unlink()


@click.command()
@click.option("--minutes", type=click.FloatRange(0), default=10.0, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--case", "number", type=click.IntRange(0), help="Make the checks of one case only.")
def main(minutes: float, seed: int, number: int | None) -> None:
    """Draw cases and check the answers until the time is over."""
    folder, tally, end = Path(mkdtemp(prefix="commplan-fuzz-")), Tally(), monotonic() + 60 * minutes
    count = 0
    while number is None and monotonic() < end:
        examine(tally, seed, count, folder)
        count += 1
    if number is not None:
        examine(tally, seed, number, folder)
    click.echo("\n".join(tally.lines()))
    click.echo(f"{count or 1} cases, seed {seed}; their machines are in {folder}")
    sys.exit(bool(tally.failed))


if __name__ == "__main__":
    main()
