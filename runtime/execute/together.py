"""A set of collectives as one MPI program: a communicator for each, all of them at once, checked.

`python -m mpi4py -m runtime.execute.together FILE --map RANKS -n ITERATIONS -w WARM-UP --type TYPE
--watchdog SECONDS`; process i plays the i-th of the ranks. Each process makes ready what it has to
do in every task that it is in (or passes messages on for), over a communicator of who takes part in
that; then all run at the same time, and no one waits for another. Process 0 prints what was
measured for machines.
"""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from runtime.execute.executor import Executor
from runtime.metrics.chunking import chunks
from runtime.metrics.height import height
from runtime.metrics.pacing import USUAL
from runtime.program.buffer_plan import moves
from runtime.program.elements import width
from runtime.program.floats import Array
from runtime.program.lower import lower
from runtime.program.memory_layout import elements
from solvers.schedules.collective import Collective
from solvers.schedules.ensembles.ensemble import Ensemble
from solvers.schedules.ensembles.files import load
from solvers.schedules.ensembles.union import unite
from topologies.model.units import Rank, Seconds

PERIOD = 61  # values of the test data; sums of as many as there are ranks are exact in float32


@dataclass(frozen=True, eq=False)
class Part:
    """What this process does in a task.

    Attributes:
        height: of its schedule: how many messages wait for each other there, one after the other.
    """

    number: int
    collective: Collective
    rank: Rank
    blocks: Array
    executor: Executor
    height: int

    def fill(self) -> None:
        """Spoil the result, and put this rank's contributions in."""
        self.executor.output[:] = 119
        own = dict(zip(self.collective.ranks, self.collective.inputs, strict=True))
        at = 0
        for block in own.get(self.rank, np.zeros(0, dtype=np.int64)).tolist():
            size = int(self.blocks[block])
            self.executor.input[at : at + size] = contribution(self.rank, block, size)
            at += size

    def count_wrong(self) -> int:
        """Count the elements of this rank's result that are not the sum of all contributions."""
        what = self.collective
        own = dict(zip(what.ranks, what.outputs, strict=True))
        at = wrong = 0
        for block in own.get(self.rank, np.zeros(0, dtype=np.int64)).tolist():
            size = int(self.blocks[block])
            holders = what.holders[block].tolist()
            right = sum(contribution(rank, block, size) for rank in holders)
            wrong += int(np.count_nonzero(self.executor.output[at : at + size] != right))
            at += size
        return wrong


def contribution(rank: Rank, block: int, size: int) -> Array:
    """Give what a rank puts into a block: small whole numbers, different for ranks and blocks."""
    start = rank * 31 + block * 17
    return np.asarray((np.arange(start, start + size) * 7) % PERIOD, dtype=np.int64)


def prepare(
    ensemble: Ensemble,
    played: Sequence[Rank],
    comm: Any,  # noqa: ANN401
    dtype: str,
    limit: Seconds,
) -> list[Part]:
    """Make ready what this process does in each task, over a communicator of its own.

    All processes go through the tasks in one order, so that the communicators come to be.
    """
    place = {rank: process for process, rank in enumerate(played)}
    own, found, lead = played[comm.rank], [], ensemble.lead or USUAL.lead
    for number, task in enumerate(ensemble.tasks):
        schedule = ensemble.schedule(number)
        plan = moves(schedule)
        if own not in plan.ranks:
            continue
        group = comm.group.Incl([place[rank] for rank in plan.ranks])
        part = comm.Create_group(group, number)
        count = max(elements(schedule.collective, task.size, dtype), 1)
        plan = replace(plan, lead=lead)
        program = lower(plan, count, dtype=dtype, chunks=chunks(schedule, task.size))
        executor = Executor(program, part, limit=limit)
        what, high = schedule.collective, height(schedule)
        found.append(Part(number, what, own, program.blocks, executor, high))
    return highest_first(found)


def highest_first(parts: Sequence[Part]) -> list[Part]:
    """Order parts so that those begin whose messages wait for each other most.

    A message that others wait for should not stand behind one that none waits for, on a link that
    both take: a reduce_scatter behind an all_to_all took as long as the separate plans.
    """
    return sorted(parts, key=lambda part: -part.height)


def run_all(parts: Sequence[Part]) -> dict[int, Seconds]:
    """Run all parts at the same time; give the seconds after which each was over."""
    began = perf_counter()
    ended: dict[int, Seconds] = {}
    going = list(parts)
    while len(going) > 1:
        left = []
        for part in going:
            if part.executor.test():
                ended[part.number] = perf_counter() - began
            else:
                left.append(part)
        going = left
        os.sched_yield()  # more processes than cores
    for part in going:
        part.executor.wait()
        ended[part.number] = perf_counter() - began
    return ended


def main() -> None:
    """Run a set as the command line asks, and print what was measured."""
    from mpi4py import MPI

    words = _arguments()
    comm, ensemble = MPI.COMM_WORLD, load(words.file)
    played = [int(word) for word in words.map.split(",")]
    parts = prepare(ensemble, played, comm, words.type, words.watchdog)
    for part in parts:
        part.fill()
    run_all(parts)
    wrong = comm.allreduce(sum(part.count_wrong() for part in parts))
    times: list[Seconds] = []
    each: dict[int, list[Seconds]] = {part.number: [] for part in parts}
    for turn in range(words.warm_up + words.iterations):
        comm.Barrier()
        ended = run_all(parts)
        seconds = comm.allreduce(max(ended.values(), default=0.0), MPI.MAX)
        if turn >= words.warm_up:
            times.append(seconds)
            for number, own in ended.items():
                each[number].append(own)
    rows = comm.gather({number: median(own) for number, own in each.items()})
    if rows is not None:
        print(*_told(ensemble, words, median(times), wrong, rows), sep="\n", flush=True)


def _told(
    ensemble: Ensemble,
    words: argparse.Namespace,
    seconds: Seconds,
    wrong: int,
    rows: Sequence[dict[int, Seconds]],
) -> tuple[str, str]:
    """Write what was measured: of all, as every program does, and of each task."""
    size = int(unite(ensemble.tasks).size)
    of_each = [
        max((row[number] for row in rows if number in row), default=0.0)
        for number in range(len(ensemble.tasks))
    ]
    whole = {
        **{"size": size, "count": size // width(words.type), "type": words.type, "op": "sum"},
        **{"chunks": 0, "in_place": False, "ranks": len(rows), "iterations": words.iterations},
        **{"seconds": seconds, "algbw": size / seconds, "busbw": size / seconds, "wrong": wrong},
    }
    return f"# each {json.dumps(of_each)}", f"# commplan {json.dumps(whole)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--map", required=True)
    parser.add_argument("-n", dest="iterations", type=int, required=True)
    parser.add_argument("-w", dest="warm_up", type=int, required=True)
    parser.add_argument("--type", default="float32")
    parser.add_argument("--watchdog", type=float, default=300.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
