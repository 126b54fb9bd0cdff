"""A benchmark under mpirun: commplan's collective and MPI's own in turns, at every size."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

import numpy as np
from mpi4py import MPI

from bench.contest.arguments import Arguments, arguments
from bench.contest.data import block_elements, input_of, wrong
from bench.contest.rows import Row, Timing
from bench.contest.tables import TABLES, About
from bench.ranks.ours import Ours, Planner, prepared, told
from bench.ranks.stock import Stock, can
from runtime.metrics.busbw import factor
from runtime.program.elements import width
from runtime.program.floats import Array
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import collective

Run = Callable[[], None]


def main(name: str) -> None:
    """Measure a collective as the command line asks, and end the process.

    Exit codes: 1 where a result was wrong, 2 where the command line, machine or file was.
    """
    comm = MPI.COMM_WORLD
    args = _read(comm, name)
    code = args if isinstance(args, int) else measure(comm, args)
    MPI.Finalize()
    sys.exit(code)


def measure(comm: MPI.Comm, args: Arguments) -> int:
    """Measure all sizes, process 0 printing the table; give the exit code."""
    planner = None
    if args.ours:
        planner, label, fault = prepared(comm, args)
        if fault:
            _print(comm, [f"commplan: {fault}"], sys.stderr)
            return 2
    else:
        label = "this computer"
    processes = comm.gather((os.getpid(), MPI.Get_processor_name())) or []
    about = About(args, label, _mpi(), processes)
    head, line, end = TABLES[args.format]
    _print(comm, head(about))
    rows = []
    for size in args.sizes:
        rows.append(_row(comm, args, planner, size))
        _print(comm, line(about, rows[-1]))
    _print(comm, end(about, rows))
    return int(any(row.wrong for row in rows))


def _row(comm: MPI.Comm, args: Arguments, planner: Planner | None, asked: int) -> Row:
    """Check and time everything at one size."""
    what = collective(args.collective, range(comm.size), args.root if args.root >= 0 else None)
    elements = block_elements(what, asked, args.dtype)
    size = elements * what.total * width(args.dtype)
    own = input_of(what, comm.rank, elements, args.dtype, args.op)
    found = None if planner is None else planner.choose(size)
    chosen = told(comm, found) if args.ours else None
    ours = None if chosen is None else Ours(comm, args, chosen, size)
    stock = None
    if args.theirs and can(args.dtype, args.op):
        stock = Stock(comm, what, own, elements, args.dtype, args.op)
    faults = _checked(comm, args, what, own, elements, ours, stock)
    out, placed, theirs = _timed(comm, args, ours, stock, faults)
    if ours is not None:
        ours.free()
    return Row(
        size=size,
        elements=elements,
        dtype=args.dtype,
        op=args.op,
        root=args.root,
        iterations=args.iterations,
        factor=float(factor(what)),
        ours=out,
        in_place=placed,
        theirs=theirs,
        predicted=None if chosen is None else chosen.predicted,
        bound=None if chosen is None else chosen.bound,
        chosen="" if chosen is None else chosen.name,
        chunks=0 if chosen is None else chosen.chunks,
        way="" if ours is None else ours.way,
    )


def _checked(
    comm: MPI.Comm,
    args: Arguments,
    what: Collective,
    own: Array,
    elements: int,
    ours: Ours | None,
    stock: Stock | None,
) -> list[int | None]:
    """Run each once and count the wrong elements of all processes: ours, in place, MPI's own."""
    outputs: list[Array | None] = [None, None, None]
    if ours is not None:
        ours.fill(own)
        for i, executor in enumerate(ours.executors):
            executor.run()
            outputs[i] = executor.output
    if stock is not None:
        stock.run()
        outputs[2] = stock.output if stock.exact else None
    counts: list[int | None] = []
    for output in outputs:
        if output is None or not args.check:
            counts.append(None)
        else:
            mine = wrong(what, comm.rank, output, elements, args.dtype, args.op)
            counts.append(comm.allreduce(mine))
    return counts


def _timed(
    comm: MPI.Comm,
    args: Arguments,
    ours: Ours | None,
    stock: Stock | None,
    faults: Sequence[int | None],
) -> list[Timing | None]:
    """Time what there is, in turns: ours, in place, MPI's own."""
    runs: list[Run | None] = [None, None, None if stock is None else stock.run]
    if ours is not None:
        runs[:2] = [executor.run for executor in ours.executors]
    there = [run for run in runs if run is not None]
    times = np.zeros((len(there), args.iterations))
    for i in range(-args.warm_up, args.iterations):
        for row, run in enumerate(there):
            comm.Barrier()
            start = MPI.Wtime()
            run()
            times[row, max(i, 0)] = MPI.Wtime() - start
    everyone = np.array(comm.allgather(times))
    found = iter(range(len(there)))
    return [
        None if run is None else _timing(everyone[:, next(found)], fault)
        for run, fault in zip(runs, faults, strict=True)
    ]


def _timing(times: np.ndarray[tuple[int, ...], np.dtype[np.float64]], fault: int | None) -> Timing:
    """Sum up (processes, iterations) of seconds."""
    each = times.mean(axis=1)
    return Timing(
        seconds=max(float(np.median(times.max(axis=0))), 1e-9),
        mean=float(each.mean()),
        least=float(each.min()),
        most=float(each.max()),
        wrong=fault,
    )


def _read(comm: MPI.Comm, name: str) -> Arguments | int:
    """Let process 0 read the command line; give the exit code where that is the end."""
    found: Arguments | int = 0
    if comm.rank == 0:
        try:
            found = arguments(name, comm.size, sys.argv[1:])
        except SystemExit as ended:
            found = int(ended.code or 0)
    answer: Arguments | int = comm.bcast(found)
    return answer


def _print(comm: MPI.Comm, lines: Sequence[str], to: TextIO = sys.stdout) -> None:
    if comm.rank == 0 and lines:
        print("\n".join(lines), file=to, flush=True)


def _mpi() -> str:
    """Name the MPI in use."""
    return " ".join(map(str, (MPI.get_vendor()[0], ".".join(map(str, MPI.get_vendor()[1])))))
