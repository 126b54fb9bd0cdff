"""What is wrong with a program: run it on random numbers and compare with the definition."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from runtime.interpret.interpret import interpret
from runtime.program.dependencies import find_descending
from runtime.program.program import Buffer, Program, ProgramError
from solvers.schedules.collective import Collective

Words = NDArray[np.uint64]


def faults(program: Program, collective: Collective, seed: int = 0) -> list[str]:
    """List what is wrong with a program; an empty list means that it is right.

    Every contribution to every element is a random 64-bit word, and words add modulo 2^64: an
    output with a contribution missing, doubled or in the wrong place comes out right with
    probability 2^-60 at most.
    """
    draw = np.random.default_rng(seed)
    inputs: list[Words] = [
        draw.integers(0, 2**64, size=int(n), dtype=np.uint64)
        for n in program.counts[:, Buffer.INPUT]
    ]
    try:
        outputs = interpret(replace(program, dtype="uint64", op="sum", divisor=1), inputs)
    except ProgramError as error:
        return [str(error)]
    found = races(program)
    for rank, got, right in zip(
        program.ranks, outputs, _definition(program, collective, inputs), strict=True
    ):
        if len(got) != len(right):
            found.append(f"rank {rank}: {len(got)} elements of output, expected {len(right)}")
        elif wrong := np.flatnonzero(got != right).tolist():
            found.append(f"rank {rank}: {len(wrong)} wrong elements, the first is {wrong[0]}")
    return found


def _definition(program: Program, collective: Collective, inputs: list[Words]) -> list[Words]:
    """Add up the contributions to each block, and lay out what each process wants."""
    total = [np.zeros(int(n), dtype=np.uint64) for n in program.blocks]
    process = {rank: i for i, rank in enumerate(program.ranks)}
    for rank, blocks in zip(collective.ranks, collective.inputs, strict=True):
        ends = np.cumsum(program.blocks[blocks]).tolist()
        for block, end in zip(blocks.tolist(), ends, strict=True):
            total[block] += inputs[process[rank]][end - len(total[block]) : end]
    wanted: list[Words] = [np.zeros(0, dtype=np.uint64)] * program.processes
    for rank, blocks in zip(collective.ranks, collective.outputs, strict=True):
        if len(blocks):
            wanted[process[rank]] = np.concatenate([total[b] for b in blocks.tolist()])
    return wanted


def races(program: Program) -> list[str]:
    """List messages that wait for what may wait for them: such a program can stand still.

    Buffers and offsets must be within bounds, and processes and steps in order.
    """
    return [
        f"rank {program.ranks[program.process[line]]} at step {program.step[line]}, piece "
        f"{program.piece[line]}: messages of one step meet in "
        f"{Buffer(int(program.buffer[line])).name}"
        for line in find_descending(program).tolist()
    ]
