"""Whether a result has the same bits however its messages come.

`python -m bench.bits` runs programs with several leads a thousand times on every executor: the
core, mpi4py, emitted C and emitted Python. A library stands before the MPI that starts messages
late and lets them be seen late, in any order. Every digest of every output must be the one that the
interpreter gives.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.verdict import ended
from runtime.emit import c, mpi4py
from runtime.execute import core
from runtime.interpret.interpret import interpret
from runtime.launch.mpi import Mpi, compile_c, find
from runtime.launch.process import run_limited
from runtime.metrics.pacing import with_lead
from runtime.program.floats import Array
from runtime.program.lower import lower
from runtime.program.program import Buffer
from solvers.schedules.files import save
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.solve import solve
from topologies.formats.spec import topology

SEED = "COMMPLAN_DELAYS"
RANKS = Path(__file__).parent / "ranks"
# Machine, collective, lead, chunks.
CASES = (
    ("full-mesh:4", "all_reduce", 1, 2),
    ("star:4", "all_reduce", 2, 5),
    ("star:4", "reduce_scatter", 3, 4),
    ("ring:4", "all_reduce", 5, 6),
)
SIZE = 6000  # bytes
SECONDS = 300.0


def poured(me: int, count: int) -> Array:
    """Give an input of numbers of many magnitudes, as ranks/bits.c has it."""
    word = np.arange(count, dtype=np.uint64) * np.uint64(1000003) + np.uint64(me * 7919 + 1)
    word *= np.uint64(0x9E3779B97F4A7C15)
    figure = (word >> np.uint64(40)).astype(np.int64) - 8388608
    power = (word >> np.uint64(8)) & np.uint64(15)
    return figure.astype(np.float32) / (1 << power.astype(np.int64)).astype(np.float32)


def digest(outs: Array) -> int:
    """Digest an output of floats, as ranks/bits.c does."""
    total = 0
    for bits in outs.view(np.uint32).tolist():
        total = (total + bits) * 0x9E3779B97F4A7C15 % 2**64
    return total


def right(schedule: Schedule, chunks: int) -> str:
    """Give the line of digests that the meaning of the program has."""
    program = lower(schedule, SIZE // 4, chunks=chunks)
    counts = program.counts[:, Buffer.INPUT].tolist()
    outs = interpret(program, [poured(i, count) for i, count in enumerate(counts)])
    return " ".join(f"{digest(each):016x}" for each in outs)


def compiled(mpi: Mpi, folder: Path) -> Path:
    """Compile what stands before the MPI."""
    library = folder / "libdelays.so"
    compile_c(mpi, RANKS / "delays.c", library, "-shared", "-fPIC")
    return library


def commands(mpi: Mpi, schedule: Schedule, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Prepare every executor; give its name and the first words of its command."""
    save(schedule, folder / "plan.json")
    (folder / "emitted.c").write_text(c.emit(schedule))
    (folder / "emitted.py").write_text(mpi4py.emit(schedule))
    program = folder / "bits"
    compile_c(mpi, RANKS / "bits.c", program, f'-DPROGRAM="{folder / "emitted.c"}"')
    yield "emitted C", [str(program)]
    python = [sys.executable, "-m", "mpi4py", "-m", "bench.ranks.bits"]
    yield "emitted Python", [*python, "emitted", str(folder / "emitted.py")]
    yield "mpi4py", [*python, "mpi4py", str(folder / "plan.json")]
    if core.status().built:
        yield "core", [*python, "core", str(folder / "plan.json")]


def different(runs: int) -> Iterator[tuple[str, int, int]]:
    """Give executor and case, runs, and those of them that had other bits."""
    mpi = find()
    for machine, name, lead, chunks in CASES:
        here = topology(machine)
        schedule = with_lead(solve(here, collective(name, range(here.ranks))), lead)
        expected = right(schedule, chunks)
        with tempfile.TemporaryDirectory(prefix="commplan-") as made:
            library = compiled(mpi, Path(made))
            asked = [str(number) for number in (runs, SIZE, lead, chunks)]
            for way, words in commands(mpi, schedule, Path(made)):
                told = launched(mpi, library, [*words, *asked])
                wrong = sum(line != expected for line in told)
                yield f"{way:15} {name} on {machine}, lead {lead}", len(told), wrong


def launched(mpi: Mpi, library: Path, words: list[str]) -> list[str]:
    """Run a program behind the library; give the lines that it prints."""
    variables = (("LD_PRELOAD", str(library)), ("MPI4PY_LIBMPI", str(library)), (SEED, "1"))
    behind = ["env", *(f"{name}={value}" for name, value in variables)]
    found = run_limited([*mpi.command_line(4), *behind, *words], mpi.environment(SECONDS), SECONDS)
    if found.code:
        raise SystemExit(f"{words[0]}: exit code {found.code}: {found.errors[-3:]}")
    return [line for line in found.output if line]


def main() -> None:
    """Print a line for each executor and case; exit 1 if any bit was another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=250, help="of each case (4 of them)")
    args = parser.parse_args()
    missed = []
    for what, runs, wrong in different(args.runs):
        print(f"{what:60} {runs:5} runs, {wrong} with other bits", flush=True)
        missed += [what] if wrong or runs != args.runs else []
    ended(missed)


if __name__ == "__main__":
    main()
