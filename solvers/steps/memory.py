"""How many bytes a rank of a training job holds.

Parameters and gradients as the layout says, 12 bytes of the optimiser for each parameter (master,
two moments; arXiv:1910.02054, 3.1), each shared out from its stage of ZeRO on; activations of the
microbatches under way in the first stage, as `roofline.py` counts them; where norms and inner
activations are computed anew, without these, and in full the input of each layer alone. A rank of
DualPipe has parameters and gradients of two stages, and a microbatch more (arXiv:2412.19437,
Table 2).
"""

from dataclasses import dataclass

from solvers.jobs.demand import microbatches
from solvers.jobs.errors import JobError
from solvers.jobs.job import Job, Model
from solvers.jobs.layout import sizes
from solvers.jobs.parameters import expert_layers, of_a_rank
from solvers.steps.roofline import layer

OPTIMISER = 12  # bytes for each parameter
GIGA = 1e9


@dataclass(frozen=True)
class Held:
    """Bytes of a rank."""

    parameters: float
    gradients: float
    optimiser: float
    activations: float

    @property
    def total(self) -> float:
        """Add all up."""
        return self.parameters + self.gradients + self.optimiser + self.activations


def check_memory(job: Job) -> None:
    """Refuse a job that needs more memory of a rank than it says there is.

    Raises:
        JobError: with what is needed.
    """
    room = job.compute.memory_GB
    if room and job.model and job.batch and (need := held(job, job.model).total / GIGA) > room:
        raise JobError(
            f"compute.memory_GB: a rank holds {need:.4g} GB as it is laid out, expected at most "
            f"{room:g}"
        )


def held(job: Job, model: Model) -> Held:
    """Add up what a rank of the first stage holds."""
    layout, count, own = job.layout, sizes(job.layout), of_a_rank(model, job.layout)
    parts = ((own.dense, count["dp"]), (own.experts, count["edp"]))

    def share(stage: int, width: int) -> float:
        return sum(n * width / (by if layout.zero >= stage else 1) for n, by in parts)

    stages = 2 if job.compute.schedule == "dualpipe" and layout.pp > 1 else 1
    return Held(
        stages * share(3, layout.parameter_bytes),
        stages * share(2, layout.gradient_bytes),
        share(1, OPTIMISER),
        _activations(job, model),
    )


def _activations(job: Job, model: Model) -> float:
    """Add up the activations of all microbatches that are under way in the first stage."""
    layout = job.layout
    micro = job.batch.micro if job.batch else 1
    sparse = expert_layers(model)
    one = 0.0
    for experts, count in ((False, model.layers - sparse), (True, sparse)):
        if not count:
            continue
        each = layer(model, layout, micro, experts)
        kept = each.kept - (each.light if job.compute.recompute == "selective" else 0)
        if job.compute.recompute == "full":
            kept = micro * model.sequence * model.hidden * model.bytes / (layout.cp * layout.tp)
        one += count * kept / layout.pp
    # 1F1B keeps pp microbatches in the first stage, interleaving (pp - 1) / (pp VPP) more.
    more_of = job.compute.schedule == "dualpipe" and layout.pp > 1
    under_way = min(layout.pp + more_of, microbatches(job))
    more = 1 + (layout.pp - 1) / (layout.pp * layout.virtual) if layout.virtual > 1 else 1
    return one * under_way * more
