"""How many parameters a model has, in all and on each rank of the fullest stage.

Attention has the projections of queries, keys, values and outputs; a feed-forward layer three
matrices where it is gated (Shazeer, arXiv:2002.05202), a router one row for each expert. Norms and
biases, below a thousandth, are left out.
"""

from dataclasses import dataclass
from math import ceil

from solvers.jobs.job import Layout, Model


@dataclass(frozen=True)
class Parameters:
    """Counts of one rank: those that all data-parallel ranks have, and those of its experts."""

    dense: float
    experts: float

    @property
    def total(self) -> float:
        """Add both up."""
        return self.dense + self.experts


def attention(model: Model) -> int:
    """Count the parameters of the attention of a layer."""
    if model.mla:
        mla = model.mla
        query = model.hidden * mla.query_rank + mla.query_rank * model.heads * (mla.nope + mla.rope)
        key = model.hidden * (mla.key_value_rank + mla.rope)
        value = mla.key_value_rank * model.heads * (mla.nope + mla.value)
        return query + key + value + model.heads * mla.value * model.hidden
    head = head_width(model)
    return model.hidden * head * (2 * model.heads + 2 * key_value_heads(model))


def head_width(model: Model) -> int:
    """Give the width of a head."""
    return model.head or model.hidden // model.heads


def key_value_heads(model: Model) -> int:
    """Count the heads of keys and values."""
    return model.key_value_heads or model.heads


def key_value_width(model: Model, tp: int) -> int:
    """Give the elements of keys and values of a token that a rank has.

    TP shares heads out, of which each rank has one at least; latent ones each has whole.
    """
    if model.mla:
        return model.mla.key_value_rank + model.mla.rope
    return 2 * ceil(key_value_heads(model) / tp) * head_width(model)


def matrices(model: Model) -> int:
    """Count the matrices of a feed-forward layer."""
    return 3 if model.gated else 2


def expert_layers(model: Model) -> int:
    """Count the layers with experts."""
    return model.layers - model.dense_layers if model.experts else 0


def count_all(model: Model) -> int:
    """Count all parameters of a model."""
    sparse = expert_layers(model)
    inner = matrices(model) * model.hidden
    one = inner * model.expert
    return (
        model.layers * attention(model)
        + (model.layers - sparse) * inner * model.feed_forward
        + sparse * ((model.experts + model.shared) * one + model.hidden * model.experts)
        + (1 if model.tied else 2) * model.vocabulary * model.hidden
    )


def of_a_rank(model: Model, layout: Layout) -> Parameters:
    """Count the parameters of a rank of the fullest stage: the first, which embeds the tokens.

    Layers are shared out evenly, as a mean where they do not divide.
    """
    sparse = expert_layers(model)
    inner = matrices(model) * model.hidden
    etp = layout.etp or layout.tp
    ends = model.vocabulary * model.hidden * (2 if layout.pp == 1 and not model.tied else 1)
    dense = (
        model.layers * attention(model)
        + (model.layers - sparse) * inner * model.feed_forward
        + sparse * model.shared * inner * model.expert
    )
    router = sparse * model.hidden * model.experts
    experts = sparse * model.experts * inner * model.expert
    # Divided once, at the end: what is whole stays so.
    return Parameters(
        (dense + layout.pp * ends) / (layout.pp * layout.tp) + router / layout.pp,
        experts / (layout.pp * layout.ep * etp),
    )
