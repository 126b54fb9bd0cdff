"""Small machines without any regularity: what solvers and checkers must get right as well."""

from fractions import Fraction

import numpy as np

from topologies.reachability import faults
from topologies.topology import Link, Switch, Topology, build

EVEN = tuple(Fraction(rate) for rate in range(1, 10))
AWKWARD = (Fraction(314159, 1000), Fraction(999983))


def machine(
    seed: int,
    ranks: int,
    switches: int,
    rates: tuple[Fraction, ...] = EVEN,
    density: float = 0.4,
    *,
    flags: bool = False,
) -> Topology:
    """Draw a machine whose ranks reach each other: one-way and duplex links, some of them twice.

    Links are added one by one until everyone is reached, and then some more, so that a good part
    of the machines has bottlenecks that are no cut around a single rank. With flags some switches
    copy, some add, and some do both.
    """
    draw = np.random.default_rng(seed)
    names = [f"g{i}" for i in range(ranks)] + [f"s{i}" for i in range(switches)]
    more = int(draw.integers(0, 2 + round(density * len(names) ** 2)))
    does = np.random.default_rng([seed, 1]).integers(1, 4, switches) * flags
    hubs = [
        Switch(name, bool(code & 1), bool(code & 2))
        for name, code in zip(names[ranks:], does.tolist(), strict=True)
    ]
    links: list[Link] = []
    while True:
        src, dst = draw.choice(len(names), 2, replace=False)
        rate = rates[int(draw.integers(len(rates)))]
        alpha = float(draw.integers(1, 4)) * 1e-6
        duplex = bool(draw.integers(2))
        links.append(Link(names[src], names[dst], rate, alpha, duplex))
        made = build(f"random-{seed}", names[:ranks], hubs, links)
        if not faults(made):
            more -= 1
        if more < 0:
            return made
