"""Patterns that everyone knows: baselines, and candidates for small sizes."""

from collections.abc import Callable

from solvers.schedule import Schedule
from solvers.templates import binomial, direct, recursive_doubling, recursive_halving, ring

# For each name: the function (topology, collective, bound) -> Schedule, and what it can make.
TEMPLATES: dict[str, tuple[Callable[..., Schedule], tuple[str, ...]]] = {
    "ring": (ring.schedule, ring.COLLECTIVES),
    "recursive_doubling": (recursive_doubling.schedule, recursive_doubling.COLLECTIVES),
    "recursive_halving": (recursive_halving.schedule, recursive_halving.COLLECTIVES),
    "direct": (direct.schedule, direct.COLLECTIVES),
    "binomial": (binomial.schedule, binomial.COLLECTIVES),
}
