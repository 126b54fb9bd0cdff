"""What there is to spread: pieces, where they start, and the arcs that each of them may take."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from solvers.schedules.capabilities import mark_branching
from solvers.schedules.collective import Collective
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.model.topology import BoolArray, FloatArray, IntArray, Topology, integers
from topologies.model.units import Share

OFF_TREE = 1 << 52  # added to the key of a piece that is not meant to take an arc
TAIL = 1 << 32  # of a place in the order of what is still before a piece


@dataclass(frozen=True, eq=False)
class Arcs:
    """Paths from one holder to the next through switches that only forward.

    A holder is a rank, or a switch that copies.

    Attributes:
        route: the links of each arc.
    """

    src: IntArray
    dst: IntArray
    route: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class GreedyProblem:
    """Pieces that are to be copied from their roots to all vertices that want them.

    Piece p is `share[p]` of block `block[p]`, has `load[p]` bytes and starts at `root[p]`.

    Attributes:
        allowed: (arcs, pieces), what may be sent where.
        key: (arcs, pieces), the smallest goes first.
    """

    topology: Topology
    arcs: Arcs
    block: IntArray
    share: tuple[Share, ...]
    load: FloatArray
    root: IntArray
    allowed: BoolArray
    key: IntArray


def problem_along(
    schedule: Schedule, size: float, parts: int, leeway: float = 0.0, seed: int = 0
) -> GreedyProblem:
    """Take trees (or paths) from a schedule that only copies; cut each into pieces.

    A block has about `parts` pieces. What has the longest path before it goes first.

    Args:
        schedule: the schedule.
        size: in bytes.
        parts: that each piece of the schedule is cut into.
        leeway: a piece may also take an arc that is not of its tree if that is at most so many
            times slower than the arc of its tree into the same vertex.
        seed: of the random numbers.
    """
    whole = unfold(schedule)
    arcs, trees = _trees(whole)
    count = [max(1, ceil(share * parts)) for share in whole.share]
    of_tree = np.repeat(np.arange(whole.pieces), count)
    what = whole.collective
    of_block = what.sizes * (size / what.total)
    share = tuple(whole.share[t] / count[t] for t in of_tree.tolist())
    load = np.array([float(s) for s in share]) * of_block[whole.block[of_tree]]
    on_tree = np.zeros((len(arcs.src), whole.pieces), dtype=np.bool_)
    for tree, own in enumerate(trees):
        on_tree[own, tree] = True
    cost = _seconds(whole.topology, arcs, load.max())
    tails = _tails(arcs, trees, cost, whole.topology.vertices)
    # Of the pieces into one vertex, the order is that of what is before them from there on.
    rank = np.unique(-np.round(tails, 12), return_inverse=True)[1].reshape(tails.shape)
    allowed = on_tree | _beside(arcs, trees, cost, leeway)
    key = rank[arcs.dst] * TAIL + np.where(on_tree, 0, OFF_TREE)
    noise = np.random.default_rng(seed).integers(0, 2**16, (len(arcs.src), len(of_tree)))
    return GreedyProblem(
        topology=whole.topology,
        arcs=arcs,
        block=whole.block[of_tree],
        share=share,
        load=load,
        root=_roots(what, whole.block)[of_tree],
        allowed=allowed[:, of_tree],
        key=key[:, of_tree] + noise,
    )


def _roots(what: Collective, block: IntArray) -> IntArray:
    return integers(int(what.holders[b][0]) for b in block.tolist())


def _trees(whole: Schedule) -> tuple[Arcs, list[list[int]]]:
    """List the arcs that a schedule uses, and which of them each piece takes, from its root on.

    What a switch that copies gets a second time, it need not get: the first copy does.
    """
    copies = mark_branching(whole.topology, (), "all", in_network=whole.in_network)[0]
    number: dict[tuple[int, ...], int] = {}
    trees: list[list[int]] = [[] for _ in range(whole.pieces)]
    reached = [{int(root)} for root in _roots(whole.collective, whole.block)]
    rows, topology = whole.transfers, whole.topology
    for t in range(len(rows)):
        piece = int(rows.piece[t])
        links = rows.route[rows.route_start[t] : rows.route_start[t + 1]].tolist()
        for leg in _legs(links, copies[topology.dst]):
            end = int(topology.dst[leg[-1]])
            if end not in reached[piece]:
                reached[piece].add(end)
                trees[piece].append(number.setdefault(leg, len(number)))
    route = tuple(number)
    return Arcs(
        integers(topology.src[leg[0]] for leg in route),
        integers(topology.dst[leg[-1]] for leg in route),
        route,
    ), trees


def _legs(links: Sequence[int], stops: BoolArray) -> Iterator[tuple[int, ...]]:
    """Cut a route behind each link that ends where pieces are held."""
    begin = 0
    for place, link in enumerate(links, 1):
        if stops[link]:
            yield tuple(links[begin:place])
            begin = place


def _seconds(topology: Topology, arcs: Arcs, load: float) -> FloatArray:
    """Compute the seconds that so many bytes take over each arc that nobody else uses."""
    link = topology.alpha + load / topology.bandwidth
    return np.array([link[list(route)].sum() for route in arcs.route])


def _tails(
    arcs: Arcs, trees: Sequence[Sequence[int]], cost: FloatArray, vertices: int
) -> FloatArray:
    """Compute the seconds from each vertex to the farthest one behind it: (vertices, trees)."""
    tails = np.zeros((vertices, len(trees)))
    src, dst = arcs.src.tolist(), arcs.dst.tolist()
    for tree, own in enumerate(trees):
        column = [0.0] * vertices
        for arc in reversed(own):
            column[src[arc]] = max(column[src[arc]], cost[arc] + column[dst[arc]])
        tails[:, tree] = column
    return tails


def _beside(
    arcs: Arcs, trees: Sequence[Sequence[int]], cost: FloatArray, leeway: float
) -> BoolArray:
    """Mark the arcs that are not too slow beside the one of the tree: (arcs, trees)."""
    found = np.zeros((len(arcs.src), len(trees)), dtype=np.bool_)
    if leeway > 0:
        for tree, own in enumerate(trees):
            limit = np.zeros(int(max(arcs.src.max(), arcs.dst.max())) + 1)
            limit[arcs.dst[own]] = leeway * cost[own]
            found[:, tree] = cost <= limit[arcs.dst]
    return found
