"""Huawei: CloudMatrix384 and Atlas A2, servers and clusters."""

from fractions import Fraction
from itertools import product

from topologies.model.topology import (
    IntArray,
    Link,
    LinkClass,
    Switch,
    Topology,
    TopologyError,
    build,
)
from topologies.presets.fabrics.pods import Box, Network, full_mesh_box, pod
from topologies.presets.figures import (
    HCCS,
    HCCS_ALPHA,
    RDMA_ALPHA,
    RDMA_PORT,
    SIO,
    SIO_ALPHA,
    UB_ALPHA,
    UB_PORT,
    UB_UPLINK_ALPHA,
)
from topologies.symmetry.rotations import Grid, drop_identities, turn

PAPER = "Zuo et al., Serving Large Language Models on Huawei CloudMatrix384, arXiv:2506.12708"
POINT_TO_POINT = "StrataCL, arXiv:2607.26444, Table 1"
MEASURED = "latency measured: StrataCL, arXiv:2607.26444, Table 1"

NODES, PACKAGES, DIES = 48, 8, 2
PLANES, SPINES = 7, 16

# Latencies measured between dies: 0.2 in a package, 0.7 in a node (two links), 2.1 across (four).

CLOUDMATRIX_CLASSES = (
    LinkClass(
        "SIO",
        layer=0,
        source=f"{PAPER}, 3.3.1: 270 GB/s each way between the dies of a package; {MEASURED}",
        evidence="documented",
        efficiency=Fraction(210, 270),
        efficiency_source=f"210 GB/s measured between two dies of a package; {POINT_TO_POINT}",
    ),
    LinkClass(
        "UB die-L1",
        layer=1,
        source=f"{PAPER}, 3.3: 196 GB/s for a die over 7 planes, 28 each; {MEASURED}, halved",
        evidence="derived",
        efficiency=Fraction(170, 196),
        efficiency_source=f"170 of 196 GB/s measured between packages; {POINT_TO_POINT}",
    ),
    LinkClass(
        "UB L1-L2",
        layer=2,
        source=f"{PAPER}, 3.3.3, read in notes: 16 uplinks of 28 GB/s; {MEASURED}, derived",
        evidence="secondary",
        efficiency=Fraction(150, 196),
        efficiency_source=f"150 of 196 GB/s measured between nodes; {POINT_TO_POINT}",
    ),
)


RDMA_SPINE_ALPHA = 1.25e-6
RDMA = "one 200 Gbit/s RoCE interface for each die"
WIRED = "rails without oversubscription: estimate, from a count of transceivers"
RDMA_CLASSES = (
    LinkClass(
        "RoCE die-leaf",
        layer=3,
        source=f"{PAPER}, 3.2 and 3.3.1: {RDMA}; {WIRED}; latency: estimate, 4 us through a leaf",
        evidence="documented",
    ),
    LinkClass(
        "RoCE leaf-spine",
        layer=4,
        source=f"{WIRED}; latency: estimate, 6.5 us through the spine",
        evidence="estimate",
    ),
)


def cloudmatrix384(nodes: int = NODES, supernodes: int = 1) -> Topology:
    """Build the UB network between the Ascend 910C dies of 1 to 48 nodes, and RoCE between such.

    A rank is a die, as in a rank table: node, then package, then die. A plane has one L1 switch
    in each node and 16 L2 switches; planes do not meet. One node is the stand-alone server, so
    its L2 switches are left out. Nothing says that UB switches copy or add, so they do not.
    Supernodes are joined by the dies' RDMA interfaces, one leaf for each die of a node and a spine
    that does not block; how the leaves are wired is not published.

    Raises:
        TopologyError: nodes is not 1 to 48, or supernodes below 1.
    """
    if not 1 <= nodes <= NODES:
        raise TopologyError([f"nodes: {nodes}, expected 1 to {NODES}"])
    if supernodes < 1:
        raise TopologyError([f"supernodes: {supernodes}, expected 1 or more"])
    several = supernodes > 1
    spines, dies = SPINES if nodes > 1 else 0, PACKAGES * DIES
    rails = dies if several else 0
    prefixes = [f"s{s}." for s in range(supernodes)] if several else [""]
    ranks = [f"{s}n{n}.d{d}" for s, n, d in product(prefixes, range(nodes), range(dies))]
    leaf = [f"{s}n{n}.L1.{p}" for s, n, p in product(prefixes, range(nodes), range(PLANES))]
    spine = [f"{s}L2.{p}.{k}" for s, p, k in product(prefixes, range(PLANES), range(spines))]
    inner = CLOUDMATRIX_CLASSES[: 3 if spines else 2]
    links = [link for s in prefixes for link in _cloudmatrix_links(s, nodes, spines)]
    return build(
        f"cloudmatrix384:nodes={nodes}" + f":supernodes={supernodes}" * several,
        ranks,
        [
            *(Switch(name, kind="L1") for name in leaf),
            *(Switch(name, kind="L2") for name in spine),
            *(Switch(f"rail{d}", kind="RoCE leaf") for d in range(rails)),
            *(Switch("spine", kind="RoCE spine") for _ in range(several)),
        ],
        links + _rdma_links(ranks, rails, supernodes * nodes, len(inner)),
        kinds=["die"] * len(ranks),
        classes=inner + RDMA_CLASSES * several,
        symmetry=_cloudmatrix_turns((supernodes, nodes), spines, several),
    )


