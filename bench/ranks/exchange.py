"""Run by mpirun: Alltoallv with a new matrix in each call, by plans and by MPI's own in turns."""

import json
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from mpi4py import MPI

import commplan
from commplan.communicator.exchange.habit import NEW
from topologies.model.topology import IntArray

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank


def make_matrix(kind: str, size: int, seed: int | tuple[int, ...]) -> IntArray:
    """Give bytes from each process to each, about `size` of each process in all."""
    random, mean = np.random.default_rng(seed), max(1, size // N)
    if kind == "even":
        return np.full((N, N), mean + int(random.integers(mean)))
    if kind == "random":
        return random.integers(0, 2 * mean, (N, N))
    if kind == "sparse":
        return random.integers(0, 8 * mean, (N, N)) * (random.random((N, N)) < 0.25)
    if kind == "one heavy":
        made = random.integers(0, mean, (N, N))
        made[:, random.integers(N)] += mean
        return made
    return np.diag(random.integers(0, 2 * size, N))[random.permutation(N)]  # permuted


def exchange(comms: Sequence[Any], matrix: IntArray, turn: int) -> list[float]:
    """Let each do it, beginning with another in each turn; give the seconds of each."""
    sent, taken = matrix[ME].tolist(), matrix[:, ME].tolist()
    given = np.full(sum(sent), ME, dtype=np.uint8)
    got = [np.zeros(sum(taken), dtype=np.uint8) for _ in comms]
    times = [0.0] * len(comms)
    for step in range(len(comms)):
        place = (turn + step) % len(comms)
        WORLD.Barrier()
        since = perf_counter()
        comms[place].Alltoallv([given, sent], [got[place], taken])
        times[place] = perf_counter() - since
    assert all(each.tobytes() == got[0].tobytes() for each in got)
    return times


def main() -> None:
    """Print the seconds of the slowest process, of each call: ours, MPI's, and MPI's once more."""
    calls, kinds, sizes = int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3].split(",")
    seed = int(sys.argv[4])
    planned = commplan.Communicator(WORLD, commplan.topology(f"star:{N}"), limit=60)
    for call in range(NEW):
        exchange([planned], make_matrix("random", 1024, call), 0)
    rows = []
    for kind in kinds:
        for size in map(int, sizes):
            times = []
            for call in range(calls):
                matrix = make_matrix(kind, size, (seed, call, size))
                times.append(exchange([planned, WORLD, WORLD], matrix, call))
            slowest = np.empty_like(times)
            WORLD.Allreduce(np.array(times), slowest, MPI.MAX)
            rows.append((kind, size, slowest.T.tolist()))
    if ME == 0:
        print(json.dumps(rows))
    planned.Free()


if __name__ == "__main__":
    main()
