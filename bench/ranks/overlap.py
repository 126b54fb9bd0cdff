"""Run by mpirun: computation and an all_reduce, alone and beside each other.

Words: rounds and megabytes. Process 0 prints JSON: (10th percentile, median) of each.
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np
from mpi4py import MPI

import commplan
from topologies.presets.shapes import star

WORLD = MPI.COMM_WORLD


def main() -> None:
    """Measure all ways in turns; of each round the slower process counts."""
    rounds, size = int(sys.argv[1]), int(sys.argv[2]) * 10**6
    caller = commplan.Communicator(WORLD, star(WORLD.size))
    thread = commplan.Communicator(WORLD, star(WORLD.size), progress="thread")
    data, square = np.ones(size // 4, np.float32), np.ones((700, 700))

    def compute() -> None:
        for _ in range(8):
            square @ square

    def exchange(comm: commplan.Communicator, beside: Callable[[], None]) -> None:
        request = comm.Iallreduce(MPI.IN_PLACE, data, "max")
        beside()
        request.Wait()

    ways: dict[str, Callable[[], None]] = {
        "computation": compute,
        "all_reduce": lambda: exchange(caller, lambda: None),
        "all_reduce, thread": lambda: exchange(thread, lambda: None),
        "both, caller moves on": lambda: exchange(caller, compute),
        "both, thread moves on": lambda: exchange(thread, compute),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, way in ways.items():
            WORLD.Barrier()
            began = time.perf_counter()
            way()
            seconds = WORLD.allreduce(time.perf_counter() - began, MPI.MAX)
            times[name] += [seconds] if turn > 1 else []
    if WORLD.rank == 0:
        print(
            json.dumps(
                {name: np.percentile(all_, [10, 50]).tolist() for name, all_ in times.items()}
            )
        )
    caller.Free()
    thread.Free()


if __name__ == "__main__":
    main()
