"""Mixture of experts: tokens choose experts, experts live on ranks, and so ranks send to ranks.

Every token draws a score for each expert, log(popularity) plus Gumbel noise; the highest scores
are a draw without replacement by popularity. Experts lie on the ranks in order, evenly.

Source: Pangu Pro MoE, arXiv:2505.21411 (the same number of experts from every group);
DeepSeek-V3, arXiv:2412.19437, section 2.1.2 (at most M nodes for a token, by the sum of the
highest top/M scores in each); Kool, van Hoof and Welling, Stochastic beams and where to find them,
ICML 2019 (Gumbel top-k).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from topologies.model.errors import ArgumentError
from topologies.model.topology import IntArray

COPIES = ("expert", "rank")
HOMES = "homes"  # in place of copies: not counts, but the rank of each expert of each token
WORK_LIMIT = 2**30  # scores of a whole demand
TOKENS, EXPERTS, TOP = 1024, 256, 8

Scores = NDArray[np.float32]
Choose = Callable[[Scores], IntArray]  # (tokens, experts) -> (tokens, top) experts


def route_to_hot(
    ranks: int,
    experts: int = EXPERTS,
    top: int = TOP,
    tokens: int = TOKENS,
    hot: int = 1,
    share: float = 0.1,
    skew: float = 0.0,
    seed: int = 0,
    copies: str = "expert",
) -> IntArray:
    """Count the tokens between ranks when `hot` experts, drawn at random, are asked for more.

    A first choice falls on one of them with probability `share`.

    Raises:
        ArgumentError: the figures do not fit each other.
    """
    if not (hot < experts and 0 < share < 1):
        raise ArgumentError("hot must be below experts, and share between 0 and 1")
    weight = _popularity(experts, skew, seed)
    chosen = np.random.default_rng((seed, 1)).permutation(experts)[:hot]
    cold = np.delete(np.arange(experts), chosen)
    weight[chosen] *= share / weight[chosen].sum()
    weight[cold] *= (1 - share) / weight[cold].sum()
    _expect(top <= experts, f"top is {top}, experts {experts}")
    return _demand(ranks, weight, tokens, seed, copies, lambda scores: _highest(scores, top))


def route_by_group(
    ranks: int,
    experts: int = 64,
    top: int = TOP,
    tokens: int = TOKENS,
    groups: int = 8,
    skew: float = 0.0,
    seed: int = 0,
    copies: str = "expert",
) -> IntArray:
    """Count the tokens between ranks when each token takes top / groups experts of each group.

    Raises:
        ArgumentError: the figures do not fit each other.
    """
    _expect(experts % groups == 0, f"{experts} experts in {groups} groups")
    _expect(top % groups == 0, f"top {top} of {groups} groups")
    size, each = experts // groups, top // groups
    _expect(each <= size, f"{each} experts of each group of {size}")

    def choose(scores: Scores) -> IntArray:
        within = _highest(scores.reshape(-1, size), each)
        first = np.arange(groups) * size
        return (within.reshape(-1, groups, each) + first[:, None]).reshape(len(scores), -1)

    return _demand(ranks, _popularity(experts, skew, seed), tokens, seed, copies, choose)


def route_node_limited(
    ranks: int,
    experts: int = EXPERTS,
    top: int = TOP,
    tokens: int = TOKENS,
    groups: int = 8,
    most: int = 4,
    skew: float = 0.0,
    seed: int = 0,
    copies: str = "expert",
) -> IntArray:
    """Count the tokens between ranks when each token takes experts of at most `most` groups.

    Raises:
        ArgumentError: the figures do not fit each other.
    """
    _expect(experts % groups == 0, f"{experts} experts in {groups} groups")
    size = experts // groups
    _expect(most <= groups and top <= most * size, f"top {top} of {most} of {groups} groups")
    judged = min(max(top // most, 1), size)

    def choose(scores: Scores) -> IntArray:
        by_group = scores.reshape(-1, groups, size)
        best = -np.partition(-by_group, judged - 1, axis=2)[:, :, :judged].sum(axis=2)
        allowed = np.zeros((len(scores), groups), dtype=np.bool_)
        np.put_along_axis(allowed, _highest(best, most), True, axis=1)
        kept = np.where(allowed[:, :, None], by_group, -np.inf)
        return _highest(kept.reshape(len(scores), -1), top)

    return _demand(ranks, _popularity(experts, skew, seed), tokens, seed, copies, choose)


def _expect(fits: bool, figures: str) -> None:
    if not fits:
        raise ArgumentError(f"{figures}: these do not fit each other")


def _popularity(experts: int, skew: float, seed: int) -> NDArray[np.float64]:
    """Draw how popular each expert is: lognormal, sigma = skew."""
    return np.random.default_rng((seed, 0)).lognormal(0.0, skew, experts)


def _highest(scores: Scores, count: int) -> IntArray:
    """Find the places of the highest scores of each row, in no order."""
    if count == scores.shape[1]:
        return np.broadcast_to(np.arange(count), scores.shape)
    return np.argpartition(-scores, count - 1, axis=1)[:, :count].astype(np.int64)


def _demand(
    ranks: int,
    popularity: NDArray[np.float64],
    tokens: int,
    seed: int,
    copies: str,
    choose: Choose,
) -> IntArray:
    """Let every rank route its tokens; count the copies from rank to rank, or give the homes."""
    experts = len(popularity)
    if ranks * tokens * experts > WORK_LIMIT:
        raise ArgumentError(f"ranks x tokens x experts is more than {WORK_LIMIT:,}")
    home = np.arange(experts) * ranks // experts
    logits = np.log(popularity).astype(np.float32)
    homes = []
    for rank in range(ranks):
        draw = np.random.default_rng((seed, 2, rank))
        wait = draw.standard_exponential((tokens, experts), dtype=np.float32)
        noise = -np.log(np.maximum(wait, np.float32(1e-30)))
        homes.append(home[choose(logits + noise)])
    if copies == HOMES:
        return np.concatenate(homes)
    return np.stack([_copies(own, ranks, copies) for own in homes])


def _copies(homes: IntArray, ranks: int, copies: str) -> IntArray:
    """Count what is sent to each rank: a copy for each expert, or one for each rank."""
    if copies == "rank":
        token = np.arange(len(homes))[:, None]
        homes = np.unique(token * ranks + homes) % ranks
    return np.bincount(homes.reshape(-1), minlength=ranks)
