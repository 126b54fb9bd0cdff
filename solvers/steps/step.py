"""The time of a step of a placed job: the slots of its pipeline, and what comes before and after.

Let F and B be what a rank takes for a microbatch forward and backward, with what of tp, cp, ep and
etp is exposed, W the part of B that makes gradients of weights (half), m the microbatches, p the
stages, v those of a rank. The step is m (F + B), the bubble, and what of dp, edp and pp is exposed.

    1f1b          (p - 1) (F + B)                     Narayanan et al., arXiv:2104.04473, 2.2
    interleaved   (p - 1) (F + B) / v                 the same
    zero-bubble   (p - 1) (F + B - 2 W)               Qi et al., arXiv:2401.10241, ZB-H1
    dualpipe      (p / 2 - 1) (F + B - 3 W) + ...     DeepSeek-V3, arXiv:2412.19437, Table 2

(of DualPipe (p / 2 - 1) (F&B + B - 3 W), F&B being both overlapped, here F + B.) What is hidden is
hidden by computation: no more of it than a step computes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from solvers.jobs.demand import microbatches
from solvers.jobs.job import Hidden, Job
from solvers.placement.judge import Judged
from solvers.steps.chips import chip_of
from solvers.steps.memory import Held, held
from solvers.steps.roofline import forward, operations
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
        tokens: of a step.
    """

    seconds: Seconds
    computing: Seconds
    exposed: Mapping[str, Seconds]
    bubble: Seconds
    held: Held | None
    tokens: int
    mfu: float

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
    computing = _computing(job)
    if computing is None:
        return None
    exposed = _exposed(job, judged, computing)
    count, layout = microbatches(job), job.layout
    inside = sum(exposed.get(kind, 0.0) for kind in INSIDE)
    bubble = bubbles(job) / count * (computing + inside)
    seconds = computing + bubble + sum(exposed.values())
    tokens, used = 0, 0.0
    chip = chip_of(job.compute)
    if job.model and job.batch:
        tokens = job.batch.sequences * job.model.sequence
        peak = 0.0 if chip is None else chip.bf16
        if peak:
            used = operations(job.model, job.batch.sequences) / (peak * ranks * seconds)
    memory = held(job, job.model) if job.model and job.batch and layout else None
    return Step(seconds, computing, exposed, bubble, memory, tokens, used)


def bubbles(job: Job) -> float:
    """Count the bubble in microbatches: the parts F, B and W are 1, 2 and 1 of 3."""
    stages, schedule = job.layout.pp, job.compute.schedule
    if schedule == "dualpipe":
        return max(stages / 2 - 1, 0) * (1 + 2 / 3 - 1)
    if schedule == "zero-bubble":
        return (stages - 1) / 3
    return (stages - 1) / (job.layout.virtual if schedule == "interleaved" else 1)


def _computing(job: Job) -> Seconds | None:
    """Give the seconds of computation of a rank in a step."""
    if job.compute.seconds:
        return job.compute.seconds
    chip = chip_of(job.compute)
    if chip is None or job.model is None or job.batch is None:
        return None
    one = forward(job.model, job.layout, job.batch.micro).seconds(job, chip)
    return one * microbatches(job) * (4 if job.compute.recompute == "full" else 3)


def _exposed(job: Job, judged: Judged, computing: Seconds) -> dict[str, Seconds]:
    """Give what of each kind's time is left: at most what is computed hides."""
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
    return found
