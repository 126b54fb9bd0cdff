"""What the executors cost over loops written by hand, for the same ring all_reduce.

`python -m bench.executors` measures under the MPI of this environment, at 2 and 4 processes:
the emitted C program and the core over a loop in C, the mpi4py executor over a loop in mpi4py
(the faster of plain and persistent requests, for both). For another MPI call it in an environment
with that one. The table gives the least of the medians of several launches, taken in turn. The
last column is the loop in C over itself, from as many launches of its own: what the ratios vary by.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from runtime.emit import c
from runtime.launch.mpi import Mpi, compile_c, find
from runtime.launch.process import run_limited
from solvers.schedules.kinds import collective
from solvers.templates import TEMPLATES
from topologies.model.units import duration
from topologies.presets.shapes import full_mesh

SIZES = (8, 4096, 65536, 2**20, 2**24)
LOOP = Path(__file__).parent / "ranks" / "ring.c"
LOOPS = ("loop", "itself")
SECONDS = 300.0
Times = dict[str, dict[int, float]]


def main() -> None:
    """Print a table for each number of processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--processes", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--launches", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=2000)
    parser.add_argument("--bytes", type=int, nargs="+", default=SIZES)
    args = parser.parse_args()
    mpi = find()
    for processes in args.processes:
        sizes = [str(max(size, 4 * processes)) for size in args.bytes]
        show(mpi.kind, processes, measure(mpi, processes, sizes, args.launches, args.repeats))


def measure(mpi: Mpi, processes: int, sizes: Sequence[str], launches: int, repeats: int) -> Times:
    """Give the least median of every way at every size, in seconds."""
    best: Times = {}
    with tempfile.TemporaryDirectory(prefix="commplan-") as folder:
        programs = compiled(mpi, processes, Path(folder))
        for _ in range(launches):
            for program in programs:
                for name, size, seconds in launched(mpi, processes, sizes, repeats, program):
                    known = best.setdefault(name, {})
                    known[size] = min(seconds, known.get(size, seconds))
    return best


def compiled(mpi: Mpi, processes: int, folder: Path) -> list[list[str]]:
    """Compile the loop and the emitted program; give the commands, the loops in Python last."""
    what = collective("all_reduce", range(processes))
    source = folder / "emitted.c"
    source.write_text(c.emit(TEMPLATES["ring"][0](full_mesh(processes), what)))
    compile_c(mpi, source, folder / "emitted")
    for name in LOOPS:
        compile_c(mpi, LOOP, folder / name)
    python = [sys.executable, "-m", "mpi4py", "-m", "bench.ranks.ring"]
    return [*([str(folder / name)] for name in ("loop", "emitted", "itself")), python]


def launched(
    mpi: Mpi, processes: int, sizes: Sequence[str], repeats: int, program: list[str]
) -> list[tuple[str, int, float]]:
    """Run one program once; give (way, size, seconds)."""
    crowded = processes > (os.cpu_count() or 1)
    name = Path(program[0]).name
    words = {
        **{loop: [str(repeats), str(int(crowded)), *sizes] for loop in LOOPS},
        "emitted": ["-c", "0", "--chunks", "1", *(["--crowded"] if crowded else [])],
    }
    found = []
    for size in sizes if name == "emitted" else [""]:
        extra = words.get(name, [str(repeats), *sizes])
        if size:
            # As often as the loops do it.
            count = max(8, min(repeats, int(2e8 / (int(size) + 100_000))))
            extra = [*extra, "-n", str(count), "-w", str(count // 4), "-b", size]
        ended = run_limited(
            [*mpi.command_line(processes), *program, *extra], mpi.environment(SECONDS), SECONDS
        )
        if ended.code:
            raise SystemExit(f"{name}: exit code {ended.code}: {ended.errors[-3:]}")
        found += read(name, ended.output)
    return found


def read(name: str, lines: list[str]) -> list[tuple[str, int, float]]:
    """Read what a program printed."""
    found = []
    for line in lines:
        if name == "emitted" and line.startswith("# commplan "):
            row = json.loads(line.removeprefix("# commplan "))
            found.append((name, int(row["size"]), float(row["seconds"])))
        elif name in LOOPS:
            words = line.split()
            found.append((name, int(words[0]), float(words[1])))
        elif line.startswith("{"):
            row = json.loads(line)
            size = int(row.pop("size"))
            found += [(way, size, float(seconds)) for way, seconds in row.items()]
    return found


def show(kind: str, processes: int, best: Times) -> None:
    """Print the times, and their ratios to the loops."""
    print(f"\n{kind}, {processes} processes on {os.cpu_count()} cores, ring all_reduce")
    print(
        f"{'bytes':>9} {'C loop':>9} {'emitted C':>9} {'ratio':>6} {'core':>9} {'ratio':>6}"
        f" {'py loop':>9} {'mpi4py':>9} {'ratio':>6} {'/C':>6} {'itself':>6}"
    )
    for size, loop in best["loop"].items():
        python = min(best["plain"][size], best["kept"][size])
        emitted, mpi4py = best["emitted"][size], best["mpi4py"][size]
        core = best.get("core", {}).get(size, float("nan"))
        print(
            f"{size:>9} {duration(loop):>9} {duration(emitted):>9} {emitted / loop:>6.2f}"
            f" {duration(core):>9} {core / loop:>6.2f} {duration(python):>9} {duration(mpi4py):>9}"
            f" {mpi4py / python:>6.2f} {mpi4py / loop:>6.2f} {best['itself'][size] / loop:>6.2f}"
        )


if __name__ == "__main__":
    main()
