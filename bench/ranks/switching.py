"""A job that loses a cable under traffic and gets it back, and goes on.

Usage: python -m mpi4py -m bench.ranks.switching FOLDER COLLECTIVE BYTES CABLE; FOLDER has
machine.json, the schedules `whole` and `left`, and gets a file for each thing that happens, for
`bench.switch_over` to read. Process 0 prints a JSON line.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

import commplan

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
TIMED, LIMIT, PATIENCE = 5, 3.0, 120.0
Array = Any


class Job:
    """One collective, called again and again, every element looked at."""

    def __init__(self, world: commplan.Communicator, name: str, size: int) -> None:
        self.world, self.name, self.turn = world, name, 0
        self.count = size // 4 // (N if name == "all_gather" else 1)

    def call(self) -> tuple[float, Array]:
        """Call it; give its seconds and the result.

        Raises:
            CommplanError: it did not come to its end.
            SystemExit: a result is wrong.
        """
        self.turn += 1
        own = np.arange(self.count, dtype=np.float32) % 97 + ME + self.turn
        gathers = self.name == "all_gather"
        self.out = np.full(self.count * N if gathers else self.count, -1, dtype=np.float32)
        began = time.perf_counter()
        (self.world.Allgather if gathers else self.world.Allreduce)(own, self.out)
        spent = time.perf_counter() - began
        base = np.arange(self.count, dtype=np.float32) % 97 + self.turn
        right = np.concatenate([base + i for i in range(N)])
        if not gathers:
            right = base * N + N * (N - 1) // 2
        if not np.array_equal(self.out, right):
            raise SystemExit(f"process {ME}, call {self.turn}: {(self.out != right).sum()} wrong")
        return spent, self.out

    def measure(self) -> float:
        """Give the median of the slowest process, after a call that makes connections."""
        self.call()
        times = []
        for _ in range(TIMED):
            times.append(max(self.world._comm.allgather(self.call()[0])))
        return float(sorted(times)[TIMED // 2])


def main(folder: Path, name: str, size: int, cable: str) -> None:
    """Call, lose the cable, plan for what is left, call, get it back, and call."""
    machine = commplan.topology(str(folder / "machine.json"))
    world = commplan.Communicator(
        WORLD, machine, survive=True, limit=LIMIT, schedules=folder / "whole"
    )
    job = Job(world, name, size)
    whole = job.measure()
    said, kept = _until_it_fails(folder, job)
    (folder / f"failed-{ME}").write_text(said)
    _wait_for(folder / "routed")
    began = time.perf_counter()
    done = world.replan(without=[cable], schedules=folder / "left")
    took = time.perf_counter() - began
    job.turn = done
    left = job.measure()
    _tell(folder, world, "restore")
    _wait_for(folder / "restored")
    time.sleep(LIMIT)  # what was sent again and again comes now
    untouched = world._comm.allgather(bool((kept[0] == kept[1]).all()))
    world.replan(schedules=folder / "whole")
    again = job.measure()
    untouched += world._comm.allgather(bool((kept[0] == kept[1]).all()))
    lines = world._comm.gather(said)
    if ME == 0:
        told = {"whole": whole, "left": left, "again": again, "replan": took}
        print(json.dumps(told | {"untouched": all(untouched), "said": lines}), flush=True)


def _until_it_fails(folder: Path, job: Job) -> tuple[str, tuple[Array, Array]]:
    """Call until a call fails; give the reason, and its buffer with a copy."""
    _tell(folder, job.world, "cut")
    began = time.monotonic()
    while time.monotonic() < began + PATIENCE:
        try:
            job.call()
        except commplan.CommplanError as error:
            return str(error), (job.out, job.out.copy())
    raise SystemExit("no call failed")


def _tell(folder: Path, world: commplan.Communicator, what: str) -> None:
    world._comm.Barrier()
    if ME == 0:
        (folder / what).touch()


def _wait_for(file: Path, look: Callable[[], float] = time.monotonic) -> None:
    until = look() + PATIENCE
    while not file.exists():
        if look() > until:
            raise SystemExit(f"{file.name}: it did not come")
        time.sleep(0.05)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
