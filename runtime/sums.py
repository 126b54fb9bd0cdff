"""Whether all ranks add up in one way, so that rounding leaves all with the same bits.

Replicas of a model that get different bits from one all_reduce drift apart. Each value gets a
token: a mixed number for a contribution, the mix of the sum of two tokens for the sum of two
values. So a + b and b + a have one token, as floats have one sum, and (a + b) + c and a + (b + c)
have two. Where two ways of adding differ, tokens agree with a chance of 2^-64.
"""

import numpy as np
from numpy.typing import NDArray

from runtime.landing import Landing
from runtime.moves import moves
from solvers.schedule import Schedule
from topologies.topology import IntArray

Tokens = NDArray[np.uint64]


def alike(schedule: Schedule) -> bool:
    """Tell whether all ranks that want a piece come by it through the same additions.

    Complexity: transfers × log + pieces × ranks, and a pass over a step for each message of a piece
    that a rank gets in it.
    """
    plan = moves(schedule)
    ranks, pieces = len(plan.ranks), len(plan.block)
    own = _mixed(np.arange(1, ranks + 1).astype(np.uint64))
    held = np.tile(own, (pieces, 1))
    for step in np.unique(plan.step).tolist():
        rows = np.flatnonzero(plan.step == step)
        sent = held[plan.piece[rows], plan.src[rows]]
        turn = _turn(plan.piece[rows] * ranks + plan.dst[rows])
        for now in range(int(turn.max()) + 1):
            some = turn == now
            place = plan.piece[rows[some]], plan.dst[rows[some]]
            adds = plan.landing[rows[some]]
            before = np.where(adds == Landing.JOIN, own[place[1]], held[place])
            added = (adds == Landing.JOIN) | (adds == Landing.ADD)
            held[place] = np.where(added, _mixed(before + sent[some]), sent[some])
    wanted = np.zeros((pieces, ranks), dtype=np.bool_)
    for process, (_, outs) in enumerate(plan.layout):
        wanted[:, process] = np.isin(plan.block, outs)
    highest, lowest = held.copy(), held.copy()
    highest[~wanted], lowest[~wanted] = 0, np.iinfo(np.uint64).max
    return bool(((highest.max(axis=1) == lowest.min(axis=1)) | ~wanted.any(axis=1)).all())


def _turn(key: IntArray) -> IntArray:
    """Count how many rows with the same key come before each."""
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    length = np.diff(np.append(first, len(key)))
    turn = np.empty(len(key), dtype=np.int64)
    turn[order] = np.arange(len(key)) - np.repeat(first, length)
    return turn


def _mixed(value: Tokens) -> Tokens:
    """Scatter 64 bits (the finaliser of SplitMix64: Steele, Lea and Flood, OOPSLA 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)))
