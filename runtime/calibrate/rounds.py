"""Which ranks measure at the same time: rounds in which each sends once and receives once."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from runtime.calibrate.readings import Pair
from topologies.model.topology import IntArray

Unit = tuple[int, ...]  # ranks that are taken together


def shifts(order: Sequence[int]) -> Iterator[list[Pair]]:
    """List the rounds in which each sends to the one so many places on, around the order.

    n - 1 rounds hold each ordered pair once: a 1-factorisation of the complete digraph.
    """
    count = len(order)
    for step in range(1, count):
        yield [(order[i], order[(i + step) % count]) for i in range(count)]


def permutations(count: int, draw: np.random.Generator) -> Iterator[list[Pair]]:
    """List rounds for ever: first the shifts in the order of the ranks, then in orders by chance.

    What lies together usually has numbers that do, so that the first shifts far on load what joins
    such groups fully; orders by chance see to groups of any other kind.
    """
    order = np.arange(count)
    while True:
        yield from _far_first(list(shifts(order.tolist())))
        order = draw.permutation(count)


def _far_first(rounds: list[list[Pair]]) -> list[list[Pair]]:
    """Put the shifts half around first, then by turns those nearer and further."""
    half = len(rounds) // 2
    by_turns = chain.from_iterable(zip(rounds[half::-1], rounds[half + 1 :], strict=False))
    found = list(by_turns)
    return found + [each for each in rounds if each not in found]


def triples(order: Sequence[int]) -> Iterator[list[Pair]]:
    """List rounds in which of each three neighbours two send to the third, or it sends to them.

    Everyone is the third once each way at least. Those left over join the last three.
    """
    last = max(len(order) // 3 - 1, 0) * 3
    parts = [order[k : k + 3] for k in range(0, last, 3)] + [order[last:]]
    for third in range(len(parts[-1])):
        ends = [(part[third % len(part)], part) for part in parts]
        into = [(other, one) for one, part in ends for other in part if other != one]
        yield into
        yield [(one, other) for other, one in into]


def matchings(count: int) -> Iterator[list[Pair]]:
    """List rounds that hold each unordered pair once, no rank twice in one (circle method).

    Source: Kirkman, On a problem in combinations, 1847. Of an odd number one rests in each round.
    """
    places: IntArray = np.arange(count + count % 2)
    for _ in range(len(places) - 1):
        half = len(places) // 2
        pairs = zip(places[:half].tolist(), places[: half - 1 : -1].tolist(), strict=True)
        yield [(a, b) for a, b in pairs if max(a, b) < count]
        places = np.concatenate([places[:1], np.roll(places[1:], 1)])


def spread(src: Unit, dst: Unit) -> list[Pair]:
    """Pair the ranks of two units, each of the larger one once."""
    count = max(len(src), len(dst))
    return [(src[k % len(src)], dst[k % len(dst)]) for k in range(count)]
