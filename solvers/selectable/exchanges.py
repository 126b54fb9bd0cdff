"""How libraries exchange: piece i * n + j goes from process i to process j."""

from solvers.selectable.messages import Message, Pattern, pattern


def at_once(n: int) -> Pattern:
    """Let each send to all others at once."""
    return pattern(Message(0, i, j, [i * n + j]) for i in range(n) for j in range(n))


def in_batches(n: int, batch: int) -> Pattern:
    """Let each send to a few others at a time, the nearest above first."""
    return pattern(
        Message((shift - 1) // batch, i, (i + shift) % n, [i * n + (i + shift) % n])
        for shift in range(1, n)
        for i in range(n)
    )


def pairwise(n: int, swaps: bool = True) -> Pattern:
    """Send to one other in each round: by exclusive or where n is a power of 2, else cyclic.

    Args:
        n: processes.
        swaps: whether two swap, where n allows it.
    """
    power = swaps and n & (n - 1) == 0
    messages = []
    for turn in range(1, n):
        for i in range(n):
            j = i ^ turn if power else (i + turn) % n
            messages.append(Message(turn - 1, i, j, [i * n + j]))
    return pattern(messages)


def bruck(n: int, k: int = 2) -> Pattern:
    """Send all that has still to go by a digit to the process at that distance.

    Source: Bruck, Ho, Kipnis, Upfal and Weathersby, IEEE TPDS 8(11), 1997.
    """
    messages, span, turn = [], 1, 0
    while span < n:
        for digit in range(1, k):
            moved = [d for d in range(1, n) if d // span % k == digit]
            for i in range(n):
                pieces = []
                for d in moved:
                    src = (i - d % span) % n
                    pieces.append(src * n + (src + d) % n)
                messages.append(Message(turn, i, (i + digit * span) % n, pieces))
        span, turn = span * k, turn + 1
    return pattern(messages)
