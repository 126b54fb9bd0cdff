"""The whole way once: from the description of a supernode to validated runs under mpirun."""

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

import commplan
from commplan.planning.planner import schedule_time_bound
from topologies.model.units import bytes_of, duration

FOLDER = Path("build/demo")
SUPERNODE, NODE = "cloudmatrix384", "cloudmatrix384:nodes=1"
SIZES = (2**16, 2**20, 2**24)
COLUMNS = (
    "program",
    "size",
    "measured",
    "algbw GB/s",
    "busbw GB/s",
    "predicted",
    "bound",
    "result",
)
ITERATIONS, WARM_UP = 5, 1
SECONDS = 300.0

NOTE = (
    "measured: 16 processes share the memory and the {cores} cores of this computer; that says "
    "nothing about the supernode. predicted, bound: one CloudMatrix384 node of 16 dies."
)

NEXT = "All of it is in build/demo. Next: . .venv/bin/activate, and docs/start.md"


def main() -> None:
    """Do the commands of the README, then run both programs; exit 1 if anything is wrong."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for collective in ("all_gather", "all_reduce"):
        command("compile", SUPERNODE, collective, "-o", f"{FOLDER}/{collective}_768.json.gz")
    file = f"{FOLDER}/all_reduce_16.json.gz"
    command("compile", NODE, "all_reduce", "-o", file)
    command("verify", file)
    for target, ending in (("mpi4py", "py"), ("c", "c")):
        command("emit", file, "--target", target, "-o", f"{FOLDER}/all_reduce_16.{ending}")
    code = measure(commplan.load_schedule(file))
    print(NEXT)
    sys.exit(code)


def command(*words: str) -> None:
    """Show a command and run it."""
    print(f"\n$ commplan {' '.join(words)}", flush=True)
    ended = subprocess.run([sys.executable, "-m", "commplan", *words], timeout=SECONDS)
    if ended.returncode:
        sys.exit(ended.returncode)


def measure(schedule: commplan.Schedule) -> int:
    """Run a schedule in both languages at each size and print the table; 1 if a result is wrong."""
    console = Console(width=100)
    console.print()
    table = Table(*COLUMNS, title=f"{schedule.collective.name}, 16 processes under mpirun")
    wrong = 0
    for target in ("mpi4py", "c"):
        with console.status(f"running {target}"):
            rows = commplan.run(
                schedule, SIZES, target, iterations=ITERATIONS, warm_up=WARM_UP, timeout=SECONDS
            )
        for row in rows:
            table.add_row(target, *cells(schedule, row))
            wrong += row.wrong != 0
    console.print(table)
    console.print(NOTE.format(cores=os.cpu_count()))
    return int(wrong > 0)


def cells(schedule: commplan.Schedule, row: commplan.Measurement) -> list[str]:
    """Write one row of the table."""
    return [
        bytes_of(row.size),
        duration(row.seconds),
        f"{row.algbw / 1e9:.4f}",
        f"{row.busbw / 1e9:.4f}",
        duration(commplan.simulate(schedule, row.size).seconds),
        duration(schedule_time_bound(schedule, row.size)),
        f"{row.wrong} WRONG" if row.wrong else "right",
    ]


if __name__ == "__main__":
    main()
