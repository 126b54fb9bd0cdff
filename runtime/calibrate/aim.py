"""Rounds that fill a cable: designed with what is known of the machine so far.

A set of flows can fill cable e if, were e without limit, they would put more on it than it carries:
their potential. Of sets that come to mind for e (each sender of the one side with a receiver of the
other, one sender to all, all to one, all pairs) the one of largest potential is taken; that
needs the figures of the other cables, but none of e itself, so that a wrong one of e does no harm.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from runtime.calibrate.model.fair import fair_rates, passes
from runtime.calibrate.model.wires import Wires
from runtime.calibrate.readings import Flow, Pair, Pairs, Round
from topologies.model.topology import FloatArray

MOST_FLOWS = 64  # of a round that fills one cable
DRAWN = 3  # matchings that are tried for each cable
GAIN = 1.04  # of what a cable carried already, that a round must be able to put on it
ENOUGH = 0.9  # of the best potential: a round that is there anyhow does as well,
SURE = 1.3  # or one whose potential is so many times what the cable is thought to carry
MOST_AIMED = 96  # cables looked at in one go


@dataclass(frozen=True, eq=False)
class Aims:
    """Rounds, and the cables that nothing fills more than they were already."""

    rounds: tuple[Round, ...]
    hopeless: frozenset[int]


def aim(
    net: Wires,
    capacity: FloatArray,
    least: FloatArray,
    wanted: Sequence[int],
    draw: np.random.Generator,
    done: Container[Pairs] = (),
) -> Aims:
    """Design rounds that fill the wanted cables.

    Args:
        net: the cables.
        capacity: of each, as far as is known.
        least: that each carried already.
        wanted: cables, the most important first.
        draw: chances.
        done: flows of rounds that are not to be made again; then of many flows, if they suffice, as
            one that is counted wrong matters less among others.
    """
    rounds: list[Round] = []
    hopeless = set()
    through = _through(net)
    for cable in wanted[:MOST_AIMED]:
        enough = capacity[cable] * SURE if done else np.inf
        tried = [
            (
                min(potential(net, pairs, capacity, cable), enough),
                len(pairs) if done else -len(pairs),
                pairs,
            )
            for pairs in _candidates(through[cable], draw)
            if tuple(pairs) not in done
        ]
        best = max(tried, default=(0.0, 0, []))
        if best[0] <= GAIN * least[cable]:
            hopeless.add(cable)
        elif not _is_served(
            net, rounds, capacity, cable, min(best[0] * ENOUGH, capacity[cable] * SURE)
        ):
            rounds.append(guess(net, best[2], capacity))
    return Aims(tuple(rounds), frozenset(hopeless))


def potential(net: Wires, pairs: Sequence[Pair], capacity: FloatArray, cable: int) -> float:
    """Compute what flows would put on a cable that had no limit, bytes per second."""
    passing = passes([net.ways[pair] for pair in pairs], net.cables)
    unlimited = capacity.copy()
    unlimited[cable] = np.inf
    rates = fair_rates(passing, unlimited)[passing[:, cable]]
    return float(rates.sum())


def guess(net: Wires, pairs: Sequence[Pair], capacity: FloatArray) -> Round:
    """Say of each flow what it may carry, so that its messages are neither too small nor too large.

    That is the geometric mean of its even share and of what it would carry alone: with messages
    that are too small a stream waits for answers, where it could carry more than is thought.
    """
    ways = [net.ways[pair] for pair in pairs]
    shares = fair_rates(passes(ways, net.cables), capacity)
    alone = [capacity[list(way)].min() for way in ways]
    rates = np.sqrt(shares * alone).tolist()
    return tuple(Flow(*pair, rate) for pair, rate in zip(pairs, rates, strict=True))


def _is_served(
    net: Wires, rounds: Sequence[Round], capacity: FloatArray, cable: int, wanted: float
) -> bool:
    """Tell whether a round that is there already puts as much on a cable."""
    return any(
        potential(net, [flow.pair for flow in each], capacity, cable) >= wanted for each in rounds
    )


def _through(net: Wires) -> list[list[Pair]]:
    """List the pairs whose data pass each cable."""
    found: list[list[Pair]] = [[] for _ in range(net.cables)]
    for pair, way in net.ways.items():
        for cable in way:
            found[cable].append(pair)
    return found


def _candidates(pairs: Sequence[Pair], draw: np.random.Generator) -> Iterator[list[Pair]]:
    """List sets of pairs that all pass a cable."""
    if not pairs:
        return
    if len(pairs) <= MOST_FLOWS:
        yield list(pairs)
    for _ in range(DRAWN):
        mixed = [pairs[i] for i in draw.permutation(len(pairs))]
        first = _match(mixed)
        yield first
        yield (first + _match([pair for pair in mixed if pair not in set(first)]))[:MOST_FLOWS]
    for end in (0, 1):
        counts = np.bincount([pair[end] for pair in pairs])
        busiest = int(counts.argmax())
        yield [pair for pair in pairs if pair[end] == busiest][:MOST_FLOWS]


def _match(pairs: Sequence[Pair]) -> list[Pair]:
    """Take pairs while no rank sends twice or receives twice."""
    found: dict[int, int] = {}
    taken: set[int] = set()
    for src, dst in pairs:
        if src not in found and dst not in taken:
            found[src] = dst
            taken.add(dst)
    return list(found.items())
