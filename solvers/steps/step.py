"""The time of a step of a placed job: the slots of its pipeline, and what comes before and after.

Let F and B be what the fullest rank (`stages.py`) takes for a microbatch forward and backward, with
what of tp, cp, ep and etp is exposed, W the part of B that makes gradients of weights (half), m the
microbatches, p the stages, v those of a rank. The step is m (F + B), the bubble, and what of dp,
edp and pp is exposed.

    1f1b          (p - 1) (F + B)                     Narayanan et al., arXiv:2104.04473, 2.2
    interleaved   (p - 1) (F + B) / v                 the same
    zero-bubble   (p - 1) (F + B - 2 W)               Qi et al., arXiv:2401.10241, ZB-H1
    dualpipe      (p / 2 - 1) (F + B - 3 W) + ...     DeepSeek-V3, arXiv:2412.19437, Table 2

(of DualPipe (p / 2 - 1) (F&B + B - 3 W), F&B being both overlapped, here F + B.) What is hidden is
hidden by computation: no more of it than a step computes, and a GPU's cores that exchange meanwhile
do not compute (`chips.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from solvers.jobs.demand import microbatches
from solvers.jobs.job import Hidden, Job
from solvers.placement.judge import Judged
from solvers.steps.chips import chip_of
from solvers.steps.memory import Held, held
from solvers.steps.roofline import operations, roofline
from solvers.steps.stages import fullest
from topologies.model.units import Seconds

INSIDE = ("tp", "cp", "ep", "etp")  # kinds whose collectives are part of a microbatch


@dataclass(frozen=True)
class Step:
    """The time of a step, and what it is made of, in seconds; with the use of the peak (MFU).

    Attributes:
        computing: all products, streams and launches of a rank.
        exposed: by kind of group, what is not hidden.
        bubble: what a rank waits for others in the pipeline.
        held: bytes of a rank.
        room: bytes of its memory; 0 where nothing is known of it.
        tokens: of a step.
    """

    seconds: Seconds
    computing: Seconds
    exposed: Mapping[str, Seconds]
    bubble: Seconds
    held: Held | None
    tokens: int
    mfu: float
    room: float = 0.0

    @property
    def binds(self) -> str:
        """Name the largest part."""
        parts = {"computation": self.computing, "the pipeline's bubble": self.bubble}
        parts |= {f"communication of {kind}": each for kind, each in self.exposed.items()}
        return max(parts, key=lambda part: parts[part])


def step(job: Job, judged: Judged, ranks: int) -> Step | None:
    """Predict the time of a step; None where nothing says how long computation takes.

    Args:
        job: with a model and a batch, or with seconds of computation.
        judged: what its placement costs.
        ranks: of the job.
    """
    chip, count = chip_of(job.compute), microbatches(job)
    paced = _pace(job, judged)
    if paced is None:
        return None
    computing, exposed = paced
    inside = sum(exposed.get(kind, 0.0) for kind in INSIDE)
    bubble = bubbles(job) / count * (computing + inside)
    seconds = computing + bubble + sum(exposed.values())
    tokens, used, memory = 0, 0.0, None
    if job.model and job.batch:
        tokens = job.batch.sequences * job.model.sequence
        memory = held(job, job.model)
        if chip is not None:
            used = operations(job.model, job.batch.sequences) / (chip.bf16 * ranks * seconds)
    room = chip.memory if chip and isfinite(chip.memory) else 0.0
    return Step(seconds, computing, exposed, bubble, memory, tokens, used, room)


def bubbles(job: Job) -> float:
    """Count the bubble in microbatches: the parts F, B and W are 1, 2 and 1 of 3."""
    stages, schedule = job.layout.pp, job.compute.schedule
    if schedule == "dualpipe":
        return max(stages / 2 - 1, 0) * (1 + 2 / 3 - 1)
    if schedule == "zero-bubble":
        return (stages - 1) / 3
    return (stages - 1) / (job.layout.virtual if schedule == "interleaved" else 1)


def _pace(job: Job, judged: Judged) -> tuple[Seconds, dict[str, Seconds]] | None:
    """Give what the fullest rank computes in a step, and what of each kind's time is exposed."""
    if job.compute.seconds:
        return _hide(job, judged, job.compute.seconds)
    known = roofline(job)
    if known is None:
        return None
    layers, count, ranks = known.model.layers, microbatches(job), job.layout.pp
    mean = count * (layers * known.layer + known.ends) / ranks
    computing, exposed = _hide(job, judged, mean)
    own = count * layers / ranks  # layers of a mean rank in a step
    slower = computing / mean
    inside = sum(exposed.get(kind, 0.0) for kind in INSIDE) / own
    share = fullest(job, layers, known.layer * slower + inside, known.ends * slower)
    longer = share.layers * ranks / layers
    exposed = {k: each * longer if k in INSIDE else each for k, each in exposed.items()}
    return count * slower * (share.layers * known.layer + share.loss * known.ends), exposed


def _hide(job: Job, judged: Judged, computing: Seconds) -> tuple[Seconds, dict[str, Seconds]]:
    """Give what computation takes with what it hides, and of each kind's time what is left."""
    whole: dict[str, Seconds] = {}
    for cost in judged.costs:
        group = cost.flow.group
        whole[group] = whole.get(group, 0.0) + cost.seconds / job.compute.network
    hidden: dict[str, Hidden] = {str(kind): rule for kind, rule in job.hidden.items()}
    found: dict[str, Seconds] = {}
    free = computing
    for kind, seconds in whole.items():
        rule = hidden.get(kind)
        away = 0.0 if rule is None else min(seconds * rule.part, rule.seconds, free)
        free -= away
        found[kind] = seconds - away
    chip = chip_of(job.compute)
    taken = chip.taken if chip else 0.0
    return computing + (computing - free) * taken, found
