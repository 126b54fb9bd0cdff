"""Whether the result is right."""

import numpy as np

from runtime.emit.in_python.lowering import Plan
from runtime.emit.in_python.machine import Machine
from runtime.emit.in_python.options import OPS
from runtime.emit.in_python.plan import LAYOUT
from runtime.program.floats import Array
from runtime.program.program import Buffer

PERIOD = 8191  # elements after which the test data repeat: a prime, so that shifts show


def contribution(rank: int, block: int, dtype: str, op: str) -> Array:
    """Give the first PERIOD elements of what a process puts into a block; then they repeat.

    The figures are small, or powers of two, so that sums and products of floats are exact.
    """
    word = np.arange(PERIOD, dtype=np.uint64) * np.uint64(0x94D049BB133111EB)
    word += np.uint64((rank * 0x9E3779B97F4A7C15 + block * 0xD1B54A32D192ED03) % 2**64)
    word = (word ^ (word >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    figure = (word >> np.uint64(57)).astype(dtype)
    if op != "prod":
        return figure
    return 2.0 ** (figure % 3 - 1) if dtype.startswith("f") else 1 + 2 * (figure % 4)


def fill(machine: Machine, plan: Plan, dtype: str, op: str) -> None:
    """Spoil all memory, then put this process's contributions into its input."""
    for buffer in machine.buffers:
        buffer[:] = 119
    for block, offset in plan.offsets(Buffer.INPUT).items():
        size = plan.sizes[block]
        own = contribution(plan.me, block, dtype, op)
        held = machine.buffers[Buffer.INPUT][offset : offset + size]
        for i in range(0, size, PERIOD):
            held[i : i + PERIOD] = own[: size - i]


def wrong_elements(machine: Machine, plan: Plan, dtype: str, op: str) -> int:
    """Count this process's output elements that are not what the definition asks for."""
    wrong = 0
    for block, offset in plan.offsets(Buffer.OUTPUT).items():
        size = plan.sizes[block]
        holders = [i for i, (ins, _) in enumerate(LAYOUT) if block in ins]
        right = contribution(holders[0], block, dtype, op)
        for rank in holders[1:]:
            right = OPS[op](right, contribution(rank, block, dtype, op)).astype(dtype)
        got = machine.buffers[Buffer.OUTPUT][offset : offset + size]
        for i in range(0, size, PERIOD):
            wrong += int(np.count_nonzero(got[i : i + PERIOD] != right[: size - i]))
    return wrong
