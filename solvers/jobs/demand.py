"""What a job exchanges in a step: collectives, bytes and counts, each with its formula.

Let b be the sequences of a microbatch, s the sequence, h the hidden size, e the bytes of an
element, m = sequences / (b DP) the microbatches, l the layers of a rank and A = b s h e / CP the
activations of one microbatch. Sizes are those of the largest buffer of a rank.

TP, sequence parallel: a part of a layer (attention, or a feed-forward layer that TP cuts) gathers A
   before and scatters it after it, backward the same turned round, and gathers its input a second
   time for the gradient of the weights: 3 all_gather and 2 reduce_scatter of A. Without sequence
   parallelism 2 all_reduce of A. Source: Korthikanti et al., arXiv:2205.05198, 4.2.2.
CP: keys and values of the sequence, b s w e for w elements of a token on a rank (of one head at
   least, where TP is larger than their number), are gathered by each layer forward and backward,
   and their gradients scattered. Source: arXiv:2407.21783, 3.3.2.
EP: tokens t = b s / (CP TP) of a rank, k experts each: dispatch t k h d, combine t k h c, in each
   layer with experts, forward and backward turned round. d and c are the bytes of an element.
   Where experts are cut by ETP, what they take in is gathered over ETP and what they give out
   scattered: t k h e ETP each. Source: Lepikhin et al., arXiv:2006.16668; Megatron Core MoE,
   arXiv:2603.07685.
PP: A / TP to the next stage and its gradient back, m VPP times. Source: Narayanan et al.,
   arXiv:2104.04473, 4.1.
DP: gradients of the parameters p of a rank: ZeRO 0 all_reduce of p g; 1 and 2 reduce_scatter of
   p g and all_gather of p w; 3 gathers p w twice for each microbatch. Those of experts go over edp.
   Gradients are scattered once a step, as FSDP does under a pipeline; what scatters them after each
   microbatch, as DeepSpeed's stages 2 and 3, does it m times (`flows` say so).
   Source: Rajbhandari et al., arXiv:1910.02054, 7.
Left out, as they are seldom: the first matrix and the loss over TP, once a microbatch on one stage
each, the sum of a tied first and last matrix, and what layers for further tokens exchange.
Decode: tokens t of a rank, copies k: t k h d and t k h c, `exchanges` times in each layer.
   Source: Zhao et al., arXiv:2505.09343, 2.3.2.
"""

from collections.abc import Iterator
from math import ceil

from solvers.jobs.job import Decode, Flow, Group, Job, Layout, Model, Pattern
from solvers.jobs.layout import sizes
from solvers.jobs.parameters import expert_layers, key_value_width, of_a_rank
from topologies.model import units

TP_SOURCE = "arXiv:2205.05198, 4.2.2"
CP_SOURCE = "arXiv:2407.21783, 3.3.2"
EP_SOURCE = "arXiv:2006.16668"
PP_SOURCE = "arXiv:2104.04473, 4.1"
DP_SOURCE = "arXiv:1910.02054, 7"
DECODE_SOURCE = "arXiv:2505.09343, 2.3.2"


def demand(job: Job) -> tuple[Flow, ...]:
    """List the collectives of a step of a job, those over a single rank left out.

    Args:
        job: that fits together (`list_faults`).
    """
    given = [
        Flow(f.group, f.collective, _bytes(f.bytes), f.times, f.name or f.group, f.source)
        for f in job.flows
    ]
    found = [*given, *(() if given or job.model is None else _of_model(job, job.model))]
    count = sizes(job.layout)
    return tuple(flow for flow in found if count[flow.group] > 1)


def microbatches(job: Job) -> int:
    """Count the microbatches of a step on one rank; 1 where there is no batch."""
    if job.batch is None:
        return 1
    return job.batch.sequences // (job.layout.dp * job.batch.micro)


def volume(flow: Flow) -> float:
    """Compute the bytes of all calls of a step, of a rank's largest buffer."""
    return _bytes(flow.bytes) * flow.times


def _bytes(amount: int | str) -> int:
    return units.size(amount) if isinstance(amount, str) else amount


def _of_model(job: Job, model: Model) -> Iterator[Flow]:
    """List the collectives of a model's step."""
    if job.decode:
        yield from _decode(model, job.decode)
        return
    assert job.batch is not None
    count, micro = microbatches(job), job.batch.micro
    yield from _tensor(model, job.layout, micro, count)
    yield from _context(model, job.layout, micro, count)
    if model.experts:
        yield from _experts(model, job.layout, micro, count)
    yield from _pipeline(model, job.layout, micro, count)
    yield from _data(model, job.layout, count)


