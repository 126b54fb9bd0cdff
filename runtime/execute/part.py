"""What one process does in a program, in bytes: the form that executors run."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.program.elements import width
from runtime.program.program import Action, Buffer, Program
from topologies.model.ragged import within

MESSAGE_LIMIT = 2**30  # bytes; the counts of MPI are ints, and not every MPI has larger ones

# As the core in C has them.
FIELDS = (
    *("action", "peer", "tag", "buffer", "offset", "size"),
    *("source", "source_offset", "step", "piece"),
)
LINE = np.dtype([(name, np.int64) for name in FIELDS])
Lines = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """The instructions of one process as read-only rows of LINE, sizes and offsets in bytes.

    Process `peer` is number `peer` of the communicator that runs it. counts: the bytes of INPUT,
    OUTPUT and SCRATCH; in place, the first two begin at starts in one memory.
    A message has at most `limit` bytes: longer ones are cut, the same way at both ends.
    mark: a number that all parts of one program share, and hardly any other program has.
    """

    process: int
    ranks: tuple[int, ...]
    dtype: str
    op: str
    divisor: int
    in_place: bool
    counts: tuple[int, int, int]
    starts: tuple[int, int]
    lines: Lines
    most_messages: int
    mark: int


def part(program: Program, process: int, *, limit: int = MESSAGE_LIMIT) -> Part:
    """Take one process's instructions out of a program."""
    begin, end = program.bounds[process : process + 2].tolist()
    size = width(program.dtype)
    lines = np.empty(end - begin, dtype=LINE)
    for name in FIELDS:
        lines[name] = getattr(program, name)[begin:end]
    for name in ("offset", "size", "source_offset"):
        lines[name] *= size
    lines = _cut(lines, limit)
    ins, outs, scratch = (program.counts[process] * size).tolist()
    start, begin = (program.starts[process] * size).tolist()
    return Part(
        process=process,
        ranks=program.ranks,
        dtype=program.dtype,
        op=program.op,
        divisor=program.divisor,
        in_place=program.in_place,
        counts=(ins, outs, scratch),
        starts=(start, begin),
        lines=lines,
        most_messages=_most(lines),
        mark=mark(program),
    )


def mark(program: Program) -> int:
    """Digest who sends how much to whom in what order; in place or not is everyone's own affair."""
    rows = program.action == Action.SEND
    columns = (program.process, program.step, program.peer, program.size)
    digest = hashlib.sha256(f"{program.dtype} {program.op} {program.ranks}".encode())
    for column in columns:
        digest.update(np.ascontiguousarray(column[rows]).tobytes())
    return int.from_bytes(digest.digest()[:8])


def memory(whole: Part) -> tuple[int, int, int]:
    """Give the bytes that INPUT and OUTPUT span together in place, else each, and SCRATCH."""
    ins, outs, scratch = whole.counts
    if not whole.in_place:
        return ins, outs, scratch
    spanned = max(whole.starts[Buffer.INPUT] + ins, whole.starts[Buffer.OUTPUT] + outs)
    return spanned, spanned, scratch


def _cut(lines: Lines, limit: int) -> Lines:
    """Cut messages of more than `limit` bytes, one part after the other."""
    message = (lines["action"] == Action.SEND) | (lines["action"] == Action.RECV)
    parts = np.where(message, np.maximum(-(-lines["size"] // limit), 1), 1)
    if (parts == 1).all():
        return lines
    cut = np.repeat(lines, parts)
    place = within(parts)
    long = np.repeat(parts > 1, parts)
    cut["offset"][long] += place[long] * limit
    cut["size"][long] = np.minimum(cut["size"][long] - place[long] * limit, limit)
    return cut


def _most(lines: Lines) -> int:
    """Count the messages that are under way at a time, at most."""
    waits = np.flatnonzero(lines["action"] == Action.WAIT)
    messages = (lines["action"] == Action.SEND) | (lines["action"] == Action.RECV)
    started = np.cumsum(messages)
    before = np.concatenate([[0], started[waits], started[-1:]])
    return int(np.diff(before).max(initial=0))
