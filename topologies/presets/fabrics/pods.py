"""Pods: equal boxes whose network ports meet on rails, and the rails on a spine.

Port k of every box of a scalable unit goes to leaf k of the unit (its rail); all leaves go to one
spine, which stands for as many chips as it takes not to block. Uplinks carry what the leaf's ports
do, divided by the oversubscription; an oversubscription of 0 is a pod without a spine, where
traffic changes rails inside a box (Wang et al., arXiv:2307.12169).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product

import numpy as np

from topologies.model.topology import (
    IntArray,
    Link,
    LinkClass,
    Switch,
    Topology,
    TopologyError,
    build,
    integers,
)
from topologies.model.units import Rate, Seconds
from topologies.presets.figures import expect_boxes
from topologies.symmetry.rotations import drop_identities


@dataclass(frozen=True, slots=True)
class Box:
    """A box by the names inside it.

    Attributes:
        ranks: of the box.
        switches: of the box.
        links: between these, the same in each box.
        ports: a vertex of the box and the number of the rail that it is joined with.
        turns: automorphisms of the box, each a permutation of ranks, switches and rails.
        kind: of its ranks.
        classes: of its links.
    """

    ranks: Sequence[str]
    switches: Sequence[Switch]
    links: Sequence[Link]
    ports: Sequence[tuple[str, int]]
    turns: Sequence[tuple[IntArray, IntArray, IntArray]]
    kind: str
    classes: tuple[LinkClass, ...]

    @property
    def rails(self) -> int:
        """Count the rails that its ports are joined with."""
        return 1 + max((rail for _, rail in self.ports), default=-1)


@dataclass(frozen=True, slots=True)
class Network:
    """What joins boxes: the rate and latency of a port, the latency of an uplink, both classes."""

    rate: Rate
    alpha: Seconds
    uplink_alpha: Seconds
    port_class: LinkClass
    uplink_class: LinkClass


def pod(
    name: str,
    box: Box,
    network: Network,
    boxes: int,
    units: int = 1,
    oversubscription: Fraction | int = 1,
) -> Topology:
    """Join the boxes of each scalable unit by rails, and the rails of all units by a spine.

    Raises:
        TopologyError: boxes or units below 1, an oversubscription below 0, or several units
            without a spine.
    """
    expect_boxes(boxes)
    expect_boxes(units, "units")
    joined = boxes * units > 1
    rails = box.rails if joined else 0
    if units > 1 and not oversubscription:
        raise TopologyError(["oversubscription: 0 leaves out the spine that joins units"])
    spine = oversubscription > 0 and rails * units > 1
    layout = _Layout(boxes, [f"u{u}." if units > 1 else "" for u in range(units)], rails)
    first = len(box.classes)
    links = [*layout.inside(box), *layout.ports(box, network, first)]
    if spine:
        links += layout.uplinks(box, network, Fraction(oversubscription), first + 1)
    return build(
        name,
        [at + rank for at in layout.boxes_at for rank in box.ranks],
        [
            *(
                each._replace(name=at + each.name)
                for at in layout.boxes_at
                for each in box.switches
            ),
            *(Switch(leaf, kind="leaf") for unit in layout.leaves for leaf in unit),
            *([Switch("spine", kind="spine")] if spine else []),
        ],
        links,
        kinds=[box.kind] * (len(layout.boxes_at) * len(box.ranks)),
        classes=(*box.classes, network.port_class, network.uplink_class)[: first + joined + spine],
        symmetry=_turns(box, (units, boxes), rails, spine),
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where boxes and leaves are: the names before theirs."""

    boxes: int
    units: Sequence[str]
    rails: int

    @property
    def boxes_at(self) -> list[str]:
        """List what stands before the names of each box."""
        return [f"{u}b{b}." for u, b in product(self.units, range(self.boxes))]

    @property
    def leaves(self) -> list[list[str]]:
        """List the leaves of each unit."""
        return [[f"{u}rail{r}" for r in range(self.rails)] for u in self.units]

    def inside(self, box: Box) -> Iterator[Link]:
        """Join what is in each box."""
        for at, link in product(self.boxes_at, box.links):
            yield link._replace(src=at + link.src, dst=at + link.dst)

    def ports(self, box: Box, network: Network, kind: int) -> Iterator[Link]:
        """Join the ports of each box with the rails of its unit."""
        leaves = self.leaves
        for i, at in enumerate(self.boxes_at if self.rails else []):
            for end, rail in box.ports:
                leaf = leaves[i // self.boxes][rail]
                yield Link(at + end, leaf, network.rate, network.alpha, True, kind)

    def uplinks(
        self, box: Box, network: Network, oversubscription: Fraction, kind: int
    ) -> Iterator[Link]:
        """Join each leaf with the spine, by what its ports carry over the oversubscription."""
        rate = network.rate * self.boxes * len(box.ports) / (self.rails * oversubscription)
        for leaf in (leaf for unit in self.leaves for leaf in unit):
            yield Link(leaf, "spine", rate, network.uplink_alpha, True, kind)


def _turns(box: Box, size: tuple[int, int], rails: int, spine: bool) -> IntArray:
    """Turn the units, the boxes of all units, and the inside of all boxes at once."""
    units, boxes = (_turn_places(size, axis) for axis in (0, 1))
    ranks, switches = (np.arange(len(part)) for part in (box.ranks, box.switches))
    still, unit = np.arange(size[0] * size[1]), np.arange(size[0])
    track = np.arange(rails)
    rows = [
        (units, np.roll(unit, -1), ranks, switches, track),
        (boxes, unit, ranks, switches, track),
        *((still, unit, a, b, c[:rails]) for a, b, c in box.turns),
    ]
    return drop_identities(
        *(
            integers(
                [
                    *_lift(place, a),
                    *(len(still) * len(a) + _lift(place, b)),
                    *(len(still) * (len(a) + len(b)) + _lift(of_unit, c)),
                    *([len(still) * (len(a) + len(b)) + len(unit) * len(c)] if spine else []),
                ]
            )
            for place, of_unit, a, b, c in rows
        )
    )


def _turn_places(size: tuple[int, int], axis: int) -> IntArray:
    return np.roll(np.arange(size[0] * size[1]).reshape(size), -1, axis).reshape(-1)


def _lift(places: IntArray, inner: IntArray) -> IntArray:
    """Permute what lies in places that are permuted themselves, row by row."""
    return (places[:, None] * len(inner) + inner).reshape(-1)


def full_mesh_box(
    ranks: Sequence[str],
    rate: Rate,
    alpha: Seconds,
    kind: str,
    classes: tuple[LinkClass, ...],
) -> Box:
    """Make a box in which each pair of ranks has a link, and each rank a port of its own rail."""
    count = len(ranks)
    return Box(
        ranks,
        [],
        [Link(a, b, rate, alpha, duplex=True) for a, b in combinations(ranks, 2)],
        list(zip(ranks, range(count), strict=True)),
        [(shift(count), np.arange(0), shift(count))],
        kind,
        classes,
    )


def shift(count: int, by: int = 1) -> IntArray:
    """Permute numbers in a circle."""
    return np.roll(np.arange(count), -by)


def flip(count: int, bits: int) -> IntArray:
    """Permute numbers by adding bits to them without carry; count is a multiple of their power."""
    return np.arange(count) ^ bits
