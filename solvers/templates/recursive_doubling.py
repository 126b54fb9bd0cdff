"""Exchange everything one has, with partners at doubling distances."""

from dataclasses import replace

import numpy as np

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, blocks, expect, lay_out
from solvers.templates.recursive_exchange import distances, doubling, power_below
from topologies.model.topology import IntArray, Topology, integers

COLLECTIVES = ("all_gather", "all_reduce")


def schedule(topology: Topology, collective: Collective, bound: Bound = UNPROVED) -> Schedule:
    """Double what each rank has in each round; ranks beyond a power of two go through a partner.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: Thakur, Rabenseifner and Gropp, Optimization of collective communication operations in
    MPICH, IJHPCA, 2005, sections 4.1 and 4.5.
    """
    expect("recursive_doubling", collective, COLLECTIVES)
    ranks = integers(collective.ranks)
    sends = _gather(ranks) if pattern_of(collective) == "all_gather" else _sum(ranks)
    routes, pieces = Router(topology), blocks(collective)
    return lay_out("recursive_doubling", routes, collective, pieces, sends, bound)


def _sum(ranks: IntArray) -> list[Sends]:
    core = power_below(len(ranks))
    extra, place = len(ranks) - core, np.arange(core)
    zero = np.zeros(core, dtype=np.int64)
    rounds = [
        Sends(1 + i, zero, ranks[place], ranks[place ^ distance], True)
        for i, distance in enumerate(distances(core))
    ]
    fold = Sends(0, zero[:extra], ranks[core:], ranks[:extra], True)
    unfold = Sends(1 + len(rounds), zero[:extra], ranks[:extra], ranks[core:])
    return [fold, *rounds, unfold]


def _gather(ranks: IntArray) -> list[Sends]:
    """Let piece p, the block of ranks[p], go along with that of its partner."""
    core = power_below(len(ranks))
    extra = len(ranks) - core
    folded = np.arange(core, len(ranks))
    rounds = []
    for s in doubling(ranks[:core], 1):
        along = s.piece < extra
        rounds += [s, replace(s, piece=s.piece[along] + core, src=s.src[along], dst=s.dst[along])]
    place, piece = (grid.reshape(-1) for grid in np.indices((extra, len(ranks))))
    others = piece != place + core
    place, piece = place[others], piece[others]
    fold = Sends(0, folded, ranks[core:], ranks[:extra])
    unfold = Sends(1 + len(distances(core)), piece, ranks[place], ranks[place + core])
    return [fold, *rounds, unfold]
