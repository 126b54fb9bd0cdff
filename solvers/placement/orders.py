"""Placements by a rule: nested orders over a machine's hierarchy, and what others do.

A nested order cuts the dimensions of a layout into factors and says which varies fastest over the
ranks of the machine in the order of its boxes. Where boxes at each level are of one size, only what
part of each dimension lies inside a box of each level decides what the cuts are loaded with: a
vector of divisors for each level, each a multiple of that of the level inside. All such chains are
listed; of those that share a chain one stands for all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from solvers.jobs.job import Layout
from solvers.jobs.layout import Axis, axes, groups, world
from solvers.placement.cuts import Family
from topologies.model.topology import IntArray, frozen

MOST_CHAINS = 5000
SEED = 1


@dataclass(frozen=True, eq=False)
class Nested:
    """A nested order: its factors as (axis, size), the fastest first."""

    factors: tuple[tuple[int, int], ...]
    axes: tuple[Axis, ...]

    @property
    def title(self) -> str:
        """Name it: `tp8 dp2 | dp6 pp8` would be two of the factors of dp."""
        words = [(name(self.axes[axis]), size) for axis, size in self.factors]
        merged: list[tuple[str, int]] = []
        for word, size in words:
            if merged and merged[-1][0] == word:
                merged[-1] = word, merged[-1][1] * size
            else:
                merged.append((word, size))
        return "-".join(f"{word}{size}" for word, size in merged)

    def place(self, positions: IntArray) -> IntArray:
        """Give each rank of the job a rank, by the order of the machine's."""
        return _place(self.factors, self.axes, positions)


def name(axis: Axis) -> str:
    """Name an axis: the dimension, and that of the experts where it is another one."""
    if axis.dense == axis.experts or axis.experts in ("etp", "edp"):
        return axis.dense
    return f"{axis.dense}({axis.experts})"


def _place(factors: Sequence[tuple[int, int]], of: Sequence[Axis], positions: IntArray) -> IntArray:
    """Write positions in the mixed radix of the factors, and read them as ranks of the job."""
    at = np.arange(prod(axis.size for axis in of))
    digit = [np.zeros_like(at) for _ in of]
    done = [1] * len(of)
    for axis, size in factors:
        digit[axis] += (at % size) * done[axis]
        done[axis] *= size
        at = at // size
    rank, weight = np.zeros_like(at), 1
    for own, each in zip(digit, of, strict=True):
        rank += own * weight
        weight *= each.size
    found = np.empty_like(rank)
    found[rank] = positions[: len(rank)]
    return found


