"""How processes agree on what they call, and on the schedule for it: process 0 plans for all."""

import hashlib
import json
from collections.abc import Generator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from commplan.communicator.plans.schedule_source import Found, Need, Source
from runtime.execute.call_log import describe_unlike
from runtime.execute.faults import ExecutionError
from runtime.metrics.chunking import Pipelining, pipelining
from runtime.program.buffer_plan import Moves, moves
from runtime.program.caller_order import arrange
from runtime.program.elements import width
from solvers.schedules.files import from_bytes, to_bytes
from topologies.model.errors import ArgumentError
from topologies.model.units import Seconds

MARK = b"plan"  # of what is agreed on; other gatherings begin with a number of 31 bits
ADDING = ("all_reduce", "reduce", "reduce_scatter", "reduce_scatterv")
Waiting = Generator[None, bool | None, None]


class Key(NamedTuple):
    """What a call asks for; calls of one key run the same program.

    Attributes:
        elements: of the size buffer.
        root: a process, or -1.
        demand: see Need.
    """

    name: str
    elements: int
    dtype: str
    op: str
    root: int
    demand: bytes = b""

    def __str__(self) -> str:
        root = f" from root {self.root}" if self.root >= 0 else ""
        if self.name in ADDING:
            return f"{self.name} of {self.elements} {self.dtype} ({self.op}){root}"
        return f"{self.name} of {self.elements * width(self.dtype)} bytes{root}"


class Planned(NamedTuple):
    """A schedule ready for any size, or none; why it was taken, or why there is none.

    Attributes:
        seconds: predicted, at the size that it was asked for.
        final: nothing better is searched for.
    """

    moves: Moves | None
    chunks: Pipelining | None
    reason: str
    seconds: Seconds | None
    final: bool


def agree(comm: Any, key: Key, place: int) -> Waiting:  # noqa: ANN401
    """Wait until every process has come with its key; come back while some have not.

    What MPI gathers where another process calls something else may be rows of an earlier call.

    Args:
        comm: the communicator, of mpi4py.
        key: of this process.
        place: of the call among those of the communicator; see `CallLog.place`.

    Raises:
        ExecutionError: they are not the same.
    """
    from mpi4py import MPI

    own = np.zeros(136, dtype=np.uint8)
    text = str(key).encode()[:96]
    head = MARK + (place | 1 << 31).to_bytes(4, "little")
    own[:8], own[8 : 8 + len(text)] = list(head), list(text)
    own[104:] = list(hashlib.sha256(repr(key).encode()).digest())
    everyone = np.zeros((comm.size, 136), dtype=np.uint8)
    request = comm.Iallgather(own, everyone)
    try:
        while not request.Test():
            yield
        is_alike = bool((everyone[:, :8] == own[:8]).all())
    except MPI.Exception:  # what another process gathers is of another length
        is_alike = False
    while not is_alike:  # the log tells what is called in the place of this
        yield
    other = np.flatnonzero((everyone != own).any(axis=1))
    if len(other):
        said = bytes(everyone[other[0], 8:104]).rstrip(b"\0").decode(errors="replace")
        raise ExecutionError(describe_unlike(comm.rank, text.decode(), int(other[0]), said))


def share(
    comm: Any,  # noqa: ANN401
    source: Source | None,
    need: Need,
    order: list[int],
    ranks: tuple[int, ...],
    final: bool,
) -> Generator[None, bool | None, Planned]:
    """Let process 0 find a schedule, and hand it to all, as Moves.

    Args:
        comm: the communicator, of mpi4py.
        source: what finds schedules; process 0 has one.
        need: what is asked for.
        order: the processes in the order of the callers' numbers.
        ranks: what each process plays.
        final: find the best one, whatever time that takes; else what may serve first.
    """
    answer = _answer(source, need, final) if source is not None else b""
    length = np.array([len(answer)], dtype=np.int64)
    yield from _broadcast(comm, length)
    data = np.zeros(int(length[0]), dtype=np.uint8)
    data[: len(answer)] = np.frombuffer(answer, dtype=np.uint8)
    yield from _broadcast(comm, data)
    head, _, body = data.tobytes().partition(b"\n")
    told = json.loads(head)
    why = (told["reason"], told["seconds"], told["final"])
    if not body:
        return Planned(None, None, *why)
    schedule = from_bytes(body)
    plan = replace(arrange(moves(schedule), order), ranks=ranks)
    return Planned(plan, pipelining(schedule), *why)


def _broadcast(comm: Any, array: Any) -> Waiting:  # noqa: ANN401
    """Take an array from process 0; come back while it is not there."""
    request = comm.Ibcast(array, root=0)
    while not request.Test():
        yield


def _answer(source: Source, need: Need, final: bool) -> bytes:
    """Find a schedule; whatever goes wrong, the others wait for an answer."""
    try:
        found = source.best(need) if final else source.first(need)
        body = b"" if found.schedule is None else to_bytes(found.schedule)
        if found.schedule and len(moves(found.schedule).ranks) != len(source.ranks):
            raise ArgumentError("the schedule needs ranks that have no process")
    except Exception as error:
        reason = " ".join(f"{error}".split()) or type(error).__name__
        found, body = Found(None, reason, None), b""
    told = {"reason": found.reason, "seconds": found.seconds, "final": found.final}
    return json.dumps(told).encode() + b"\n" + body
