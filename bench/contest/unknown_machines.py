"""Machines to be calibrated: trees of switches, and irregular ones with a file that is wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from topologies.model.topology import Link, Switch, Topology, build, frozen
from topologies.presets.random_machines import irregular_machine

TOGETHER = 12 * 10**6  # bytes per second that all hosts send
ALPHA = 1e-3  # seconds of a cable, where the kernel can do that
SLOW = 3  # cables of an irregular machine that are half as fast as stated
Below = Sequence["int | tuple[int, Below]"]

# Hosts are rates, switches (rate of the uplink, what is below).
TREES: Mapping[str, Below] = {
    "star, a degraded NIC": [4, 4, 4, 4, 4, 2, 4, 4],
    "two supernodes": [(4, [4] * 4), (4, [4] * 4)],
    "boxes that share a NIC": [(3, [6, 6]) for _ in range(4)],
    "uneven groups": [(6, [4] * 5), (6, [4] * 3), 4],
    "three tiers": [(5, [(4, [4, 4]), (4, [4, 4])]), (5, [(4, [4, 4]), (4, [4, 4])])],
}


@dataclass(frozen=True)
class Case:
    """A machine to emulate, and what is stated of it, if anything is."""

    name: str
    truth: Topology
    stated: Topology | None


def tree(name: str, top: Below) -> Topology:
    """Build hosts on switches on switches."""
    hosts: list[str] = []
    switches: list[Switch] = []
    links: list[Link] = []

    def lay(below: Below) -> str:
        own = f"s{len(switches)}"
        switches.append(Switch(own))
        for each in below:
            if isinstance(each, tuple):
                rate, end = each[0], lay(each[1])
            else:
                rate, end = each, f"h{len(hosts)}"
                hosts.append(end)
            links.append(Link(end, own, Fraction(rate), ALPHA, duplex=True))
        return own

    lay(top)
    return build(name, hosts, switches, links)


def scaled(asked: Topology) -> Topology:
    """Give a machine rates that together are TOGETHER, in whole bytes per second."""
    sends = int(asked.capacity[asked.src < asked.ranks].sum())
    alpha = frozen(np.full(asked.links, ALPHA))
    return replace(asked, unit=Fraction(TOGETHER // sends), alpha=alpha)


def cases(seeds: Sequence[int]) -> Iterator[Case]:
    """List the machines."""
    for name, top in TREES.items():
        yield Case(name, scaled(tree(name, top)), None)
    for seed in seeds:
        yield _irregular(seed)


def _irregular(seed: int) -> Case:
    """Draw a machine, some cables of which are half as fast as its file says."""
    stated = scaled(irregular_machine(seed))
    draw = np.random.default_rng(seed)
    slow = draw.choice(np.flatnonzero(stated.mate > np.arange(stated.links)), SLOW, replace=False)
    capacity = stated.capacity * 2
    for link in slow.tolist():
        between = [sorted(ends) for ends in zip(stated.src, stated.dst, strict=True)]
        same = [ends == sorted((stated.src[link], stated.dst[link])) for ends in between]
        capacity[np.array(same)] = stated.capacity[np.array(same)]
    truth = replace(stated, unit=stated.unit / 2, capacity=frozen(capacity))
    return Case(stated.name, truth, stated)


def degrade(case: Case, count: int, seed: int) -> Case:
    """Halve links of hosts, both ways, drawn at random."""
    draw, truth = np.random.default_rng([seed, 4]), case.truth
    own = np.flatnonzero((truth.src < truth.ranks) & (truth.dst >= truth.ranks))
    slow = draw.choice(own, min(count, len(own)), replace=False)
    capacity = truth.capacity * 2
    capacity[slow] //= 2
    capacity[truth.mate[slow]] //= 2
    return replace(case, truth=replace(truth, unit=truth.unit / 2, capacity=frozen(capacity)))
