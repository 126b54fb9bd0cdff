"""MPI's own collectives, as one calls them from mpi4py."""

from collections.abc import Callable
from typing import Any

import numpy as np
from mpi4py import MPI

from runtime.program.elements import storage
from runtime.program.floats import Array
from solvers.schedules.collective import Collective

OPS = {"sum": MPI.SUM, "avg": MPI.SUM, "min": MPI.MIN, "max": MPI.MAX, "prod": MPI.PROD}
OPS |= {"band": MPI.BAND, "bor": MPI.BOR, "bxor": MPI.BXOR}
HALF = ("float16", "bfloat16")  # types that MPI cannot add
Run = Callable[[], None]


class Stock:
    """MPI's own call on buffers of its own; process i of `comm` is rank i of the collective.

    exact: whether its result is what the definition asks for: MPI has no average.
    """

    def __init__(
        self, comm: MPI.Comm, what: Collective, given: Array, elements: int, dtype: str, op: str
    ) -> None:
        """Take memory for blocks of so many elements; given: what this process puts in."""
        self.exact = op != "avg"
        blocks = 1 if what.name == "broadcast" else len(what.outputs[comm.rank])
        self.given = given.copy()
        self.output = np.zeros(blocks * elements, dtype=storage(dtype))
        self.run = self._call(comm, what, op)

    def _call(self, comm: MPI.Comm, what: Collective, op: str) -> Run:
        """Give the call, ready to be made again and again."""
        ins, outs, root = self.given, self.output, what.root or 0
        if what.name == "broadcast":
            return self._broadcast(comm, root)
        names = {"all_to_all": "Alltoall", "all_gather": "Allgather", "all_reduce": "Allreduce"}
        names |= {"reduce_scatter": "Reduce_scatter_block", "reduce": "Reduce"}
        call = getattr(comm, names.get(what.name, what.name.capitalize()))
        here = comm.rank == root
        buffers: list[Any] = [ins, outs] if op != "none" else [_spec(ins), _spec(outs)]
        if what.name in ("reduce", "gather") and not here:
            buffers[1] = None
        if what.name == "scatter" and not here:
            buffers[0] = None
        rest: dict[str, Any] = {}
        if op != "none":
            rest["op"] = OPS[op]
        if what.root is not None:
            rest["root"] = root
        return lambda: call(*buffers, **rest)

    def _broadcast(self, comm: MPI.Comm, root: int) -> Run:
        """Broadcast out of one memory, as MPI does; the root's is its input and its output."""
        if comm.rank == root:
            self.output[:] = self.given
        return lambda: comm.Bcast(_spec(self.output), root=root)


def _spec(array: Array) -> list[Any]:
    """Hand memory over as bytes."""
    return [array.view(np.uint8), MPI.BYTE]


def can(dtype: str, op: str) -> bool:
    """Tell whether MPI has a call for it."""
    return op == "none" or dtype not in HALF
