"""A run more whose messages, copies and sums are timed one by one, as rows of a file."""

import os
import time
from collections.abc import Callable
from functools import partial

from mpi4py import MPI

from runtime.emit.in_python.lowering import Plan
from runtime.emit.in_python.machine import Machine
from runtime.execute.flow import Deed, Flow
from runtime.program.floats import Array
from runtime.program.program import Action

ROUND_TRIPS = 16
CLOCK = 1  # a tag
ACTIONS = {Action.COPY: "copy", Action.SEND: "send", Action.RECV: "receive", Action.ADD: "add"}


def ahead_of(comm: MPI.Comm, there: int) -> float:
    """Measure how far the clock of a process is ahead of that of this one.

    By the shortest of some round trips; what such a trip leaves open is none: processes of a
    computer share a clock.
    """
    found: list[tuple[float, float]] = []
    for _ in range(ROUND_TRIPS):
        sent = time.monotonic()
        read = float(comm.sendrecv(0, there, CLOCK, source=there, recvtag=CLOCK))
        back = time.monotonic()
        found.append((back - sent, read - (sent + back) / 2))
    trip, offset = min(found)
    return offset if abs(offset) > trip / 2 else 0.0


def ahead(comm: MPI.Comm) -> float:
    """Give how far the clock of this process is ahead of that of process 0."""
    if comm.rank == 0:
        for there in range(1, comm.size):
            comm.send(ahead_of(comm, there), there, CLOCK)
        return 0.0
    for _ in range(ROUND_TRIPS):
        comm.recv(source=0, tag=CLOCK)
        comm.send(time.monotonic(), 0, CLOCK)
    return float(comm.recv(source=0, tag=CLOCK))


class Timed:
    """A run message by message; began and ended: seconds of this clock, by line."""

    def __init__(self, machine: Machine, plan: Plan) -> None:
        """Put a clock around each copy and addition."""
        self.began: dict[int, float] = {}
        self.ended: dict[int, float] = {}
        self.requests = machine.requests
        deeds: dict[int, Deed] = {}
        for i, line in enumerate(plan.lines):
            if i not in self.requests:
                deeds[i] = partial(self.do, i, *machine.deed(line)), ()
        self.flow = Flow(plan.lines, plan.followers, deeds)

    def do(self, line: int, deed: Callable[..., object], arrays: tuple[Array, ...]) -> None:
        """Copy or add."""
        self.began[line] = time.monotonic()
        deed(*arrays)
        self.ended[line] = time.monotonic()

    def run(self) -> None:
        """Do the collective once."""
        flow, waited = self.flow, list[MPI.Prequest]()
        flow.begin()
        while flow.left:
            for line in flow.startable():
                self.began[line] = time.monotonic()
                self.requests[line].Start()
                waited.append(self.requests[line])
            while not (done := MPI.Request.Testsome(waited)):
                os.sched_yield()
            done.sort(reverse=True)
            for place in done:
                self.ended[flow.under_way[place]] = time.monotonic()
                del waited[place]
            flow.take_up(done)


def write_trace(comm: MPI.Comm, machine: Machine, plan: Plan, path: str) -> None:
    """Run once more, and write when each line began and ended, in seconds since the first did."""
    offset, timed = ahead(comm), Timed(machine, plan)
    comm.Barrier()
    timed.run()
    first = min(timed.began.values(), default=time.monotonic()) - offset
    start = comm.allreduce(first, MPI.MIN) + offset
    rows = []
    for i, line in enumerate(plan.lines):
        what = [comm.rank, ACTIONS[Action(line["action"])]]
        what += [int(line[name]) for name in ("peer", "size", "step", "piece")]
        times = f"{timed.began[i] - start:.9f},{timed.ended[i] - start:.9f}"
        rows.append(f"{','.join(map(str, what))},{times}\n")
    whole = comm.gather(rows)
    if whole is not None:
        with open(path, "w", encoding="ascii") as file:
            file.write("process,action,peer,bytes,step,piece,began,ended\n")
            for each in whole:
                file.writelines(each)
