"""Whether communicators, groups and requests leave anything behind.

`python -m bench.lives` makes and frees 10,000 of each on two processes, and looks at the memory of
process 0 after half and after all: what leaks grows with each, what is kept once is there by then.
"""

import argparse
import sys

from bench.verdict import ended
from runtime.launch.mpi import find
from runtime.launch.process import run_limited

GROWTH = 4.0  # MB
SECONDS = 1800.0


def main() -> None:
    """Print a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    args = parser.parse_args()
    mpi = find()
    command = [*mpi.command_line(2), sys.executable, "-m", "mpi4py", "-m", "bench.ranks.lives"]
    told = run_limited([*command, str(args.count)], mpi.environment(SECONDS), SECONDS)
    if told.code:
        raise SystemExit("\n".join(told.errors))
    missed = []
    print("kind             made   MB after half, all   growth")
    for line in told.output:
        kind, made, first, last = line.split()
        growth = float(last) - float(first)
        print(f"{kind:14} {made:>6}   {first:>10} {last:>10}   {growth:8.2f} MB")
        if growth > GROWTH:
            missed.append(f"{kind}: grown by {growth:.1f} MB, at most {GROWTH} MB")
    ended(missed)


if __name__ == "__main__":
    main()
