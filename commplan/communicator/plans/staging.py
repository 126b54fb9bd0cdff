"""Memory of a call's own, in the place of the caller's: late messages may be written there."""

import ctypes

import numpy as np

from commplan.communicator.requests import Call, Machine
from runtime.execute.part import Part
from runtime.program.program import Buffer


class Staging:
    """Copies of the buffers of one call; what comes out is handed out at its end, or never.

    Attributes:
        ins: address of the copy of what goes in.
        outs: address of what comes out; in place both are that of the one copy.
    """

    def __init__(self, part: Part, call: Call) -> None:
        self._call = call
        sizes = {
            buffer: part.counts[buffer] + (part.starts[buffer] if part.in_place else 0)
            for buffer in (Buffer.INPUT, Buffer.OUTPUT)
        }
        if part.in_place:
            sizes = dict.fromkeys(sizes, max(sizes.values()))
        self._size = sizes[Buffer.OUTPUT]
        self._out = np.empty(self._size, dtype=np.uint8)
        self._in = self._out if part.in_place else np.empty(sizes[Buffer.INPUT], dtype=np.uint8)
        self.ins, self.outs = self._in.ctypes.data, self._out.ctypes.data
        if self._size:  # what the plan leaves alone stays as it is
            ctypes.memmove(self.outs, call.outs, self._size)
        if not part.in_place and len(self._in):
            ctypes.memmove(self.ins, call.ins, len(self._in))

    def hand_out(self) -> None:
        """Copy what came out to the caller."""
        if self._size:
            ctypes.memmove(self._call.outs, self.outs, self._size)


def hand_out(machine: Machine | None, call: Call, staged: Staging | None) -> None:
    """Do what is left of a call: move the own block to the beginning, as MPI wants it, and so on.

    Args:
        machine: what ran it; none where MPI did it.
        call: the call.
        staged: the memory that it worked on, if not the caller's.
    """
    if staged is not None:
        staged.hand_out()
    if machine is not None and call.own_first:
        own = machine.part
        start = own.starts[Buffer.OUTPUT]
        if own.in_place and start:
            ctypes.memmove(call.outs, call.outs + start, own.counts[Buffer.OUTPUT])
    if call.finish is not None:
        call.finish()
