"""Collectives without end, in the midst of which process 1 does something that it should not.

Usage: python -m mpi4py -m bench.ranks.faulty FAULT WAY LIMIT TOKEN; TOKEN only marks the process.
"""

import os
import signal
import sys
import time
from typing import Any

import numpy as np
from mpi4py import MPI

import commplan
from runtime.execute.executor import Executor
from runtime.program.lower import lower
from solvers.templates import TEMPLATES
from topologies.presets.shapes import full_mesh

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
COUNTS = (1000, 1001)


def main() -> None:
    """Call Allreduce for ever, but for the fault."""
    fault, way, limit = sys.argv[1], sys.argv[2], float(sys.argv[3])
    if fault == "plans":
        return different_plans(way, limit)
    options: Any = {"way": way, "limit": limit, "planning_seconds": 1.0}
    world = commplan.Communicator(WORLD, commplan.topology(f"ring:{N}"), **options)
    buffers = [np.zeros((2, count), dtype=np.float32) for count in COUNTS]
    for i in range(10**9):
        here = ME == 1 and i == 50
        given, result = buffers[(i < 40 and i % 2) or (here and fault == "count")]
        if here:
            do(fault)
        if here and fault == "new count":
            given, result = given[1:], result[1:]
        world.Allreduce(given, result)
        if i == 50 and ME == 0:
            print("under way", flush=True)
    return None


def do(fault: str) -> None:
    """Do what is not to be done; a wrong count is given by the caller."""
    if fault == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif fault == "stops":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif fault == "raises":
        raise RuntimeError("boom")
    elif fault == "leaves":
        sys.exit(3)
    elif fault == "is absent":
        time.sleep(3600)


def different_plans(way: Any, limit: float) -> None:  # noqa: ANN401
    """Let process 1 run another schedule of the same collective."""
    make = TEMPLATES["direct" if ME == 1 else "ring"][0]
    schedule = make(full_mesh(N), commplan.collective("all_reduce", range(N)))
    Executor(lower(schedule, 1000), WORLD, way=way, limit=limit).run()


if __name__ == "__main__":
    main()
