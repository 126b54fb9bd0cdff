"""Demands by description: `uniform`, `lognormal:sigma=1`, `grouped:experts=64:groups=8` and more.

A description is a name and `key=value` words behind colons or commas. The same description, seed
included, gives the same matrix.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from solvers.demands import moe_gating
from solvers.demands.files import DemandError
from topologies.model.messages import one_line
from topologies.model.parameters import Parser, decimal, read, size, whole, word
from topologies.model.registry import Registry
from topologies.model.topology import FloatArray, IntArray

Draw = Callable[..., IntArray]
TOKEN_BYTES = 7168  # hidden size 7,168 at one byte each, as DeepSeek-V3 sends them
MEGABYTE = 2**20


@dataclass(frozen=True)
class Distribution:
    """A family of demands: how one is drawn, its parameters, and the bytes of its unit.

    Attributes:
        draw: the function (ranks, **arguments) -> what each rank sends to each, in units, int64.
    """

    draw: Draw
    parameters: Mapping[str, Parser]
    unit: int
    summary: str


_count = whole(digits=9)


def _decimal(text: str) -> float:
    return float(decimal(digits=3)(text))


def uniform(ranks: int, mean: int = MEGABYTE) -> IntArray:
    """Let everyone send the same to everyone."""
    return np.full((ranks, ranks), mean, dtype=np.int64)


def lognormal(ranks: int, sigma: float = 1.0, mean: int = MEGABYTE, seed: int = 0) -> IntArray:
    """Draw every entry from one lognormal distribution; sigma is that of the logarithm."""
    draw = np.random.default_rng(seed)
    factor: FloatArray = draw.lognormal(-sigma * sigma / 2, sigma, (ranks, ranks))
    # A clipped tail stays within what a pair may send, whatever sigma is asked for.
    return np.rint(np.minimum(factor * mean, 2.0**38)).astype(np.int64)


_SEED: dict[str, Parser] = {"seed": whole(least=0, digits=9)}
_ROUTED: dict[str, Parser] = {
    **{"experts": _count, "top": _count, "tokens": _count, "skew": _decimal},
    **{"copies": word(*moe_gating.COPIES), **_SEED},
}

DISTRIBUTIONS = Registry(
    "distribution",
    Distribution,
    "commplan.distributions",
    {
        "uniform": Distribution(uniform, {"mean": size}, 1, "the same to everyone"),
        "lognormal": Distribution(
            lognormal,
            {"sigma": _decimal, "mean": size, **_SEED},
            1,
            "every entry drawn from one lognormal distribution",
        ),
        "hot": Distribution(
            moe_gating.route_to_hot,
            {"hot": _count, "share": _decimal, **_ROUTED},
            TOKEN_BYTES,
            "tokens to `top` of `experts`, of which `hot` are drawn with probability `share`",
        ),
        "grouped": Distribution(
            moe_gating.route_by_group,
            {"groups": _count, **_ROUTED},
            TOKEN_BYTES,
            "tokens to top/groups experts of each group, as in Pangu Pro MoE",
        ),
        "node-limited": Distribution(
            moe_gating.route_node_limited,
            {"groups": _count, "most": _count, **_ROUTED},
            TOKEN_BYTES,
            "tokens to `top` experts in at most `most` groups (nodes), as in DeepSeek-V3",
        ),
    },
    unknown_error=DemandError,
)


def draw(description: str, ranks: int) -> tuple[IntArray, int]:
    """Draw the matrix of a description; give it with the bytes of its unit.

    Args:
        description: a name with parameters, such as `lognormal:sigma=1`.
        ranks: how many.

    Returns:
        the matrix, and the bytes of its unit.

    Raises:
        DemandError: a wrong parameter; one line.
    """
    return _draw(description, ranks)


def draw_homes(description: str, ranks: int) -> IntArray:
    """Draw the tokens of a description: (tokens of all ranks, top), the rank of each expert.

    Raises:
        DemandError: a wrong parameter, or a description that routes no tokens; one line.
    """
    return _draw(description, ranks, copies=moe_gating.HOMES)[0]


def _draw(description: str, ranks: int, **fixed: str) -> tuple[IntArray, int]:
    name, _, rest = description.partition(":")
    known = DISTRIBUTIONS[name]
    left = {key: parser for key, parser in known.parameters.items() if key not in fixed}
    try:
        if not fixed.keys() <= known.parameters.keys():
            raise ValueError("it routes no tokens; hot, grouped and node-limited do")
        arguments, faults = read([each for each in re.split("[:,]", rest) if each], left)
        if faults:
            raise ValueError(faults[0])
        return known.draw(ranks, **arguments, **fixed), known.unit
    except ValueError as error:
        raise DemandError(one_line(f"{description[:100]}: {error}")) from None
