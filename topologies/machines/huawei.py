"""Huawei: CloudMatrix384 and Atlas A2."""

from fractions import Fraction
from itertools import combinations, product

from topologies.machines import GIGA, expect_boxes
from topologies.topology import Link, LinkClass, Switch, Topology, TopologyError, build
from topologies.turns import Grid, moving, turn

PAPER = "Zuo et al., Serving Large Language Models on Huawei CloudMatrix384, arXiv:2506.12708"
MEASURED = "latency measured: StrataCL, arXiv:2607.26444, Table 1"

NODES, PACKAGES, DIES = 48, 8, 2
PLANES, SPINES = 7, 16

UB_PORT = Fraction(28 * GIGA)  # 224 Gbit/s: a seventh of a die's 196 GB/s
SIO = Fraction(270 * GIGA)
# Measured between dies: 0.2 in a package, 0.7 in a node (two links), 2.1 across (four links).
SIO_ALPHA, DIE_ALPHA, UPLINK_ALPHA = 0.2e-6, 0.35e-6, 0.7e-6

CLOUDMATRIX_CLASSES = (
    LinkClass(
        "SIO",
        layer=0,
        source=f"{PAPER}, 3.3.1: 270 GB/s each way between the dies of a package; {MEASURED}",
        evidence="documented",
    ),
    LinkClass(
        "UB die-L1",
        layer=1,
        source=f"{PAPER}, 3.3: 196 GB/s for a die over 7 planes, 28 each; {MEASURED}, halved",
        evidence="derived",
    ),
    LinkClass(
        "UB L1-L2",
        layer=2,
        source=f"{PAPER}, 3.3.3, read in notes: 16 uplinks of 28 GB/s; {MEASURED}, derived",
        evidence="secondary",
    ),
)


def cloudmatrix384(nodes: int = NODES) -> Topology:
    """Build the UB network between the Ascend 910C dies of 1 to 48 nodes.

    A rank is a die, as in a rank table: node, then package, then die. A plane has one L1 switch
    in each node and 16 L2 switches; planes do not meet. One node is the stand-alone server, so
    its L2 switches are left out. Nothing says that UB switches copy or add, so they do not.

    Raises:
        TopologyError: nodes is not 1 to 48.
    """
    if not 1 <= nodes <= NODES:
        raise TopologyError([f"nodes: {nodes}, expected 1 to {NODES}"])
    spines = SPINES if nodes > 1 else 0
    dies = PACKAGES * DIES
    ranks = [f"n{n}.d{d}" for n, d in product(range(nodes), range(dies))]
    leaf = [f"n{n}.L1.{p}" for n, p in product(range(nodes), range(PLANES))]
    spine = [f"L2.{p}.{s}" for p, s in product(range(PLANES), range(spines))]
    # The L2 chips of a plane turn with the packages and dies, so that the images of one transfer
    # never meet on an uplink.
    grid = Grid((PLANES, PACKAGES, DIES) if spines else (0, 1, 1))
    return build(
        f"cloudmatrix384:nodes={nodes}",
        ranks,
        [*(Switch(name, kind="L1") for name in leaf), *(Switch(name, kind="L2") for name in spine)],
        _cloudmatrix_links(nodes, spines),
        kinds=["die"] * len(ranks),
        classes=CLOUDMATRIX_CLASSES if spines else CLOUDMATRIX_CLASSES[:2],
        symmetry=moving(
            turn(Grid((nodes, dies), (0,)), Grid((nodes, PLANES), (0,)), Grid((len(spine),))),
            turn(Grid((nodes, PACKAGES, DIES), (1,)), Grid((len(leaf),)), grid._replace(axes=(1,))),
            turn(Grid((nodes, PACKAGES, DIES), (2,)), Grid((len(leaf),)), grid._replace(axes=(2,))),
        ),
    )


def _cloudmatrix_links(nodes: int, spines: int) -> list[Link]:
    sio = [
        Link(f"n{n}.d{2 * k}", f"n{n}.d{2 * k + 1}", SIO, SIO_ALPHA, duplex=True)
        for n, k in product(range(nodes), range(PACKAGES))
    ]
    die = [
        Link(f"n{n}.d{d}", f"n{n}.L1.{p}", UB_PORT, DIE_ALPHA, True, link_class=1, plane=p)
        for n, d, p in product(range(nodes), range(PACKAGES * DIES), range(PLANES))
    ]
    uplink = [
        Link(f"n{n}.L1.{p}", f"L2.{p}.{s}", UB_PORT, UPLINK_ALPHA, True, link_class=2, plane=p)
        for n, p, s in product(range(nodes), range(PLANES), range(spines))
    ]
    return sio + die + uplink


ATLAS_CLASSES = (
    LinkClass(
        "HCCS",
        layer=1,
        source="56 GB/s a pair both ways together (Atlas A2 tables, read in notes), halved; "
        "19.4 GB/s measured (CANN HIXL, A2_benchmark_performance.md); latency: estimate",
        evidence="derived",
    ),
    LinkClass(
        "RoCE",
        layer=2,
        source="200 GbE for each NPU; 22.5 GB/s measured (CANN HIXL, "
        "A2_benchmark_performance.md); latency: estimate, 5 us through a leaf",
        evidence="documented",
    ),
)


def atlas_a2(boxes: int = 1) -> Topology:
    """Build servers of 8 Ascend 910B, a full mesh each, joined by one RoCE leaf for each slot.

    Nothing joins the leaves: traffic between slots changes over within a server.

    Raises:
        TopologyError: boxes is below 1.
    """
    expect_boxes(boxes)
    slots = range(8)
    rails = len(slots) if boxes > 1 else 0
    hccs = [
        Link(f"b{b}.n{i}", f"b{b}.n{j}", Fraction(28 * GIGA), 1e-6, duplex=True)
        for b in range(boxes)
        for i, j in combinations(slots, 2)
    ]
    roce = [
        Link(f"b{b}.n{i}", f"rail{i}", Fraction(25 * GIGA), 2.5e-6, duplex=True, link_class=1)
        for b, i in product(range(boxes), range(rails))
    ]
    return build(
        f"atlas-a2:boxes={boxes}",
        [f"b{b}.n{i}" for b, i in product(range(boxes), slots)],
        [Switch(f"rail{i}", kind="leaf") for i in range(rails)],
        hccs + roce,
        kinds=["NPU"] * (boxes * len(slots)),
        classes=ATLAS_CLASSES if rails else ATLAS_CLASSES[:1],
        symmetry=moving(
            turn(Grid((boxes, 8), (0,)), Grid((rails,))),
            turn(Grid((boxes, 8), (1,)), Grid((rails,), (0,))),
        ),
    )
