"""A program's part of this process, ready to run as often as one likes."""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from runtime.alone.own_program import OwnProgram
from runtime.execute import core
from runtime.execute.core import Core
from runtime.execute.part import MESSAGE_LIMIT, Part, memory, part
from runtime.execute.persistent import Persistent
from runtime.interpret.safety import unsafe
from runtime.program.elements import decode, encode, storage
from runtime.program.floats import Array
from runtime.program.program import Buffer, Program, ProgramError
from topologies.model.arguments import number, of, refuse, whole

Way = Literal["best", "core", "mpi4py"]
WAYS: tuple[Way, ...] = get_args(Way)
SECONDS = 600.0


def machine(
    whole: Part,
    comm: Any,  # noqa: ANN401 (of mpi4py, which is imported only when a program runs)
    way: Way = "best",
    limit: float = SECONDS,
) -> Core | Persistent:
    """Make what runs a part on a communicator: the core in C where it was built, else mpi4py.

    Raises:
        ProgramError: the communicator has another number of processes, or there is no core and it
            is asked for.
    """
    if comm.size != len(whole.ranks):
        raise ProgramError(f"{comm.size} processes, the program is for {len(whole.ranks)}")
    here = core.status()
    if way == "core" and not here.built:
        raise ProgramError(f"no core in C: {here.reason}")
    tag = whole.mark % (core.largest_tag() + 1)
    runs = Core if way != "mpi4py" and here.built else Persistent
    return runs(whole, comm, tag, limit)


class Executor:
    """Runs the part of one process, in memory of its own or of the caller's.

    Process i of `comm` is process i of the program; where all processes took theirs from
    `lower_for`, each has its own program alone. Put the input into `input`, call `run`, find
    the result in `output`; in place, both are parts of one memory. They hold elements as they are
    stored, of bfloat16 the 16 bits; `put` and `result` take and give numbers. Nothing is allocated
    by `run`, and sums are added up in the order of the program: the same input gives the same bits.
    All processes of the communicator run the same programs in the same order, in one thread each.
    `limit` is what a process waits for a message, in seconds. After an ExecutionError messages may
    still be under way: end the process, as `python -m mpi4py` does.
    """

    def __init__(
        self,
        program: Program | OwnProgram,
        comm: Any,  # noqa: ANN401
        *,
        way: Way = "best",
        limit: float = SECONDS,
        message_limit: int = MESSAGE_LIMIT,
    ) -> None:
        """Take memory, and make what the way needs; for `way` see `machine`.

        Raises:
            ProgramError: the program is wrong, or does not fit the communicator, or the way cannot
                be gone.
            ArgumentError: something of another kind.
        """
        own = program if isinstance(program, OwnProgram) else None
        every = own.program if own is not None else of("program", program, Program)
        if way not in WAYS:
            refuse("way", way, " or ".join(WAYS))
        number("limit", limit, above=True)
        whole("message_limit", message_limit, 1, MESSAGE_LIMIT)
        if own is not None and own.process != comm.rank:
            raise ProgramError(f"the program of process {own.process}, this is {comm.rank}")
        if found := unsafe(every, alone=own is not None):
            raise ProgramError(f"program: {found[0]}")
        mark = None if own is None else own.mark
        self.part = part(every, comm.rank, limit=message_limit, shared_mark=mark)
        self._machine = machine(self.part, comm, way, limit)
        self.dtype = every.dtype
        kind = storage(every.dtype)
        ins, outs, scratch = (np.zeros(size, np.uint8).view(kind) for size in memory(self.part))
        self.input, self.output = _views(self.part, ins, ins if every.in_place else outs)
        self._machine.bind(*(a.ctypes.data for a in (self.input, self.output, scratch)))
        self._machine.kept = (ins, outs, scratch)  # for who keeps `run` alone
        self.run, self.wait = self._machine.run, self._machine.wait

    def put(self, values: ArrayLike) -> None:
        """Set the input to numbers, one for all or one for each element, rounded to the type."""
        self.input[:] = encode(values, self.dtype)

    def result(self) -> Array:
        """Give the output as numbers: of bfloat16 a copy in float32, else `output` itself."""
        return decode(self.output, self.dtype)

    @property
    def way(self) -> str:
        """Name the way that was taken: core or mpi4py."""
        return "core" if isinstance(self._machine, Core) else "mpi4py"

    def test(self) -> bool:
        """Start a run, or go on with one, without waiting; tell whether it is at its end."""
        return self._machine.test()

    def free(self) -> None:
        """Give back what MPI holds for this executor."""
        self._machine.free()


def _views(whole: Part, ins: Array, outs: Array) -> tuple[Array, Array]:
    """Cut INPUT and OUTPUT out of the memory they lie in."""
    starts = whole.starts if whole.in_place else (0, 0)
    cut = []
    for side, buffer in ((Buffer.INPUT, ins), (Buffer.OUTPUT, outs)):
        first = starts[side] // buffer.itemsize
        cut.append(buffer[first : first + whole.counts[side] // buffer.itemsize])
    return cut[0], cut[1]
