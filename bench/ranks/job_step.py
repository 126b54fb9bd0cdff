"""The communication of a training step, by a plan of a job or by MPI: started by mpirun.

`job_step.py ours|mpi PLAN STEPS` prints a line of JSON: the median seconds of a step, and of the
collectives of each kind of group; every result is checked once.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from mpi4py import MPI

import commplan

CALLS = {
    "all_reduce": "Allreduce",
    "all_gather": "Allgather",
    "reduce_scatter": "Reduce_scatter_block",
    "all_to_all": "Alltoall",
}


Flow = Mapping[str, Any]


def main() -> None:
    """Play some steps and print how long they took."""
    way, folder, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
    plan = commplan.job(folder)
    with open(f"{folder}/job.json", encoding="utf-8") as file:
        flows = json.load(file)["flows"]
    comms = {flow["group"]: make(way, plan, flow["group"]) for flow in flows}
    calls = [call(comms[flow["group"]], flow) for flow in flows]
    for each in calls:
        each(True)
    times = [one_step(flows, calls) for _ in range(steps)]
    if MPI.COMM_WORLD.rank == 0:
        kinds = {kind: median(row[kind] for row in times) for kind in comms}
        print(json.dumps({"step": median(sum(row.values()) for row in times), **kinds}))


def make(way: str, plan: commplan.JobPlan, kind: str) -> Any:  # noqa: ANN401
    """Give the communicator of the group that this process is in."""
    if way == "ours":
        return plan.group(kind)
    world = MPI.COMM_WORLD
    number, row = next((n, row) for n, row in enumerate(plan.members(kind)) if world.rank in row)
    return world.Split(number, row.index(world.rank))


def call(comm: Any, flow: Flow) -> Callable[[bool], None]:  # noqa: ANN401
    """Give a function that does a collective, and checks what it gives if asked to."""
    n, count = comm.size, flow["bytes"] // 4 // comm.size * comm.size
    part = count // n
    sizes = {
        "all_reduce": (count, count),
        "all_gather": (part, count),
        "reduce_scatter": (count, part),
        "all_to_all": (count, count),
    }
    given, taken = (np.full(size, comm.rank + 1, np.float32) for size in sizes[flow["collective"]])
    method = getattr(comm, CALLS[flow["collective"]])

    def do(check: bool) -> None:
        method(given, taken)
        if check:
            whole = n * (n + 1) / 2
            if flow["collective"] in ("all_reduce", "reduce_scatter"):
                assert (taken == whole).all(), flow
            else:
                assert taken.sum(dtype=np.float64) == part * whole, flow

    return do


def one_step(flows: Sequence[Flow], calls: Sequence[Callable[[bool], None]]) -> dict[str, float]:
    """Do all calls of a step; give the seconds of each kind, of the slowest process."""
    found: dict[str, float] = {}
    for flow, each in zip(flows, calls, strict=True):
        MPI.COMM_WORLD.Barrier()
        began = perf_counter()
        for _ in range(round(flow["times"])):
            each(False)
        spent = MPI.COMM_WORLD.allreduce(perf_counter() - began, MPI.MAX)
        found[flow["group"]] = found.get(flow["group"], 0.0) + spent
    return found


if __name__ == "__main__":
    main()
