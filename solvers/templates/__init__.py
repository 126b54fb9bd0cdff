"""Patterns that everyone knows: baselines, and candidates for small sizes."""

from collections.abc import Callable

from solvers.schedules.schedule import Schedule
from solvers.templates import (
    binomial,
    bruck,
    direct,
    recursive_doubling,
    recursive_halving,
    ring,
    swing,
    two_way_ring,
)

# For each name: the function (topology, collective, bound) -> Schedule, and what it can make.
TEMPLATES: dict[str, tuple[Callable[..., Schedule], tuple[str, ...]]] = {
    "ring": (ring.schedule, ring.COLLECTIVES),
    "recursive_doubling": (recursive_doubling.schedule, recursive_doubling.COLLECTIVES),
    "recursive_halving": (recursive_halving.schedule, recursive_halving.COLLECTIVES),
    "direct": (direct.schedule, direct.COLLECTIVES),
    "two-way ring": (two_way_ring.schedule, two_way_ring.COLLECTIVES),
    "bruck": (bruck.near_first, bruck.COLLECTIVES),
    "bruck, far first": (bruck.far_first, bruck.COLLECTIVES),
    "swing": (swing.schedule, swing.COLLECTIVES),
    "binomial": (binomial.schedule, binomial.COLLECTIVES),
}
