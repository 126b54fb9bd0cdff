"""Run by mpirun: a job replans for a lost cable out of a contingency, and takes the cable back.

Words: a topology, a folder with `whole` (schedules) and the folders of contingencies beside it, and
how many turns. Prints JSON at process 0: the times of each turn, of the slowest process.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

import commplan

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
ELEMENTS, SETTLED = 2**14, 5  # of the whole buffer; calls after the first one


def slowest(call: Callable[[], object]) -> float:
    """Time a call that all processes make, from when the last one is there to the last end."""
    WORLD.Barrier()
    began = time.perf_counter()
    call()
    spent: float = WORLD.allreduce(time.perf_counter() - began, MPI.MAX)
    return spent


def first_and_settled(calls: Sequence[Callable[[], object]]) -> tuple[float, float]:
    """Time the first call of each, and the median of those after; both of the slowest kind."""
    first = [slowest(call) for call in calls]
    later = [sorted(slowest(call) for _ in range(SETTLED))[SETTLED // 2] for call in calls]
    return max(first), max(later)


def _cuts(machine: commplan.Topology, cable: str) -> bool:
    """Tell whether a machine without a cable falls apart."""
    left = commplan.damaged(machine, commplan.read_damage(machine, without=[cable])).topology
    try:
        commplan.bound(left, commplan.collective("all_gather", range(left.ranks)))
    except commplan.Infeasible:
        return True
    return False


def main() -> None:
    """Lose each cable in turn, and print what that takes."""
    machine, folder = commplan.topology(sys.argv[1]), Path(sys.argv[2])
    folders = sorted(folder.glob("failures-*"))
    options: dict[str, Any] = {"schedules": folder / "whole", "contingency": folders}
    world = commplan.Communicator(WORLD, machine, limit=60, **options)
    whole, out = np.ones(ELEMENTS, np.float32), np.ones(ELEMENTS, np.float32)
    calls = (
        partial(world.Allreduce, whole, out),
        partial(world.Allgather, whole[: ELEMENTS // N], out),
    )
    first_and_settled(calls)
    ends = zip(machine.src.tolist(), machine.dst.tolist(), strict=True)
    cables = [f"{machine.names[a]}:{machine.names[b]}" for a, b in ends if a < b]
    cables = [cable for cable in cables if not _cuts(machine, cable)]
    rows = []
    for turn in range(int(sys.argv[3])):
        lost = partial(world.replan, without=[cables[turn % len(cables)]])
        without = slowest(lost), *first_and_settled(calls)
        back = slowest(world.replan), *first_and_settled(calls)
        rows.append((*without, *back))
    if ME == 0:
        print(json.dumps({"rows": rows}))
    world.Free()


if __name__ == "__main__":
    main()
