"""How many bytes a rank of a training job holds.

Parameters and gradients as the layout says, 12 bytes of the optimiser for each parameter (master,
two moments; arXiv:1910.02054, 3.1), each shared out from its stage of ZeRO on; activations of the
microbatches under way in the first stage: 34 s b h / TP bytes a layer and, for experts, what the
copies of tokens keep; with full recomputation the input of each layer alone (arXiv:2205.05198).
"""

from dataclasses import dataclass

from solvers.jobs.demand import microbatches
from solvers.jobs.job import Job, Model
from solvers.jobs.layout import sizes
from solvers.jobs.parameters import expert_layers, of_a_rank
from solvers.steps.roofline import KEPT

OPTIMISER = 12  # bytes for each parameter


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


def held(job: Job, model: Model) -> Held:
    """Add up what a rank of the first stage holds."""
    layout, count, own = job.layout, sizes(job.layout), of_a_rank(model, job.layout)
    parts = ((own.dense, count["dp"]), (own.experts, count["edp"]))

    def share(stage: int, width: int) -> float:
        return sum(n * width / (by if layout.zero >= stage else 1) for n, by in parts)

    return Held(
        share(3, layout.parameter_bytes),
        share(2, layout.gradient_bytes),
        share(1, OPTIMISER),
        _activations(job, model),
    )


def _activations(job: Job, model: Model) -> float:
    """Add up the activations of all microbatches that are under way in the first stage."""
    layout = job.layout
    micro = job.batch.micro if job.batch else 1
    tokens = micro * model.sequence / (layout.cp * layout.tp)
    layers, sparse = model.layers / layout.pp, expert_layers(model) / layout.pp
    if job.compute.recompute == "full":
        one = tokens * layers * model.hidden * model.bytes
    else:
        copies = tokens * model.top_k * sparse * (2 * model.hidden + 3 * model.expert)
        one = tokens * layers * KEPT * model.hidden + copies * model.bytes
    # 1F1B keeps pp microbatches in the first stage, interleaving (pp - 1) / (pp VPP) more.
    under_way = min(layout.pp, microbatches(job))
    more = 1 + (layout.pp - 1) / (layout.pp * layout.virtual) if layout.virtual > 1 else 1
    return one * under_way * more
