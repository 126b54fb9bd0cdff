"""A plan with memory and requests: how it runs."""

import os
import time
from typing import Any

import numpy as np
from mpi4py import MPI

from runtime.emit.in_python.lowering import Plan, Span
from runtime.emit.in_python.options import OPS, complain
from runtime.emit.in_python.plan import RANKS, TRANSFERS

Array = np.ndarray[Any, Any]


class Machine:
    """A plan with memory and persistent requests: ready to run as often as one likes."""

    def __init__(self, comm: MPI.Comm, plan: Plan, dtype: str, op: str, watchdog: float) -> None:
        """Lay out the memory and make the requests."""
        self.comm, self.add, self.watchdog = comm, OPS[op], watchdog
        (begin, start), held, wanted = plan.starts, plan.held, plan.wanted
        if plan.in_place or plan.moved:
            memory = np.zeros(max(begin + held, start + wanted), dtype)
            ins, outs = memory[begin : begin + held], memory[start : start + wanted]
        else:
            ins, outs = np.zeros(held, dtype), np.zeros(wanted, dtype)
        beside = np.zeros(max(plan.beside.values(), default=0), dtype)
        scratch = np.zeros(plan.scratch, dtype)
        self.buffers = {"in": ins, "out": outs, "scratch": scratch, "beside": beside}
        self.copies = [(self.view(to), self.view(source)) for to, source in plan.copies]
        self.steps = [
            (
                step,
                [(self.view(to), self.view(source)) for to, source in plan.packs.get(step, [])],
                [self.request(*message) for message in plan.messages[step]],
                [(peer, row) for _, peer, _, row, _ in plan.messages[step]],
                [
                    (adds, self.view(to), self.view(source))
                    for _, adds, to, source in plan.landings.get(step, [])
                ],
            )
            for step in sorted(plan.messages)
        ]

    def view(self, span: Span) -> Array:
        """Give the elements of a span."""
        buffer, offset, size = span
        return self.buffers[buffer][offset : offset + size]

    def request(self, sends: bool, peer: int, tag: int, _: int, span: Span) -> MPI.Prequest:
        """Make a persistent request for one end of a message."""
        make = self.comm.Send_init if sends else self.comm.Recv_init
        return make(self.view(span), peer, tag)

    def run(self) -> None:
        """Do the collective once."""
        for to, source in self.copies:
            to[:] = source
        for step, packs, requests, peers, landings in self.steps:
            for to, source in packs:
                to[:] = source
            MPI.Prequest.Startall(requests)
            if self.watchdog:
                self.wait(step, requests, peers)
            else:
                MPI.Request.Waitall(requests)
            for adds, to, source in landings:
                if adds:
                    self.add(to, source, out=to)
                else:
                    to[:] = source

    def wait(self, step: int, requests: list[Any], peers: list[tuple[int, int]]) -> None:
        """Wait for a step's messages, but not for ever: name who does not come, and end all."""
        deadline = time.monotonic() + self.watchdog
        while not MPI.Request.Testall(requests):
            if time.monotonic() > deadline:
                late = [pair for r, pair in zip(requests, peers, strict=True) if not r.Test()]
                lines = TRANSFERS.split("\n")[1:]
                pieces = {peer: lines[row].split()[1] for peer, row in reversed(late)}
                names = ", ".join(f"rank {RANKS[p]} (piece {pieces[p]})" for p in sorted(pieces))
                me = f"rank {RANKS[self.comm.rank]}"
                complain(f"{me} blocked in step {step} waiting for {names}")
                time.sleep(1)  # for the others to say what they wait for
                MPI.COMM_WORLD.Abort(124)
            os.sched_yield()

    def free(self) -> None:
        """Give the requests back to MPI."""
        for _, _, requests, _, _ in self.steps:
            for request in requests:
                request.Free()
