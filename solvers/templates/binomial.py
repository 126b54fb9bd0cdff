"""Binomial trees, and k-nomial ones: everything reaches everyone in a logarithm of rounds."""

from collections.abc import Callable
from functools import partial

import numpy as np

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, blocks, expect, lay_out, mirror
from topologies.model.topology import IntArray, Topology, integers


def tree(
    name: str, radix: int, topology: Topology, collective: Collective, bound: Bound = UNPROVED
) -> Schedule:
    """Send over a tree of the ranks, counted from the root; all_reduce goes up and down.

    In each round everyone who has something sends it to radix - 1 others.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in
    MPICH, IJHPCA, 2005, sections 4.3 and 4.4.
    """
    expect(name, collective, COLLECTIVES)
    start = 0 if collective.root is None else collective.ranks.index(collective.root)
    place = np.roll(np.arange(len(collective.ranks)), -start)
    sends = _MAKERS[pattern_of(collective)](integers(collective.ranks)[place], place, radix)
    return lay_out(name, Router(topology), collective, blocks(collective), sends, bound)


schedule = partial(tree, "binomial", 2)


def broadcast(ranks: IntArray, place: IntArray, radix: int = 2) -> list[Sends]:
    """Let those who have it send, at falling distances."""
    n, sends = len(ranks), []
    for i, distance in enumerate(_distances(n, radix)):
        src, digit = (
            grid.reshape(-1)
            for grid in np.meshgrid(
                np.arange(0, n, radix * distance), np.arange(1, radix), indexing="ij"
            )
        )
        dst = src + digit * distance
        src, dst = src[dst < n], dst[dst < n]
        sends.append(Sends(i, np.zeros(len(src), dtype=np.int64), ranks[src], ranks[dst]))
    return sends


def _distances(n: int, radix: int) -> list[int]:
    """Give the powers of the radix below n, the largest first."""
    return [radix**i for i in range(n) if radix**i < n][::-1]


def _scatter(ranks: IntArray, place: IntArray, radix: int) -> list[Sends]:
    """Let everyone who has blocks send those of others; block place[v] is for ranks[v]."""
    sends = []
    for i, distance in enumerate(_distances(len(ranks), radix)):
        target = np.flatnonzero(np.arange(len(ranks)) // distance % radix)
        src = target // (radix * distance) * (radix * distance)
        dst = target // distance * distance
        sends.append(Sends(i, place[target], ranks[src], ranks[dst]))
    return sends


def _reduce(ranks: IntArray, place: IntArray, radix: int) -> list[Sends]:
    return mirror(broadcast(ranks, place, radix))


def _gather(ranks: IntArray, place: IntArray, radix: int) -> list[Sends]:
    return mirror(_scatter(ranks, place, radix), reduce=False)


def _all_reduce(ranks: IntArray, place: IntArray, radix: int) -> list[Sends]:
    up, down = _reduce(ranks, place, radix), broadcast(ranks, place, radix)
    return up + [s.later(len(up)) for s in down]


_MAKERS: dict[str, Callable[[IntArray, IntArray, int], list[Sends]]] = {
    "broadcast": broadcast,
    "reduce": _reduce,
    "scatter": _scatter,
    "gather": _gather,
    "all_reduce": _all_reduce,
}
COLLECTIVES = tuple(_MAKERS)
