"""The core in C: whether it is there, and how it is called."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from runtime.execute.crowding import is_crowded
from runtime.execute.faults import (
    ExecutionError,
    describe_blocked,
    describe_refused,
    describe_unequal,
)
from runtime.execute.part import Part
from runtime.program.elements import OPERATIONS, TYPES, width
from runtime.program.floats import Array
from runtime.program.program import Buffer

FOLDER = Path(__file__).parent
LIBRARY, REASON = FOLDER / "libcommplan.so", FOLDER / "libcommplan.txt"
STEP = np.dtype((np.int64, 5))  # as engine.c has it
LOOKS, WAITS = ctypes.c_int(0), ctypes.c_int(1)  # what a call does when nothing has come
DONE, PENDING, LATE, FAILED, UNEQUAL = range(5)
SPINS, FEW = 64, 8  # tests before other processes get a turn: where each has a core, and not
SLICE_SECONDS = 0.1  # after which Python gets to see whether it was interrupted
FUNCTIONS = ("MPI_Isend", "MPI_Irecv", "MPI_Testsome", "MPI_Test", "MPI_Get_count")
# avg is summed up here, and divided at the end.
JOINS = ("sum", "min", "max", "prod", "band", "bor", "bxor")


@dataclass(frozen=True)
class Status:
    """Whether the core can be used, and why, or why not."""

    built: bool
    reason: str


@cache
def status() -> Status:
    """Say whether the core was built when commplan was installed, and loads here."""
    if not LIBRARY.exists():
        said = REASON.read_text(encoding="utf-8").strip() if REASON.exists() else ""
        return Status(False, said or "commplan was not installed with a compiler at hand")
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        return Status(False, f"{LIBRARY}: {' '.join(str(error).split())}")
    told = getattr(library, "commplan_size", None)
    if told is None or told() != ctypes.sizeof(_Core):
        return Status(False, f"{LIBRARY}: built of other sources; install commplan anew")
    return Status(True, f"built at install: {LIBRARY}")


class _Part(ctypes.Structure):
    """As engine.c has it."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("lines", "followers")),
        ("memory", ctypes.c_void_p * 3),
        *((name, ctypes.c_void_p) for name in ("indices", "needs", "todo", "under_way", "ready")),
        *((name, ctypes.c_void_p) for name in ("steps", "step_of")),
        *((name, ctypes.c_int64) for name in ("count", "spins")),
        *((name, ctypes.c_double) for name in ("limit", "slice")),
        *(
            (name, ctypes.c_int64)
            for name in ("going", "open", "left", "oldest", "awaited", "seen")
        ),
        *(
            (name, ctypes.c_int64)
            for name in ("fresh", "words", "messages", "own_steps", "at_once")
        ),
        *((name, ctypes.c_int64) for name in ("first", "last", "fault", "code")),
        ("since", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ("began", "ended")),
    )


class _Core(ctypes.Structure):
    """As core.c has it."""

    _fields_ = (
        ("part", _Part),
        *((name, ctypes.c_void_p) for name in FUNCTIONS),
        *((name, ctypes.c_int64) for name in ("comm", "byte", "tag", "pointers")),
        *((name, ctypes.c_void_p) for name in ("requests", "statuses")),
        *((name, ctypes.c_int64) for name in ("status_size", "width", "type", "op")),
        *((name, ctypes.c_int64) for name in ("divisor", "divided")),
        *((name, ctypes.c_void_p) for name in ("given", "shares")),
        ("shared", ctypes.c_int64),
    )


