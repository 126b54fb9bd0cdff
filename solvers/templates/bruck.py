"""Patterns of ceil(log n) rounds for any number of ranks: everything goes by powers of a radix.

A piece that must come d places on goes there in one step for each digit of d that is not 0. With
radix r there are r - 1 messages in a round; radix 2 is usual.
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
    radix: int,
    far_first: bool,
    topology: Topology,
    collective: Collective,
    bound: Bound = UNPROVED,
) -> Schedule:
    """Multiply the reach of every piece by the radix in each round; sums go the other way round.

    Raises:
        TemplateError: another collective, or a machine that cannot relay the sums.

    Source: Bruck et al., Efficient algorithms for all-to-all communications in multiport
    message-passing systems, IEEE TPDS 8 (1997); far first: the NHR algorithm of Huawei's HCCL
    (CANN), and PAT: Jeaugey, arXiv:2506.20252 (2025).
    """
    expect(name, collective, COLLECTIVES)
    ranks = integers(collective.ranks)
    n = len(ranks)
    steps = [radix**i for i in range(n) if radix**i < n]
    if far_first:
        steps.reverse()
    pieces = blocks(collective)
    if pattern_of(collective) == "all_to_all":
        sends = _exchange(collective, ranks, steps, radix)
    elif pattern_of(collective) == "all_gather":
        sends = gather(ranks, steps, radix)
    else:
        sends = mirror(gather(ranks, steps, radix))
    if pattern_of(collective) == "all_reduce":
        pieces = [(0, Fraction(1, n))] * n
        sends += [s.later(len(steps)) for s in gather(ranks, steps, radix)]
    return lay_out(name, Router(topology), collective, pieces, sends, bound)


near_first = partial(schedule, "bruck", 2, False)
far_first = partial(schedule, "bruck, far first", 2, True)


def gather(ranks: IntArray, steps: list[int], radix: int = 2) -> list[Sends]:
    """Hand piece p of ranks[p] on: who is `held` places behind it sends it 1 to radix - 1 steps on.

    steps: powers of the radix, in any order.
    """
    n = len(ranks)
    held, sends = integers([0]), []
    for number, step in enumerate(steps):
        ahead = (held[:, None] + step * np.arange(1, radix)).reshape(-1)
        back = np.repeat(held, radix - 1)[ahead < n]
        ahead = ahead[ahead < n]
        piece, path = (grid.reshape(-1) for grid in np.indices((n, len(ahead))))
        src, dst = ranks[(piece - back[path]) % n], ranks[(piece - ahead[path]) % n]
        sends.append(Sends(number, piece, src, dst))
        held = np.concatenate([held, ahead])
    return sends


def _exchange(collective: Collective, ranks: IntArray, steps: list[int], radix: int) -> list[Sends]:
    """Move each block by the digits of its distance."""
    n, piece = len(ranks), np.arange(collective.blocks)
    place = {rank: i for i, rank in enumerate(ranks.tolist())}
    at, to = (
        integers(place[int(own[0])] for own in ends)
        for ends in (collective.holders, collective.wanters)
    )
    away, sends = (to - at) % n, []
    for number, step in enumerate(steps):
        digit = away // step % radix
        going = digit > 0
        start = at[going]
        end = (start + step * digit[going]) % n
        sends.append(Sends(number, piece[going], ranks[start], ranks[end]))
        at = at.copy()
        at[going] = end
    return sends
