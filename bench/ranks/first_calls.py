"""Run by mpirun: what the first and the second call of each collective take, by one way to plan.

Words: a topology, and what a Communicator is told besides, as JSON. Prints rows at process 0.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from mpi4py import MPI

import commplan

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
ELEMENTS = 2**18  # of a block: 1 MiB


def time_call(call: Callable[[], object]) -> list[float]:
    """Time a call: of the slowest process, and what it takes process 0 of its processor."""
    WORLD.Barrier()
    began, busy = time.perf_counter(), time.thread_time()
    call()
    own = time.perf_counter() - began, time.thread_time() - busy
    slowest: float = WORLD.allreduce(own[0], MPI.MAX)
    return [slowest, own[1]]


def main() -> None:
    """Print a line of JSON: for each collective the times of its first two calls."""
    options = json.loads(sys.argv[2])
    world = commplan.Communicator(WORLD, commplan.topology(sys.argv[1]), limit=60, **options)
    block, whole = (np.ones(count, np.float32) for count in (ELEMENTS, ELEMENTS * N))
    sums, other = whole.copy(), whole.copy()
    calls = {
        "Allreduce": partial(world.Allreduce, MPI.IN_PLACE, sums),
        "Allreduce, 64 bytes": partial(world.Allreduce, MPI.IN_PLACE, sums[:16]),
        "Allgather": partial(world.Allgather, block, whole),
        "Reduce_scatter_block": partial(world.Reduce_scatter_block, other, block),
        "Alltoall": partial(world.Alltoall, other, whole),
        "Bcast": partial(world.Bcast, block, 0),
    }
    found = {name: [time_call(call), time_call(call)] for name, call in calls.items()}
    if ME == 0:
        print(json.dumps(found))
    world.Free()


if __name__ == "__main__":
    main()
