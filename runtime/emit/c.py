"""A schedule as one C file that needs an MPI library only."""

from collections.abc import Iterable, Iterator

from runtime.emit.parts import c_program
from runtime.emit.tables import Tables, busbw_factor, run_of, tables
from runtime.metrics.pacing import MOST_LEAD
from solvers.schedules.schedule import Schedule
from topologies.model.topology import IntArray

_OPENING = """/* {title}: {processes} processes, {messages} messages at any size.

   Written by commplan. Compile it with `mpicc -O3 -std=c11 FILE -o PROGRAM -lm`, run it with
   `mpiexec -n {processes} PROGRAM -b 1MiB`. Every process makes its part of the plan below fit the
   size, checks its result against the definition of the collective, and process 0 prints the table
   of nccl-tests. */"""

_PLAN = """/* The plan, made by commplan: figures for any size. */

static const char collective[] = "{collective}", topology[] = "{topology}";
enum {{ ROOT = {root}, REDUCES = {reduces}, PROCESSES = {processes} }};
enum {{ BLOCKS = {blocks}, PIECES = {count} }};

/* Steps in which messages are under way at a time: all of older ones are complete. And steps from
   one chunk to the next. */
enum {{ LEAD = {lead}, MOST_LEAD = {most_lead}, PHASES = {phases} }};

/* busbw / algbw */
static const double busbw_factor = {busbw!r};

/* For each byte of size: the square of the best number of chunks, how many there may be, and how
   many without any rank waiting for latency; and how many there may be at any size. */
static const double chunks_square = {rule.square!r}, chunks_linear = {rule.linear!r},
    chunks_steady = {rule.steady!r}, chunks_most = {rule.most};

/* Process i plays rank ranks[i] of the topology. */
static const int ranks[] = {{
{ranks}}};

/* The blocks' sizes, in a common unit. */
static const Int sizes[] = {{
{sizes}}};

/* The blocks in each process's input and output, in order: process, side, first block, number of
   blocks, stride; and an end. */
static const Run layout[] = {{
{layout}    {{-1, 0, 0, 0, 0}}}};

/* Pieces: block, first part, last part. A block of n elements has `parts` parts; part k begins at
   element k * n / parts. */
static const Int parts = {parts};
static const Piece pieces[] = {{
{pieces}}};

/* Pieces of its input that a process keeps, without any message: process, piece. And an end. */
static const Kept kept[] = {{
{kept}    {{-1, 0}}}};

/* Transfers, in the order of starting: step, piece, src, dst, where src has the piece, where it
   comes to at dst, and how: put there; put there, then join the own input to it; or taken beside,
   and then added or copied to its place, or folded into the message of transfer `held`, before that
   is joined or added. They are added in the order of `turn`. And an end. */
static const Transfer transfers[] = {{
{transfers}    {{-1, 0, 0, 0, 0, 0, 0, 0, 0}}}};
"""


def emit(schedule: Schedule) -> str:
    """Write a schedule as a C program.

    Raises:
        ProgramError: the schedule is too large for one file, or sends what nobody holds.
    """
    held = tables(schedule)
    plan = held.moves
    opening = _OPENING.format(title=held.title, processes=len(plan.ranks), messages=len(plan))
    return c_program(opening, _plan(held).rstrip())


def _plan(held: Tables) -> str:
    plan = held.moves
    return _PLAN.format(
        collective=held.title.split(" on ")[0],
        topology=held.topology,
        root=held.root,
        reduces=int(held.reduces),
        processes=len(plan.ranks),
        blocks=held.collective.blocks,
        count=len(plan.block),
        busbw=busbw_factor(held.collective),
        rule=held.pipelining,
        ranks=_numbers(plan.ranks),
        sizes=_numbers(held.collective.sizes.tolist()),
        layout=_rows(row for i, pair in enumerate(plan.layout) for row in _runs(i, pair)),
        parts=plan.parts,
        pieces=_rows(held.pieces),
        lead=plan.lead,
        most_lead=MOST_LEAD,
        phases=plan.phases,
        kept=_rows(held.kept),
        transfers=_rows(
            (*row[:4], *(str(word).upper() for word in row[4:7]), *row[7:])
            for row in held.transfers
        ),
    )


def _rows(rows: Iterable[tuple[int | str, ...]]) -> str:
    """Write rows of a table, one a line."""
    return "".join(f"    {{{', '.join(map(str, row))}}},\n" for row in rows)


def _numbers(numbers: Iterable[int]) -> str:
    """Write a list of numbers, sixteen a line."""
    listed = list(numbers)
    lines = [listed[i : i + 16] for i in range(0, len(listed), 16)]
    return "".join(f"    {', '.join(map(str, line))},\n" for line in lines)


def _runs(process: int, pair: tuple[IntArray, IntArray]) -> Iterator[tuple[int | str, ...]]:
    """Write the blocks of a process's buffers as even runs."""
    for side, blocks in zip(("IN", "OUT"), pair, strict=True):
        run = run_of(blocks)
        if run is None:
            yield from ((process, side, block, 1, 1) for block in blocks.tolist())
        else:
            first, _, stride = run
            yield process, side, first, len(blocks), stride
