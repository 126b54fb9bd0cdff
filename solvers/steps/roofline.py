"""How long a rank computes for a layer of one microbatch, by a roofline with stated constants.

A layer's forward pass takes, one after the other,
- its products (`products.py`), at the peak times the efficiency of large products;
- attention's scores, 4 s w / 2 operations for each token (s sequence, w width of all heads, half of
  it masked), in BF16 at 0.6 of the peak (609 of 989 TFLOPS, cuDNN; arXiv:2407.08608, figure 5);
- what streams through memory: activations that are kept, written and read, at e bytes an element
  h (input) + (H + 2 G) d (queries, keys, values) + H d (heads' outputs), 2 h (norms), h + 3 f of a
  gated layer, and for each copy of a token that an expert gets 2 h + 3 f, as Korthikanti et al.
  count (arXiv:2205.05198, 4.1), and 2 h more to put them into order and back; where ranks get a
  copy for each expert, another 2 h, as they are put into order before and after (Megatron Core's
  all_to_all). In FP8 what is multiplied is read at two bytes and written twice at one;
- kernels too short to fill the chip: KERNELS in a layer, ROUTER with experts (31, 17 with a fused
  dispatch; Megatron-LM, discussions/deepseek-v3-gb200-optimization, 2.1.4 and 2.2.1) and MOVING.
The backward pass is twice all that, scores 2.5 times (they are made again; arXiv:2205.14135) at 0.5
of the peak, and products of weights' gradients add to what is there. Recomputation of norms and
inner activations streams these once more; in full it is another forward pass.
Neither pass takes less than the host takes to start it (`chips.py`), which is no longer than the
other where kernels are large; experts' counts make the host wait for the device in each layer, so
that it runs ahead of no more than that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from solvers.jobs.job import Job, Layout, Model
from solvers.jobs.parameters import expert_layers, head_width, key_value_heads
from solvers.steps.chips import USABLE, Chip, chip_of
from solvers.steps.products import Product, Speed
from topologies.model.cached import cached_property
from topologies.model.units import Seconds

KERNELS, ROUTER, FUSED_ROUTER, MOVING = 20, 31, 17, 10  # of a forward pass
SCORES, SCORES_BACK = 0.6, 0.5  # of the peak
LOGITS = 6  # bytes: read for the loss, and read and written for its gradient, at two


@dataclass(frozen=True)
class Layer:
    """The forward pass of a microbatch through a layer of a rank.

    Attributes:
        products: of activations with weights.
        scores: operations of attention.
        kept: bytes of activations that the backward pass needs.
        light: those of them that norms and inner activations make again.
        moved: bytes of what is moved beside them, read and written.
        short: kernels that are short.
    """

    products: tuple[Product, ...]
    scores: float
    kept: float
    light: float
    moved: float
    short: float


@dataclass(frozen=True)
class Roofline:
    """The seconds of a job's computation on its chip."""

    job: Job
    model: Model
    chip: Chip

    @cached_property
    def layer(self) -> Seconds:
        """Compute a layer's forward and backward pass, the mean over layers."""
        sparse = expert_layers(self.model)
        layout, micro = self.job.layout, self.job.batch.micro if self.job.batch else 1
        kinds = ((False, self.model.layers - sparse), (True, sparse))
        whole = sum(n * self._seconds(layer(self.model, layout, micro, e)) for e, n in kinds if n)
        return whole / self.model.layers

    @cached_property
    def ends(self) -> Seconds:
        """Compute the last product, with the vocabulary, and the loss, once more for each MTP."""
        layout, micro = self.job.layout, self.job.batch.micro if self.job.batch else 1
        last = head(self.model, layout, micro)
        speed = self._speed(low=False)
        streamed = last.given_out * LOGITS / (self.chip.memory_rate * USABLE)
        once = speed.forward(last) + speed.backward(last) + streamed
        return once + self.model.mtp * (once + self.layer)

    def _speed(self, low: bool) -> Speed:
        compute = self.job.compute
        fp8 = low and compute.precision == "fp8"
        peak = (self.chip.fp8 if fp8 else self.chip.bf16) * compute.efficiency
        wide = self.model.bytes
        return Speed(self.chip, peak, 1 if fp8 else wide, wide, self.job.layout.gradient_bytes)

    def _seconds(self, one: Layer) -> Seconds:
        """Compute a layer's passes: what the chip takes, and no less than the host."""
        compute, rate = self.job.compute, self.chip.memory_rate * USABLE
        forward = backward = 0.0
        quantised = 4.0 if compute.precision == "fp8" else 0.0
        for product in one.products:
            speed = self._speed(product.low)
            forward += speed.forward(product) + quantised * product.low * product.taken_in / rate
            backward += speed.backward(product) + quantised * product.low * product.given_out / rate
        streamed, short = 2 * one.kept + one.moved, one.short * compute.launch_us * 1e-6
        forward += one.scores / (self.chip.bf16 * SCORES) + streamed / rate + short
        backward += 2.5 * one.scores / (self.chip.bf16 * SCORES_BACK)
        backward += 2 * (streamed / rate + short)
        host = self._host(one)
        if compute.recompute == "selective":
            backward += 2 * one.light / rate
        if compute.recompute == "full":
            return 2 * max(forward, host) + max(backward, 2 * host)
        return max(forward, host) + max(backward, 2 * host)

    def _host(self, one: Layer) -> Seconds:
        """Compute what the host takes to start a forward pass."""
        host, own = self.chip.host, self.job.compute.host_us * 1e-6
        if host is None:
            return own * (one.short + len(one.products))
        grouped = sum(product.groups > 1 for product in one.products)
        modules = len(one.products) - grouped
        whole = one.short * host.operator + modules * host.module + grouped * host.grouped
        return whole * (own / host.operator if own else 1.0)


