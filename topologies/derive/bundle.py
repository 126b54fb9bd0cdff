"""Switches that join the same, drawn as one: what goes between them is spread over all."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from topologies.model.topology import Link, Switch, Topology, build


def bundle(topology: Topology) -> Topology:
    """Merge switches that join the same ranks and, merged, the same switches.

    Four NVSwitches that all GPUs of a box are joined to become one, whose links are as fast as
    four; planes become one plane. A pattern whose messages take one path then has the rate of one
    that stripes each message over all of them. Nothing else changes, and nothing at all where no
    two switches are alike.

    Complexity: links × rounds until no class of switches splits.
    """
    of = _classes(topology)
    if len(set(of)) == topology.vertices:
        return topology
    first = {own: of.index(own) for own in of}
    name = {own: topology.names[vertex] for own, vertex in first.items()}
    switches = [
        Switch(topology.names[vertex], kind=topology.kinds[vertex])
        for vertex in first.values()
        if vertex >= topology.ranks
    ]
    return build(
        topology.name,
        topology.names[: topology.ranks],
        switches,
        [
            Link(name[src], name[dst], rate, alpha, link_class=kind)
            for (src, dst, kind), (rate, alpha) in _sums(topology, of).items()
        ],
        kinds=topology.kinds[: topology.ranks],
        overhead=topology.overhead.tolist(),
        classes=topology.classes,
    )


def _classes(topology: Topology) -> Sequence[int]:
    """Sort the vertices by what they join, by refinement from all switches being alike."""
    own = [min(vertex, topology.ranks) for vertex in range(topology.vertices)]
    while True:
        joined: list[set[tuple[int, int]]] = [set() for _ in own]
        for src, dst in zip(topology.src.tolist(), topology.dst.tolist(), strict=True):
            joined[src].add((0, own[dst]))
            joined[dst].add((1, own[src]))
        known: dict[tuple[int, frozenset[tuple[int, int]]], int] = {}
        refined = [
            known.setdefault((own[vertex], frozenset(joined[vertex])), len(known))
            for vertex in range(topology.vertices)
        ]
        if len(known) == len(set(own)):
            return refined
        own = refined


def _sums(
    topology: Topology, of: Sequence[int]
) -> dict[tuple[int, int, int], tuple[Fraction, float]]:
    """Add up the bandwidths between two classes, with the longest latency."""
    rates: dict[tuple[int, int, int], Fraction] = defaultdict(Fraction)
    alphas: dict[tuple[int, int, int], float] = defaultdict(float)
    for link in range(topology.links):
        ends = (of[topology.src[link]], of[topology.dst[link]], int(topology.link_class[link]))
        rates[ends] += int(topology.capacity[link]) * topology.unit
        alphas[ends] = max(alphas[ends], float(topology.alpha[link]))
    return {ends: (rate, alphas[ends]) for ends, rate in rates.items()}
