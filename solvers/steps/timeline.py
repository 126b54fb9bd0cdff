"""When each stage of a pipeline does what: the order of its schedule, played.

A forward pass of a stage waits for that of the stage before, a backward pass for that of the stage
behind, and the last stage's for its own forward pass. Orders: 1F1B and interleaved as Megatron-LM
has them (Narayanan et al., arXiv:2104.04473, 2.2); in ZB-H1 rank r puts the gradients of weights
off by r microbatches (Qi et al., arXiv:2401.10241, 2.1); DualPipe is `dualpipe.py`. The end of the
play is that of the closed forms of `step.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from solvers.jobs.job import Pipeline
from solvers.steps.dualpipe import BACKWARD, FORWARD, WEIGHTS, Block, Task, fits, order
from topologies.model.units import Seconds


@dataclass(frozen=True)
class Slot:
    """What a stage does for a microbatch, from when to when.

    Attributes:
        rank: of the pipeline.
        stage: of all, virtual ones counted.
        what: forward, backward, or weights, their gradients where these are put off.
    """

    rank: int
    stage: int
    what: str
    microbatch: int
    begin: Seconds
    end: Seconds


@dataclass(frozen=True)
class Pipe:
    """A pipeline: ranks, stages of each, microbatches, and what one of them takes on a rank."""

    schedule: Pipeline
    ranks: int
    virtual: int
    microbatches: int
    forward: Seconds
    backward: Seconds


def play(pipe: Pipe) -> list[Slot]:
    """Play a schedule; nothing where DualPipe has too few microbatches, or not an even number.

    Complexity: microbatches times stages.

    Args:
        pipe: of which the microbatches are a multiple of the ranks, where stages are virtual.
    """
    both = pipe.schedule == "dualpipe"
    if both and not fits(pipe.ranks, pipe.microbatches):
        return []
    virtual = pipe.virtual if pipe.schedule == "interleaved" else 1
    queues = [list(_blocks(pipe, virtual, rank)) for rank in range(pipe.ranks)]
    ready: dict[Task, Seconds] = {}
    clock, place = [0.0] * pipe.ranks, [0] * pipe.ranks
    found: list[Slot] = []
    moved = True
    while moved:
        moved = False
        for rank, queue in enumerate(queues):
            while place[rank] < len(queue):
                block = queue[place[rank]]
                waits = [_when(ready, task, pipe.ranks * virtual) for task in block.tasks]
                if None in waits:
                    break
                begin = max([clock[rank], *(each or 0.0 for each in waits)])
                for what, stage, microbatch in block.tasks:
                    end = begin + _lasts(pipe, what, block.whole) / virtual
                    found.append(Slot(rank, stage, what, microbatch, begin, end))
                    begin = clock[rank] = end
                ready.update(dict.fromkeys(block.tasks, clock[rank]))
                place[rank] += 1
                moved = True
    return found


def _blocks(pipe: Pipe, virtual: int, rank: int) -> Iterator[Block]:
    """List what a rank does, in its order."""
    if pipe.schedule == "dualpipe":
        yield from order(pipe.ranks, pipe.microbatches, rank)
        return
    late = pipe.schedule == "zero-bubble"
    yield from (Block((task,), whole=not late) for task in _order(pipe, virtual, rank))


def _lasts(pipe: Pipe, what: str, whole: bool) -> Seconds:
    """Say how long a pass takes; half of the backward one are gradients of weights."""
    if what == FORWARD:
        return pipe.forward
    return pipe.backward if what == BACKWARD and whole else pipe.backward / 2


def _when(ready: Mapping[Task, Seconds], task: Task, stages: int) -> Seconds | None:
    """Give when what a task waits for is done; None where it is not known yet."""
    what, stage, microbatch = task
    if what == FORWARD:
        return ready.get((FORWARD, stage - 1, microbatch)) if stage else 0.0
    if what == WEIGHTS:
        return ready.get((BACKWARD, stage, microbatch))
    if stage == stages - 1:
        return ready.get((FORWARD, stage, microbatch))
    return ready.get((BACKWARD, stage + 1, microbatch))


def _order(pipe: Pipe, virtual: int, rank: int) -> Iterator[Task]:
    """List what a rank does, in its order: forward passes to begin with, then one of each."""
    ranks, count = pipe.ranks, pipe.microbatches * virtual
    first = ranks - rank - 1
    if virtual > 1:
        first = 2 * first + (virtual - 1) * ranks
    first = min(first, count)

    def task(what: str, number: int) -> Task:
        turn, within = divmod(number, ranks * virtual)
        chunk = within // ranks if what == FORWARD else virtual - 1 - within // ranks
        return what, chunk * ranks + rank, turn * ranks + within % ranks

    for number in range(first):
        yield task(FORWARD, number)
    for number in range(count):
        if first + number < count:
            yield task(FORWARD, first + number)
        yield task(BACKWARD, number)
        if pipe.schedule == "zero-bubble" and number >= rank:
            yield task(WEIGHTS, number - rank)
    if pipe.schedule == "zero-bubble":
        yield from (task(WEIGHTS, number) for number in range(max(count - rank, 0), count))
