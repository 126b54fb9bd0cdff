"""Small machines without any regularity: what solvers and checkers must get right as well."""

from fractions import Fraction

import numpy as np

from topologies.derive.ports import with_ports
from topologies.model.reachability import faults
from topologies.model.topology import Link, Switch, Topology, build

EVEN = tuple(Fraction(rate) for rate in range(1, 10))
AWKWARD = (Fraction(314159, 1000), Fraction(999983))
FIGURES = np.array([1, 1, 2, 3, 5, 8])


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


def wild(seed: int, most_ranks: int = 12) -> Topology:
    """Draw a machine whose links have little in common, as no other test would think of.

    Bandwidths and latencies spread over several powers of ten, some links are there twice with
    other figures, some one way only, some messages cost overhead, some ranks have few ports.
    """
    draw = np.random.default_rng([seed, 2])
    ranks = int(draw.integers(2, most_ranks + 1))
    switches = int(draw.integers(0, 1 + ranks // 2))
    made = machine(seed, ranks, switches, density=float(draw.choice([0.0, 0.1, 0.4])))
    doubled = np.flatnonzero(draw.random(made.links) < draw.choice([0.0, 0.3]))
    links = [
        Link(
            made.names[made.src[link]],
            made.names[made.dst[link]],
            Fraction(int(draw.choice(FIGURES))) * 10 ** int(draw.integers(6, 6 + spread)),
            float(draw.choice(FIGURES)) * 10.0 ** -int(draw.integers(9 - spread, 10)),
        )
        for spread in [int(draw.integers(1, 5))]
        for link in [*range(made.links), *doubled.tolist()]
    ]
    costs = draw.choice(FIGURES, ranks) * 10.0 ** -draw.integers(6, 9, ranks)
    hubs = [Switch(name) for name in made.names[ranks:]]
    overhead = (costs * (draw.random() < 0.5)).tolist()
    drawn = build(f"wild-{seed}", made.names[:ranks], hubs, links, overhead=overhead)
    ports = draw.integers(0, 3, ranks) * (draw.random() < 0.2)
    return with_ports(drawn, ports.tolist())