def _flow(
    group: Group, collective: Pattern, size: float, times: float, name: str, source: str
) -> Flow:
    return Flow(group, collective, max(ceil(size), 1), times, name, source)


def _activations(model: Model, layout: Layout, micro: int) -> float:
    return micro * model.sequence * model.hidden * model.bytes / layout.cp


def _tensor(model: Model, layout: Layout, micro: int, count: int) -> Iterator[Flow]:
    """List what tensor parallelism adds."""
    size = _activations(model, layout, micro)
    sparse = expert_layers(model)
    # Shared experts are cut by TP and take the place of the dense part of a layer.
    cut = 2 * (model.layers - sparse) + sparse * (1 + (model.shared > 0))
    calls = count * cut / layout.pp
    if layout.sequence_parallel:
        yield _flow("tp", "all_gather", size, 3 * calls, "TP gather", TP_SOURCE)
        yield _flow("tp", "reduce_scatter", size, 2 * calls, "TP scatter", TP_SOURCE)
    else:
        yield _flow("tp", "all_reduce", size, 2 * calls, "TP sum", TP_SOURCE)


def _context(model: Model, layout: Layout, micro: int, count: int) -> Iterator[Flow]:
    """List what context parallelism adds."""
    size = micro * model.sequence * key_value_width(model, layout.tp) * model.bytes
    calls = count * model.layers / layout.pp
    yield _flow("cp", "all_gather", size, 2 * calls, "CP keys and values", CP_SOURCE)
    yield _flow("cp", "reduce_scatter", size, calls, "CP gradients", CP_SOURCE)


def _experts(model: Model, layout: Layout, micro: int, count: int) -> Iterator[Flow]:
    """List what expert parallelism adds."""
    etp = layout.etp or layout.tp
    tokens = micro * model.sequence / (layout.cp * layout.tp)
    sent = tokens * (model.copies or model.top_k) * model.hidden
    calls = count * expert_layers(model) / layout.pp
    for name, width in (("dispatch", model.dispatch_bytes), ("combine", model.combine_bytes)):
        size = sent * (width or model.bytes)
        yield _flow("ep", "all_to_all", size, 2 * calls, f"EP {name}", EP_SOURCE)
    if etp > 1:
        size = tokens * model.top_k * model.hidden * etp * model.bytes
        yield _flow("etp", "all_gather", size, 2 * calls, "expert TP gather", EP_SOURCE)
        yield _flow("etp", "reduce_scatter", size, 2 * calls, "expert TP scatter", EP_SOURCE)


def _pipeline(model: Model, layout: Layout, micro: int, count: int) -> Iterator[Flow]:
    """List what the pipeline adds: forward and back, which are of one size."""
    share = layout.tp if layout.sequence_parallel else 1
    size = _activations(model, layout, micro) / share
    yield _flow("pp", "send", size, 2 * count * layout.virtual, "PP", PP_SOURCE)


def _data(model: Model, layout: Layout, count: int) -> Iterator[Flow]:
    """List what data parallelism adds."""
    own = of_a_rank(model, layout)
    rows: tuple[tuple[Group, float, str], ...] = (
        ("dp", own.dense, "DP"),
        ("edp", own.experts, "DP of experts"),
    )
    for group, number, name in rows:
        if not number:
            continue
        sums, copies = number * layout.gradient_bytes, number * layout.parameter_bytes
        if layout.zero == 0:
            yield _flow(group, "all_reduce", sums, 1, f"{name} gradients", DP_SOURCE)
            continue
        gathers = 2 * count if layout.zero == 3 else 1
        yield _flow(group, "reduce_scatter", sums, 1, f"{name} gradients", DP_SOURCE)
        yield _flow(group, "all_gather", copies, gathers, f"{name} parameters", DP_SOURCE)


def _decode(model: Model, decode: Decode) -> Iterator[Flow]:
    """List what one token of each sequence exchanges."""
    copies = decode.tokens * decode.copies * model.hidden
    times = model.layers * decode.exchanges
    for name, width in (("dispatch", decode.dispatch_bytes), ("combine", decode.combine_bytes)):
        yield _flow("ep", "all_to_all", copies * width, times, name, DECODE_SOURCE)
