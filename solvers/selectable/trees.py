"""The trees of libraries: who sends to whom, counted from the root."""

from collections.abc import Callable

Children = list[list[int]]


def kary(n: int, k: int) -> Children:
    """Give each process the k next ones: 0 has 1 to k, 1 has k + 1 to 2 k, and so on."""
    return [[c for c in range(k * i + 1, k * i + k + 1) if c < n] for i in range(n)]


def strided(n: int, k: int) -> Children:
    """Let the children of a process at depth d lie k**d, 2 k**d, ... above it."""
    children: Children = [[] for _ in range(n)]
    first, span = 0, 1
    while first < n:
        for i in range(first, min(first + span, n)):
            children[i] = [c for c in range(i + span, i + k * span + 1, span) if c < n]
        first, span = first + span, span * k
    return children


def knomial_left(n: int, k: int) -> Children:
    """Give the root the largest subtree first, each of processes in a row."""
    children: Children = [[] for _ in range(n)]
    rounds = _rounds(n, k)

    def grow(root: int, end: int, left: int) -> None:
        at = root + 1
        for turn in range(left - 1, -1, -1):
            for _ in range(k - 1):
                size = k**turn
                if at >= end:
                    return
                children[root].append(at)
                grow(at, min(at + size, end), turn)
                at += size

    grow(0, n, rounds)
    return children


def knomial_right(n: int, k: int) -> Children:
    """Let the children of a process differ from it in one digit, of least weight first."""
    children: Children = [[] for _ in range(n)]
    for i in range(n):
        span = 1
        while span < n and i // span % k == 0:
            children[i] += [c for c in range(i + span, i + k * span, span) if c < n]
            span *= k
    return children


def doubling(n: int) -> Children:
    """Let all that have it send in each round, to those twice as far as in the one before."""
    spans = [2**i for i in range(n.bit_length()) if 2**i < n]
    return [[i + span for span in spans if i < span < n - i] for i in range(n)]


def farthest_first(n: int, k: int) -> Children:
    """Take the tree of `knomial_right`, and let each process send to its farthest child first."""
    return [own[::-1] for own in knomial_right(n, k)]


def binomial(n: int) -> Children:
    """Let the root send to the farthest first."""
    return farthest_first(n, 2)


def chain(n: int, chains: int = 1) -> Children:
    """Let the root begin so many chains of processes in a row."""
    children: Children = [[] for _ in range(n)]
    length = -(-(n - 1) // max(chains, 1))
    for i in range(1, n):
        children[0 if (i - 1) % length == 0 else i - 1].append(i)
    return children


def depths(children: Children) -> list[int]:
    """Count how far each process is from the root."""
    found = [0] * len(children)
    order = [0]
    for i in order:
        for child in children[i]:
            found[child] = found[i] + 1
            order.append(child)
    return found


def sizes(children: Children) -> list[int]:
    """Count the processes of each subtree."""
    found = [1] * len(children)
    order = [0]
    for i in order:
        order += children[i]
    for i in reversed(order):
        found[i] += sum(found[child] for child in children[i])
    return found


def _rounds(n: int, k: int) -> int:
    count = 0
    while k**count < n:
        count += 1
    return count


TREES: dict[str, Callable[[int, int], Children]] = {
    "kary": kary,
    "knomial_1": knomial_left,
    "knomial_2": farthest_first,
}
