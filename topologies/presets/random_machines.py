"""Small machines without any regularity, drawn at random: the same for the same seed."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from topologies.derive.ports import with_ports
from topologies.model.reachability import faults
from topologies.model.topology import Link, Switch, Topology, build

EVEN = tuple(Fraction(rate) for rate in range(1, 10))
AWKWARD = (Fraction(314159, 1000), Fraction(999983))
FIGURES = np.array([1, 1, 2, 3, 5, 8])
# GB/s and seconds of hosts, of links between switches, and of direct links between hosts.
Kind = tuple[tuple[int, ...], float]
HOSTS: Kind = ((10, 25, 40, 50), 1e-6)
TRUNKS: Kind = ((20, 40, 60), 2e-6)
DIRECT: Kind = ((15, 25, 50), 0.5e-6)


def random_machine(
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
    reached = False
    while more >= 0:
        src, dst = draw.choice(len(names), 2, replace=False)
        rate = rates[int(draw.integers(len(rates)))]
        alpha = float(draw.integers(1, 4)) * 1e-6
        duplex = bool(draw.integers(2))
        links.append(Link(names[src], names[dst], rate, alpha, duplex))
        # More links take nobody out of reach.
        reached = reached or not faults(build("", names[:ranks], hubs, links))
        more -= reached
    return build(f"random-{seed}", names[:ranks], hubs, links)


def wild_machine(seed: int, most_ranks: int = 12) -> Topology:
    """Draw a machine whose links have little in common, as no other test would think of.

    Bandwidths and latencies spread over several powers of ten, some links are there twice with
    other figures, some one way only, some messages cost overhead, some ranks have few ports.
    """
    draw = np.random.default_rng([seed, 2])
    ranks = int(draw.integers(2, most_ranks + 1))
    switches = int(draw.integers(0, 1 + ranks // 2))
    made = random_machine(seed, ranks, switches, density=float(draw.choice([0.0, 0.1, 0.4])))
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


def irregular_machine(seed: int, hosts: int = 0) -> Topology:
    """Draw a machine as they grow: 6 to 16 hosts on one to four switches, no two of them alike.

    Hosts hang on switches by chance, with links of four speeds. The switches form a tree, at times
    with a link more, and some hosts have a link of their own to another. Where it is said how many
    hosts there are, there is up to a switch for each four of them.
    """
    draw = np.random.default_rng([seed, 3])
    drawn = int(draw.integers(6, 17))
    names = [f"h{i}" for i in range(hosts or drawn)]
    hubs = [f"s{i}" for i in range(int(draw.integers(1, max(hosts // 4, 4) + 1)))]
    ends = [(host, hubs[int(draw.integers(len(hubs)))], HOSTS) for host in names]
    ends += [(hubs[i], hubs[int(draw.integers(i))], TRUNKS) for i in range(1, len(hubs))]
    for kind, among, most in ((TRUNKS, hubs, len(hubs) // 3), (DIRECT, names, len(names) // 4)):
        for _ in range(int(draw.integers(most + 1))):
            src, dst = map(str, draw.choice(among, 2, replace=False))
            ends.append((src, dst, kind))
    links = [
        Link(src, dst, Fraction(int(draw.choice(rates)) * 10**9), alpha, duplex=True)
        for src, dst, (rates, alpha) in ends
    ]
    name = f"irregular:seed={seed}" + f":hosts={hosts}" * (hosts > 0)
    return build(name, names, [Switch(name) for name in hubs], links)


def named_random_machine(
    ranks: int, switches: int = 0, seed: int = 0, flags: bool = False
) -> Topology:
    """Draw a machine as `random_machine` does, named as users ask for it; rates in GB/s."""
    rates = tuple(rate * 10**9 for rate in EVEN)
    name = f"random:{ranks}:switches={switches}:seed={seed}" + ":flags=1" * flags
    return replace(random_machine(seed, ranks, switches, rates, flags=flags), name=name)


def named_wild_machine(ranks: int, seed: int = 0) -> Topology:
    """Draw a machine as `wild_machine` does, named as users ask for it."""
    return replace(wild_machine(seed, ranks), name=f"wild:{ranks}:seed={seed}")
