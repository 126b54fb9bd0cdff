"""A ring all_reduce in Python: two loops as one writes them by hand, and commplan's executors.

Usage: python -m mpi4py -m bench.ranks.ring REPEATS_LIMIT BYTES...; a JSON line for each size.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from mpi4py import MPI

from runtime.execute import core
from runtime.execute.executor import Executor, Way
from runtime.program.lower import lower
from solvers.schedules.kinds import collective
from solvers.templates import TEMPLATES
from topologies.presets.shapes import full_mesh

COMM = MPI.COMM_WORLD
ME, N = COMM.rank, COMM.size
Array = Any
Exchange = tuple[Array, Array, Array | None]  # what goes out, what comes in, what is added to it


def exchanges(given: Array, result: Array) -> list[Exchange]:
    """List the steps of the ring: the second half of them only hands on."""
    ends = [len(given) * i // N for i in range(N + 1)]
    ins, outs = ([each[a:b] for a, b in pairwise(ends)] for each in (given, result))
    steps = []
    for s in range(2 * (N - 1)):
        sends = (ME - s if s < N - 1 else ME + 1 - (s - N + 1)) % N
        comes = (sends - 1) % N
        own = ins[comes] if s < N - 1 else None
        steps.append(((ins if s == 0 else outs)[sends], outs[comes], own))
    return steps


def plain(steps: list[Exchange]) -> Callable[[], None]:
    """Start every message anew."""
    after, before = (ME + 1) % N, (ME - 1) % N

    def run() -> None:
        for out, comes, own in steps:
            MPI.Request.Waitall([COMM.Irecv(comes, before), COMM.Isend(out, after)])
            if own is not None:
                np.add(comes, own, out=comes)

    return run


def keep_own(steps: list[Exchange]) -> Callable[[], None]:
    """Keep the requests."""
    after, before = (ME + 1) % N, (ME - 1) % N
    made = [
        ([COMM.Recv_init(comes, before), COMM.Send_init(out, after)], comes, own)
        for out, comes, own in steps
    ]

    def run() -> None:
        for requests, comes, own in made:
            MPI.Prequest.Startall(requests)
            MPI.Request.Waitall(requests)
            if own is not None:
                np.add(comes, own, out=comes)

    return run


def timed(run: Callable[[], None], repeats: int) -> float:
    """Give the median over the repeats of the time that the slowest process took."""
    times = np.zeros(repeats)
    for i in range(-repeats // 4, repeats):
        COMM.Barrier()
        start = time.perf_counter()
        run()
        times[max(i, 0)] = time.perf_counter() - start
    slowest = np.zeros_like(times)
    COMM.Allreduce(times, slowest, MPI.MAX)
    return float(np.sort(slowest)[repeats // 2])


def measure(size: int, limit: int) -> dict[str, float]:
    """Time everything at one size."""
    repeats = max(8, min(limit, int(2e8 / (size + 100_000))))
    what = collective("all_reduce", range(N))
    program = lower(TEMPLATES["ring"][0](full_mesh(N), what), size // 4)
    given = (np.arange(size // 4) % 7 + ME).astype(np.float32)
    result = np.zeros_like(given)
    steps = exchanges(given, result)
    ways: list[Way] = ["core", "mpi4py"] if core.status().built else ["mpi4py"]
    executors = {way: Executor(program, COMM, way=way) for way in ways}
    found = {"plain": timed(plain(steps), repeats), "kept": timed(keep_own(steps), repeats)}
    for way, executor in executors.items():
        executor.input[:] = given
        found[way] = timed(executor.run, repeats)
        assert np.array_equal(executor.output, result)
    return found


if __name__ == "__main__":
    for size in map(int, sys.argv[2:]):
        found = measure(size, int(sys.argv[1]))
        if ME == 0:
            print(json.dumps({"size": size, **found}), flush=True)
