"""All small machines of ranks and direct links that cannot be told apart, each of them once."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import permutations, product

import numpy as np

from topologies.model.reachability import faults
from topologies.model.topology import Link, Topology, build

Rates = tuple[int, ...]  # of each ordered pair of ranks, 0 for no link


def digraphs(ranks: int, rates: Sequence[int] = (1,)) -> Iterator[Topology]:
    """Give each strongly connected digraph, up to the names of its ranks, with such link rates.

    Complexity: (rates + 1)^(ranks (ranks - 1)) × ranks!.
    """
    images = _images(ranks)
    seen: set[Rates] = set()
    for drawn in product((0, *rates), repeat=ranks * (ranks - 1)):
        if drawn not in seen:
            seen.update(tuple(drawn[pair] for pair in image) for image in images)
            yield from _is_connected(ranks, drawn)


def sample(ranks: int, rates: Sequence[int], count: int, seed: int = 0) -> Iterator[Topology]:
    """Draw strongly connected digraphs, each pair of ranks with a link or none."""
    draw = np.random.default_rng(seed)
    while count:
        drawn = draw.choice((0, *rates), ranks * (ranks - 1))
        for made in _is_connected(ranks, tuple(drawn.tolist())):
            yield made
            count -= 1


def _images(ranks: int) -> list[list[int]]:
    """Say for each renaming of the ranks where each ordered pair goes."""
    pairs = list(permutations(range(ranks), 2))
    place = {pair: i for i, pair in enumerate(pairs)}
    return [[place[new[src], new[dst]] for src, dst in pairs] for new in permutations(range(ranks))]


def _is_connected(ranks: int, rates: Rates) -> Iterator[Topology]:
    """Make the machine if all its ranks reach each other."""
    names = [f"g{i}" for i in range(ranks)]
    pairs = zip(permutations(names, 2), rates, strict=True)
    links = [Link(*pair, Fraction(rate)) for pair, rate in pairs if rate]
    made = build("digraph-" + "".join(map(str, rates)), names, [], links)
    if not faults(made):
        yield made
