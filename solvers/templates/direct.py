"""Send everything straight from where it is to where it is wanted, all at once."""

from fractions import Fraction

import numpy as np

from solvers.routing.router import RouteError, Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, TemplateError, blocks, lay_out
from topologies.model.topology import Topology


def schedule(topology: Topology, collective: Collective, bound: Bound = UNPROVED) -> Schedule:
    """Send each contribution from its holder to each rank that wants it, in one step.

    Rank i sends to rank i + 1 first, then to i + 2 and so on, so that not all send to one at a
    time. Where ranks are joined only through others, sums for one rank go up its tree of shortest
    paths and are added on the way.

    Raises:
        TemplateError: ranks that are not joined; an all_reduce on a machine that must relay.

    Source: Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in
    MPICH, IJHPCA, 2005, section 4 (the linear algorithms).
    """
    if collective.shape.movement is Movement.MIXED:
        raise TemplateError(f"direct: makes no {collective.name}, in which {Movement.MIXED.value}")
    routes = Router(topology)
    if collective.shape.movement is Movement.SUM:
        sends = in_trees(routes, collective)
        return lay_out("direct", routes, collective, blocks(collective), sends, bound)
    pieces, sends = _by_distance(collective)
    return lay_out("direct", routes, collective, pieces, sends, bound)


def _by_distance(collective: Collective) -> tuple[list[tuple[int, Fraction]], list[Sends]]:
    """List pieces and sends in the order of the distance from sender to receiver."""
    ranks, n = collective.ranks, len(collective.ranks)
    adds = collective.shape.movement is Movement.COPY_OF_SUM
    place = {rank: i for i, rank in enumerate(ranks)}
    rows = [
        ((place[dst] - place[src]) % n, block, src, dst)
        for block in range(collective.blocks)
        for src in collective.holders[block].tolist()
        for dst in collective.wanters[block].tolist()
    ]
    rows.sort()
    order = list(dict.fromkeys(block for _, block, _, _ in rows))
    piece = {block: p for p, block in enumerate(order)}
    moved = [(piece[block], src, dst) for _, block, src, dst in rows if src != dst]
    return [(block, Fraction(1)) for block in order], [_sends(0, moved, adds)]


def _sends(number: int, rows: list[tuple[int, int, int]], reduce: bool) -> Sends:
    piece, src, dst = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Sends(number, piece, src, dst, reduce)


def in_trees(routes: Router, collective: Collective) -> list[Sends]:
    """Add up each block on the way to the rank that wants it, the farthest ranks first."""
    rounds: dict[int, list[tuple[int, int, int]]] = {}
    for block in range(collective.blocks):
        target = int(collective.wanters[block][0])
        parents = _parents(routes, collective.holders[block].tolist(), target)
        deepest = max((depth for _, _, depth in parents), default=0)
        for src, dst, depth in parents:
            rounds.setdefault(deepest - depth, []).append((block, src, dst))
    return [_sends(number, rows, True) for number, rows in rounds.items()]


def _parents(routes: Router, ranks: list[int], target: int) -> list[tuple[int, int, int]]:
    """Find (rank, parent, depth) for all ranks on shortest paths to the target."""
    total = routes.topology.ranks
    found = sorted((rank for rank in ranks if rank != target), key=lambda r: (target - r) % total)
    known, parents = set(found), []
    for rank in found:
        try:
            way = routes.path(rank, target)
        except RouteError as fault:
            raise TemplateError(f"direct: {fault}") from None
        parents.append((rank, way[0].dst, len(way)))
        if way[0].dst not in known | {target}:
            known.add(way[0].dst)
            found.append(way[0].dst)
    return parents
