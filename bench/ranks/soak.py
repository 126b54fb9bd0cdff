"""Calls of mixed collectives, sizes and types, every element checked; memory looked at on the way.

Usage: python -m mpi4py -m bench.ranks.soak TOPOLOGY CALLS SEED MOST_ELEMENTS LIMIT
Prints a JSON line.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

import commplan
from runtime.program.elements import UFUNCS

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
TYPES = ("int8", "uint8", "int32", "int64", "float32", "float64", "complex64")
OPS = ("sum", "min", "max", "bxor")
CALLS = (
    *("Allreduce", "Allgather", "Alltoall", "Reduce_scatter_block"),
    *("Bcast", "Reduce", "Gather", "Scatter", "Alltoallv"),
)
EXCHANGES = 24  # matrices of unequal exchanges, each of which is planned
Array = Any


def given(draw: np.random.Generator, blocks: int, count: int, dtype: str) -> Array:
    """Draw what every process gives, the same on all: (processes, blocks * count)."""
    base = draw.integers(0, 10, blocks * count)
    return ((base + 3 * np.arange(N)[:, None]) % 16).astype(dtype)


def one(world: commplan.Communicator, draw: np.random.Generator, most: int) -> int:
    """Do one call, the same on all processes; count its wrong elements."""
    name = str(draw.choice(CALLS))
    dtype = str(draw.choice(TYPES))
    count = int(np.exp(draw.uniform(0, np.log(most))))
    root = int(draw.integers(N))
    op = str(draw.choice(OPS if "int" in dtype else OPS[: 1 if dtype[0] == "c" else 3]))
    waits = bool(draw.integers(2))
    if name == "Alltoallv":
        return exchange(world, int(draw.integers(EXCHANGES)), dtype)
    many = name in ("Alltoall", "Reduce_scatter_block", "Scatter")
    count = max(1, count // N) if name not in ("Allreduce", "Bcast", "Reduce") else count
    everyone = given(draw, N if many else 1, count, dtype)
    right = expect(name, everyone, op, root)
    got = np.zeros_like(right)
    words: list[Any] = [everyone[ME].copy(), got]
    if name == "Bcast":
        got[:] = everyone[ME]
        words = [got]
    words += [op] if name in ("Allreduce", "Reduce", "Reduce_scatter_block") else []
    words += [root] if name in ("Bcast", "Reduce", "Gather", "Scatter") else []
    if waits:
        getattr(world, f"I{name.lower()}")(*words).Wait()
    else:
        getattr(world, name)(*words)
    return int((got != right).sum())


def expect(name: str, everyone: Array, op: str, root: int) -> Array:
    """Say what this process gets; who gets nothing finds zeros."""
    blocks = everyone.reshape(N, N, -1) if everyone.shape[1] % N == 0 else None
    if name in ("Allreduce", "Reduce"):
        total = UFUNCS[op].reduce(everyone, axis=0, dtype=everyone.dtype)
        return total if name == "Allreduce" or root == ME else np.zeros_like(total)
    if name in ("Allgather", "Gather"):
        return everyone.ravel() * (name == "Allgather" or root == ME)
    if name == "Bcast":
        return everyone[root]
    assert blocks is not None
    if name == "Reduce_scatter_block":
        return UFUNCS[op].reduce(blocks[:, ME], axis=0, dtype=everyone.dtype)
    return blocks[root, ME] if name == "Scatter" else blocks[:, ME].ravel()


def exchange(world: commplan.Communicator, seed: int, dtype: str) -> int:
    """Exchange blocks of unequal sizes."""
    counts = np.random.default_rng(seed).integers(0, 40, (N, N))
    sent, taken = counts[ME].tolist(), counts[:, ME].tolist()
    mine = np.repeat(np.arange(N) + ME, sent).astype(dtype)
    right = np.repeat(np.arange(N) + ME, taken).astype(dtype)
    got = np.zeros_like(right)
    world.Alltoallv([mine, sent, None, dtype], [got, taken, None, dtype])
    return int((got != right).sum())


def memory() -> int:
    """Give the bytes that this process has in memory now."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def main() -> int:
    """Do all calls; on process 0, tell what came of them."""
    spec, calls, seed, most = sys.argv[1], *map(int, sys.argv[2:5])
    world = commplan.Communicator(WORLD, commplan.topology(spec), limit=float(sys.argv[5]))
    draw = np.random.default_rng(seed)
    wrong, start, held = 0, time.perf_counter(), []
    for i in range(calls):
        wrong += one(world, draw, most)
        if i % max(calls // 10, 1) == 0:
            held.append(memory())
    held.append(memory())
    world.Free()
    everyone = WORLD.gather((wrong, held))
    if everyone is None:
        return 0
    seconds = time.perf_counter() - start
    wrong = sum(each for each, _ in everyone)
    megabytes = np.max([each for _, each in everyone], axis=0) / 1e6
    told = {"calls": calls, "wrong": wrong, "seconds": seconds, "memory_MB": megabytes.tolist()}
    print(json.dumps(told), flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
