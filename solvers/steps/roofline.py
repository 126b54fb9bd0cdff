"""How long a rank computes for one microbatch, by a roofline with stated constants.

A layer's forward pass takes, one after the other,
- its products: 2 operations for each parameter that a token meets and each token, and for attention
  4 s w / 2 for each token (s sequence, w width of all heads, half of it masked), at the peak times
  the efficiency of large products;
- what streams through memory: the rank's weights of the layer once, activations that are kept,
  34 h bytes for each token (Korthikanti et al., arXiv:2205.05198, eq. 1, at two bytes, without the
  scores, which are not kept) written and read, and for each copy of a token that an expert gets
  4 h + 3 f elements (permuted, two products, weighted), written and read;
- launches: KERNELS of them in a layer, more with experts.
The backward pass is twice all that. Full recomputation adds a forward pass. The last stage's
product with the vocabulary is spread over the stages, as pipelines are balanced.
"""

from dataclasses import dataclass

from solvers.jobs.job import Job, Layout, Model
from solvers.jobs.parameters import (
    attention,
    expert_layers,
    head_width,
    matrices,
)
from solvers.steps.chips import USABLE, Chip
from topologies.model.units import Seconds

KERNELS, KERNELS_OF_EXPERTS = 20, 40  # of a forward pass: counted in traces of Megatron-LM's kind
KEPT = 34  # bytes for each token and element of the hidden size


@dataclass(frozen=True)
class Pass:
    """A forward pass of a microbatch through all layers of a rank.

    Attributes:
        products: operations.
        streamed: bytes of memory.
        launches: kernels.
    """

    products: float
    streamed: float
    launches: float

    def seconds(self, job: Job, chip: Chip) -> Seconds:
        """Compute what it takes on a chip."""
        peak = chip.fp8 if job.compute.precision == "fp8" else chip.bf16
        return (
            self.products / (peak * job.compute.efficiency)
            + self.streamed / (chip.memory_rate * USABLE)
            + self.launches * job.compute.launch_us * 1e-6
        )


def forward(model: Model, layout: Layout, micro: int) -> Pass:
    """Add up a forward pass of the layers of one rank.

    Args:
        model: whose layers.
        layout: that cuts them.
        micro: sequences of a microbatch.
    """
    tokens = micro * model.sequence / layout.cp
    layers, sparse = model.layers / layout.pp, expert_layers(model) / layout.pp
    dense = _dense_weights(model) / layout.pp + model.vocabulary * model.hidden / layout.pp
    width = (model.mla.nope + model.mla.rope if model.mla else head_width(model)) * model.heads
    scores = 2 * model.sequence * width * layers
    one = matrices(model) * model.hidden * model.expert
    copies = tokens * model.top_k / layout.tp * sparse
    etp = layout.etp or layout.tp
    held = sparse * model.experts * one / (layout.ep * etp)
    products = tokens * (2 * dense + scores) / layout.tp + 2 * copies * one
    moved = 2 * copies * (4 * model.hidden + 3 * model.expert) * model.bytes
    kept = 2 * KEPT * model.hidden * tokens * layers * model.bytes / 2 / layout.tp
    weights = (dense / layout.tp + held) * model.bytes
    return Pass(products, moved + kept + weights, KERNELS * layers + KERNELS_OF_EXPERTS * sparse)


def _dense_weights(model: Model) -> float:
    """Count the parameters of a model that every token meets in its layers."""
    sparse, inner = expert_layers(model), matrices(model) * model.hidden
    return (
        model.layers * attention(model)
        + (model.layers - sparse) * inner * model.feed_forward
        + sparse * (model.shared * inner * model.expert + model.hidden * model.experts)
    )


def operations(model: Model, sequences: int) -> float:
    """Count the operations of a step as MFU does: three forward passes, masked scores halved."""
    whole = forward(model, Layout(), sequences)
    return 3 * whole.products
