"""When each stage of a pipeline does what: the order of its schedule, played.

A forward pass of a stage waits for that of the stage before, a backward pass for that of the stage
behind, and the last stage's for its own forward pass. Orders: 1F1B and interleaved as Megatron-LM
has them (Narayanan et al., arXiv:2104.04473, 2.2); in ZB-H1 rank r puts the gradients of weights
off by r microbatches (Qi et al., arXiv:2401.10241, 2.1). DualPipe is not played. The end of the
play is that of the closed forms of `step.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from solvers.jobs.job import Pipeline
from topologies.model.units import Seconds

FORWARD, BACKWARD, WEIGHTS = "forward", "backward", "weights"


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


Task = tuple[str, int, int]  # what, stage, microbatch


def play(pipe: Pipe) -> list[Slot]:
    """Play a schedule; nothing where it is DualPipe's.

    Complexity: microbatches times stages.

    Args:
        pipe: of which the microbatches are a multiple of the ranks, where stages are virtual.
    """
    if pipe.schedule == "dualpipe":
        return []
    virtual = pipe.virtual if pipe.schedule == "interleaved" else 1
    queues = [list(_order(pipe, virtual, rank)) for rank in range(pipe.ranks)]
    split = 2 if pipe.schedule == "zero-bubble" else 1
    long = {FORWARD: pipe.forward, BACKWARD: pipe.backward / split, WEIGHTS: pipe.backward / 2}
    ready: dict[Task, Seconds] = {}
    clock, place = [0.0] * pipe.ranks, [0] * pipe.ranks
    found: list[Slot] = []
    moved = True
    while moved:
        moved = False
        for rank, queue in enumerate(queues):
            while place[rank] < len(queue):
                task = queue[place[rank]]
                begin = _when(ready, task, pipe.ranks * virtual)
                if begin is None:
                    break
                begin = max(begin, clock[rank])
                clock[rank] = ready[task] = begin + long[task[0]] / virtual
                found.append(Slot(rank, task[1], task[0], task[2], begin, clock[rank]))
                place[rank] += 1
                moved = True
    return found


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
