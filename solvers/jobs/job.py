"""A training or serving job as a value: what its file says, and nothing of any machine.

The classes are the schema of the file (`commplan job --schema` prints it as JSON Schema).
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

FORMAT = "commplan/job/1"
MOST = 2**40  # of any count in a file
MOST_LAYERS = 10**5  # a step goes through them one by one

Count = Annotated[int, Meta(ge=1, le=MOST)]
Some = Annotated[int, Meta(ge=0, le=MOST)]
Layers = Annotated[int, Meta(ge=1, le=MOST_LAYERS)]
Part = Annotated[float, Meta(ge=0.0, le=1.0)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]
Positive = Annotated[float, Meta(gt=0.0, le=1e18)]
NotNegative = Annotated[float, Meta(ge=0.0, le=1e18)]
Text = Annotated[str, Meta(max_length=2000)]
Amount = Count | Annotated[str, Meta(max_length=30)]  # bytes, or a size such as 360MiB

Zero = Literal[0, 1, 2, 3]
Pipeline = Literal["1f1b", "interleaved", "zero-bubble", "dualpipe"]
Group = Literal["tp", "cp", "ep", "etp", "pp", "dp", "edp"]
Pattern = Literal[
    "all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "reduce", "send"
]


class Mla(Struct, frozen=True, forbid_unknown_fields=True):
    """Latent attention: the widths of its projections (DeepSeek-V2, arXiv:2405.04434, 2.1)."""

    query_rank: Count
    key_value_rank: Count
    nope: Count
    rope: Count
    value: Count


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """A decoder: its shape, as papers and configuration files give it.

    Attributes:
        heads, key_value_heads, head: of attention; the last is the width of one head.
        feed_forward: inner width of a dense layer; 0 where all layers are of experts.
        experts, top_k, shared, expert: routed experts, how many a token visits, shared ones,
            and the inner width of one.
        dense_layers: the first layers, which have no experts, of a model with experts.
        groups: of experts; a token visits as many experts of each (Pangu's MoGE).
        gated: three matrices in a feed-forward layer (SwiGLU), not two.
        tied: one matrix is both the first and the last.
        mtp: layers that predict further tokens, each with a loss of its own.
        bytes: of an element of activations.
        copies: of a token that are sent off, where ranks or boxes get one each and not one for
            each expert; 0 stands for top_k.
    """

    layers: Layers
    hidden: Count
    heads: Count
    vocabulary: Count
    key_value_heads: Some = 0
    head: Some = 0
    feed_forward: Some = 0
    experts: Some = 0
    top_k: Some = 0
    shared: Some = 0
    expert: Some = 0
    dense_layers: Some = 0
    groups: Count = 1
    gated: bool = True
    tied: bool = False
    mla: Mla | None = None
    mtp: Some = 0
    sequence: Count = 4096
    bytes: Count = 2
    dispatch_bytes: Some = 0
    combine_bytes: Some = 0
    copies: NotNegative = 0.0


class Layout(Struct, frozen=True, forbid_unknown_fields=True):
    """How the work is cut: sizes of the dimensions, and how ranks are numbered.

    Attributes:
        etp: tensor parallelism inside an expert; 0 stands for that of the rest (Megatron-LM's
            default).
        virtual: stages of the pipeline on each rank (VPP).
        zero: what of gradients, optimiser and parameters is shared out (ZeRO's stage).
        sequence_parallel: activations between the parts of TP are shared out as well.
        order: the dimensions, that which varies fastest first.
    """

    tp: Count = 1
    cp: Count = 1
    ep: Count = 1
    etp: Some = 0
    pp: Count = 1
    virtual: Count = 1
    dp: Count = 1
    zero: Zero = 1
    sequence_parallel: bool = True
    order: Annotated[str, Meta(max_length=40)] = "tp-cp-ep-dp-pp"
    gradient_bytes: Count = 4
    parameter_bytes: Count = 2


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """Sequences of a step, over all ranks, and of one microbatch of a rank."""

    sequences: Count
    micro: Count = 1


class Decode(Struct, frozen=True, forbid_unknown_fields=True):
    """One token of each sequence through the experts of all layers.

    Attributes:
        tokens: that a rank sends off at a time.
        copies: ranks that a token visits.
        exchanges: microbatches whose dispatch and combine follow each other in a layer.
    """

    tokens: Count
    copies: Count
    dispatch_bytes: Positive = 1
    combine_bytes: Positive = 2
    exchanges: Count = 1


class Hidden(Struct, frozen=True, forbid_unknown_fields=True):
    """What of a group's time computation may hide.

    Attributes:
        part: of the time of each collective, at most.
        seconds: of a step, at most.
    """

    part: Part = 0.0
    seconds: NotNegative = 1e18


class Flow(Struct, frozen=True, forbid_unknown_fields=True):
    """A collective of a step: over which groups, of how many bytes, how often.

    Attributes:
        bytes: of the largest buffer of a rank, as all sizes of commplan; of a send what moves.
        source: the formula, or where the figures are from.
    """

    group: Group
    collective: Pattern
    bytes: Amount
    times: Positive = 1
    name: Text = ""
    source: Text = ""


class Compute(Struct, frozen=True, forbid_unknown_fields=True):
    """What a rank computes with; where a chip is named, what is 0 is taken from it.

    Attributes:
        chip: one of `solvers/steps/chips.py`.
        precision: of matrix products.
        seconds: of computation in a step on one rank; 0 has it worked out.
        peak_TFLOPS: of the type that matrices are multiplied in.
        efficiency: the part of it that large products reach.
        memory_GBps: what is read from and written to memory in a second.
        memory_GB: of one rank, which no job may need more of; 0 is the chip's, and only told.
        launch_us: that a kernel takes at least.
        host_us: that the host takes for an operator, and others in proportion; 0 is the chip's.
        network: the part of the planned rate that collectives reach.
        recompute: of activations in the backward pass: none, norms and inner activations, or all.
    """

    chip: Literal["", "H100", "H800", "B200", "GB200", "B300", "GB300", "910B", "910C-die"] = ""
    precision: Literal["bf16", "fp8"] = "bf16"
    seconds: NotNegative = 0.0
    peak_TFLOPS: NotNegative = 0.0  # noqa: N815 (a unit)
    efficiency: Share = 0.7
    memory_GBps: NotNegative = 0.0  # noqa: N815 (a unit)
    memory_GB: NotNegative = 0.0  # noqa: N815 (a unit)
    launch_us: NotNegative = 5.0
    host_us: NotNegative = 0.0
    network: Share = 0.8
    recompute: Literal["none", "selective", "full"] = "none"
    schedule: Pipeline = "interleaved"


class Job(Struct, frozen=True, forbid_unknown_fields=True):
    """All that a file says; either a model with a batch, a decode, or bytes given directly."""

    format: Literal["commplan/job/1"]
    name: Text
    layout: Layout
    source: Text = ""
    model: Model | None = None
    batch: Batch | None = None
    decode: Decode | None = None
    flows: Annotated[tuple[Flow, ...], Meta(max_length=10000)] = ()
    hidden: dict[Group, Hidden] = {}
    compute: Compute = Compute()


def schema() -> dict[str, object]:
    """Give the JSON Schema of a job's file."""
    return msgspec.json.schema(Job)
