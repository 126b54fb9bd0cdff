"""How libraries add up: at everyone (all_reduce), each its own share, or at process 0."""

from collections.abc import Iterator

from solvers.selectable import trees
from solvers.selectable.gathers import distances, fold, partners, ring_rounds
from solvers.selectable.messages import Message, Pattern, pattern
from solvers.selectable.spreads import doubling
from solvers.selectable.trees import Children
from topologies.model.units import Bytes


def whole_exchange(n: int, k: int = 2) -> Pattern:
    """Let groups of k swap all they have added up so far; who is left over goes by a partner."""
    core, before, after = fold(n, k)
    messages = [Message(0, i, to, [0], True) for i, to in before.items()]
    spans = distances(len(core), k)
    for turn, span in enumerate(spans):
        for place, i in enumerate(core):
            others = partners(place, span, k)
            messages += [Message(1 + turn, i, core[other], [0], True) for other in others]
    messages += [Message(1 + len(spans), to, i, [0]) for i, to in after.items()]
    return pattern(messages)


def halving_doubling(n: int, k: int = 2, far_first: bool = False) -> Pattern:
    """Share out the sum by exchanges in groups of k, then gather the shares back the same way.

    Args:
        n: processes.
        k: of a group.
        far_first: whether the first exchange, with most data, is between distant processes.

    Source: Rabenseifner, Optimization of collective reduction operations, ICCS 2004.
    """
    core, before, after = fold(n, k)
    m = len(core)
    everything = range(m)
    messages = [Message(0, i, to, everything, True) for i, to in before.items()]
    spans = distances(m, k)
    order = spans[::-1] if far_first else spans
    for turn, span in enumerate(order):
        done = order[:turn]
        for place, i in enumerate(core):
            for other in partners(place, span, k):
                share = _alike(other, [*done, span], m, k)
                messages.append(Message(1 + turn, i, core[other], share, True))
    for turn, span in enumerate(order[::-1]):
        left = order[: len(order) - turn]
        for place, i in enumerate(core):
            own = _alike(place, left, m, k)
            others = partners(place, span, k)
            first = 1 + len(order) + turn
            messages += [Message(first, i, core[other], own) for other in others]
    last = 1 + 2 * len(order)
    messages += [Message(last, to, i, everything) for i, to in after.items()]
    return pattern(messages, parts=m)


def _alike(place: int, spans: list[int], m: int, k: int) -> list[int]:
    """List the shares of those whose digits of some weights are those of a process."""
    return [p for p in range(m) if all(p // s % k == place // s % k for s in spans)]


def ring(n: int, doubles: bool = False) -> Pattern:
    """Add up shares along the ring, then gather them along it, or by doubling."""
    gather = doubling(n, n - 1) if doubles else ring_rounds(n, n - 1, 0)
    return pattern([*_ring_sums(n), *gather], parts=n)


def _ring_sums(n: int) -> Iterator[Message]:
    """Add up along the ring; share i ends at process i."""
    for turn in range(n - 1):
        for i in range(n):
            yield Message(turn, i, (i + 1) % n, [(i - 1 - turn) % n], True)


def up_and_down(children: Children, segment: Bytes = 0) -> Pattern:
    """Add up a tree, and send the sum down again, whole or in segments."""
    deep = trees.depths(children)
    most = max(deep)
    up = [Message(most - deep[c], c, i, [0], True) for i, own in enumerate(children) for c in own]
    down = [Message(most + deep[i], i, c, [0]) for i, own in enumerate(children) for c in own]
    return pattern([*up, *down], segment=segment, waits=not segment)


def reduced_then_sent(n: int) -> Pattern:
    """Add up at process 0 straight from everyone, and send it to everyone."""
    up = [Message(0, i, 0, [0], True) for i in range(1, n)]
    return pattern([*up, *(Message(1, 0, i, [0]) for i in range(1, n))])


def one_shot(n: int) -> Pattern:
    """Send everything to everyone at once; each adds up for itself."""
    return pattern(Message(0, i, j, [0], True) for i in range(n) for j in range(n))


def two_shot(n: int) -> Pattern:
    """Send each its share at once, and then each sum to everyone."""
    pairs = [(i, j) for i in range(n) for j in range(n)]
    shares = [Message(0, i, j, [j], True) for i, j in pairs]
    return pattern([*shares, *(Message(1, i, j, [i]) for i, j in pairs)], parts=n)


def shares_halving(n: int) -> Pattern:
    """Share out the sum, the far halves first; who is left over sends all, and gets its share.

    Source: Thakur, Rabenseifner and Gropp, IJHPCA 2005, section 4.2.
    """
    core, before, after = fold(n, 2)
    everything = range(n)
    shares = [[i for i in range(n) if before.get(i, i) == own] for own in core]
    messages = [Message(0, i, to, everything, True) for i, to in before.items()]
    spans = distances(len(core), 2)[::-1]
    for turn, span in enumerate(spans):
        for place, i in enumerate(core):
            for other in partners(place, span, 2):
                theirs = _alike(other, spans[: turn + 1], len(core), 2)
                share = [p for q in theirs for p in shares[q]]
                messages.append(Message(1 + turn, i, core[other], share, True))
    messages += [Message(1 + len(spans), to, i, [i]) for i, to in after.items()]
    return pattern(messages)


def shares_pairwise(n: int) -> Pattern:
    """Send each its share, to one other in each round."""
    return pattern(
        Message(turn - 1, i, (i + turn) % n, [(i + turn) % n], True)
        for turn in range(1, n)
        for i in range(n)
    )


def shares_at_once(n: int) -> Pattern:
    """Send each its share, to all others at once."""
    return pattern(Message(0, i, j, [j], True) for i in range(n) for j in range(n))


def shares_ring(n: int) -> Pattern:
    """Add up shares along the ring."""
    return pattern(_ring_sums(n))
