"""Whether a program may be run by executors, which look at nothing while they run.

They take addresses, sizes and peers as they stand, and match messages of two processes in the order
in which they are started; `find_descending` says why none then waits for ever. Whether the result
is right is another question (`check_program`).
"""

from collections.abc import Iterator

import numpy as np

from runtime.interpret.check import races
from runtime.program.elements import OPERATIONS, TYPES, refusal
from runtime.program.program import Action, Buffer, Program, ProgramError
from topologies.model.arguments import column, of, refuse, whole
from topologies.model.topology import BoolArray, IntArray

COLUMNS = (
    *("process", "step", "action", "peer", "buffer", "offset", "size"),
    *("source", "source_offset", "piece"),
)


def unsafe(program: Program, *, alone: bool = False) -> list[str]:
    """List why a program must not be run; what comes later is only looked at if the former is fit.

    Complexity: instructions × log.

    Args:
        program: from anywhere.
        alone: whether it has the instructions of one process only, none of whose messages has its
            other end there.
    """
    try:
        _check_kinds(program)
    except ProgramError as error:
        return [str(error)]
    checks = (_lines, _spans, _order, races) if alone else (_lines, _spans, _order, _pairs, races)
    for check in checks:
        if found := list(check(program)):
            return found
    return []


def _check_kinds(program: Program) -> None:
    """Look at the kinds of everything.

    Raises:
        ProgramError: the first that is of another kind.
    """
    ranks = of("ranks", program.ranks, tuple, "a tuple of ranks", ProgramError)
    for i, rank in enumerate(ranks):
        whole(f"ranks[{i}]", rank, error=ProgramError)
    if not ranks or len(set(ranks)) < len(ranks):
        raise ProgramError("ranks: expected different ones, and at least one")
    for name, value, known in (("dtype", program.dtype, TYPES), ("op", program.op, OPERATIONS)):
        if value not in known:
            refuse(name, value, f"one of {', '.join(known)}", ProgramError)
    if why := refusal(program.op, program.dtype):
        raise ProgramError(why)
    whole("divisor", program.divisor, 1, error=ProgramError)
    whole("lead", program.lead, 1, error=ProgramError)
    of("in_place", program.in_place, bool, "True or False", ProgramError)
    length = len(column("process", program.process, error=ProgramError))
    for name in COLUMNS:
        column(name, getattr(program, name), length, error=ProgramError)
    for name, width in (("counts", 3), ("starts", 2)):
        table = of(name, getattr(program, name), np.ndarray, "a numpy array", ProgramError)
        if table.shape != (len(ranks), width) or table.dtype.kind not in "iu" or table.min() < 0:
            refuse(name, table, f"{len(ranks)} x {width} whole numbers from 0", ProgramError)


def _lines(program: Program) -> Iterator[str]:
    """Check that every number names something, and that processes come one after the other."""
    if (np.diff(program.process) < 0).any():
        yield "the instructions are not sorted by process"
    messages = _messages(program)
    every = messages | ~messages
    yield from _outside(program, "process", every, program.processes)
    yield from _outside(program, "action", every, len(Action))
    yield from _outside(program, "buffer", every, len(Buffer))
    yield from _outside(program, "source", ~messages, len(Buffer))
    yield from _outside(program, "peer", messages, program.processes)
    yield from _wrong(messages & (program.peer == program.process), "a message to itself")


def _spans(program: Program) -> Iterator[str]:
    """Check that every instruction stays inside its buffers."""
    messages = _messages(program)
    for buffer, offset, rows in (
        ("buffer", "offset", messages | ~messages),
        ("source", "source_offset", ~messages),
    ):
        which = np.where(rows, getattr(program, buffer), 0)
        room = program.counts[program.process, which]
        start, size = getattr(program, offset), program.size
        beyond = rows & ((start < 0) | (size < 0) | (size > room) | (start > room - size))
        yield from _wrong(beyond, f"its elements are not all in the {buffer}")


def _order(program: Program) -> Iterator[str]:
    """Check that the steps of each process ascend: what the lead counts on."""
    back = np.zeros(len(program), dtype=np.bool_)
    back[1:] = (np.diff(program.step) < 0) & (np.diff(program.process) == 0)
    yield from _wrong(back, "is of a smaller step than the one before it")


def _pairs(program: Program) -> Iterator[str]:
    """Check that of two processes one starts to send what the other starts to receive."""
    sends, receives = (np.flatnonzero(program.action == a) for a in (Action.SEND, Action.RECV))
    if len(sends) != len(receives):
        yield f"{len(sends)} messages are sent and {len(receives)} received"
        return
    sends = sends[np.lexsort((sends, program.peer[sends], program.process[sends]))]
    receives = receives[np.lexsort((receives, program.process[receives], program.peer[receives]))]
    other = (program.process[sends] != program.peer[receives]) | (
        program.peer[sends] != program.process[receives]
    )
    for name in ("step", "size"):
        values = getattr(program, name)
        other |= values[sends] != values[receives]
    wrong = np.zeros(len(program), dtype=np.bool_)
    wrong[sends[other]] = True
    yield from _wrong(wrong, "is not what its receiver expects in its place")


def _messages(program: Program) -> BoolArray:
    found: BoolArray = (program.action == Action.SEND) | (program.action == Action.RECV)
    return found


def _outside(program: Program, name: str, rows: BoolArray, count: int) -> Iterator[str]:
    values: IntArray = getattr(program, name)
    wrong = rows & ((values < 0) | (values >= count))
    yield from _wrong(wrong, f"there is no such {name} (there are {count})")


def _wrong(rows: BoolArray, sentence: str) -> Iterator[str]:
    """Name the first of the instructions that something is wrong with."""
    if rows.any():
        yield f"instruction {int(np.argmax(rows))}: {sentence}"
