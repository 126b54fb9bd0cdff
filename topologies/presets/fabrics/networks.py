"""Networks of switches by formula: fat trees, boxes on rails, dragonflies."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations, product

import numpy as np

from topologies.model.topology import Link, LinkClass, Switch, Topology, TopologyError, build
from topologies.model.units import Rate, Seconds
from topologies.presets.fabrics.pods import Box, Network, pod, shift
from topologies.presets.shapes import ALPHA, BANDWIDTH
from topologies.symmetry.rotations import Grid, drop_identities, turn

INSIDE = 300 * 10**9


def fat_tree(k: int, *, bandwidth: Rate | int = BANDWIDTH, alpha: Seconds = ALPHA) -> Topology:
    """Join k**3 / 4 hosts by switches of k ports in three tiers (Al-Fares et al., SIGCOMM 2008).

    Hosts are h of edge switch e of pod p; each edge switch has a link to each of the k / 2
    aggregation switches of its pod, and aggregation switch a to core switches a.0 to a.(k/2 - 1).
    No link is slower than what it must carry when all hosts send to others.

    Raises:
        TopologyError: k is odd.
    """
    if k % 2:
        raise TopologyError([f"k: {k}, expected an even number of ports"])
    half, rate = k // 2, Fraction(bandwidth)
    hosts = list(product(range(k), range(half), range(half)))
    links = [
        *(Link(f"p{p}.e{e}.h{h}", f"p{p}.e{e}", rate, alpha, True, 0) for p, e, h in hosts),
        *(Link(f"p{p}.e{e}", f"p{p}.a{a}", rate, alpha, True, 1) for p, e, a in hosts),
        *(Link(f"p{p}.a{a}", f"c{a}.{j}", rate, alpha, True, 2) for p, a, j in hosts),
    ]
    edge, core = (k, half), (half, half)
    return build(
        f"fat-tree:{k}",
        [f"p{p}.e{e}.h{h}" for p, e, h in hosts],
        [
            *(Switch(f"p{p}.e{e}", kind="edge") for p, e in product(range(k), range(half))),
            *(Switch(f"p{p}.a{a}", kind="aggregation") for p, a in product(range(k), range(half))),
            *(Switch(f"c{a}.{j}", kind="core") for a, j in product(range(half), range(half))),
        ],
        links,
        classes=[LinkClass("host", 1), LinkClass("edge", 2), LinkClass("core", 3)],
        # Images of one transfer spread over the switches above.
        symmetry=drop_identities(
            turn(Grid((*edge, half), (0,)), Grid(edge, (0,)), Grid(edge, (0,)), Grid(core)),
            turn(Grid((*edge, half), (1,)), Grid(edge, (1,)), Grid(edge), Grid(core, (1,))),
            turn(Grid((*edge, half), (2,)), Grid(edge), Grid(edge, (1,)), Grid(core, (0,))),
        ),
    )


def rails(
    boxes: int,
    ranks: int,
    units: int = 1,
    oversubscription: Fraction | int = 1,
    *,
    inside: Rate | int = INSIDE,
    bandwidth: Rate | int = BANDWIDTH,
    alpha: Seconds = ALPHA,
) -> Topology:
    """Join boxes of `ranks` on a hub, one leaf for each place in a box, the leaves by a spine.

    Args:
        boxes: of each unit, which has leaves of its own.
        ranks: of a box.
        units: joined by the spine.
        oversubscription: downlinks of a leaf over its uplinks; 0 leaves out the spine.
        inside: bytes per second between a rank and the hub of its box.
        bandwidth: bytes per second between a rank and its leaf.
        alpha: of each link, seconds.

    Raises:
        TopologyError: a size below 1, or several units without a spine.
    """
    if ranks < 1:
        raise TopologyError([f"ranks: {ranks}, expected 1 or more"])
    names = [f"g{i}" for i in range(ranks)]
    box = Box(
        names,
        [Switch("hub")],
        [Link(name, "hub", Fraction(inside), alpha, True) for name in names],
        list(zip(names, range(ranks), strict=True)),
        [(shift(ranks), np.arange(1), shift(ranks))],
        "rank",
        (LinkClass("inside", 1),),
    )
    network = Network(
        Fraction(bandwidth), alpha, alpha, LinkClass("leaf", 2), LinkClass("leaf-spine", 3)
    )
    return pod(f"rails:{boxes}x{ranks}", box, network, boxes, units, oversubscription)


def dragonfly(
    hosts: int,
    routers: int,
    cables: int,
    groups: int = 0,
    *,
    bandwidth: Rate | int = BANDWIDTH,
    alpha: Seconds = ALPHA,
) -> Topology:
    """Join groups of routers, each two of a group and each two groups by one link.

    Cable d of a group, at its router (d - 1) // cables, leads to the group d places on (Kim et al.,
    ISCA 2008, who advise routers = 2 hosts = 2 cables).

    Args:
        hosts: of a router.
        routers: of a group.
        cables: of a router to other groups.
        groups: at most routers x cables + 1, which 0 stands for.
        bandwidth: of each link, bytes per second.
        alpha: of each link, seconds.

    Raises:
        TopologyError: a size below 1, or more groups than cables reach.
    """
    most = routers * cables + 1
    count = groups or most
    if min(hosts, routers, cables) < 1 or count > most:
        found = f"{count} groups of {hosts}x{routers}x{cables}"
        raise TopologyError([f"sizes: {found}, expected 1 or more of each, at most {most} groups"])
    at = [f"g{g}.s{s}" for g, s in product(range(count), range(routers))]
    ranks = [f"{router}.h{h}" for router in at for h in range(hosts)]
    hosted = [(rank, at[i // hosts], 0) for i, rank in enumerate(ranks)]
    ends = [*hosted, *_router_pairs(count, routers, cables)]
    grid = (count, routers)
    used = [0, *[1] * (routers > 1), *[2] * (count > 1)]
    classes = (LinkClass("host", 1), LinkClass("local", 2), LinkClass("global", 3))
    rate = Fraction(bandwidth)
    return build(
        f"dragonfly:{hosts}x{routers}x{cables}" + f":groups={count}" * (count < most),
        ranks,
        [Switch(router, kind="router") for router in at],
        [Link(src, dst, rate, alpha, True, used.index(kind)) for src, dst, kind in ends],
        classes=[classes[kind] for kind in used],
        symmetry=drop_identities(
            turn(Grid((*grid, hosts), (0,)), Grid(grid, (0,))),
            turn(Grid((*grid, hosts), (2,)), Grid(grid)),
        ),
    )


def _router_pairs(count: int, routers: int, cables: int) -> Iterator[tuple[str, str, int]]:
    """List which routers of a dragonfly are joined: inside groups (1), and between them (2)."""
    for g, (s, r) in product(range(count), combinations(range(routers), 2)):
        yield f"g{g}.s{s}", f"g{g}.s{r}", 1
    for d in range(1, count // 2 + 1):
        one, other = (d - 1) // cables, (count - 1 - d) // cables
        for g in range(d if 2 * d == count else count):
            yield f"g{g}.s{one}", f"g{(g + d) % count}.s{other}", 2
