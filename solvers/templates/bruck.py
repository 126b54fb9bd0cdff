"""Patterns of ceil(log2 n) rounds for any number of ranks: everything goes by powers of two.

A piece that must come d places on goes there in one step for each binary digit of d that is 1.
Near first (Bruck) the messages grow with the distance; far first (NHR, PAT) the large messages of
the last rounds go to neighbours, which spares the links between boxes.
"""

from fractions import Fraction
from functools import partial

import numpy as np

from solvers.routing.router import Router
from solvers.schedules.certificate import UNPROVED, Bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.templates.layout import Sends, blocks, expect, lay_out, mirror
from topologies.model.topology import IntArray, Topology, integers

COLLECTIVES = ("all_gather", "reduce_scatter", "all_reduce", "all_to_all")


def schedule(
    name: str,
    far_first: bool,
    topology: Topology,
    collective: Collective,
    bound: Bound = UNPROVED,
) -> Schedule:
    """Double the reach of every piece in each round; sums go the other way round.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: Bruck et al., Efficient algorithms for all-to-all communications in multiport
    message-passing systems, IEEE TPDS 8 (1997); far first: the NHR algorithm of Huawei's HCCL
    (CANN), and PAT: Jeaugey, arXiv:2506.20252 (2025).
    """
    expect(name, collective, COLLECTIVES)
    ranks = integers(collective.ranks)
    n = len(ranks)
    steps = [1 << bit for bit in range((n - 1).bit_length())]
    if far_first:
        steps.reverse()
    pieces = blocks(collective)
    if pattern_of(collective) == "all_to_all":
        sends = _exchange(collective, ranks, steps)
    elif pattern_of(collective) == "all_gather":
        sends = gather(ranks, steps)
    else:
        sends = mirror(gather(ranks, steps))
    if pattern_of(collective) == "all_reduce":
        pieces = [(0, Fraction(1, n))] * n
        sends += [s.later(len(steps)) for s in gather(ranks, steps)]
    return lay_out(name, Router(topology), collective, pieces, sends, bound)


near_first = partial(schedule, "bruck", False)
far_first = partial(schedule, "bruck, far first", True)


def gather(ranks: IntArray, steps: list[int]) -> list[Sends]:
    """Hand piece p of ranks[p] on: who is `held` places behind it sends it `step` further."""
    n = len(ranks)
    held, sends = integers([0]), []
    for number, step in enumerate(steps):
        going = held[held + step < n]
        piece, back = (grid.reshape(-1) for grid in np.meshgrid(np.arange(n), going))
        src, dst = ranks[(piece - back) % n], ranks[(piece - back - step) % n]
        sends.append(Sends(number, piece, src, dst))
        held = np.concatenate([held, going + step])
    return sends


def _exchange(collective: Collective, ranks: IntArray, steps: list[int]) -> list[Sends]:
    """Move each block by the digits of its distance."""
    n, piece = len(ranks), np.arange(collective.blocks)
    place = {rank: i for i, rank in enumerate(ranks.tolist())}
    at, to = (
        integers(place[int(own[0])] for own in ends)
        for ends in (collective.holders, collective.wanters)
    )
    away, sends = (to - at) % n, []
    for number, step in enumerate(steps):
        going = (away & step) > 0
        start = at[going]
        end = (start + step) % n
        sends.append(Sends(number, piece[going], ranks[start], ranks[end]))
        at = at.copy()
        at[going] = end
    return sends
