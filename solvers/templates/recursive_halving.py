"""Exchange half of what is left, with partners at halving distances."""

from fractions import Fraction

import numpy as np

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, blocks, expect, lay_out
from solvers.templates.recursive_exchange import distances, doubling, halving, power_below
from topologies.model.topology import IntArray, Topology, integers

COLLECTIVES = ("reduce_scatter", "all_reduce")


def schedule(topology: Topology, collective: Collective, bound: Bound = UNPROVED) -> Schedule:
    """Halve what is left to add in each round; all_reduce then doubles what is done.

    Ranks beyond a power of two give everything to a partner first and get their part at the end.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: Rabenseifner, Optimization of collective reduction operations, ICCS, 2004; Thakur,
    Rabenseifner and Gropp, Optimization of collective communication operations in MPICH, IJHPCA,
    2005, sections 4.2 and 4.5.
    """
    expect("recursive_halving", collective, COLLECTIVES)
    ranks = integers(collective.ranks)
    if pattern_of(collective) == "all_reduce":
        core = power_below(len(ranks))
        pieces = [(0, Fraction(1, core))] * core
        sends = _everything(ranks)
    else:
        pieces, sends = blocks(collective), _parts(ranks)
    return lay_out("recursive_halving", Router(topology), collective, pieces, sends, bound)


def _fold(ranks: IntArray, pieces: int) -> Sends:
    """Give everything of the ranks beyond a power of two to their partners."""
    core = power_below(len(ranks))
    place, piece = (grid.reshape(-1) for grid in np.indices((len(ranks) - core, pieces)))
    return Sends(0, piece, ranks[place + core], ranks[place], True)


def _everything(ranks: IntArray) -> list[Sends]:
    core = power_below(len(ranks))
    fold = _fold(ranks, core)
    rounds = len(distances(core))
    unfold = Sends(1 + 2 * rounds, fold.piece, fold.dst, fold.src)
    return [fold, *halving(ranks[:core], 1), *doubling(ranks[:core], 1 + rounds), unfold]


def _parts(ranks: IntArray) -> list[Sends]:
    """Let the piece of a rank beyond the power of two go along with that of its partner."""
    core = power_below(len(ranks))
    extra = len(ranks) - core
    rounds = []
    for s in halving(ranks[:core], 1):
        along = s.piece < extra
        rounds += [s, Sends(s.round, s.piece[along] + core, s.src[along], s.dst[along], True)]
    folded = np.arange(core, len(ranks))
    unfold = Sends(1 + len(distances(core)), folded, ranks[:extra], ranks[core:])
    return [_fold(ranks, len(ranks)), *rounds, unfold]
