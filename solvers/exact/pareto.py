"""The frontier of latency and bandwidth: for each number of steps, the least rounds / chunks."""

from collections.abc import Iterator
from fractions import Fraction
from heapq import heapify, heapreplace
from math import ceil

from solvers.exact.model import Instance
from solvers.exact.search import FOUND, Answer, ScclSearch
from solvers.settings.deadline import NO_DEADLINE, Watch

MORE_STEPS = 4  # beyond the least number of steps, unless the user says otherwise
PATIENCE = 0.25  # of the work that is left, for one question


def frontier(
    exact: ScclSearch, chunks: int, steps: int | None = None, watch: Watch = NO_DEADLINE
) -> Iterator[Answer]:
    """Ask, for ascending numbers of steps, ever looser points until one is found; give all answers.

    Only ratios of rounds to chunks are asked for that fewer steps did not reach; the end is where
    nothing better can be with so few chunks, at the most steps, or when the time is over. With
    nothing but `found` and `impossible` among the answers, those found are the whole frontier
    within these limits.

    Args:
        exact: the search of one machine and collective.
        chunks: the most pieces of a block.
        steps: the most steps.
        watch: says when to stop.
    """
    first = max(exact.least_steps, exact.parts)
    last = first + MORE_STEPS * exact.parts if steps is None else steps
    least = min(_least(exact, c) / c for c in range(1, chunks + 1))
    best: Fraction | None = None
    for count in range(first, last + 1, exact.parts):
        for point in _points(exact, count, chunks):
            ratio = Fraction(point.rounds, point.chunks)
            if watch.over or (best is not None and ratio >= best):
                break
            answer = exact.ask(point, watch.part(PATIENCE))
            yield answer
            if answer.verdict == FOUND:
                best = ratio
                break
        if watch.over or best == least:
            return


def _least(exact: ScclSearch, chunks: int) -> Fraction:
    """Compute the fewest rounds that the bound leaves for so many chunks."""
    return Fraction(exact.parts * ceil(exact.least_ratio * chunks / exact.parts))


def _points(exact: ScclSearch, steps: int, chunks: int) -> Iterator[Instance]:
    """List the points of so many steps, by rounds / chunks, among equals fewest chunks first."""
    first = [(c, max(steps, int(_least(exact, c)))) for c in range(1, chunks + 1)]
    heap = [(Fraction(r, c), c, r) for c, r in first]
    heapify(heap)
    while True:
        _, c, r = heap[0]
        yield Instance(steps, r, c)
        heapreplace(heap, (Fraction(r + exact.parts, c), c, r + exact.parts))
