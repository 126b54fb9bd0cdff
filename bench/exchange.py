"""Whether exchanges of changing blocks are planned soon and run as fast as MPI's own.

`python -m bench.exchange` times the planning alone, without MPI, for 4 to 64 ranks; then Alltoallv
with another matrix in each call on 4 and 8 processes, in turns with MPI's own, in several launches:
after four new ones calls are handed to it, and once in a while all learn the matrix of one. MPI is
timed twice; what its two medians differ by is what this computer's noise is worth.
"""

import argparse
import json
import sys
from collections import defaultdict
from statistics import mean, median
from time import perf_counter

import numpy as np

from commplan.communicator.exchange.direct import plan_exchange
from runtime.launch.mpi import find
from runtime.launch.process import run_limited
from topologies.model.units import bytes_of, duration

MOST = {4: 1.0, 8: 1.0, 16: 1.0, 32: 1.0, 64: 3.0}  # milliseconds of planning
BOUND = 1.1  # of MPI's own
KINDS = "even,random,sparse,one heavy,permuted"
SIZES = "1024,16384,262144,4194304"  # bytes of a process
Times = dict[tuple[str, int], list[list[float]]]  # by kind and size: ours, MPI's, MPI's again


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--launches", type=int, default=3)
    parser.add_argument("--kinds", default=KINDS)
    parser.add_argument("--sizes", default=SIZES)
    parser.add_argument("-n", "--processes", type=int, nargs="*", default=[4, 8])
    args = parser.parse_args()
    print("ranks   planning   at most")
    for ranks, most in MOST.items():
        print(f"{ranks:5} {time_planning(ranks):7.3f} ms {most:6.1f} ms", flush=True)
    for processes in args.processes:
        found: Times = defaultdict(lambda: [[], [], []])
        for launch in range(args.launches):
            words = [str(args.calls), args.kinds, args.sizes, str(launch)]
            gather(run(processes, words), found)
        show(processes, found)


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


def run(processes: int, words: list[str]) -> list[tuple[str, int, list[list[float]]]]:
    """Run the exchanges of one launch; give seconds by kind and size."""
    mpi = find()
    start = [sys.executable, "-m", "mpi4py", "-m", "bench.ranks.exchange", *words]
    ended = run_limited([*mpi.command_line(processes), *start], mpi.environment(600), 600)
    if ended.code:
        raise SystemExit("\n".join(ended.errors))
    rows: list[tuple[str, int, list[list[float]]]] = json.loads(ended.output[-1])
    return rows


def gather(rows: list[tuple[str, int, list[list[float]]]], found: Times) -> None:
    """Add what one launch took to what others did."""
    for kind, size, times in rows:
        for known, new in zip(found[kind, size], times, strict=True):
            known.extend(new)


def show(processes: int, found: Times) -> None:
    """Print medians, 10th percentiles in brackets, and ratios of medians and of means."""
    head = f"{'matrix':>10} {'of a process':>13} {'ours':>22} {'MPI':>22}"
    print(f"\n{processes} processes\n{head}   of MPI's, means   MPI of MPI's, means")
    ratios, means = [], []
    for (kind, size), times in found.items():
        ours, first, again = (median(each) for each in times)
        lows = [float(np.percentile(each, 10)) for each in times]
        texts = [f"{duration(m)} ({duration(p)})" for m, p in ((ours, lows[0]), (first, lows[1]))]
        theirs = times[1] + times[2]
        ratios.append(ours / median(theirs))
        means.append(mean(times[0]) / mean(theirs))
        noise = f"{again / first:10.2f} {mean(times[2]) / mean(times[1]):8.2f}"
        row = f"{kind:>10} {bytes_of(size):>13} {texts[0]:>22} {texts[1]:>22}"
        print(f"{row} {ratios[-1]:10.2f} {means[-1]:6.2f} {noise}", flush=True)
    for name, each in (("medians", ratios), ("means", means)):
        most = f"{min(each):.2f} to {max(each):.2f}, bound {BOUND}"
        print(f"ratios of {name}: median {median(each):.2f}, {most}", flush=True)


if __name__ == "__main__":
    main()
