"""Exchange shares of what is left, within groups at falling distances."""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from math import prod

import numpy as np

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, blocks, expect, lay_out
from solvers.templates.recursive_exchange import doubling, halving, radices
from topologies.model.topology import IntArray, Topology, integers

COLLECTIVES = ("reduce_scatter", "all_reduce")


def exchange(
    name: str, most: int, topology: Topology, collective: Collective, bound: Bound = UNPROVED
) -> Schedule:
    """Share what is left to add in groups of at most `most`; all_reduce then hands out the sums.

    Pairs are recursive halving. Ranks left over give everything to a partner first and get their
    part at the end.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: Rabenseifner, Optimization of collective reduction operations, ICCS, 2004; Thakur,
    Rabenseifner and Gropp, Optimization of collective communication operations in MPICH, IJHPCA,
    2005, sections 4.2 and 4.5.
    """
    expect(name, collective, COLLECTIVES)
    ranks = integers(collective.ranks)
    groups = radices(len(ranks), most)
    if pattern_of(collective) == "all_reduce":
        core = prod(groups)
        pieces = [(0, Fraction(1, core))] * core
        sends = _everything(ranks, groups)
    else:
        pieces, sends = blocks(collective), _parts(ranks, groups)
    return lay_out(name, Router(topology), collective, pieces, sends, bound)


schedule = partial(exchange, "recursive_halving", 2)


def _fold(ranks: IntArray, core: int, pieces: int) -> Sends:
    """Give everything of the ranks left over to their partners."""
    place, piece = (grid.reshape(-1) for grid in np.indices((len(ranks) - core, pieces)))
    return Sends(0, piece, ranks[place + core], ranks[place], True)


def _everything(ranks: IntArray, groups: Sequence[int]) -> list[Sends]:
    core, rounds = prod(groups), len(groups)
    fold = _fold(ranks, core, core)
    unfold = Sends(1 + 2 * rounds, fold.piece, fold.dst, fold.src)
    halved = halving(ranks[:core], groups, 1)
    return [fold, *halved, *doubling(ranks[:core], groups, 1 + rounds), unfold]


def _parts(ranks: IntArray, groups: Sequence[int]) -> list[Sends]:
    """Let the piece of a rank left over go along with that of its partner."""
    core = prod(groups)
    extra = len(ranks) - core
    rounds = []
    for s in halving(ranks[:core], groups, 1):
        along = s.piece < extra
        rounds += [s, Sends(s.round, s.piece[along] + core, s.src[along], s.dst[along], True)]
    folded = np.arange(core, len(ranks))
    unfold = Sends(1 + len(groups), folded, ranks[:extra], ranks[core:])
    return [_fold(ranks, core, len(ranks)), *rounds, unfold]