class Core:
    """A part that the core in C runs: messages go out from any memory, without any request kept.

    The core knows no mpi.h. It gets the addresses of MPI's functions from the library that mpi4py
    uses, and handles as this MPI has them: 32-bit numbers (MPICH and its kin) or pointers (Open
    MPI, and the MPI 5 ABI). One binary serves all. kept: what has to live as long as this. look: is
    called now and then while `run` waits, and may raise.
    """

    def __init__(self, part: Part, comm: Any, tag: int, limit: float) -> None:  # noqa: ANN401
        from mpi4py import MPI

        self.part, self._comm, self._MPI = part, comm, MPI
        self.kept: tuple[Array, ...] = ()
        self.look: Callable[[], None] | None = None
        self._tag, self._largest = tag, largest_tag()
        size = MPI._sizeof(MPI.Status)
        self._under_way, made = _made(part, limit)
        statuses = np.zeros(len(self._under_way) * size, dtype=np.uint8)
        requests = np.zeros(len(self._under_way), dtype=np.int64)
        self._kept = (part, made, statuses, requests)
        self._core = _Core(
            made[0],
            *_addresses(),
            *(_signed(handle) for handle in (comm.handle, MPI.BYTE.handle)),
            *(tag, int(MPI._sizeof(MPI.Comm) > ctypes.sizeof(ctypes.c_int))),
            *(requests.ctypes.data, statuses.ctypes.data),
            *(size, width(part.dtype), TYPES.index(part.dtype)),
            *(JOINS.index("sum" if part.op == "avg" else part.op), part.divisor),
            *(part.counts[Buffer.OUTPUT], None, None, part.shared),
        )
        self._state = self._core.part
        self._run: Any = _find_run()
        # Made once: to turn numbers into these at each call takes as long as a short message.
        self._address = ctypes.c_void_p(ctypes.addressof(self._core))

    def bind(self, ins: int, outs: int, scratch: int) -> None:
        """Take the addresses of INPUT, OUTPUT and SCRATCH for the next run."""
        memory = self._state.memory
        memory[0], memory[1], memory[2] = ins, outs, scratch
        if self.part.shared:
            self._core.given = ins
            self._core.shares = ins if self.part.in_place else scratch + self.part.beside

    @property
    def limit(self) -> float:
        """Give the seconds that a message is waited for."""
        return float(self._state.limit)

    @limit.setter
    def limit(self, seconds: float) -> None:
        self._state.limit = seconds

    def mark(self, calls: int, alike: int) -> None:
        """Let the next run's messages meet only those of processes with the same calls before."""
        self._core.tag = (self._tag + calls) % (self._largest + 1)

    def run(self) -> None:
        """Do the collective once.

        Raises:
            ExecutionError: it did not come to its end.
        """
        while code := self._run(self._address, WAITS):
            if code != PENDING:
                raise self._fault(code)
            if self.look is not None:
                self.look()

    wait = run  # of what `test` began

    def test(self) -> bool:
        """Go on without waiting; tell whether it is at its end."""
        code = self._run(self._address, LOOKS)
        if code not in (DONE, PENDING):
            raise self._fault(code)
        return bool(code == DONE)

    def free(self) -> None:
        """Have nothing to give back."""

    def _fault(self, code: int) -> ExecutionError:
        """Say what went wrong, now and whenever this is asked to go on."""
        error = self._told(code)

        def again(address: ctypes.c_void_p, waits: ctypes.c_int) -> int:
            raise error

        self._run = again
        return error

    def _told(self, code: int) -> ExecutionError:
        state = self._state
        if code == LATE:
            late = np.sort(self._under_way[: state.open]).tolist()
            return describe_blocked(self.part, self._comm, late)
        if code == UNEQUAL:
            return describe_unequal(self.part, state.fault, state.code)
        return describe_refused(self.part, state.fault, self._MPI.Get_error_string(state.code))


@cache
def _addresses() -> tuple[int | None, ...]:
    """Look up where MPI's functions are, in the library that mpi4py uses."""
    from mpi4py import MPI

    mpi = ctypes.CDLL(MPI.__file__)
    return tuple(ctypes.cast(getattr(mpi, name), ctypes.c_void_p).value for name in FUNCTIONS)


@cache
def _find_run() -> Any:  # noqa: ANN401
    """Look up the core's function that runs a part."""
    run: Any = ctypes.CDLL(str(LIBRARY)).commplan_run
    run.restype = ctypes.c_int
    return run


@cache
def largest_tag() -> int:
    """Look up the largest tag of messages; Open MPI keeps it at the world only."""
    from mpi4py import MPI

    return int(MPI.COMM_WORLD.Get_attr(MPI.TAG_UB) or 0)


def _made(part: Part, limit: float) -> tuple[Array, tuple[Any, ...]]:
    """Give the lines under way, and what the engine works on, with all that must be kept for it."""
    most, lines = max(part.most_messages, 1), max(len(part.lines), 1)
    under_way = np.zeros(most, dtype=np.int64)
    arrays = (
        *(part.lines, part.followers, np.zeros(most, dtype=np.int32)),
        *(np.zeros(lines, dtype=np.int64), np.zeros(lines, dtype=np.int64), under_way),
        *(np.zeros(-(-lines // 64) * 2, dtype=np.uint64), np.zeros(lines, dtype=STEP)),
        np.zeros(lines, dtype=np.int64),
    )
    addresses = [array.ctypes.data for array in arrays]
    spins = FEW if is_crowded() else SPINS
    held = (*addresses[:2], (0, 0, 0), *addresses[2:], len(part.lines), spins, limit, SLICE_SECONDS)
    return under_way, (_Part(*held), arrays)


def _signed(handle: int) -> int:
    """Give a handle as a signed 64-bit number."""
    return handle - 2**64 if handle >= 2**63 else handle


assert set(JOINS) | {"avg"} == set(OPERATIONS)
