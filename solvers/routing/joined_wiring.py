"""The parts of machines of joined pods, by place: pods of boxes of pairs of ranks.

Statement. The ranks of a pair have a link of their own. Each rank of a box has a port on every
plane's leaf there, each leaf an uplink to as many chips as the box has ranks, and chips join the
boxes of a pod. Each rank also has one port on a rail; rails, joined by a spine, are all that joins
pods. Places are turned so that the root is at (0, 0, 0, 0).
"""

from dataclasses import dataclass

import numpy as np

from solvers.lp.linear_program import NotFound
from topologies.model.topology import IntArray, Topology, frozen

RANK, LEAF, CHIP, RAIL, SPINE = range(5)


@dataclass(frozen=True, eq=False)
class Wiring:
    """Where everything is, and what links carry.

    ranks: (pods, boxes, pairs, 2). leaf: (pods, boxes, planes). chip: (pods, planes, chips).
    rail: of each rank. spine: a vertex. port, rail_port, pair_link: capacities.
    """

    ranks: IntArray
    leaf: IntArray
    chip: IntArray
    rail: IntArray
    spine: int
    port: int
    rail_port: int
    pair_link: int


def read_wiring(topology: Topology, root: int) -> Wiring:
    """Find the places of a machine of joined pods.

    Raises:
        NotFound: it is another kind of machine.
    """
    ranks = np.arange(topology.ranks)
    mate = _neighbours(topology, ranks, 0, topology.ranks).reshape(-1)
    _expect(len(mate) == len(ranks) and bool((mate[mate] == ranks).all()))
    ports = _neighbours(topology, ranks, topology.ranks, topology.vertices)
    shared = (ports[:, :, None] == ports[mate][:, None, :]).any(axis=2)
    _expect(bool((shared.sum(axis=1) == ports.shape[1] - 1).all()))
    rail, leaves = ports[~shared], ports[shared].reshape(len(ranks), -1)
    spine = np.unique(_neighbours(topology, np.unique(rail), topology.ranks, topology.vertices))
    _expect(len(spine) == 1)
    placed, leaf, chip = _place(topology, mate, leaves)
    kind = np.full(topology.vertices, RANK)
    for vertices, what in ((leaf, LEAF), (chip, CHIP), (rail, RAIL), (spine, SPINE)):
        kind[vertices.reshape(-1)] = what
    pods, boxes, pairs, sides = (-int(at[0]) for at in np.nonzero(placed == root))
    return Wiring(
        frozen(np.roll(placed, (pods, boxes, pairs, sides), (0, 1, 2, 3))),
        frozen(np.roll(leaf, (pods, boxes), (0, 1))),
        frozen(np.roll(chip, pods, 0)),
        frozen(rail),
        int(spine[0]),
        *_capacities(topology, kind, rail),
    )


def _place(
    topology: Topology, mate: IntArray, leaves: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Sort ranks by pod, box, pair and side; give their leaves and the chips of pods as well."""
    ranks = np.arange(topology.ranks)
    by_box, box = np.unique(leaves, axis=0, return_inverse=True)
    chips = _neighbours(topology, by_box.reshape(-1), topology.ranks, topology.vertices)
    each = chips.shape[1]
    by_pod, pod_of_box = np.unique(chips.reshape(len(by_box), -1), axis=0, return_inverse=True)
    box = box.reshape(-1)
    pod = pod_of_box.reshape(-1)[box]
    _expect(each % 2 == 0 and len(ranks) % (len(by_pod) * each) == 0)
    order = np.lexsort((ranks, np.minimum(ranks, mate), box, pod))
    placed = order.reshape(len(by_pod), -1, each // 2, 2)
    _expect(_are_alike(placed, pod) and _are_alike(placed.reshape(-1, each), box))
    chip = by_pod.reshape(len(by_pod), leaves.shape[1], each)[pod[placed[:, 0, 0, 0]]]
    return placed, leaves[placed[:, :, 0, 0]], chip


def _capacities(topology: Topology, kind: IntArray, rail: IntArray) -> tuple[int, int, int]:
    """Read what the ports of planes and of rails and the links of pairs carry.

    What joins them has to carry as much.
    """
    port = _capacity(topology, kind, RANK, LEAF)
    rail_port = _capacity(topology, kind, RANK, RAIL)
    _expect(_capacity(topology, kind, LEAF, CHIP) >= port)
    _expect(_capacity(topology, kind, RAIL, SPINE) >= int(np.bincount(rail).max()) * rail_port)
    return port, rail_port, _capacity(topology, kind, RANK, RANK)


def _expect(right: bool) -> None:
    if not right:
        raise NotFound("not a machine of pods of boxes of pairs, joined by rails")


def _neighbours(topology: Topology, of: IntArray, first: int, end: int) -> IntArray:
    """List the vertices from first on and before end that vertices send to: a row for each."""
    row = np.full(topology.vertices, -1)
    row[of] = np.arange(len(of))
    links = (row[topology.src] >= 0) & (topology.dst >= first) & (topology.dst < end)
    src, dst = row[topology.src[links]], topology.dst[links]
    count = np.bincount(src, minlength=len(of))
    _expect(len(of) > 0 and int(count.min()) > 0 and bool((count == count[0]).all()))
    return dst[np.lexsort((dst, src))].reshape(len(of), -1)


def _are_alike(placed: IntArray, label: IntArray) -> bool:
    """Tell whether all ranks of each part along the first axis have the label of the first."""
    labels = label.reshape(-1)[placed].reshape(len(placed), -1)
    return bool((labels == labels[:, :1]).all())


def _capacity(topology: Topology, kind: IntArray, one: int, other: int) -> int:
    """Read what the links between two kinds of vertices carry, all alike and both ways."""
    ends = np.sort(np.stack([kind[topology.src], kind[topology.dst]]), axis=0)
    found = np.unique(topology.capacity[(ends[0] == one) & (ends[1] == other)])
    _expect(len(found) == 1)
    return int(found[0])
