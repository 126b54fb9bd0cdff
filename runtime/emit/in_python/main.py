"""Measuring every size that is asked for."""

import argparse
import os
import sys
import time
import traceback
from statistics import median
from typing import Any

import numpy as np
from mpi4py import MPI

from runtime.emit.in_python.check import fill, wrong_elements
from runtime.emit.in_python.lowering import Plan, blocks_of, chunks_for, largest
from runtime.emit.in_python.machine import Machine
from runtime.emit.in_python.options import cast, complain, options
from runtime.emit.in_python.plan import BUSBW, RANKS
from runtime.emit.in_python.table import print_end, print_head, print_row
from runtime.emit.in_python.trace import write_trace


def main() -> int:
    """Measure every size asked for; give the exit code."""
    args = options()
    comm = cast(args.map)
    if comm is None:
        return 2
    processes = comm.gather((os.getpid(), MPI.Get_processor_name())) or []
    if comm.rank == 0:
        print_head(args, processes)
    rows = [measure(comm, size, args) for size in args.sizes]
    wrong = sum(row["wrong"] or 0 for row in rows)
    if comm.rank == 0:
        print_end(rows, wrong)
    return 1 if wrong else 0


def measure(comm: MPI.Comm, size: int, args: argparse.Namespace) -> dict[str, Any]:
    """Check and time one size; on process 0, print its row."""
    width = np.dtype(args.type).itemsize
    sizes = blocks_of(size // width)
    count = largest(sizes)
    chunks = args.chunks or chunks_for(count * width)
    plan = Plan(comm.rank, size // width, width, chunks, args.in_place, args.join, args.lead)
    machine = Machine(comm, plan, args.type, args.op, args.watchdog)
    fill(machine, plan, args.type, args.op)
    comm.Barrier()
    machine.run()
    wrong = comm.allreduce(wrong_elements(machine, plan, args.type, args.op) if args.check else 0)
    seconds = time_runs(comm, machine, args)
    if args.trace:
        write_trace(comm, machine, plan, args.trace)
    machine.free()
    row = {"size": count * width, "count": sizes[0], "type": args.type}
    row |= {"op": args.op, "chunks": chunks, "in_place": args.in_place, "ranks": len(RANKS)}
    row |= {"iterations": args.iterations, "seconds": seconds, "algbw": row["size"] / seconds}
    row |= {"busbw": row["algbw"] * BUSBW, "wrong": wrong if args.check else None}
    if comm.rank == 0:
        print_row(row)
    return row


def time_runs(comm: MPI.Comm, machine: Machine, args: argparse.Namespace) -> float:
    """Give the median over the iterations of the time that the slowest process took."""
    times = np.zeros(args.iterations)
    for i in range(-args.warm_up, args.iterations):
        comm.Barrier()
        start = time.perf_counter()
        machine.run()
        times[max(i, 0)] = time.perf_counter() - start
    slowest = np.zeros_like(times)
    comm.Allreduce(times, slowest, MPI.MAX)
    return max(float(median(slowest.tolist())), 1e-9)


if __name__ == "__main__":
    try:
        code = main()
    except SystemExit as wanted:  # the command line was wrong, or asked for help
        code = int(wanted.code or 0)
    except BaseException as fault:  # who ends alone would leave the others waiting for ever
        complain(f"process {MPI.COMM_WORLD.rank}: {type(fault).__name__}: {fault}")
        traceback.print_exc()
        time.sleep(0.5)  # for mpirun to hand this on
        MPI.COMM_WORLD.Abort(70)
    MPI.Finalize()
    sys.exit(code)
