"""What one process does in a program, in bytes: the form that executors run."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.program.dependencies import buffers_in_a_row, dependencies, list_touched
from runtime.program.elements import is_float, width
from runtime.program.program import Action, Buffer, Program
from topologies.model.ragged import starts, within
from topologies.model.topology import IntArray

WIDEST = 16  # bytes of an element
MESSAGE_LIMIT = 2**30  # bytes; the counts of MPI are ints, and not every MPI has larger ones

FIELDS = (
    *("action", "peer", "buffer", "offset", "size"),
    *("source", "source_offset", "step", "piece"),
)
# As the core in C has them: what stands in the program, and what follows from it.
LINE = np.dtype([(name, np.int64) for name in (*FIELDS, "needs", "after", "until", "next", "gate")])
Lines = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """The instructions of one process as read-only rows of LINE, sizes and offsets in bytes.

    Process `peer` is number `peer` of the communicator that runs it. counts: the bytes of INPUT,
    OUTPUT and SCRATCH; in place, the first two begin at starts in one memory.
    A message has at most `limit` bytes: longer ones are cut, the same way at both ends.
    mark: a number that all parts of one program share, and hardly any other program has.

    Of each line: needs, how many others it waits for, of which one, for a message, is that the one
    before it to or from the same peer is started; next, the one after it, -1 for none. Those that
    wait for the line to be done are the `followers` from `after` to `until`. gate: the line up to
    which, itself not included, all messages must be complete before this one may be started: those
    of `lead` steps before it and older.
    most_messages: that are under way at a time.
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
    followers: IntArray
    lead: int
    most_messages: int
    mark: int

    @property
    def shared(self) -> int:
        """Give the bytes of input of which an avg takes shares first (`elements.take_shares`)."""
        return self.counts[Buffer.INPUT] if self.divisor > 1 and is_float(self.dtype) else 0

    @property
    def beside(self) -> int:
        """Give where in scratch these shares lie, if they are not taken in place."""
        return -(-self.counts[Buffer.SCRATCH] // WIDEST) * WIDEST

    @property
    def room(self) -> int:
        """Give the bytes of scratch with those shares."""
        return self.beside + (0 if self.in_place else self.shared)


def part(
    program: Program, process: int, *, limit: int = MESSAGE_LIMIT, shared_mark: int | None = None
) -> Part:
    """Take one process's instructions out of a program.

    Args:
        program: of all processes, or of this one.
        process: the one.
        limit: the bytes of the longest message.
        shared_mark: of the parts of all, where the program is of this one.
    """
    begin, end = program.bounds[process : process + 2].tolist()
    size = width(program.dtype)
    counts, places = program.counts[process] * size, program.starts[process] * size
    bases = buffers_in_a_row(counts[None], places[None], in_place=program.in_place)
    rows = {name: getattr(program, name)[begin:end] for name in FIELDS}
    lines, followers = connect(rows, size, bases, program.lead, limit)
    ins, outs, scratch = counts.tolist()
    return Part(
        process=process,
        ranks=program.ranks,
        dtype=program.dtype,
        op=program.op,
        divisor=program.divisor,
        in_place=program.in_place,
        counts=(ins, outs, scratch),
        starts=(int(places[0]), int(places[1])),
        lines=lines,
        followers=followers,
        lead=program.lead,
        most_messages=_most(lines, program.lead),
        mark=mark(program) if shared_mark is None else shared_mark,
    )


def connect(
    rows: Mapping[str, IntArray], size: int, bases: IntArray, lead: int, limit: int = MESSAGE_LIMIT
) -> tuple[Lines, IntArray]:
    """Make lines that know what they wait for; give them and the followers of all.

    Args:
        rows: the instructions of one process as columns, in elements.
        size: the bytes of an element.
        bases: (1, 3), where the buffers begin in one memory of the process, in bytes.
        lead: of the program.
        limit: the bytes of the longest message.
    """
    lines = np.zeros(len(rows["action"]), dtype=LINE)
    for name in FIELDS:
        lines[name] = rows[name]
    for name in ("offset", "size", "source_offset"):
        lines[name] *= size
    lines = _cut(lines, limit)
    return lines, _connect(lines, bases, lead)


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
    ins, outs, _ = whole.counts
    if not whole.in_place:
        return ins, outs, whole.room
    spanned = max(whole.starts[Buffer.INPUT] + ins, whole.starts[Buffer.OUTPUT] + outs)
    return spanned, spanned, whole.room


def messages(lines: Lines) -> IntArray:
    """List the lines that are messages."""
    return np.flatnonzero((lines["action"] == Action.SEND) | (lines["action"] == Action.RECV))


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


def _connect(lines: Lines, bases: IntArray, lead: int) -> IntArray:
    """Write into lines what they wait for; give the lines that wait for each, one after the other.

    bases: (1, 3), where the buffers begin in one memory.
    """
    before, after = dependencies(
        list_touched(
            lines["action"],
            (lines["buffer"], lines["offset"]),
            (lines["source"], lines["source_offset"]),
            lines["size"],
            np.broadcast_to(bases, (len(lines), bases.shape[1])),
        )
    )
    lines["needs"] = np.bincount(after, minlength=len(lines))
    ends = starts(np.bincount(before, minlength=len(lines)))
    lines["after"], lines["until"] = ends[:-1], ends[1:]
    lines["gate"] = np.searchsorted(lines["step"], lines["step"] - lead, "right")
    rows = messages(lines)
    rows = rows[np.lexsort((rows, lines["action"][rows], lines["peer"][rows]))]
    follows = (np.diff(lines["peer"][rows]) == 0) & (np.diff(lines["action"][rows]) == 0)
    lines["next"] = -1
    lines["next"][rows[:-1][follows]] = rows[1:][follows]
    lines["needs"][rows[1:][follows]] += 1
    return np.ascontiguousarray(after[np.argsort(before, kind="stable")])


def _most(lines: Lines, lead: int) -> int:
    """Count the messages that are under way at a time, at most: those of `lead` steps in a row."""
    steps = lines["step"][messages(lines)]
    return int((np.searchsorted(steps, steps + lead) - np.arange(len(steps))).max(initial=0))
