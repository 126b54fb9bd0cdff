"""One rank's part of large schedules: `python -m bench.part` (six minutes), `--quick`.

Each machine is planned and written, and `commplan show FILE --rank` reads the file in a fresh
process. Beside that stands what `commplan.lower_for` takes of it, once the file has been read, and
how many instructions the rank has. The exponents are those of `show`, over N, 2N and 4N.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import product
from math import log2
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time

from bench.fresh import MEMORY_UNIT, ask
from bench.verdict import ended

COLLECTIVES = ("all_gather", "all_reduce", "broadcast", "reduce_scatter", "all_to_all")
MACHINES = (
    ("torus:32x16x16", "torus:32x32x16", "torus:32x32x32"),
    ("dgx-a100:boxes=1024", "dgx-a100:boxes=2048", "dgx-a100:boxes=4096"),
)
QUICK = (("torus:8x8x8", "torus:16x8x8", "torus:16x16x8"),)
LIMIT = 300.0  # seconds, after which a command is ended
RANK = 5
COUNT = 2**20  # elements of the size buffer: 4 MiB
SECONDS, MEGABYTES = 2.0, 512.0  # allowed to the part, and to the command


def main() -> None:
    """Print a row for each machine and collective; exit 1 where one is refused or too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="512 to 2,048 ranks")
    parser.add_argument("--collective", action="append", choices=COLLECTIVES, help="only this")
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.alone:
        print(json.dumps(_alone(chosen.alone)))
        return
    wrong: list[str] = []
    print(
        "machine                        collective       show: CPU s      MB   part: CPU s  lines"
    )
    for sizes, what in product(
        QUICK if chosen.quick else MACHINES, chosen.collective or COLLECTIVES
    ):
        rows = [_row(machine, what, wrong) for machine in sizes]
        found = [row for row in rows if row is not None]
        if len(found) == len(rows):
            growth = [
                log2(last / first) / 2 for first, last in zip(found[0], found[-1], strict=True)
            ]
            print(f"{'':31}{what:16} seconds ~ N^{growth[0]:.2f} memory ~ N^{growth[1]:.2f}")
    ended(wrong)


def _row(machine: str, what: str, wrong: list[str]) -> tuple[float, float] | None:
    """Plan, read, and print what that took; give CPU seconds and megabytes of `show`."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "plan.json"))
        made = ask(["compile", machine, what, "-o", file], LIMIT)
        told = made if made.fault else ask(["show", file, "--rank", str(RANK)], LIMIT)
        if told.fault:
            wrong.append(f"{machine} {what}: {told.fault.splitlines()[0]}")
            return None
        command = [sys.executable, "-m", "bench.part", "--alone", file]
        took = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT)
    part = json.loads(took.stdout)
    memory = told.memory / 1e6
    cost = f"{told.busy:12.1f} {memory:7.0f} {part['seconds']:13.2f} {part['lines']:6,}"
    print(f"{machine:31}{what:16}{cost}", flush=True)
    if part["seconds"] > SECONDS or max(memory, part["memory"]) > MEGABYTES:
        wrong.append(f"{machine} {what}: {part['seconds']:.1f} s, {memory:.0f} MB")
    return told.busy, memory


def _alone(file: Path) -> dict[str, float]:
    """Make the part of a rank, in this process that does nothing else."""
    import commplan

    schedule = commplan.load_schedule(file)
    began = process_time()
    made = commplan.lower_for(schedule, RANK, COUNT)
    seconds = process_time() - began
    memory = getrusage(RUSAGE_SELF).ru_maxrss * MEMORY_UNIT / 1e6
    return {"seconds": seconds, "memory": memory, "lines": len(made.program)}


if __name__ == "__main__":
    main()
