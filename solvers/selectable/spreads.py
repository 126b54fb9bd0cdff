"""How libraries broadcast from process 0."""

from collections.abc import Callable, Iterator, Sequence

from solvers.selectable import trees
from solvers.selectable.gathers import distances, partners, ring_rounds
from solvers.selectable.messages import Message, Pattern, pattern
from solvers.selectable.trees import Children
from topologies.model.units import Bytes


def down_tree(children: Children, segment: Bytes = 0) -> Pattern:
    """Send down a tree, to all children at once, whole or in segments one after the other."""
    deep = trees.depths(children)
    messages = [Message(deep[i], i, c, [0]) for i, own in enumerate(children) for c in own]
    return pattern(messages, segment=segment, waits=not segment)


def one_by_one(children: Children, segment: Bytes = 0) -> Pattern:
    """Send down a tree, to one child after the other, whole or in segments.

    A send of a segment is over when it is buffered, so that segments wait for nothing but data.
    """
    return pattern(turns(children, lambda _: [0]), segment=segment, waits=not segment)


def turns(children: Children, pieces: Callable[[int], Sequence[int]]) -> Iterator[Message]:
    """Let each process begin when it has its data, and send to a child in each round."""
    start = [0] * len(children)
    order = [0]
    for i in order:
        for turn, child in enumerate(children[i]):
            yield Message(start[i] + turn, i, child, pieces(child))
            start[child] = start[i] + turn + 1
            order.append(child)


def scatter_at_once(n: int) -> Pattern:
    """Let the root send each its piece at once."""
    return pattern(Message(0, 0, i, [i]) for i in range(n))


def scatter_gather_at_once(n: int) -> Pattern:
    """Scatter parts at once, then let each send its part to all others at once."""
    spread = [Message(0, 0, i, [i]) for i in range(n)]
    return pattern([*spread, *(Message(1, i, j, [i]) for i in range(n) for j in range(n))], parts=n)


def scatter_gather(n: int, ring: bool) -> Pattern:
    """Scatter over a binomial tree, then gather all parts at all, over a ring or by doubling.

    In the second half everyone sends whole runs of parts, also to those who have some of them.

    Source: van de Geijn's algorithm, as Thakur, Rabenseifner and Gropp describe it, section 4.4.
    """
    tree = trees.binomial(n)
    size = trees.sizes(tree)
    messages = list(turns(tree, lambda child: list(range(child, child + size[child]))))
    first = max((m.round for m in messages), default=-1) + 1
    if ring:
        return pattern([*messages, *ring_rounds(n, first)], parts=n)
    return pattern([*messages, *doubling(n, first)], parts=n)


def doubling(n: int, first: int = 0) -> Iterator[Message]:
    """Let runs of 1, 2, 4, ... parts be swapped between processes at that distance; n = 2**m."""
    for turn, span in enumerate(distances(n, 2)):
        for i in range(n):
            run = range(i // span * span, i // span * span + span)
            yield from (Message(first + turn, i, other, run) for other in partners(i, span, 2))
