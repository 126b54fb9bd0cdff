"""Binomial trees: everything reaches everyone in a logarithmic number of rounds."""

from collections.abc import Callable

import numpy as np

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, blocks, expect, lay_out, mirror
from topologies.model.topology import IntArray, Topology, integers


def schedule(topology: Topology, collective: Collective, bound: Bound = UNPROVED) -> Schedule:
    """Send over a binomial tree of the ranks, counted from the root; all_reduce goes up and down.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in
    MPICH, IJHPCA, 2005, sections 4.3 and 4.4.
    """
    expect("binomial", collective, COLLECTIVES)
    start = 0 if collective.root is None else collective.ranks.index(collective.root)
    place = np.roll(np.arange(len(collective.ranks)), -start)
    sends = _MAKERS[pattern_of(collective)](integers(collective.ranks)[place], place)
    routes, pieces = Router(topology), blocks(collective)
    return lay_out("binomial", routes, collective, pieces, sends, bound)


def broadcast(ranks: IntArray, place: IntArray) -> list[Sends]:
    """Let those who have it send at a halving distance."""
    n = len(ranks)
    rounds = (n - 1).bit_length()
    sends = []
    for i in range(rounds):
        distance = 1 << (rounds - 1 - i)
        src = np.arange(0, n - distance, 2 * distance)
        sends.append(
            Sends(i, np.zeros(len(src), dtype=np.int64), ranks[src], ranks[src + distance])
        )
    return sends


def _scatter(ranks: IntArray, place: IntArray) -> list[Sends]:
    """Let everyone who has blocks send those of the far half; block place[v] is for ranks[v]."""
    n = len(ranks)
    rounds = (n - 1).bit_length()
    sends = []
    for i in range(rounds):
        distance = 1 << (rounds - 1 - i)
        target = np.flatnonzero(np.arange(n) & distance)
        src = target // (2 * distance) * (2 * distance)
        sends.append(Sends(i, place[target], ranks[src], ranks[src + distance]))
    return sends


def _reduce(ranks: IntArray, place: IntArray) -> list[Sends]:
    return mirror(broadcast(ranks, place))


def _gather(ranks: IntArray, place: IntArray) -> list[Sends]:
    return mirror(_scatter(ranks, place), reduce=False)


def _all_reduce(ranks: IntArray, place: IntArray) -> list[Sends]:
    up, down = _reduce(ranks, place), broadcast(ranks, place)
    return up + [s.later(len(up)) for s in down]


_MAKERS: dict[str, Callable[[IntArray, IntArray], list[Sends]]] = {
    "broadcast": broadcast,
    "reduce": _reduce,
    "scatter": _scatter,
    "gather": _gather,
    "all_reduce": _all_reduce,
}
COLLECTIVES = tuple(_MAKERS)
