"""Use a communicator for long, and see whether it grows or goes wrong.

`python -m bench.soak` makes 20,000 calls of mixed collectives, sizes and types on 8 processes and
checks every element; then 200 on 64 processes. The memory of the largest process is looked at ten
times, and goes up and down by some MB: the median of the second half less that of the first,
without the very first, is the growth. It counts for 16,000 calls and more: before, there are new
ones all the time, whose plans are kept.
"""

import argparse
import json
import sys
from statistics import median
from typing import Any

from bench.verdict import ended
from runtime.launch.mpi import find
from runtime.launch.process import run_limited

SECONDS = 3600.0
LIMIT = 120.0  # seconds that a process waits for a message
GROWTH = 8.0  # MB in half of the calls
NEW = 8_000  # calls, among which many are new


def main() -> None:
    """Run both and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", "--processes", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--calls", type=int, nargs="+", default=[20_000, 200])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=LIMIT, help="Of a wait; else it is blocked.")
    args = parser.parse_args()
    print("processes   calls   wrong   seconds   MB after a tenth, half, all   growth by half")
    missed: list[str] = []
    for processes, calls in zip(args.processes, args.calls, strict=True):
        told = soak(processes, calls, args.seed, limit=args.limit)
        held = told["memory_MB"]
        middle = len(held) // 2 + 1
        growth = median(held[middle:]) - median(held[1:middle])
        if told["wrong"]:
            missed.append(f"{processes} processes: {told['wrong']} wrong results")
        if calls >= 2 * NEW and growth >= GROWTH:
            missed.append(f"{processes} processes: grown by {growth:.1f} MB, at most {GROWTH} MB")
        print(
            f"{processes:9} {calls:7} {told['wrong']:7} {told['seconds']:9.1f}"
            f"   {held[1]:.1f} {held[len(held) // 2]:.1f} {held[-1]:.1f} {'':10} {growth:.1f} MB",
            flush=True,
        )
    ended(missed)


def soak(
    processes: int, calls: int, seed: int, most: int = 20_000, limit: float = LIMIT
) -> dict[str, Any]:
    """Make calls on so many processes; give what process 0 told."""
    mpi = find()
    words = [f"star:{processes}", str(calls), str(seed), str(most), str(limit)]
    command = [sys.executable, "-m", "mpi4py", "-m", "bench.ranks.soak", *words]
    ended = run_limited([*mpi.command_line(processes), *command], mpi.environment(SECONDS), SECONDS)
    if ended.code or not ended.output:
        raise SystemExit(f"exit code {ended.code}: {' | '.join(ended.errors[-3:])}")
    told: dict[str, Any] = json.loads(ended.output[-1])
    return told


if __name__ == "__main__":
    main()
