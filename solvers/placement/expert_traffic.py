"""Experts on ranks where it matters who sends to whom: little crosses between boxes.

Let v[B, e] be the tokens that the ranks of box B send to expert e, split evenly over its c
replicas. What of them stays in boxes is the sum over all replicas of v[B, e] / c, B being the box
of the replica; the rest crosses. With c given, no placement keeps more than the best way to give
replicas to boxes with so many slots each: a transportation problem, whose optimum is whole, and
which is the bound here (solved as an assignment of replicas to slots; Crouse, arXiv:1604.02377).

The search begins from that optimum and from the placement by loads (`experts.py`). In the first,
replicas of the fullest rank change places with others while its load is above a limit, each time
those that cost least for what they gain; then in both pairs of replicas change places as long as
less crosses and no rank comes above the limit. The limit is what the placement by loads reaches,
and a slack. An expert does not come to a rank twice.
"""

import re
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from solvers.jobs.errors import JobError
from solvers.placement.cuts import families
from solvers.placement.experts import Layer, fill_idle, load_rows, place_experts, read_loads
from topologies.model.messages import short
from topologies.model.topology import FloatArray, IntArray, Topology

SLACK = 0.01  # of the mean, that the fullest rank may have above the placement by loads
TURNS = 40  # of exchanges, in each many pairs
GAIN = 1e-12
_OWN = re.compile(r"(gini:[^=]+=.*),own=([0-9]{1,9}(?:\.[0-9]{1,20})?)(|,.*)")


@dataclass(frozen=True)
class Crossing:
    """The part of a layer's tokens that crosses between boxes.

    Attributes:
        plain: with experts in order and without replicas.
        by_loads: where loads alone were looked at.
        placed: of the placement that is handed out.
        bound: what no placement with as many replicas of each expert is below.
    """

    plain: float
    by_loads: float
    placed: float
    bound: float


def read_traffic(text: str, ranks: int) -> FloatArray:
    """Read tokens from each rank to each expert.

    A file has, for each layer, a row for each rank. `gini:...,own=0.5` draws popularities of
    experts (`read_loads`), of which each rank has so large a part in an order of its own.

    Args:
        text: name of a file, or a description.
        ranks: that send.

    Raises:
        JobError: a description that is none, or rows that are not so many for each layer.
        DemandError: a file that cannot be read.
    """
    if text.startswith("gini:"):
        described = _OWN.fullmatch(text)
        rows = read_loads(described[1] + described[3] if described else text)
        part = float(described[2]) if described else 0.0
        if not 0 <= part <= 1:
            raise JobError(f"{short(text)}: own={part:g}, expected a part from 0 to 1")
        common = np.repeat(rows[:, None], ranks, axis=1)
        own = np.random.default_rng(len(text)).permuted(common, axis=2)
        return np.asarray((1 - part) * common + part * own)
    rows = load_rows(text)
    if len(rows) % ranks:
        raise JobError(
            f"{short(text)}: {len(rows)} rows, expected for each layer one for each of {ranks} "
            "ranks"
        )
    return fill_idle(rows.reshape(-1, ranks, rows.shape[1]), text)


def scarce_boxes(machine: Topology) -> IntArray:
    """Give the box of each rank, of the tier whose boxes have least bandwidth for each rank.

    Raises:
        JobError: the machine has no boxes.
    """
    tiers = [family for family in families(machine) if family.tier and family.count > 1]
    tiers = [family for family in tiers if family.count < machine.ranks]
    if not tiers:
        raise JobError(f"{machine.name}: found no boxes of ranks, expected a machine with tiers")

    def rate(number: int) -> float:
        family = tiers[number]
        sizes = np.bincount(family.label, minlength=family.count)
        return float((np.minimum(family.out, family.into) / sizes).min())

    return tiers[min(range(len(tiers)), key=rate)].label


def place_by_traffic(
    traffic: FloatArray, boxes: IntArray, slots: int
) -> list[tuple[Layer, Crossing]]:
    """Place the experts of each layer, so that little crosses and no rank is much fuller than must.

    Complexity: for each layer an assignment of all slots, and turns times their square.

    Args:
        traffic: (layers, ranks, experts), tokens from each rank to each expert.
        boxes: the box of each rank, all of one size.
        slots: of each rank.

    Raises:
        JobError: boxes of unlike size, or slots that do not hold the experts.
    """
    ranks = len(boxes)
    if len(set(np.bincount(boxes).tolist())) != 1:
        raise JobError("experts: boxes of unlike size, expected as many ranks in each")
    layers = place_experts(traffic.sum(axis=1), ranks, slots)
    return [_layer(rows, boxes, layer) for rows, layer in zip(traffic, layers, strict=True)]


