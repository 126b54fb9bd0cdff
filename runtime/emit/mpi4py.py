"""A schedule as one Python file that needs mpi4py and numpy only."""

import json

from runtime.emit.parts import python_program
from runtime.emit.tables import Tables, busbw_factor, run_of, tables
from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray

_OPENING = '''"""{title}: {processes} processes, {messages} messages at any size.

Written by commplan. Run it with `mpiexec -n {processes} python -m mpi4py FILE -b 1MiB`; -h lists
the options. Every process makes its part of the plan below fit the size, checks its result against
the definition of the collective, and process 0 prints the table of nccl-tests.
"""'''

_PLAN = '''"""The plan, made by commplan: figures for any size."""

COLLECTIVE = {collective}
TOPOLOGY = {topology}
ROOT = {root}
REDUCES = {reduces}
BUSBW = {busbw!r}  # busbw / algbw

# Process i plays rank RANKS[i] of the topology.
RANKS = {ranks}

# The blocks' sizes, in a common unit; and the blocks in each process's input and output, in order.
SIZES = {sizes}
LAYOUT = [
{layout}]

# Pieces: block, first part, last part. A block of n elements has PARTS parts; part k begins at
# element k * n // PARTS.
PARTS = {parts}
PIECES = """
{pieces}"""

# Pieces of its input that a process keeps, without any message: process, piece.
KEPT = """
{kept}"""

# Transfers, in the order of starting: step, piece, src, dst, where src has the piece, where it
# comes to at dst, and how: put there; put there, then join the own input to it; or taken beside,
# and then added or copied to its place, or folded into the message of transfer `held`, before that
# is joined or added. They are added in the order of `turn`.
TRANSFERS = """
{transfers}"""

# Steps in which messages are under way at a time: all of older ones are complete. And steps from
# one chunk to the next.
LEAD, PHASES = {lead}, {phases}

# For each byte of size: the square of the best number of chunks, how many there may be, and how
# many without any rank waiting for latency; and how many there may be at any size.
CHUNKS_SQUARE, CHUNKS_LINEAR, CHUNKS_STEADY, CHUNKS_MOST = {pipelining}
'''


def emit(schedule: Schedule) -> str:
    """Write a schedule as a Python program.

    Raises:
        ProgramError: the schedule is too large for one file, or sends what nobody holds.
    """
    held = tables(schedule)
    plan = held.moves
    opening = _OPENING.format(title=held.title, processes=len(plan.ranks), messages=len(plan))
    return python_program(opening, _plan(held))


def _plan(held: Tables) -> str:
    plan, rule = held.moves, held.pipelining
    return _PLAN.format(
        collective=json.dumps(held.title.split(" on ")[0]),
        topology=json.dumps(held.topology),
        root=held.root,
        reduces=held.reduces,
        busbw=busbw_factor(held.collective),
        ranks=_numbers(list(plan.ranks)),
        sizes=_numbers(held.collective.sizes.tolist()),
        layout="".join(f"    ({_blocks(i)}, {_blocks(o)}),\n" for i, o in plan.layout),
        parts=plan.parts,
        pieces="".join(f"{block} {first} {last}\n" for block, first, last in held.pieces),
        kept="".join(f"{process} {piece}\n" for process, piece in held.kept),
        lead=plan.lead,
        phases=plan.phases,
        transfers="".join(" ".join(map(str, row)) + "\n" for row in held.transfers),
        pipelining=f"{rule.square!r}, {rule.linear!r}, {rule.steady!r}, {rule.most}",
    )


def _numbers(numbers: list[int]) -> str:
    """Write a list of integers, shorter where it is even."""
    if numbers == list(range(len(numbers))):
        return f"list(range({len(numbers)}))"
    if len(set(numbers)) == 1:
        return f"[{numbers[0]}] * {len(numbers)}"
    return str(numbers)


def _blocks(blocks: IntArray) -> str:
    run = run_of(blocks)
    if run is None:
        return str(tuple(blocks.tolist()))
    first, stop, stride = run
    return f"range({first}, {stop}{'' if stride == 1 else f', {stride}'})"
