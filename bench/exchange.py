"""Whether exchanges of changing blocks are planned soon and run as fast as MPI's own.

`python -m bench.exchange` times the planning alone, without MPI, for 4 to 64 ranks; then Alltoallv
with another matrix in each call on 4 and 8 processes, in turns with MPI's own: after eight new ones
most calls are handed to it, with some 20 us of ours around.
"""

import argparse
import json
import sys
from statistics import median
from time import perf_counter

import numpy as np

from commplan.communicator.exchange.direct import plan_exchange
from runtime.launch.mpi import find
from runtime.launch.process import run_limited

MOST = {4: 1.0, 8: 1.0, 16: 1.0, 32: 1.0, 64: 3.0}  # milliseconds of planning
SIZES = ("256", "4096", "65536", "262144", "1048576")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60)
    parser.add_argument("-n", "--processes", type=int, nargs="*", default=[4, 8])
    args = parser.parse_args()
    print("ranks   planning   at most")
    for ranks, most in MOST.items():
        print(f"{ranks:5} {time_planning(ranks):7.3f} ms {most:6.1f} ms", flush=True)
    print("processes   bytes of a block   planned        MPI   of MPI's")
    for processes in args.processes:
        for mean, ours, theirs in run(processes, args.calls):
            times = f"{ours:9.1f} us {theirs:9.1f} us {ours / theirs:8.2f}"
            print(f"{processes:9} {mean:18} {times}", flush=True)


def time_planning(ranks: int) -> float:
    """Give the median of 50 plans for new matrices, in milliseconds."""
    times = []
    for seed in range(50):
        counts = np.random.default_rng(seed).integers(0, 1000, (2, ranks))
        ends = [(row, np.cumsum(row) - row) for row in counts]
        since = perf_counter()
        plan_exchange(0, tuple(range(ranks)), ends[0], ends[1], (int(counts[0].sum()),) * 2)
        times.append(1e3 * (perf_counter() - since))
    return median(times)


def run(processes: int, calls: int) -> list[tuple[int, float, float]]:
    """Run the exchanges; give bytes of a block on average, and microseconds of both."""
    mpi = find()
    words = ["-m", "bench.ranks.exchange", str(calls), *SIZES]
    command = [*mpi.command_line(processes), sys.executable, "-m", "mpi4py", *words]
    ended = run_limited(command, mpi.environment(600), 600)
    if ended.code:
        raise SystemExit("\n".join(ended.errors))
    rows: list[tuple[int, float, float]] = json.loads(ended.output[-1])
    return rows


if __name__ == "__main__":
    main()
