"""Exchange everything one has, within groups at growing distances."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, blocks, expect, lay_out
from solvers.templates.recursive_exchange import distances, doubling, radices
from topologies.model.topology import IntArray, Topology, integers
from topologies.model.units import Bytes

COLLECTIVES = ("all_gather", "all_reduce")


def exchange(
    name: str, most: int, topology: Topology, collective: Collective, bound: Bound = UNPROVED
) -> Schedule:
    """Let groups of at most `most` exchange what they have; ranks left over go through a partner.

    Pairs are recursive doubling. Larger groups take fewer rounds and send more messages in each.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in
    MPICH, IJHPCA, 2005, sections 4.1 and 4.5; Ruefenacht, Bull and Booth, Generalisation of
    recursive doubling for AllReduce, Parallel Computing 69, 2017.
    """
    expect(name, collective, COLLECTIVES)
    ranks = integers(collective.ranks)
    groups = radices(len(ranks), most)
    gathers = pattern_of(collective) == "all_gather"
    sends = _gather(ranks, groups) if gathers else _sum(ranks, groups)
    return lay_out(name, Router(topology), collective, blocks(collective), sends, bound)


schedule = partial(exchange, "recursive_doubling", 2)


def _sum(ranks: IntArray, groups: Sequence[int]) -> list[Sends]:
    core = prod(groups)
    extra = len(ranks) - core
    zero = np.zeros(core, dtype=np.int64)
    rounds = [
        _all_to_all(1 + i, ranks[:core], distance, size)
        for i, (distance, size) in enumerate(zip(distances(groups), groups, strict=True))
    ]
    fold = Sends(0, zero[:extra], ranks[core:], ranks[:extra], True)
    unfold = Sends(1 + len(rounds), zero[:extra], ranks[:extra], ranks[core:])
    return [fold, *rounds, unfold]


def _all_to_all(number: int, ranks: IntArray, distance: int, size: Bytes) -> Sends:
    """Send everything from each rank to the others of its group."""
    place, shift = (grid.reshape(-1) for grid in np.indices((len(ranks), size - 1)))
    digit = place // distance % size
    partner = place + ((digit + 1 + shift) % size - digit) * distance
    return Sends(number, np.zeros_like(place), ranks[place], ranks[partner], True)


def _gather(ranks: IntArray, groups: Sequence[int]) -> list[Sends]:
    """Let piece p, the block of ranks[p], go along with that of its partner."""
    core = prod(groups)
    extra = len(ranks) - core
    folded = np.arange(core, len(ranks))
    rounds = []
    for s in doubling(ranks[:core], groups, 1):
        along = s.piece < extra
        rounds += [s, replace(s, piece=s.piece[along] + core, src=s.src[along], dst=s.dst[along])]
    place, piece = (grid.reshape(-1) for grid in np.indices((extra, len(ranks))))
    others = piece != place + core
    place, piece = place[others], piece[others]
    fold = Sends(0, folded, ranks[core:], ranks[:extra])
    unfold = Sends(1 + len(groups), piece, ranks[place], ranks[place + core])
    return [fold, *rounds, unfold]