def _layer(rows: FloatArray, boxes: IntArray, by_loads: Layer) -> tuple[Layer, Crossing]:
    """Place the experts of a layer."""
    ranks, slots = by_loads.slots.shape
    load = rows.sum(axis=0) / rows.sum() * ranks
    copies = np.bincount(by_loads.slots.ravel(), minlength=len(load))
    each = load / copies
    sent = np.zeros((boxes.max() + 1, len(load)))
    np.add.at(sent, boxes, rows / rows.sum())
    kept = sent / copies  # of a replica, by the box that it is in
    limit = by_loads.largest + SLACK
    best, bound = _most_kept(kept, copies, boxes, slots)
    found = []
    for start in (by_loads.slots.copy(), best):
        _unload(start, each, kept, boxes, limit)
        _improve(start, each, kept, boxes, limit)
        once = all(len(set(row)) == slots for row in start.tolist())
        if once and each[start].sum(axis=1).max() <= limit + GAIN:
            found.append(start)
    held = max(found, key=lambda one: _kept(one, kept, boxes))
    plain = np.array_split(np.arange(len(load)), ranks)
    stays = sum(float(sent[boxes[rank], own].sum()) for rank, own in enumerate(plain))
    crossing = Crossing(
        1 - stays,
        1 - _kept(by_loads.slots, kept, boxes),
        1 - _kept(held, kept, boxes),
        max(1 - bound, 0.0),
    )
    largest = float(each[held].sum(axis=1).max())
    return replace(by_loads, slots=held, largest=largest), crossing


def _kept(held: IntArray, kept: FloatArray, boxes: IntArray) -> float:
    """Add up what stays in boxes."""
    return float(kept[boxes[:, None], held].sum())


def _most_kept(
    kept: FloatArray, copies: IntArray, boxes: IntArray, slots: int
) -> tuple[IntArray, float]:
    """Give replicas to the slots of boxes so that most stays, and lay them out on ranks."""
    replicas = np.repeat(np.arange(len(copies)), copies)
    owner = np.repeat(boxes, slots)
    row, column = linear_sum_assignment(kept[owner][:, replicas], maximize=True)
    held = np.empty(len(owner), dtype=np.int64)
    held[row] = replicas[column]
    for box in range(int(boxes.max()) + 1):
        own = np.flatnonzero(owner == box)
        held[own] = _spread(held[own], len(own) // slots)
    return held.reshape(len(boxes), slots), float(kept[owner[row], replicas[column]].sum())


def _spread(experts: IntArray, ranks: int) -> IntArray:
    """Deal experts out to the ranks of a box in turn, those of one expert to different ones."""
    dealt = np.sort(experts)
    return dealt.reshape(-1, ranks).T.ravel()


def _unload(
    held: IntArray, each: FloatArray, kept: FloatArray, boxes: IntArray, limit: float
) -> None:
    """Exchange replicas of the fullest rank with lighter ones of ranks that stay below it.

    Of the exchanges that lower the larger of the two loads the one that costs least for it.
    """
    for _ in range(4 * held.size):
        sums = each[held].sum(axis=1)
        full = int(sums.argmax())
        if sums[full] <= limit:
            return
        moved = each[held[full]][:, None, None] - each[held][None]
        larger = np.maximum(sums[full] - moved, sums[None, :, None] + moved)
        gain = sums[full] - larger
        own, other = held[full][:, None, None], held[None]
        here, there = boxes[full], boxes[None, :, None]
        cost = kept[here, own] + kept[there, other] - kept[there, own] - kept[here, other]
        twice = (
            np.isin(held, held[full])[None]
            | (held[:, None, :] == held[full][None, :, None]).any(axis=2).T[:, :, None]
        )
        price = np.where(
            (gain > GAIN) & ~twice, np.maximum(cost, 0) / np.maximum(gain, GAIN), np.inf
        )
        a, rank, slot = np.unravel_index(int(price.argmin()), price.shape)
        if not np.isfinite(price[a, rank, slot]):
            return
        held[full, a], held[rank, slot] = held[rank, slot], held[full, a]


def _improve(
    held: IntArray, each: FloatArray, kept: FloatArray, boxes: IntArray, limit: float
) -> None:
    """Exchange pairs of replicas while less crosses and no rank comes above the limit."""
    ranks, slots = held.shape
    rank = np.repeat(np.arange(ranks), slots)
    box = boxes[rank]
    for _ in range(TURNS):
        flat = held.ravel()
        sums = each[held].sum(axis=1)
        value = kept[:, flat]  # of each replica in each box
        own = value[box, np.arange(len(flat))]
        swapped = value[box]  # (slot i, replica j): j in the box of i
        gain = swapped + swapped.T - own[:, None] - own[None]
        change = each[flat][None] - each[flat][:, None]
        over = (sums[rank][:, None] + change > limit) | (sums[rank][None] - change > limit)
        gain[over | (rank[:, None] == rank[None])] = 0.0
        if not _swap_many(held, gain, rank):
            return


def _swap_many(held: IntArray, gain: FloatArray, rank: IntArray) -> bool:
    """Do the exchanges that gain most, each rank in one of them; tell whether there was any."""
    slots = held.shape[1]
    busy = np.zeros(len(held), dtype=np.bool_)
    upper = np.triu(gain)
    some = False
    for pair in np.argsort(-upper, axis=None)[: 4 * len(rank)].tolist():
        i, j = divmod(pair, len(rank))
        if upper[i, j] <= GAIN:
            break
        a, b = int(rank[i]), int(rank[j])
        x, y = held[a, i % slots], held[b, j % slots]
        if busy[a] or busy[b] or x in held[b] or y in held[a]:
            continue
        held[a, i % slots], held[b, j % slots] = y, x
        busy[[a, b]] = some = True
    return some