def roofline(job: Job) -> Roofline | None:
    """Give the roofline of a job with a model, a batch and a chip; else None."""
    chip = chip_of(job.compute)
    if chip is None or job.model is None or job.batch is None:
        return None
    return Roofline(job, job.model, chip)


def layer(model: Model, layout: Layout, micro: int, experts: bool) -> Layer:
    """List what a layer's forward pass does on a rank.

    Args:
        model: whose layer.
        layout: that cuts it.
        micro: sequences of a microbatch.
        experts: whether the layer has them.
    """
    tokens = micro * model.sequence / layout.cp
    fused = 0 < model.copies < model.top_k
    products = [*_attention(model, layout, tokens)]
    kept, light = tokens / layout.tp * 2 * model.hidden, tokens / layout.tp * 2 * model.hidden
    kept += tokens / layout.tp * (model.hidden + _widths(model))
    moved, short = 0.0, float(KERNELS)
    if not experts:
        products += _gated(model, tokens, model.feed_forward / layout.tp)
        kept += tokens / layout.tp * (model.hidden + 3 * model.feed_forward)
        light += tokens / layout.tp * model.feed_forward
    else:
        products += _experts(model, layout, tokens)
        copies = tokens / layout.tp * model.top_k
        shared = tokens / layout.tp * 3 * model.shared * model.expert
        kept += copies * (2 * model.hidden + 3 * model.expert) + shared
        light += copies * model.expert
        moved = 2 * copies * model.hidden * (2 if fused else 4)
        short += (FUSED_ROUTER if fused else ROUTER) + MOVING
    width = tokens / layout.tp * model.sequence * 2 * _scored(model)
    to_bytes = model.bytes
    return Layer(tuple(products), width, kept * to_bytes, light * to_bytes, moved * to_bytes, short)


def head(model: Model, layout: Layout, micro: int) -> Product:
    """Give the product with the vocabulary, which is never made in FP8."""
    tokens = micro * model.sequence / layout.cp
    return Product(tokens, model.hidden, model.vocabulary / layout.tp, low=False)


def _attention(model: Model, layout: Layout, tokens: float) -> Iterator[Product]:
    """List the projections; those to latent widths are made by each rank for its own tokens."""
    tp, own = layout.tp, tokens / layout.tp
    if model.mla:
        mla, heads = model.mla, model.heads / tp
        yield Product(own, model.hidden, mla.query_rank)
        yield Product(tokens, mla.query_rank, heads * (mla.nope + mla.rope))
        yield Product(own, model.hidden, mla.key_value_rank + mla.rope)
        yield Product(tokens, mla.key_value_rank, heads * (mla.nope + mla.value))
        yield Product(tokens, heads * mla.value, model.hidden)
        return
    head = head_width(model)
    yield Product(tokens, model.hidden, head * (model.heads + 2 * key_value_heads(model)) / tp)
    yield Product(tokens, head * model.heads / tp, model.hidden)


def _gated(model: Model, tokens: float, width: float, groups: float = 1) -> Iterator[Product]:
    """List the products of a feed-forward layer."""
    yield Product(tokens, model.hidden, (2 if model.gated else 1) * width, groups)
    yield Product(tokens, width, model.hidden, groups)


def _experts(model: Model, layout: Layout, tokens: float) -> Iterator[Product]:
    """List the products of a layer of experts: router, shared ones, and those of a rank."""
    etp = layout.etp or layout.tp
    own = model.experts / layout.ep
    yield Product(tokens / layout.tp, model.hidden, model.experts, low=False)
    if model.shared:
        yield from _gated(model, tokens, model.shared * model.expert / layout.tp)
    rows = tokens / layout.tp * model.top_k * etp / own
    yield from _gated(model, rows, model.expert / etp, own)


def _widths(model: Model) -> float:
    """Count the elements of queries, keys, values and heads' outputs of a token."""
    if model.mla:
        mla = model.mla
        latent = mla.query_rank + mla.key_value_rank + mla.rope
        return latent + model.heads * (2 * (mla.nope + mla.rope) + 2 * mla.value)
    return head_width(model) * (2 * model.heads + 2 * key_value_heads(model))


def _scored(model: Model) -> float:
    """Give the width of all heads, the mean of what is compared and what is weighted."""
    if model.mla:
        return model.heads * (model.mla.nope + model.mla.rope + model.mla.value) / 2
    return model.heads * head_width(model)


def operations(model: Model, sequences: int) -> float:
    """Count the operations of a step as MFU does: three forward passes, masked scores halved."""
    whole, sparse, one = 0.0, expert_layers(model), Layout()
    for experts, count in ((False, model.layers - sparse), (True, sparse)):
        if count:
            each = layer(model, one, sequences, experts)
            whole += count * (each.scores + sum(product.operations for product in each.products))
    return 3 * (whole + head(model, one, sequences).operations)
