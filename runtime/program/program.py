"""How each process does a collective at one size: messages and local actions, in order."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from runtime.program.elements import storage
from topologies.model.errors import NO, CommplanError
from topologies.model.topology import IntArray


class ProgramError(CommplanError, ValueError):
    """A program that cannot be made or cannot be run."""

    exit_code = NO


class Action(IntEnum):
    """What an instruction does; SEND and RECV are the ends of a message."""

    COPY = 0
    SEND = 1
    RECV = 2
    ADD = 3


class Buffer(IntEnum):
    """The memory of a process."""

    INPUT = 0
    OUTPUT = 1
    SCRATCH = 2


# What emitted programs know; executors know all of runtime.program.elements.
DTYPES = ("int8", "uint8", "int32", "uint32", "int64", "uint64", "float32", "float64")
OPS: dict[str, np.ufunc] = {
    "sum": np.add,
    "min": np.minimum,
    "max": np.maximum,
    "prod": np.multiply,
}


@dataclass(frozen=True, eq=False)
class Program:
    """The instructions of every process as read-only columns, sorted by process, then by order.

    An instruction may be carried out when
    (a) all instructions before it in its process that touch the same elements, unless both only
        read them, are done (`dependencies`): so the result is that of the order, bit for bit;
    (b) if it is a message: all messages of its process of steps up to its own less `lead` are
        complete, and those before it to (or from) the same peer are started.
    Messages of two processes match in the order of their instructions.

    ranks[i] is the rank that process i plays. Offsets and counts are in elements of `dtype`.
    counts: (processes, 3), the elements of INPUT, OUTPUT and SCRATCH. In place, INPUT and OUTPUT
    are parts of one memory that begin at starts[i] = (input, output); else they are apart.
    blocks: the elements of each block of the collective. divisor: what every output is divided by
    at the end: for an avg, the number of those who contribute.

    Per instruction: COPY and ADD change (buffer, offset, count) by (source, source_offset, count);
    SEND and RECV exchange (buffer, offset, count) with process `peer`, for a chunk of `piece`.
    Columns that mean nothing to an action hold -1, or 0 for offset and count.
    """

    ranks: tuple[int, ...]
    dtype: str
    op: str
    in_place: bool
    chunks: int
    blocks: IntArray
    counts: IntArray
    starts: IntArray
    process: IntArray
    step: IntArray
    action: IntArray
    peer: IntArray
    buffer: IntArray
    offset: IntArray
    size: IntArray
    source: IntArray
    source_offset: IntArray
    piece: IntArray
    divisor: int = 1
    lead: int = 1

    def __len__(self) -> int:
        return len(self.process)

    def __str__(self) -> str:
        from runtime.program.text import program_text  # which is made of what stands here

        return program_text(self)

    @property
    def processes(self) -> int:
        """Count the processes."""
        return len(self.ranks)

    @property
    def count(self) -> int:
        """Count the elements of the largest input or output: the size buffer."""
        return int(self.counts[:, : Buffer.SCRATCH].max())

    @property
    def bounds(self) -> IntArray:
        """Give where each process's instructions begin; one entry more, the end of the last."""
        return np.searchsorted(self.process, np.arange(self.processes + 1))

    def memory(self) -> list[tuple[NDArray[np.generic], ...]]:
        """Make zeroed INPUT, OUTPUT, SCRATCH for each process; in place, the first two are one."""
        made: list[tuple[NDArray[np.generic], ...]] = []
        kind = storage(self.dtype)
        for (ins, outs, scratch), (start, begin) in zip(
            self.counts.tolist(), self.starts.tolist(), strict=True
        ):
            if self.in_place:
                shared = np.zeros(max(start + ins, begin + outs), dtype=kind)
                buffers = shared[start : start + ins], shared[begin : begin + outs]
            else:
                buffers = np.zeros(ins, dtype=kind), np.zeros(outs, dtype=kind)
            made.append((*buffers, np.zeros(scratch, dtype=kind)))
        return made