def nested(layout: Layout, levels: Sequence[int]) -> tuple[list[Nested], bool]:
    """List nested orders for boxes of some sizes, one for each chain; and whether these are all.

    Args:
        layout: of the job.
        levels: sizes of boxes, ascending; those that do not divide each other or the ranks are
            passed over.
    """
    of = tuple(axes(layout))
    count = world(layout)
    sizes = [1]
    for size in [*levels, count]:
        if size > sizes[-1] and size % sizes[-1] == 0 and count % size == 0:
            sizes.append(size)
    chains: list[tuple[tuple[int, ...], ...]] = [((1,) * len(of),)]
    for inner, outer in pairwise(sizes):
        longer = [
            (*chain, vector)
            for chain in chains[: MOST_CHAINS + 1]
            for vector in _vectors(chain[-1], [a.size for a in of], outer // inner)
        ]
        chains = longer
    return [Nested(_factors(chain), of) for chain in chains[:MOST_CHAINS]], len(
        chains
    ) <= MOST_CHAINS


def _vectors(inner: tuple[int, ...], sizes: Sequence[int], times: int) -> Iterator[tuple[int, ...]]:
    """List the multiples of a vector whose product is so many times as large, within the sizes."""
    if not inner:
        if times == 1:
            yield ()
        return
    first, size = inner[0], sizes[0] // inner[0]
    for factor in range(min(size, times), 0, -1):
        if size % factor == 0 and times % factor == 0:
            for rest in _vectors(inner[1:], sizes[1:], times // factor):
                yield (first * factor, *rest)


def _factors(chain: Sequence[tuple[int, ...]]) -> tuple[tuple[int, int], ...]:
    """Read the factors that are added from level to level off a chain."""
    return tuple(
        (axis, after // before)
        for inner, outer in pairwise(chain)
        for axis, (before, after) in enumerate(zip(inner, outer, strict=True))
        if after > before
    )


def by_names(layout: Layout, order: Sequence[str]) -> Nested:
    """Give the order of whole dimensions, the fastest first; ep is where dp is, if not named."""
    of = tuple(axes(layout))
    place = {dimension: at for at, dimension in enumerate(order)}
    chosen = sorted(range(len(of)), key=lambda axis: (place.get(of[axis].dense, 0), axis))
    return Nested(tuple((axis, of[axis].size) for axis in chosen), of)


def baselines(layout: Layout, positions: IntArray) -> dict[str, IntArray]:
    """Give the placements that others would use, by name.

    Megatron-LM numbers tp-cp-ep-dp-pp; its reverse has pp fastest; PyTorch's DeviceMesh is
    row-major, the last name fastest, here of ("dp", "pp", "cp", "tp") as its tutorials nest
    replicas outermost; a scheduler that knows no topology gives ranks at random.

    Args:
        layout: of the job.
        positions: the ranks that may be used, as they are numbered.
    """
    count = world(layout)
    shuffled = np.random.default_rng(SEED).permutation(np.sort(positions))[:count]
    rows = {
        "Megatron-LM's": ("tp", "cp", "dp", "pp"),
        "the reverse": ("pp", "dp", "cp", "tp"),
        "DeviceMesh's": ("tp", "cp", "pp", "dp"),
    }
    found = {
        title: by_names(layout, order).place(np.sort(positions)) for title, order in rows.items()
    }
    if layout.order != Layout().order:
        own = tuple(word for word in layout.order.split("-") if word != "ep")
        found["the job's own"] = by_names(layout, own).place(np.sort(positions))
    return found | {"at random": frozen(shuffled)}


def spread(layout: Layout, tiers: Sequence[Family], placement: IntArray) -> tuple[int, ...]:
    """Count how many boxes groups lie in, the most of any and all together.

    First those of tp, in the smallest boxes that can hold one, as it is never parted where that
    need not be; then those of dp and pp in the largest boxes. Source: the objective of Arnold,
    arXiv:2509.15940, which knows no bytes.

    Args:
        layout: of the job.
        tiers: of the machine, the coarsest first.
        placement: of the job.
    """
    holding = [tier for tier in tiers if np.bincount(tier.label).max() >= layout.tp]
    found: list[int] = []
    for kinds, tier in ((("tp",), (holding or tiers)[-1]), (("dp", "pp"), tiers[0])):
        counts = []
        for kind in kinds:
            label = np.sort(tier.label[placement[groups(layout, kind)]], axis=1)
            counts.append(1 + (label[:, 1:] != label[:, :-1]).sum(axis=1))
        found += [max(int(each.max()) for each in counts), sum(int(each.sum()) for each in counts)]
    return tuple(found)


def positions(tiers: Sequence[Family], ranks: IntArray, block: int = 1) -> IntArray:
    """Order ranks by the boxes that they are in, whole blocks of each box before what is left over.

    Args:
        tiers: the coarsest first.
        ranks: those that may be used.
        block: ranks that should not be parted.
    """
    keys = [tier.label[ranks] for tier in tiers]
    order = ranks[np.lexsort([ranks, *reversed(keys)])]
    holding = [tier for tier in tiers if np.bincount(tier.label[ranks]).max(initial=0) >= block]
    if block == 1 or not holding:
        return order
    label = holding[-1].label[order]
    start = np.flatnonzero(np.append(True, label[1:] != label[:-1]))
    size = np.diff(np.append(start, len(label)))
    inside = np.arange(len(label)) - np.repeat(start, size)
    spare = inside >= np.repeat(size - size % block, size)
    return np.concatenate([order[~spare], order[spare]])