def _cloudmatrix_turns(size: tuple[int, int], spines: int, several: bool) -> IntArray:
    """Turn supernodes, nodes, packages and dies, each in all places at once.

    The L2 chips of a plane turn with the packages and dies, so that the images of one transfer
    never meet on an uplink.
    """
    places = (PACKAGES, DIES)
    leaves, chips = (*size, PLANES), (size[0], PLANES, *(places if spines else (0, 1)))
    rails, top = places if several else (0, 1), Grid((int(several),))
    return drop_identities(
        *(
            turn(Grid((*size, *places), own), Grid(leaves, own), Grid(chips, up), Grid(rails), top)
            for own, up in (((0,), (0,)), ((1,), ()))
        ),
        *(
            turn(
                Grid((*size, *places), (2 + axis,)),
                Grid(leaves),
                Grid(chips, (2 + axis,)),
                Grid(rails, (axis,)),
                top,
            )
            for axis in (0, 1)
        ),
    )


def _cloudmatrix_links(prefix: str, nodes: int, spines: int) -> list[Link]:
    """Join the dies of one supernode."""
    sio = [
        Link(f"{prefix}n{n}.d{2 * k}", f"{prefix}n{n}.d{2 * k + 1}", SIO, SIO_ALPHA, duplex=True)
        for n, k in product(range(nodes), range(PACKAGES))
    ]
    die = [
        Link(_die(prefix, n, d), _leaf(prefix, n, p), UB_PORT, UB_ALPHA, True, 1, plane=p)
        for n, d, p in product(range(nodes), range(PACKAGES * DIES), range(PLANES))
    ]
    uplink = [
        Link(_leaf(prefix, n, p), f"{prefix}L2.{p}.{s}", UB_PORT, UB_UPLINK_ALPHA, True, 2, plane=p)
        for n, p, s in product(range(nodes), range(PLANES), range(spines))
    ]
    return sio + die + uplink


def _rdma_links(ranks: list[str], rails: int, nodes: int, first: int) -> list[Link]:
    """Join supernodes: die k of every node with rail k, and the rails with the spine."""
    ports = [
        Link(rank, f"rail{i % rails}", RDMA_PORT, RDMA_ALPHA, True, first)
        for i, rank in enumerate(ranks if rails else [])
    ]
    up = [
        Link(f"rail{d}", "spine", RDMA_PORT * nodes, RDMA_SPINE_ALPHA, True, first + 1)
        for d in range(rails)
    ]
    return ports + up


def _die(prefix: str, node: int, die: int) -> str:
    return f"{prefix}n{node}.d{die}"


def _leaf(prefix: str, node: int, plane: int) -> str:
    return f"{prefix}n{node}.L1.{plane}"


ATLAS_CLASSES = (
    LinkClass(
        "HCCS",
        layer=1,
        source="56 GB/s a pair both ways together (Atlas A2 tables, read in notes), halved; "
        "19.4 GB/s measured (CANN HIXL, A2_benchmark_performance.md); latency: estimate",
        evidence="derived",
        efficiency=Fraction(194, 280),
        efficiency_source="19.4 GB/s of a write (CANN HIXL, A2_benchmark_performance.md)",
    ),
    LinkClass(
        "RoCE",
        layer=2,
        source="200 GbE for each NPU; 22.5 GB/s measured (CANN HIXL, "
        "A2_benchmark_performance.md); latency: estimate, 5 us through a leaf",
        evidence="documented",
        efficiency=Fraction(225, 250),
        efficiency_source="22.5 GB/s from device to device (CANN HIXL, "
        "A2_benchmark_performance.md)",
    ),
)


ATLAS_SPINE = LinkClass(
    "leaf-spine",
    layer=3,
    source="a spine above the leaves is a choice of the site, drawn as one switch that does not "
    "block unless an oversubscription is given; latency: estimate, 1.25 us a link",
    evidence="estimate",
)
ATLAS_NETWORK = Network(RDMA_PORT, 2.5e-6, RDMA_SPINE_ALPHA, ATLAS_CLASSES[1], ATLAS_SPINE)


def atlas_a2(boxes: int = 1) -> Topology:
    """Build servers of 8 Ascend 910B, a full mesh each, joined by one RoCE leaf for each slot.

    Nothing joins the leaves: traffic between slots changes over within a server.

    Raises:
        TopologyError: boxes is below 1.
    """
    return pod(f"atlas-a2:boxes={boxes}", _atlas_server(), ATLAS_NETWORK, boxes, 1, 0)


def atlas_800t_a2(boxes: int = 1, units: int = 1, oversubscription: Fraction | int = 1) -> Topology:
    """Build a cluster of Atlas 800T A2 servers, whose RoCE leaves are joined by a spine.

    Args:
        boxes: of each unit, which has leaves of its own.
        units: joined by the spine.
        oversubscription: downlinks of a leaf over its uplinks; 0 leaves out the spine.

    Raises:
        TopologyError: boxes or units below 1, or several units without a spine.
    """
    name = f"atlas-800t-a2:boxes={boxes}"
    return pod(name, _atlas_server(), ATLAS_NETWORK, boxes, units, oversubscription)


def _atlas_server() -> Box:
    """Make a full mesh of 8 NPUs, with a RoCE port each."""
    npus = [f"n{i}" for i in range(8)]
    return full_mesh_box(npus, HCCS, HCCS_ALPHA, "NPU", ATLAS_CLASSES[:1])
