"""Huawei on UnifiedBus 2: the UB-Mesh rack, pod and SuperPod, and Atlas 950.

Nothing says that UB switches copy or add, so they do not.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, product

from topologies.model.topology import (
    IntArray,
    Link,
    LinkClass,
    Switch,
    Topology,
    TopologyError,
    build,
)
from topologies.presets.figures import UB_ALPHA, UB_LANE, UB_UPLINK_ALPHA, expect_boxes
from topologies.symmetry.rotations import Grid, drop_identities, turn

SIDE, RACKS = 8, 4  # NPUs on a board and boards in a rack; racks along either side of a pod
MESH_ALPHA = 0.5e-6
PAPER = "UB-Mesh, arXiv:2503.20377"
LANES = "lanes of 112 Gbit/s (UB documents, read in notes)"
LATENCY = "latency: estimate, 2.1 us across a SuperPoD (Huawei Connect 2025)"

MESH_CLASSES = (
    LinkClass(
        "UB board",
        layer=1,
        source=f"full mesh of the 8 NPUs of a board ({PAPER}, read in notes), 4 {LANES} a pair: "
        f"what 72 lanes leave after 16 to other racks; {LATENCY}",
        evidence="derived",
    ),
    LinkClass(
        "UB rack",
        layer=1,
        source=f"full mesh of the 8 boards at each place ({PAPER}, read in notes), 4 {LANES} a "
        f"pair; {LATENCY}",
        evidence="derived",
    ),
    LinkClass(
        "UB NPU-LRS",
        layer=2,
        source=f"16 {LANES} an NPU to the switches of its rack ({PAPER}, read in notes), which do "
        f"not block and are drawn as one; {LATENCY}",
        evidence="secondary",
    ),
    LinkClass(
        "UB rack-rack",
        layer=2,
        source=f"128 {LANES} between two racks of a row or column ({PAPER}, read in notes); "
        f"{LATENCY}",
        evidence="secondary",
    ),
    LinkClass(
        "UB rack-HRS",
        layer=3,
        source=f"256 {LANES} a rack to the switches between pods, what 1,024 leave after six "
        f"racks ({PAPER}, read in notes), drawn as one; {LATENCY}",
        evidence="derived",
    ),
)


def ub_mesh(racks: Sequence[int] = (1, 1), pods: int = 1) -> Topology:
    """Build the UB-Mesh of NPUs in a rack (8 x 8), a pod (up to 4 x 4 racks) or several pods.

    NPUs forward what others send; backup NPUs and CPUs are left out.

    Args:
        racks: rows and columns of racks in a pod.
        pods: joined by high-radix switches.

    Raises:
        TopologyError: more than two sides, one above 4, or pods below 1.
    """
    expect_boxes(pods, "pods")
    sides = (*racks, 1)[: max(2, len(racks))]
    if len(sides) > 2 or max(sides) > RACKS:
        found, most = "x".join(map(str, racks)), f"{RACKS}x{RACKS}"
        raise TopologyError([f"racks: {found}, expected at most {most} in a pod"])
    grid = (pods, *sides)
    at = [f"p{p}." * (pods > 1) + f"z{z}a{a}" for p, z, a in product(*map(range, grid))]
    several, high = len(at) > 1, pods > 1
    name = "ub-mesh" + f":racks={'x'.join(map(str, sides))}" * several + f":pods={pods}" * high
    used = [0, 1, *[2] * several, *[3] * (max(sides) > 1), *[4] * high]
    links = [link for rack in at for link in _rack(rack, several)]
    links += _between(at, grid) + [
        Link(f"{rack}.lrs", "hrs", 256 * UB_LANE, UB_UPLINK_ALPHA, True, 4) for rack in at if high
    ]
    return build(
        name,
        [f"{rack}.y{y}x{x}" for rack in at for y, x in product(range(SIDE), range(SIDE))],
        [Switch(f"{rack}.lrs", kind="LRS") for rack in at if several]
        + [Switch("hrs", kind="HRS") for _ in range(high)],
        [link._replace(link_class=used.index(link.link_class)) for link in links],
        kinds=["NPU"] * (len(at) * SIDE * SIDE),
        classes=[MESH_CLASSES[kind] for kind in used],
        symmetry=_mesh_turns(grid, several, high),
    )


def _mesh_turns(grid: Sequence[int], several: bool, high: bool) -> IntArray:
    """Turn pods, rows and columns of racks, boards, and places on a board, each in all at once."""
    racks = [Grid(tuple(grid), (axis,) if axis < 3 else ()) for axis in range(5)]
    return drop_identities(
        *(
            turn(
                Grid((*grid, SIDE, SIDE), (axis,)),
                racks[axis] if several else Grid((0,)),
                Grid((int(high),)),
            )
            for axis in range(5)
        )
    )


def _rack(rack: str, several: bool) -> list[Link]:
    """Join the NPUs of a rack along boards and across them, and with its switches."""
    places, side = list(product(range(SIDE), range(SIDE))), list(combinations(range(SIDE), 2))
    return [
        *(_pair(rack, (y, a), (y, b), 0) for y in range(SIDE) for a, b in side),
        *(_pair(rack, (a, x), (b, x), 1) for x in range(SIDE) for a, b in side),
        *(
            Link(f"{rack}.y{y}x{x}", f"{rack}.lrs", 16 * UB_LANE, UB_ALPHA, True, 2)
            for y, x in places
            if several
        ),
    ]


def _pair(rack: str, one: tuple[int, int], other: tuple[int, int], kind: int) -> Link:
    src, dst = (f"{rack}.y{y}x{x}" for y, x in (one, other))
    return Link(src, dst, 4 * UB_LANE, MESH_ALPHA, True, kind)


def _between(at: Sequence[str], grid: Sequence[int]) -> list[Link]:
    """Join the racks of each row and of each column."""
    places = list(zip(at, product(*map(range, grid)), strict=True))
    return [
        Link(f"{rack}.lrs", f"{peer}.lrs", 128 * UB_LANE, UB_UPLINK_ALPHA, True, 3)
        for (rack, (p, z, a)), (peer, (q, w, b)) in combinations(places, 2)
        if p == q and (z == w) != (a == b)
    ]


BOARD, PLANES, MOST = 8, 8, 1024
SPLIT = "15 ports of 4 lanes, 7 in the board and 8 outside: estimate that fits 840 GB/s each way"
ATLAS_CLASSES = (
    LinkClass(
        "UB board",
        layer=1,
        source=f"a port of 4 {LANES} to each other NPU of a board; {SPLIT} (Huawei product page, "
        f"read in notes); {LATENCY}",
        evidence="estimate",
    ),
    LinkClass(
        "UB Clos",
        layer=2,
        source=f"a port of 4 {LANES} to each of 8 planes that do not block, each drawn as one "
        f"switch; {SPLIT} and 370 to 415 GB/s that programs get there; {LATENCY}",
        evidence="estimate",
        efficiency=Fraction(374, 448),
        efficiency_source="374 GB/s of a dispatch among 8 (DeepEP-Ascend README, netlayer 1)",
    ),
)


def atlas_950(boards: int = 8) -> Topology:
    """Build Ascend 950DT NPUs, eight on a board in a full mesh, joined by planes of UB switches.

    Eight boards are a rack; how the ports are shared out is an estimate.

    Raises:
        TopologyError: boards is not 1 to 1,024.
    """
    if not 1 <= boards <= MOST:
        raise TopologyError([f"boards: {boards}, expected 1 to {MOST}"])
    planes = PLANES if boards > 1 else 0
    npu = [[f"b{b}.n{i}" for i in range(BOARD)] for b in range(boards)]
    links = [
        Link(one, other, 4 * UB_LANE, MESH_ALPHA, True)
        for board in npu
        for one, other in combinations(board, 2)
    ]
    links += [
        Link(each, f"ub{p}", 4 * UB_LANE, UB_UPLINK_ALPHA, True, 1, plane=p)
        for board in npu
        for each, p in product(board, range(planes))
    ]
    return build(
        f"atlas-950:boards={boards}",
        [each for board in npu for each in board],
        [Switch(f"ub{p}", kind="UB") for p in range(planes)],
        links,
        kinds=["NPU"] * (boards * BOARD),
        classes=ATLAS_CLASSES[: 2 if planes else 1],
        symmetry=drop_identities(
            turn(Grid((boards, BOARD), (0,)), Grid((planes,))),
            turn(Grid((boards, BOARD), (1,)), Grid((planes,))),
        ),
    )
