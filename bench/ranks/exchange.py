"""Run by mpirun: Alltoallv with a new matrix in each call, by plans and by MPI's own in turns."""

import json
import sys
from statistics import median
from time import perf_counter

import numpy as np
from mpi4py import MPI

import commplan

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank


def main() -> None:
    """Print medians in microseconds for each mean size of a block, given as arguments."""
    planned = commplan.Communicator(WORLD, commplan.topology(f"star:{N}"), limit=60)
    rows = []
    for mean in map(int, sys.argv[2:]):
        times: tuple[list[float], list[float]] = ([], [])
        for call in range(int(sys.argv[1])):
            counts = np.random.default_rng(call).integers(0, 2 * mean, (N, N))
            sent, taken = counts[ME].tolist(), counts[:, ME].tolist()
            given = np.full(sum(sent), ME, dtype=np.uint8)
            got = [np.zeros(sum(taken), dtype=np.uint8) for _ in range(2)]
            for place in (0, 1) if call % 2 else (1, 0):
                WORLD.Barrier()
                since = perf_counter()
                (planned, WORLD)[place].Alltoallv([given, sent], [got[place], taken])
                times[place].append(perf_counter() - since)
            assert got[0].tobytes() == got[1].tobytes()
        slowest = [WORLD.allreduce(median(each), MPI.MAX) * 1e6 for each in times]
        rows.append((mean, *slowest))
    if ME == 0:
        print(json.dumps(rows))
    planned.Free()


if __name__ == "__main__":
    main()
