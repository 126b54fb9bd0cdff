"""AWS: Trainium 2 instances and UltraServers.

A rank is a chip. The four instances of an UltraServer join the chips of one place in rings of four;
further machines are joined by EFA, drawn as one switch that does not block.
"""

from fractions import Fraction
from itertools import product

import numpy as np

from topologies.model.topology import Link, LinkClass, Switch, Topology, build, integers
from topologies.presets.figures import GIGA, expect_boxes
from topologies.symmetry.rotations import Grid, drop_identities, turn

SDK = "aws-neuron-sdk 81ce03a, trn2-arch.rst"
SIDE, INSTANCES = 4, 4  # chips along an axis of an instance; instances of an UltraServer
LINK_ALPHA, EFA_ALPHA = 1e-6, 5e-6
LATENCY = "latency: estimate, no figure is published"
CLASSES = (
    LinkClass(
        "NeuronLink",
        layer=1,
        source=f"1,024 GB/s both ways together for each of 16 chips in a 4 x 4 torus ({SDK}), "
        f"over 4 links and halved; {LATENCY}",
        evidence="derived",
    ),
    LinkClass(
        "NeuronLink between instances",
        layer=1,
        source=f"256 GB/s both ways together a chip, in rings of four instances ({SDK}), over 2 "
        f"links and halved; {LATENCY}",
        evidence="derived",
    ),
    LinkClass(
        "EFA",
        layer=2,
        source=f"EFAv3 of 3,200 Gbit/s for the 16 chips of an instance ({SDK}), shared evenly; "
        f"{LATENCY}",
        evidence="derived",
    ),
)


def trn2(instances: int = 1) -> Topology:
    """Build Trn2 instances, a 4 x 4 torus of chips each, joined by EFA.

    Raises:
        TopologyError: instances is below 1.
    """
    expect_boxes(instances, "instances")
    return _machine(f"trn2:instances={instances}", instances, 1)


def trn2_ultra(servers: int = 1) -> Topology:
    """Build Trn2 UltraServers, a torus of 4 x 4 x 4 chips each, joined by EFA.

    Raises:
        TopologyError: servers is below 1.
    """
    expect_boxes(servers, "servers")
    return _machine(f"trn2-ultra:servers={servers}", servers, INSTANCES)


def _machine(name: str, servers: int, depth: int) -> Topology:
    """Join servers of `depth` instances by EFA; b0.z1.y2x3 is a chip of server 0, instance 1."""
    grid = (servers, depth, SIDE, SIDE)
    number = np.arange(int(np.prod(grid))).reshape(grid)
    chips = [f"b{b}.z{z}.y{y}x{x}" for b, z, y, x in product(*map(range, grid))]
    efa = ["efa"] if servers > 1 else []
    rings = [(3, 128, 0), (2, 128, 0), *([(1, 64, 1)] if depth > 1 else [])]
    links = [
        Link(chips[a], chips[b], Fraction(rate * GIGA), LINK_ALPHA, True, kind)
        for axis, rate, kind in rings
        for a, b in enumerate(integers(np.roll(number, -1, axis).reshape(-1)))
    ]
    used = [0, *([1] if depth > 1 else []), *([2] if efa else [])]
    links += [
        Link(chip, hub, Fraction(25 * GIGA), EFA_ALPHA, True, 2) for chip in chips for hub in efa
    ]
    return build(
        name,
        chips,
        [Switch(hub, kind="EFA") for hub in efa],
        [link._replace(link_class=used.index(link.link_class)) for link in links],
        kinds=["chip"] * len(chips),
        classes=[CLASSES[kind] for kind in used],
        symmetry=drop_identities(
            *(turn(Grid(grid, (axis,)), Grid((len(efa),))) for axis in range(len(grid)))
        ),
    )
