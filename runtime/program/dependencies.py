"""What waits for what within a process: all that touches the same elements, in their order.

Two instructions of a process that touch an element in common, unless both only read it, are done
in the order in which they stand. That is all that the result depends on: whatever else is done
earlier or later, every element is written by the same instructions in the same order, and read
between the same two of them. So data, memory that must be free again, and the order of additions
are one rule, and a program has the same bits however its messages come.
"""

from dataclasses import dataclass

import numpy as np

from runtime.program.program import Action, Buffer, Program
from topologies.model.ragged import stretches
from topologies.model.topology import BoolArray, IntArray


@dataclass(frozen=True, eq=False)
class Touched:
    """Stretches of memory that instructions touch: one or two for each, as columns.

    line: the number of the instruction. start, end: addresses. writes: else it only reads.
    """

    line: IntArray
    start: IntArray
    end: IntArray
    writes: BoolArray


def list_touched(
    action: IntArray,
    targets: tuple[IntArray, IntArray],
    sources: tuple[IntArray, IntArray],
    size: IntArray,
    base: IntArray,
) -> Touched:
    """Give what instructions touch, those of no elements left out.

    Args:
        action: of each instruction.
        targets: the buffer and the offset of what each writes, or sends.
        sources: the same of what each reads besides.
        size: of each, in the unit of the offsets.
        base: (instructions, 3), the addresses where the buffers of its process begin.
    """
    rows = np.arange(len(action))
    local = (action == Action.COPY) | (action == Action.ADD)
    writes = [action != Action.SEND, np.zeros(int((local & (size > 0)).sum()), dtype=np.bool_)]
    chosen = [rows[size > 0], rows[local & (size > 0)]]
    writes[0] = writes[0][chosen[0]]
    line = np.concatenate(chosen)
    start = np.concatenate(
        [
            base[some, buffer[some]] + offset[some]
            for some, (buffer, offset) in zip(chosen, (targets, sources), strict=True)
        ]
    )
    return Touched(line, start, start + size[line], np.concatenate(writes))


def dependencies(what: Touched) -> tuple[IntArray, IntArray]:
    """Give pairs of instructions: the first must be done before the second begins.

    Memory is cut wherever a stretch begins or ends; in each part a read waits for the last write
    before it, and a write for all reads since the last write, or for that where there are none.
    What follows from other pairs is left out.

    Returns:
        The numbers of the first and of the second of each pair, every pair once, sorted by the
        second.

    Complexity: n log n for n stretches that are each cut into few parts.
    """
    cuts = np.unique(np.concatenate([what.start, what.end]))
    first = np.searchsorted(cuts, what.start)
    parts = np.searchsorted(cuts, what.end) - first
    row = np.repeat(np.arange(len(parts)), parts)
    cell, line, writes = stretches(first, parts), what.line[row], what.writes[row]
    order = np.lexsort((line, cell))
    cell, line, writes = cell[order], line[order], writes[order]
    place = np.arange(len(cell))
    begin = np.searchsorted(cell, cell)
    written = np.maximum.accumulate(np.where(writes, place, -1))
    last = np.concatenate([[-1], written])[:-1]
    after_write = (last >= begin) & (~writes | (last == place - 1))
    ahead = np.minimum.accumulate(np.where(writes, place, len(place))[::-1])[::-1]
    following = np.concatenate([ahead, [len(place)]])[1:]
    same = np.concatenate([cell, [-1]])[following] == cell
    before_write = ~writes & same
    pairs = np.stack(
        [
            np.concatenate([line[last[after_write]], line[before_write]]),
            np.concatenate([line[after_write], line[following[before_write]]]),
        ]
    )
    pairs = pairs[:, pairs[0] != pairs[1]]
    span = int(pairs.max(initial=0)) + 1
    after, before = np.divmod(np.unique(pairs[1] * span + pairs[0]), span)
    return before, after


def of_program(program: Program) -> tuple[IntArray, IntArray]:
    """Give the dependencies of all processes of a program."""
    return dependencies(
        list_touched(
            program.action,
            (program.buffer, program.offset),
            (program.source, program.source_offset),
            program.size,
            _bases(program)[program.process],
        )
    )


def _bases(program: Program) -> IntArray:
    """Give where the buffers of each process begin in one long memory of all of them."""
    bases = buffers_in_a_row(program.counts, program.starts, in_place=program.in_place)
    ends = (bases + program.counts).max(axis=1)
    result: IntArray = bases + (np.cumsum(ends) - ends)[:, None]
    return result


def buffers_in_a_row(counts: IntArray, starts: IntArray, *, in_place: bool) -> IntArray:
    """Give where INPUT, OUTPUT and SCRATCH begin in a memory of their process.

    Args:
        counts: (processes, 3), the sizes of the buffers.
        starts: (processes, 2), where the first two begin in the one memory that they share.
        in_place: whether they do; else they lie one after the other.
    """
    if not in_place:
        return np.asarray(np.cumsum(counts, axis=1) - counts)
    shared = np.column_stack([starts, np.zeros(len(starts), dtype=np.int64)])
    ends = shared + counts
    shared[:, Buffer.SCRATCH] = ends[:, : Buffer.SCRATCH].max(axis=1)
    return shared


def find_descending(program: Program) -> IntArray:
    """List the instructions that wait for what may itself wait for them.

    A message must depend on smaller steps only, through whatever copies and additions lie between.
    Then nothing stands still: of the messages that are not complete take one of the least step,
    and of these the first between its two processes. What it depends on is of smaller steps and
    done; so are all messages that the lead makes it wait for; and it is the next one of its pair
    at both ends. So both ends may start it, for every lead and every order of arrival.
    """
    before, after = of_program(program)
    message = (program.action == Action.SEND) | (program.action == Action.RECV)
    # An instruction is early if all it depends on is of smaller steps; messages must be.
    late = np.zeros(len(program), dtype=np.bool_)
    same = program.step[before] >= program.step[after]
    before, after, now = before[same], after[same], np.zeros(0)
    late[after[message[before]]] = True
    while True:
        now = np.unique(after[late[before] & ~late[after]])
        if not len(now):
            return np.flatnonzero(late & message)
        late[now] = True
