"""How libraries gather everything at everyone: each process has a piece in the beginning."""

from collections.abc import Iterator, Sequence

from solvers.selectable.messages import Message, Pattern, pattern


def ring(n: int) -> Pattern:
    """Hand everything on to the next process, n - 1 times."""
    return pattern(ring_rounds(n))


def ring_rounds(n: int, first: int = 0, shift: int = 0) -> Iterator[Message]:
    """List the rounds of a ring; process i begins with piece i + shift."""
    for turn in range(n - 1):
        for i in range(n):
            yield Message(first + turn, i, (i + 1) % n, [(i + shift - turn) % n])


def neighbour_exchange(n: int) -> Pattern:
    """Swap with one neighbour and the other in turn, two pieces at a time; n must be even.

    Source: Chen, Zhang, Zhang and Yuan, Performance evaluation of allgather algorithms on
    terascale Linux cluster with Fast Ethernet, HPC Asia 2005.
    """
    messages, have = [], [[i] for i in range(n)]
    for turn in range(n // 2):
        fresh: list[list[int]] = []
        for i in range(n):
            other = i ^ 1 if turn % 2 == 0 else (i - 1 if i % 2 == 0 else i + 1) % n
            messages.append(Message(turn, other, i, have[other]))
            fresh.append(have[other] if turn else [*have[i], *have[other]])
        have = fresh
    return pattern(messages)


def linear(n: int) -> Pattern:
    """Gather at process 0, which sends everything to each of the others."""
    everything = range(n)
    gather = [Message(0, i, 0, [i]) for i in range(1, n)]
    return pattern([*gather, *(Message(1, 0, i, everything) for i in range(1, n))])


def direct(n: int) -> Pattern:
    """Let each send its piece to all others at once."""
    return pattern(Message(0, i, j, [i]) for i in range(n) for j in range(n))


def bruck(n: int, k: int = 2) -> Pattern:
    """Fetch from k - 1 others at growing distances what they have by then.

    Source: Bruck, Ho, Kipnis, Upfal and Weathersby, IEEE TPDS 8(11), 1997.
    """
    messages, distance, turn = [], 1, 0
    while distance < n:
        for i in range(n):
            for j in range(1, k):
                count = min(distance, n - j * distance)
                src = (i + j * distance) % n
                pieces = [(src + b) % n for b in range(max(count, 0))]
                messages.append(Message(turn, src, i, pieces))
        distance, turn = distance * k, turn + 1
    return pattern(messages)


def recursive_doubling(n: int) -> Pattern:
    """Swap all that one has with the process whose number differs in one bit; n a power of 2."""
    return exchange(n, 2)


def exchange(n: int, k: int, far_first: bool = False) -> Pattern:
    """Let groups of k swap what they have; processes that are left over go through a partner.

    Args:
        n: processes.
        k: of a group.
        far_first: whether the first groups are of distant processes.
    """
    core, before, after = fold(n, k)
    have: list[list[int]] = [[] for _ in range(n)]
    for i in range(n):
        have[before.get(i, i)].append(i)
    messages = [Message(0, i, to, [i]) for i, to in before.items()]
    spans = distances(len(core), k)
    for turn, span in enumerate(spans[::-1] if far_first else spans):
        fresh = [list(own) for own in have]
        for place, i in enumerate(core):
            for other in partners(place, span, k):
                messages.append(Message(1 + turn, i, core[other], have[i]))
                fresh[core[other]] += have[i]
        have = fresh
    last = 1 + len(spans)
    messages += [Message(last, to, i, [p for p in range(n) if p != i]) for i, to in after.items()]
    return pattern(messages)


def fold(n: int, k: int) -> tuple[Sequence[int], dict[int, int], dict[int, int]]:
    """Choose the processes that exchange, a power of k, and who stands for each of the others.

    Returns:
        those that exchange, in order; to whom each other sends before, and from whom it gets after.
    """
    size = 1
    while size * k <= n:
        size *= k
    rest = n - size
    # Of the first (k - 1)-tuples beside one process each, the last one stands for the others.
    left_over: dict[int, int] = {}
    place = 0
    while rest:
        group = min(k - 1, rest)
        for i in range(place, place + group):
            left_over[i] = place + group
        place, rest = place + group + 1, rest - group
    core = [i for i in range(n) if i not in left_over]
    return core, left_over, left_over


def distances(n: int, k: int) -> list[int]:
    """List the powers of k below n, the least first."""
    found, span = [], 1
    while span < n:
        found.append(span)
        span *= k
    return found


def partners(place: int, span: int, k: int) -> list[int]:
    """List the others of a group: their numbers differ in the digit of that weight."""
    digit = place // span % k
    return [place + (other - digit) * span for other in range(k) if other != digit]
