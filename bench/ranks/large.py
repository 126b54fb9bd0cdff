"""An all_reduce of more than 2^31 bytes, and its messages, checked in every element.

Usage: python -m mpi4py -m bench.ranks.large WAY BYTES
"""

import resource
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
PERIOD = 251 * 4001


def main() -> int:
    """Run it and count the wrong elements; process 0 tells."""
    way: Any = sys.argv[1]
    count = int(sys.argv[2])
    what = commplan.collective("all_reduce", range(N))
    program = lower(TEMPLATES["direct"][0](full_mesh(N), what), count, dtype="uint8", in_place=True)
    executor = Executor(program, WORLD, way=way, limit=120)
    for start in range(0, count, PERIOD):
        part = executor.input[start : start + PERIOD]
        part[:] = pattern(ME)[: len(part)]
    begun = time.perf_counter()
    executor.run()
    seconds = time.perf_counter() - begun
    right: Any = np.sum([pattern(i) for i in range(N)], axis=0, dtype=np.uint8)
    wrong = 0
    for start in range(0, count, PERIOD):
        part = executor.output[start : start + PERIOD]
        wrong += int((part != right[: len(part)]).sum())
    executor.free()
    wrong = WORLD.allreduce(wrong)
    if ME == 0:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        message = int(program.size.max())
        print(
            f"{way:7} {count} bytes, messages of {message}: {wrong} wrong, {seconds:.1f} s, "
            f"{most / count:.2f} times the size in memory",
            flush=True,
        )
    return int(wrong > 0)


def pattern(process: int) -> Any:  # noqa: ANN401
    """Give what a process contributes, over and over."""
    return (np.arange(PERIOD, dtype=np.int64) * 31 % 251 + 7 * process).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main())
