"""Which rank of a pipeline has most to do: stages have whole layers, and the last one the loss.

With S stages of which each rank has v, the last stage holds c of the L layers and the loss, and
the others ceil((L - c) / (S - 1)) at most; c is chosen so that the fullest rank has least to do.
All ranks wait for it: the pipeline's pace is its time for a microbatch. (Megatron-LM counts the
embedding and the loss as layers for this; Llama 3 leaves the first and the last stage without any:
arXiv:2407.21783, 3.3.2.) In DualPipe a rank has a stage of each end (arXiv:2412.19437, 3.2.1).
"""

from dataclasses import dataclass
from math import ceil

from solvers.jobs.job import Job
from topologies.model.units import Seconds


@dataclass(frozen=True)
class Share:
    """What the fullest rank has of a microbatch: layers, and parts of the loss."""

    layers: float
    loss: float


def fullest(job: Job, layers: int, layer: Seconds, loss: Seconds) -> Share:
    """Find what the fullest rank has, with the layers shared out at best.

    Args:
        job: with its layout and schedule.
        layers: of the model.
        layer: seconds of one.
        loss: seconds of the last product and the loss.
    """
    ranks, virtual = job.layout.pp, job.layout.virtual
    if ranks == 1:
        return Share(layers, 1)
    best: tuple[Seconds, Share] | None = None
    for last in range(ceil(layers / (ranks * virtual)) + 1):
        most = _worst(job, layers - last, last, layer, loss)
        if best is None or most[0] < best[0] * (1 - 1e-12):
            best = most
    assert best is not None
    return best[1]


def _worst(
    job: Job, others: int, last: int, layer: Seconds, loss: Seconds
) -> tuple[Seconds, Share]:
    """Give the rank with most to do where the last stage has some layers, and the others the rest.

    Ranks beside the last one have as many layers as one another, or one less.
    """
    ranks, virtual = job.layout.pp, job.layout.virtual
    each = ceil(others / (ranks * virtual - 1))
    spare = each * (ranks * virtual - 1) - others  # stages that may have one less
    plain = Share(each * virtual - spare // ranks, 0)
    ends = Share(each * (virtual - 1) - min(spare // ranks, virtual - 1) + last, 1)
    if job.compute.schedule == "dualpipe":
        ends = Share((ends.layers + plain.layers) / 2, 0.5)
    return max(
        ((share.layers * layer + share.loss * loss, share) for share in (plain, ends)),
        key=lambda pair: pair[0],
    )
