"""Patterns that everyone knows: baselines, and candidates for small sizes."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from solvers.schedules.kinds import COLLECTIVES
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
from topologies.model.registry import Registry


class Template(NamedTuple):
    """A pattern: the function (topology, collective, bound) -> Schedule, and what it can make.

    make raises `layout.TemplateError` for ranks that it does not fit.
    """

    make: Callable[..., Schedule]
    collectives: tuple[str, ...]


def _larger(radix: int) -> dict[str, Template]:
    """Give patterns in which everyone deals with radix - 1 others in a round, not with one."""
    made: dict[str, Template] = {}
    for name, maker, known in (
        (f"recursive exchange {radix}", recursive_doubling.exchange, recursive_doubling),
        (f"recursive sharing {radix}", recursive_halving.exchange, recursive_halving),
        (f"{radix}-nomial", binomial.tree, binomial),
    ):
        made[name] = Template(partial(maker, name, radix), known.COLLECTIVES)
    name = f"bruck {radix}"
    made[name] = Template(partial(bruck.schedule, name, radix, False), bruck.COLLECTIVES)
    return made


TEMPLATES = Registry(
    "template",
    Template,
    "commplan.templates",
    {
        "ring": Template(ring.schedule, ring.COLLECTIVES),
        "recursive_doubling": Template(recursive_doubling.schedule, recursive_doubling.COLLECTIVES),
        "recursive_halving": Template(recursive_halving.schedule, recursive_halving.COLLECTIVES),
        "direct": Template(direct.schedule, COLLECTIVES),
        "two-way ring": Template(two_way_ring.schedule, two_way_ring.COLLECTIVES),
        "bruck": Template(bruck.near_first, bruck.COLLECTIVES),
        "bruck, far first": Template(bruck.far_first, bruck.COLLECTIVES),
        "swing": Template(swing.schedule, swing.COLLECTIVES),
        "binomial": Template(binomial.schedule, binomial.COLLECTIVES),
        **_larger(4),
        **_larger(8),
    },
)
