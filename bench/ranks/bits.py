"""Executors and an emitted program in Python, with inputs whose sums depend on the order of adding.

Usage: python -m mpi4py -m bench.ranks.bits WAY FILE RUNS SIZE LEAD CHUNKS; WAY is core, mpi4py or
emitted, FILE the schedule, or the emitted program. Process 0 prints a digest of all outputs for
each run.
"""

import os
import runpy
import sys
from collections.abc import Callable
from typing import Any

from mpi4py import MPI

from bench.bits import SEED, digest, poured
from runtime.execute import passage
from runtime.execute.executor import Executor, Way
from runtime.metrics.pacing import with_lead
from runtime.program.lower import lower
from runtime.program.program import Buffer
from solvers.schedules.files import load

COMM = MPI.COMM_WORLD
WAYS: dict[str, Way] = {"core": "core", "mpi4py": "mpi4py"}
NEVER = {"BRIEF": 0, "crowded": lambda: False}  # whole steps


def executor(way: Way, file: str, size: int, lead: int, chunks: int) -> tuple[Any, Any, Any]:
    """Give the input, the output, and what runs the program."""
    program = lower(with_lead(load(file), lead), size // 4, chunks=chunks)
    made = Executor(program, COMM, way=way, limit=60)
    return made.input, made.output, made.run


def emitted(file: str, size: int, lead: int, chunks: int) -> tuple[Any, Any, Callable[[], None]]:
    """Give the same of an emitted program."""
    names = runpy.run_path(file, run_name="emitted")
    inside = names["measure"].__globals__
    inside |= NEVER
    plan = inside["Plan"](COMM.rank, size // 4, 4, chunks, False, 2**14, lead)
    machine = inside["Machine"](COMM, plan, "float32", "sum", 60.0)
    return machine.buffers[Buffer.INPUT], machine.buffers[Buffer.OUTPUT], machine.run


def main(way: str, file: str, runs: int, size: int, lead: int, chunks: int) -> None:
    """Run and print."""
    # Message by message, however few the cores and brief the messages.
    vars(passage).update(NEVER)
    plan = (file, size, lead, chunks)
    ins, outs, run = executor(WAYS[way], *plan) if way in WAYS else emitted(*plan)
    for _ in range(runs):
        ins[:] = poured(COMM.rank, len(ins))
        run()
        told = COMM.gather(digest(outs))
        if told is not None:
            print(*(f"{each:016x}" for each in told), flush=True)


if __name__ == "__main__":
    assert SEED in os.environ
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
