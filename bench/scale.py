"""What machines cost as they grow: `python -m bench.scale` (ten minutes), `--bound`, `--quick`.

Each command runs in a fresh process, one after the other: `commplan compile`, which plans, verifies
and writes, or `commplan bound`. The exponent is the slope of the logarithms over N, 2N and 4N.
"""

import argparse
import tempfile
from collections.abc import Iterator
from math import log
from pathlib import Path

from bench.fresh import ask
from bench.verdict import ended

COLLECTIVES = ("all_gather", "all_reduce", "broadcast", "all_to_all")
# All of more than 4,096 ranks: smaller ones are planned in another way.
MACHINES = (
    ("torus:32x16x16", "torus:32x32x16", "torus:32x32x32"),
    ("dgx-a100:boxes=1024", "dgx-a100:boxes=2048", "dgx-a100:boxes=4096"),
    (
        "cloudmatrix384:supernodes=10",
        "cloudmatrix384:supernodes=20",
        "cloudmatrix384:supernodes=40",
    ),
)
QUICK = (("torus:8x8x8", "torus:16x8x8", "torus:16x16x8"),)
BOUNDED = (("torus:32x32x16", "torus:32x32x32", "torus:64x32x32"),)
LIMIT = 300.0  # seconds, after which a command is ended
SECONDS, MEGABYTES = 60.0, 4096.0  # allowed to any
EXCHANGE = 180.0  # seconds allowed to an all_to_all


def main() -> None:
    """Print a row for each machine and collective; exit 1 where one is refused or too slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bound", action="store_true", help="bounds of up to 65,536 ranks")
    parser.add_argument("--quick", action="store_true", help="512 to 2,048 ranks")
    parser.add_argument("--collective", action="append", choices=COLLECTIVES, help="only this")
    chosen = parser.parse_args()
    machines = BOUNDED if chosen.bound else QUICK if chosen.quick else MACHINES
    wrong: list[str] = []
    print("machine                        collective   CPU s  wall s      MB   of bound")
    for sizes in machines:
        for collective in chosen.collective or COLLECTIVES:
            rows = [_row(machine, collective, bound=chosen.bound) for machine in sizes]
            if None in rows:
                wrong.append(f"{sizes[rows.index(None)]} {collective} is refused")
                continue
            found = [row for row in rows if row is not None]
            print(f"{'':31}{collective:10} {' '.join(_exponents(found))}", flush=True)
            wrong += _too_much(sizes[-1], collective, found[-1])
    ended(wrong)


def _row(machine: str, collective: str, *, bound: bool) -> tuple[float, float] | None:
    """Run one command and print what it took; give CPU seconds and megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        written = [] if bound else ["-o", str(Path(folder, "plan.json.gz"))]
        words = ["bound" if bound else "compile", machine, collective, *written]
        told = ask(words, LIMIT)
    if told.fault:
        print(f"{machine:31}{collective:10} {told.fault.splitlines()[0]}", flush=True)
        return None
    part = "" if bound else f"{told.answer['algbw_GBps'] / told.answer['bound_GBps']:10.1%}"
    cost = f"{told.busy:7.1f} {told.seconds:7.1f} {told.memory / 1e6:7.0f}"
    print(f"{machine:31}{collective:10} {cost} {part}", flush=True)
    return told.busy, told.memory / 1e6


def _exponents(rows: list[tuple[float, float]]) -> Iterator[str]:
    """Fit the growth of seconds and of memory."""
    for name, column in zip(("seconds", "memory"), zip(*rows, strict=True), strict=True):
        slope = (log(column[-1]) - log(column[0])) / (len(column) - 1) / log(2)
        yield f"{name} ~ N^{slope:.2f}"


def _too_much(machine: str, collective: str, row: tuple[float, float]) -> Iterator[str]:
    """Say what took more than is allowed."""
    seconds, megabytes = row
    if seconds > (EXCHANGE if collective == "all_to_all" else SECONDS):
        yield f"{machine} {collective}: {seconds:.0f} s of CPU"
    if megabytes > MEGABYTES:
        yield f"{machine} {collective}: {megabytes:.0f} MB"


if __name__ == "__main__":
    main()
