"""What processes put into a collective, and what must come out."""

import numpy as np

from runtime.program.elements import divide, join, storage, take_shares, width
from runtime.program.floats import Array
from solvers.schedules.collective import Collective

PERIOD = 8191  # elements after which the data repeat: a prime, so that shifts show


def block_elements(what: Collective, size: int, dtype: str) -> int:
    """Give the elements of a block, all being equal, for a size in bytes: one at least."""
    return max(1, size // width(dtype) // what.total)


def input_of(what: Collective, process: int, elements: int, dtype: str, op: str) -> Array:
    """Make the input of a process: its contribution to each block, one after the other."""
    blocks = what.inputs[process].tolist()
    parts = [np.resize(_contribution(process, b, dtype, op), elements) for b in blocks]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=storage(dtype))


def wrong(what: Collective, process: int, got: Array, elements: int, dtype: str, op: str) -> int:
    """Count the elements of a process's output that are not what the definition asks for."""
    count = 0
    for place, block in enumerate(what.outputs[process].tolist()):
        right = np.resize(_sum(what, block, dtype, op), elements)
        found = got[place * elements : (place + 1) * elements]
        count += len(right) - len(found) + int(np.count_nonzero(found != right[: len(found)]))
    return count


def _sum(what: Collective, block: int, dtype: str, op: str) -> Array:
    """Join all contributions to a block: one period of them."""
    number = {rank: i for i, rank in enumerate(what.ranks)}
    first, *others = (number[int(rank)] for rank in what.holders[block])
    total = _contribution(first, block, dtype, op)
    if op == "avg":
        take_shares(total, total, dtype, 1 + len(others))
    if not others:
        return total
    add = join(op, dtype)
    for other in others:
        summand = _contribution(other, block, dtype, op)
        if op == "avg":
            take_shares(summand, summand, dtype, 1 + len(others))
        add(total, summand)
    if op == "avg":
        divide(total, dtype, 1 + len(others))
    return total


def _contribution(process: int, block: int, dtype: str, op: str) -> Array:
    """Give the first PERIOD elements of what a process puts into a block; then they repeat.

    The figures are small, or powers of two, so that sums and products of floats are exact.
    """
    figure = (np.arange(PERIOD) * 7 + process * 31 + block * 13) % 5
    if op == "prod":
        figure = figure % 2 + 1
    if dtype != "bfloat16":
        return figure.astype(dtype)
    bits = figure.astype(np.float32).view(np.uint32) >> np.uint32(16)
    return bits.astype(np.uint16)
