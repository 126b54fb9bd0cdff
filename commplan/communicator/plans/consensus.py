"""How processes agree on what they call, and on the schedule for it: process 0 plans for all."""

import hashlib
import json
from collections.abc import Generator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from commplan.communicator.plans.schedule_source import Need, Source
from runtime.execute.call_log import describe_unlike
from runtime.execute.faults import ExecutionError
from runtime.metrics.chunking import Pipelining, pipelining
from runtime.program.buffer_plan import Moves, moves
from runtime.program.caller_order import arrange
from solvers.schedules.files import from_bytes, to_bytes
from topologies.model.errors import ArgumentError

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
        return f"{self.name} of {self.elements} {self.dtype} ({self.op}){root}"


class Planned(NamedTuple):
    """A schedule ready for any size, or the reason why there is none; why it was taken."""

    moves: Moves | None
    chunks: Pipelining | None
    reason: str


def agree(comm: Any, key: Key) -> Waiting:  # noqa: ANN401
    """Wait until every process has come with its key; come back while some have not.

    Raises:
        ExecutionError: they are not the same.
    """
    own = np.zeros(128, dtype=np.uint8)
    text = str(key).encode()[:96]
    own[: len(text)] = list(text)
    own[96:] = list(hashlib.sha256(repr(key).encode()).digest())
    everyone = np.zeros((comm.size, 128), dtype=np.uint8)
    request = comm.Iallgather(own, everyone)
    while not request.Test():
        yield
    other = np.flatnonzero((everyone != own).any(axis=1))
    if len(other):
        said = bytes(everyone[other[0], :96]).rstrip(b"\0").decode(errors="replace")
        raise ExecutionError(describe_unlike(comm.rank, text.decode(), int(other[0]), said))


def share(
    comm: Any,  # noqa: ANN401
    source: Source | None,
    need: Need,
    order: list[int],
    ranks: tuple[int, ...],
    found: list[Planned],
) -> Waiting:
    """Let process 0 find a schedule, hand it to all, and put it into `found` as Moves.

    Args:
        comm: the communicator, of mpi4py.
        source: what finds schedules; process 0 has one.
        need: what is asked for.
        order: the processes in the order of the callers' numbers.
        ranks: what each process plays.
        found: the list that gets the result.
    """
    answer = _answer(source, need) if source is not None else b""
    length = np.array([len(answer)], dtype=np.int64)
    yield from _broadcast(comm, length)
    data = np.zeros(int(length[0]), dtype=np.uint8)
    data[: len(answer)] = np.frombuffer(answer, dtype=np.uint8)
    yield from _broadcast(comm, data)
    head, _, body = data.tobytes().partition(b"\n")
    told = json.loads(head)
    if not told["found"]:
        found.append(Planned(None, None, told["reason"]))
        return
    schedule = from_bytes(body)
    plan = replace(arrange(moves(schedule), order), ranks=ranks)
    found.append(Planned(plan, pipelining(schedule), told["reason"]))


def _broadcast(comm: Any, array: Any) -> Waiting:  # noqa: ANN401
    """Take an array from process 0; come back while it is not there."""
    request = comm.Ibcast(array, root=0)
    while not request.Test():
        yield


def _answer(source: Source, need: Need) -> bytes:
    """Find a schedule; whatever goes wrong, the others wait for an answer."""
    try:
        schedule, reason = source.schedule(need)
        body = to_bytes(schedule)
        if len(moves(schedule).ranks) != len(source.ranks):
            raise ArgumentError("the schedule needs ranks that have no process")
    except Exception as error:
        reason = " ".join(f"{error}".split()) or type(error).__name__
        return json.dumps({"found": False, "reason": reason}).encode() + b"\n"
    return json.dumps({"found": True, "reason": reason}).encode() + b"\n" + body
