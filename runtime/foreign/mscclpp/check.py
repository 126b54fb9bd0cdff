"""What is wrong with a plan: hold it to the rules, run it on random words, compare."""

from collections.abc import Sequence

import numpy as np

from runtime.foreign.errors import ForeignError
from runtime.foreign.mscclpp import rules
from runtime.foreign.mscclpp.actions import ACTIONS
from runtime.foreign.mscclpp.machine import Machine
from runtime.foreign.mscclpp.memory import MOST_WORDS, Words
from runtime.foreign.mscclpp.plan import ExecutionPlan, Operation
from topologies.model.topology import integers

RUNS = 2  # one after the other, so that a run that does not wait for the one before is found
COLLECTIVES = {
    "allreduce": "all_reduce",
    "allgather": "all_gather",
    "alltoall": "all_to_all",
    "reducescatter": "reduce_scatter",
    "reduce_scatter": "reduce_scatter",
    "broadcast": "broadcast",
    "reduce": "reduce",
    "gather": "gather",
    "scatter": "scatter",
}


def chunk_words(plan: ExecutionPlan) -> int:
    """Choose the words of a chunk: enough for all thread blocks of a group to have some."""
    groups = [op.tbg_info.tbg_size for op in _operations(plan) if op.tbg_info is not None]
    return max([1, *(2 * size + 1 for size in groups)])


def _operations(plan: ExecutionPlan) -> list[Operation]:
    return [
        inner
        for gpu in plan.gpus
        for block in gpu.threadblocks
        for op in block.ops
        for inner in (op, *op.ops)
    ]


def faults(
    plan: ExecutionPlan, root: int | None = None, chunk: int | None = None, seed: int = 0
) -> list[str]:
    """List what is wrong with a plan; an empty list means that it is right.

    Every word that a GPU has is random, words add modulo 2^64, and every access must be in order
    with those of others, whatever comes first.

    Args:
        plan: any.
        root: of a collective that has one; the first that makes it right, if it is not given.
        chunk: words of a chunk.
        seed: of the random words.
    """
    if found := rules.faults(plan):
        return found
    words = chunk_words(plan) if chunk is None else chunk
    chunks = sum(gpu.input_chunks + gpu.output_chunks + gpu.scratch_chunks for gpu in plan.gpus)
    if chunks * words > MOST_WORDS:
        return [f"{chunks} chunks, more than are executed here"]
    draw = np.random.default_rng(seed)
    inputs = [
        [
            draw.integers(0, 2**64, (gpu.input_chunks or gpu.output_chunks) * words, np.uint64)
            for gpu in plan.gpus
        ]
        for _ in range(RUNS)
    ]
    try:
        machine = Machine(plan, words, inputs, ACTIONS)
        machine.run()
    except ForeignError as error:
        return [str(error)]
    return machine.races + [
        fault
        for given, got in zip(inputs, machine.outputs, strict=True)
        for fault in _compare(plan, words, given, got, root)
    ]


def _compare(
    plan: ExecutionPlan,
    chunk: int,
    inputs: Sequence[Words],
    outputs: Sequence[Words],
    root: int | None,
) -> list[str]:
    known = COLLECTIVES.get(plan.collective)
    if known is None:
        return [f"collective is {plan.collective!r}, which has no definition here"]
    roots = range(len(plan.gpus)) if root is None and known in _ROOTED else [root or 0]
    best: list[str] = []
    for tried in roots:
        wanted = definition(known, inputs, tried)
        found = []
        for gpu, expected in enumerate(wanted):
            got = outputs[gpu][: len(expected)]
            if len(got) != len(expected):
                found.append(f"gpu {gpu}: {len(got)} words of output, expected {len(expected)}")
            elif wrong := int((got != expected).sum()):
                first = int(np.flatnonzero(got != expected)[0]) // chunk
                found.append(f"gpu {gpu}: {wrong} words are wrong, the first of chunk {first}")
        if not found:
            return []
        best = best or found
    return best


_ROOTED = ("broadcast", "reduce", "gather", "scatter")


def definition(name: str, inputs: Sequence[Words], root: int) -> list[Words]:
    """Give what every rank's output must begin with."""
    ranks, none = len(inputs), np.zeros(0, dtype=np.uint64)
    total = np.add.reduce(inputs) if len({len(i) for i in inputs}) == 1 else none
    only = [none] * ranks
    if name == "all_reduce":
        return [total] * ranks
    if name == "all_gather":
        return [np.concatenate(inputs)] * ranks
    if name == "reduce_scatter":
        return list(np.split(total, ranks)) if len(total) % ranks == 0 else only
    if name == "all_to_all":
        if len(inputs[0]) % ranks:
            return only
        parts = [np.split(values, ranks) for values in inputs]
        return [np.concatenate([part[i] for part in parts]) for i in integers(range(ranks))]
    if name == "broadcast":
        return [inputs[root]] * ranks
    if name == "scatter":
        return list(np.split(inputs[root], ranks)) if len(inputs[root]) % ranks == 0 else only
    only[root] = total if name == "reduce" else np.concatenate(inputs)
    return only
