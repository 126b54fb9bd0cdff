"""HCCL's nonuniform hierarchical ring: as many rounds as doubling needs, for any number of ranks.

Most data go between neighbours in number: an all_gather begins with one piece to the farthest and
ends with half of all to the next, and a reduce_scatter is its mirror image.

Source: "NHR" in the guide of HCCL's algorithms, with the steps of its open sources.
"""

from collections.abc import Iterator

from solvers.selectable import spreads, trees
from solvers.selectable.messages import Message, Pattern, pattern


def gather(n: int) -> Pattern:
    """Gather everything at everyone."""
    return pattern(_gathering(n))


def shares(n: int) -> Pattern:
    """Add up, and leave each its share."""
    return pattern(_adding(n))


def total(n: int) -> Pattern:
    """Add up shares, then gather them."""
    return pattern([*_adding(n), *_gathering(n, rounds(n))], parts=n)


def scatter(n: int) -> Pattern:
    """Send down a binomial tree what is for each of a subtree."""
    tree = trees.binomial(n)
    size = trees.sizes(tree)
    return pattern(spreads.turns(tree, lambda child: range(child, child + size[child])))


def broadcast(n: int) -> Pattern:
    """Scatter parts, then gather them at everyone."""
    first = list(scatter(n).messages)
    last = max((message.round for message in first), default=-1) + 1
    return pattern([*first, *_gathering(n, last)], parts=n)


def rounds(n: int) -> int:
    """Count the rounds of a gathering."""
    return (n - 1).bit_length()


def _gathering(n: int, first: int = 0) -> Iterator[Message]:
    """Send to the rank `span` above: the own piece, and each that is 2 span, 4 span, ... below."""
    for turn in range(rounds(n)):
        span = 1 << (rounds(n) - 1 - turn)
        for i in range(n):
            yield Message(first + turn, i, (i + span) % n, _sent(n, i, span))


def _adding(n: int) -> Iterator[Message]:
    for turn in range(rounds(n)):
        span = 1 << turn
        for i in range(n):
            yield Message(turn, (i + span) % n, i, _sent(n, i, span), True)


def _sent(n: int, i: int, span: int) -> list[int]:
    return [(i - 2 * span * k) % n for k in range((n - 1 + span) // (2 * span))]
