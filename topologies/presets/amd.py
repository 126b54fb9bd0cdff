"""AMD: boxes of MI250, MI300X and MI355X."""

from fractions import Fraction
from itertools import product

from topologies.model.topology import Link, LinkClass, Switch, Topology, build
from topologies.presets.fabrics.pods import Box, Network, full_mesh_box, pod
from topologies.presets.figures import GIGA, XGMI, XGMI_ALPHA, expect_boxes
from topologies.symmetry.rotations import Grid, drop_identities, turn

DIES = 16

CLASSES = (
    LinkClass(
        "xGMI in package",
        layer=0,
        source="4 links of 50 GB/s; MI250_ADJ_MAT of ForestColl, arXiv:2402.06787; latency: "
        "estimate, RCCL src/graph/tuning.cc, 1.2 us a hop (tree, LL)",
        evidence="secondary",
    ),
    LinkClass(
        "xGMI",
        layer=1,
        source="50 GB/s a link; MI250_ADJ_MAT of ForestColl, the same graph as RCCL's "
        "rome_model_56; latency: estimate, RCCL src/graph/tuning.cc, 1.2 us a hop (tree, LL)",
        evidence="secondary",
    ),
    LinkClass(
        "InfiniBand",
        layer=2,
        source="16 GB/s a die, MI250_IB_BW of ForestColl, all on one switch; latency: estimate, "
        "RCCL src/graph/tuning.cc, 2.0 us a network hop (ring, LL)",
        evidence="secondary",
    ),
)
# Cables between two dies (GCDs): first die, second die, how many.
CABLES = (
    *((0, 1, 4), (2, 3, 4), (4, 5, 4), (6, 7, 4), (8, 9, 4), (10, 11, 4), (12, 13, 4)),
    *((14, 15, 4), (0, 4, 2), (3, 7, 2), (8, 12, 2), (11, 15, 2), (0, 8, 1), (1, 5, 1)),
    *((1, 9, 1), (1, 10, 1), (2, 6, 1), (2, 9, 1), (2, 10, 1), (3, 11, 1), (4, 6, 1)),
    *((5, 6, 1), (5, 7, 1), (9, 13, 1), (10, 14, 1), (12, 14, 1), (13, 14, 1), (13, 15, 1)),
)


MI300X_CLASSES = (
    LinkClass(
        "xGMI",
        layer=1,
        source="128 GB/s both ways together for each pair (MI300X data sheet), halved; latency: "
        "estimate, RCCL src/graph/tuning.cc, 1.2 us a hop (tree, LL)",
        evidence="documented",
        efficiency=Fraction(48, 64),
        efficiency_source="about 48 GB/s a link (AMD, Understanding RCCL bandwidth and xGMI "
        "performance on MI300X, 2025)",
    ),
)


MI355X_CLASSES = (
    LinkClass(
        "xGMI",
        layer=1,
        source="153.6 GB/s both ways together for each pair (MI355X data sheet), halved; latency: "
        "estimate, RCCL src/graph/tuning.cc, 1.2 us a hop (tree, LL)",
        evidence="documented",
        efficiency=Fraction(3, 4),
        efficiency_source="estimate: the part that MI300X reaches",
    ),
)
NETWORK_LATENCY = "latency: estimate, RCCL src/graph/tuning.cc, 2.0 us a network hop (ring, LL)"
NETWORK = Network(
    Fraction(50 * GIGA),
    1e-6,
    0.5e-6,
    LinkClass(
        "400G network",
        layer=2,
        source="an adapter of 400 Gbit/s a GPU, as in RCCL's rome_model_81, a leaf for each rail: "
        f"estimate; {NETWORK_LATENCY}",
        evidence="secondary",
    ),
    LinkClass(
        "leaf-spine",
        layer=3,
        source="a spine is a choice of the site, drawn as one switch that does not block unless "
        "an oversubscription is given; latency: estimate",
        evidence="estimate",
    ),
)


def mi300x(boxes: int = 1, units: int = 1, oversubscription: Fraction | int = 1) -> Topology:
    """Build boxes of 8 MI300X, each pair of which has a link; nothing copies or adds but ranks.

    Args:
        boxes: of each unit, which has leaves of its own.
        units: joined by a spine.
        oversubscription: downlinks of a leaf over its uplinks; 0 leaves out the spine.

    Raises:
        TopologyError: boxes or units below 1, or several units without a spine.
    """
    box = _eight(XGMI["gfx942"], MI300X_CLASSES)
    if (boxes, units) != (1, 1):
        return pod(f"mi300x:boxes={boxes}", box, NETWORK, boxes, units, oversubscription)
    return build(
        "mi300x",
        box.ranks,
        [],
        box.links,
        kinds=[box.kind] * 8,
        classes=box.classes,
        symmetry=drop_identities(turn(Grid((8,), (0,)))),
    )


def mi355x(boxes: int = 1, units: int = 1, oversubscription: Fraction | int = 1) -> Topology:
    """Build boxes of 8 MI355X, each pair of which has a link; nothing copies or adds but ranks.

    Args:
        boxes: of each unit, which has leaves of its own.
        units: joined by a spine.
        oversubscription: downlinks of a leaf over its uplinks; 0 leaves out the spine.

    Raises:
        TopologyError: boxes or units below 1, or several units without a spine.
    """
    box = _eight(XGMI["gfx950"], MI355X_CLASSES)
    return pod(f"mi355x:boxes={boxes}", box, NETWORK, boxes, units, oversubscription)


def _eight(rate: Fraction, classes: tuple[LinkClass, ...]) -> Box:
    """Make a full mesh of 8 GPUs with links of so many GB/s."""
    return full_mesh_box([f"g{i}" for i in range(8)], rate * GIGA, XGMI_ALPHA, "GPU", classes)


def mi250(boxes: int = 1) -> Topology:
    """Build boxes of 8 MI250 packages; a rank is a die (GCD), with 7 Infinity Fabric links.

    A box's automorphism group, generated by adding 3 and 8 to the number bit by bit, fixes no
    die. Declared are these two, done in all boxes at once, and the turn of the boxes.

    Raises:
        TopologyError: boxes is below 1.
    """
    expect_boxes(boxes)
    fabric = ["ib"] if boxes > 1 else []
    bits = (boxes, 2, 2, 2, 2)
    xgmi = [
        Link(
            f"b{b}.g{i}",
            f"b{b}.g{j}",
            cables * XGMI["gfx90a"] * GIGA,
            XGMI_ALPHA,
            duplex=True,
            link_class=0 if cables == 4 else 1,
        )
        for b, (i, j, cables) in product(range(boxes), CABLES)
    ]
    network = [
        Link(f"b{b}.g{i}", ib, Fraction(16 * GIGA), 1e-6, duplex=True, link_class=2)
        for b, i, ib in product(range(boxes), range(DIES), fabric)
    ]
    return build(
        f"mi250:boxes={boxes}",
        [f"b{b}.g{i}" for b, i in product(range(boxes), range(DIES))],
        [Switch(ib, kind="IB") for ib in fabric],
        xgmi + network,
        kinds=["GCD"] * (boxes * DIES),
        classes=CLASSES if fabric else CLASSES[:2],
        symmetry=drop_identities(
            turn(Grid(bits, (0,)), Grid((len(fabric),))),
            turn(Grid(bits, (3, 4)), Grid((len(fabric),))),
            turn(Grid(bits, (1,)), Grid((len(fabric),))),
        ),
    )
