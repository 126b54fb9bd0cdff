"""A plan with memory and requests: how it runs."""

import math
import time

import numpy as np
from mpi4py import MPI

from runtime.emit.in_python.lowering import Plan
from runtime.emit.in_python.options import OPS, complain
from runtime.emit.in_python.plan import RANKS
from runtime.execute.flow import Deed
from runtime.execute.part import Lines
from runtime.execute.passage import Passage
from runtime.program.floats import Array, join_real
from runtime.program.program import Action, Buffer


class Machine:
    """A plan with memory and persistent requests: ready to run as often as one likes."""

    def __init__(self, comm: MPI.Comm, plan: Plan, dtype: str, op: str, watchdog: float) -> None:
        """Lay out the memory and make the requests."""
        self.comm, self.watchdog, self.dtype = comm, watchdog, dtype
        self.add = join_real(OPS[op], dtype)
        (begin, start), (held, wanted, scratch) = plan.starts, plan.counts
        if not plan.in_place:
            begin, start = 0, held
        memory = np.zeros(max(begin + held, start + wanted), dtype)
        ins, outs = memory[begin : begin + held], memory[start : start + wanted]
        self.buffers = [ins, outs, np.zeros(scratch, dtype)]
        self.lines = plan.lines
        self.requests: dict[int, MPI.Prequest] = {}
        deeds: dict[int, Deed] = {}
        for i, line in enumerate(plan.lines):
            if line["action"] in (Action.SEND, Action.RECV):
                self.requests[i] = self.request(line)
            else:
                deeds[i] = self.deed(line)
        self.passage = Passage(plan.lines, plan.followers, plan.lead, (self.requests, deeds), MPI)

    def span(self, line: Lines, buffer: str = "buffer", offset: str = "offset") -> Array:
        """Give the bytes of a line."""
        start = int(line[offset])
        held = self.buffers[Buffer(int(line[buffer]))].view(np.uint8)
        return held[start : start + int(line["size"])]

    def deed(self, line: Lines) -> Deed:
        """Give the function that copies or adds, and what it is given."""
        to = self.span(line).view(self.dtype)
        source = self.span(line, "source", "source_offset").view(self.dtype)
        return np.copyto if line["action"] == Action.COPY else self.add, (to, source)

    def request(self, line: Lines) -> MPI.Prequest:
        """Make a persistent request for one end of a message."""
        make = self.comm.Send_init if line["action"] == Action.SEND else self.comm.Recv_init
        return make([self.span(line), MPI.BYTE], int(line["peer"]))

    def run(self) -> None:
        """Do the collective once."""
        if not self.passage.run(limit=self.watchdog or math.inf):
            self.give_up()

    def give_up(self) -> None:
        """Say what does not come, and end all."""
        first: dict[tuple[int, int], int] = {}  # message to or from each peer
        late = self.lines[self.passage.late() or list(self.passage.lines)]
        for line in late:
            first.setdefault((int(line["action"]), int(line["peer"])), int(line["piece"]))
        ways = {int(Action.SEND): "to send to", int(Action.RECV): "for"}
        names = [f"{ways[a]} rank {RANKS[p]} (piece {first[a, p]})" for a, p in first]
        step = late["step"][0]
        me = f"rank {RANKS[self.comm.rank]}"
        complain(f"{me} blocked in step {step} waiting {', '.join(names)}")
        time.sleep(1)  # for the others to say what they wait for
        MPI.COMM_WORLD.Abort(124)

    def free(self) -> None:
        """Give the requests back to MPI."""
        for request in self.requests.values():
            request.Free()
