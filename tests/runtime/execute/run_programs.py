"""Run by mpirun: every executor, many programs, all results compared with the interpreter's."""

import os
import sys
from itertools import product

import numpy as np
from mpi4py import MPI

from runtime.alone.own_program import lower_for
from runtime.execute import core
from runtime.execute.executor import Executor
from runtime.interpret.interpret import interpret
from runtime.program.buffer_plan import moves
from runtime.program.elements import OPERATIONS, TYPES, refusal, storage
from runtime.program.lower import lower
from runtime.program.program import Buffer
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.templates import TEMPLATES
from topologies.presets.shapes import full_mesh

COMM = MPI.COMM_WORLD
N = COMM.size
WAYS = ("core", "mpi4py") if core.status().built else ("mpi4py",)


def inputs(program, seed=0):
    """Draw everyone's input; of floats such that the order of additions shows."""
    draw = np.random.default_rng(seed)
    kind = storage(program.dtype)
    made = []
    for count in program.counts[:, Buffer.INPUT]:
        values = draw.normal(size=count) if kind.kind in "fc" else draw.integers(0, 100, count)
        made.append(values.astype(kind))
    return made


def schedules():
    for (name, (make, known)), what in product(TEMPLATES.items(), COLLECTIVES):
        if what in known and (N & (N - 1) == 0 or "recursive" not in name):
            yield make(full_mesh(N), collective(what, range(N)))


def agree(program, own=None, **options):
    """Run a program and compare with its meaning in memory, bit for bit, every time.

    own: the program of this process alone, to be run in its place.
    """
    given = inputs(program)
    right = interpret(program, given)[COMM.rank].tobytes()
    for way in WAYS:
        executor = Executor(own or program, COMM, way=way, limit=60, **options)
        for run in (executor.run, lambda: tested(executor), executor.run):  # noqa: B023
            executor.input[:] = given[COMM.rank]
            run()
            assert executor.output.tobytes() == right, (program.dtype, program.op, way)
        executor.free()


def tested(executor):
    while not executor.test():
        os.sched_yield()  # those it waits for may have no core of their own


def main() -> None:
    everything = list(schedules())
    reduced = next(each for each in everything if each.collective.name == "all_reduce")
    for i, schedule in enumerate(everything):
        agree(lower(moves(schedule), 1000, chunks=3, in_place=i % 2 == N % 2))
    for op, dtype in product(OPERATIONS, TYPES):
        if N == 3 and not refusal(op, dtype):
            agree(lower(moves(reduced), 60, dtype=dtype, op=op))
    agree(lower(moves(reduced), 5000, chunks=2), message_limit=1000)
    for schedule in everything[:: len(everything) // 8]:
        agree(lower(schedule, 70), lower_for(schedule, COMM.rank, 70))
    if COMM.rank == 0:
        print("right:", *WAYS)


if __name__ == "__main__":
    main()
    sys.exit(0)
