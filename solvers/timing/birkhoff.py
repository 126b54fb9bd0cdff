"""A matrix of messages as stages, in each of which a rank sends to one rank at most.

Let D be the largest sum of a row or a column (what stays with its rank, the diagonal, left out): no
exchange through links of one rate per rank is faster than D over that rate, as each stage is a
partial permutation and lasts as long as its longest message. With whole numbers all is exact.

`birkhoff` attains D. Pad the matrix so that all sums are D; by König's theorem its support has a
perfect matching; subtract the least matched entry; at least one entry vanishes, so that n² - 2n + 2
stages suffice. Too many, where each stage costs the latency of a message.

`stages` cuts every entry into pieces of at most u = D / (cuts × n) and gives each piece, the
longest first, to the first stage in which both its ends are free (among equals the busiest ends
go first, as they have no time to lose). A piece is refused by a stage only for a piece of its row
or column that is at least as long. A row has at most n - 1 + cuts × n pieces, so there are at most
twice as many stages. If the k-th stage is L long, then row and column of its first piece hold at
least k pieces of L or more, hence L <= min(u, 2 D / k): all stages together last at most
2 D (1 + ln(1 + 1 / cuts)). That is the guarantee; what is reached is far better: on 384 ranks with
lognormal entries (sigma 1) 1.2 n stages last 1.01 D with cuts = 1/2.

`pairwise` takes the n - 1 shifts, as MPI libraries do: 9.9 D on the same matrix.

Source: Birkhoff, Univ. Nac. Tucumán Rev. Ser. A 5 (1946); von Neumann (1953); Gonzalez and Sahni,
Open shop scheduling to minimize finish time, Journal of the ACM 23 (1976); list scheduling as in
Graham, SIAM Journal on Applied Mathematics 17 (1969); Gopal and Wong, Minimizing the number of
switchings in an SS/TDMA system, IEEE Transactions on Communications 33 (1985) (few stages).
"""

from dataclasses import dataclass

import numpy as np

from topologies.model.arguments import number, refuse
from topologies.model.topology import FloatArray, IntArray, frozen

CUTS = 0.5
EXACT_RANKS = 64  # ranks up to which a decomposition of some n²/2 stages is worth its time


@dataclass(frozen=True, eq=False)
class Stages:
    """Messages as columns, sorted by stage: amount[k] goes from src[k] to dst[k] in stage[k].

    Attributes:
        lengths: the longest message of each stage.
        bound: the largest sum of a row or column.
    """

    stage: IntArray
    src: IntArray
    dst: IntArray
    amount: IntArray
    lengths: IntArray
    bound: int

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def ratio(self) -> float:
        """Say how long all stages last, one after the other, in multiples of the bound."""
        return int(self.lengths.sum()) / self.bound if self.bound else 1.0


def stages(matrix: IntArray, cuts: float = CUTS) -> Stages:
    """Put the entries of a matrix into stages, cut into pieces and first fit.

    Complexity: pieces × log(pieces), then some 0.4 us for each piece.

    Args:
        matrix: (ranks, ranks) of whole numbers from 0, row = sender; the diagonal stays where it
            is.
        cuts: pieces into which an entry as long as the bound is cut, as a multiple of the ranks.
            more of them give more stages, nearer to the bound; 0 cuts nothing.

    Returns:
        messages with their stages.

    Raises:
        ArgumentError: no square matrix of whole numbers from 0, or no number of cuts.

    Example:
        >>> found = stages(np.array([[0, 3, 1], [1, 0, 3], [3, 1, 0]]), cuts=0)
        >>> found.ratio
        1.0
    """
    number("cuts", cuts)
    src, dst, amount, bound = _entries(matrix)
    if not len(amount):
        return _sort_into_stages(amount, src, dst, amount, bound)
    busy = _busiest_sums(src, dst, amount, len(matrix))
    entry, amount = pieces(amount, longest_piece(bound, cuts * len(matrix)))
    # Where nothing else tells messages apart, shifts do not get into each other's path.
    shift = (dst - src) % len(matrix)
    order = np.lexsort((shift[entry], -busy[entry], -amount))
    entry, amount = entry[order], amount[order]
    src, dst = src[entry], dst[entry]
    stage = first_fit(src, dst + len(matrix), 2 * len(matrix))
    return _sort_into_stages(stage, src, dst, amount, bound)


def pairwise(matrix: IntArray) -> Stages:
    """Send to the next rank first, then to the one after it, and so on.

    Source: Thakur, Rabenseifner and Gropp, IJHPCA 19 (2005), section 4.3 (long messages).
    """
    src, dst, amount, bound = _entries(matrix)
    shift = np.unique((dst - src) % len(matrix), return_inverse=True)[1].reshape(-1)
    return _sort_into_stages(shift, src, dst, amount, bound)


def birkhoff(matrix: IntArray) -> Stages:
    """Decompose a matrix into stages that last no longer than its bound, all together.

    Complexity: up to n² - 2n + 2 matchings of n³ each.
    """
    from scipy.optimize import linear_sum_assignment  # a third of a second, so only when needed

    src, dst, amount, bound = _entries(matrix)
    if not bound:
        return _sort_into_stages(amount, src, dst, amount, bound)
    left = np.zeros(matrix.shape, dtype=np.int64)
    left[src, dst] = amount
    whole = left + _pad(left, bound)
    ranks, found = np.arange(len(matrix)), []
    while whole.any():
        # A missing entry costs more than all others give, so only a perfect matching is taken.
        weight = np.where(whole > 0, whole.astype(np.float64), -2.0 * len(matrix) * bound)
        to = linear_sum_assignment(weight, maximize=True)[1]
        length = whole[ranks, to].min()
        sent = np.minimum(left[ranks, to], length)
        whole[ranks, to] -= length
        left[ranks, to] -= sent
        found.append((to, sent))
    rows = [(np.full(len(to), k), ranks, to, sent) for k, (to, sent) in enumerate(found)]
    stage, src, dst, amount = (np.concatenate(c) for c in zip(*rows, strict=True))
    kept = amount > 0
    stage = np.unique(stage[kept], return_inverse=True)[1].reshape(-1)
    return _sort_into_stages(stage, src[kept], dst[kept], amount[kept], bound)


def longest_piece(bound: int, count: float) -> int:
    """Compute the longest piece when something as long as the bound is cut into `count`."""
    return max(int(bound / count), 1) if count else max(bound, 1)


def pieces(amount: IntArray, most: int) -> tuple[IntArray, IntArray]:
    """Cut amounts into pieces of `most` and a rest: the entry and the amount of each piece."""
    count = -(-amount // most)
    entry = np.repeat(np.arange(len(amount)), count)
    cut = np.full(len(entry), most, dtype=np.int64)
    cut[np.cumsum(count) - 1] = amount - (count - 1) * most
    return entry, cut


def first_fit(one: IntArray, other: IntArray, ends: int) -> IntArray:
    """Find for each message, in order, the first stage in which both its ends are free.

    The free stages of an end are the bits of one integer.

    Args:
        one: numbers below `ends`.
        other: numbers below `ends`.
        ends: how many there are.
    """
    busiest = int(np.bincount(one).max()) + int(np.bincount(other).max())
    free = [(1 << busiest) - 1] * ends
    stage = []
    for a, b in zip(one.tolist(), other.tolist(), strict=True):
        both = free[a] & free[b]
        first = both & -both
        free[a] ^= first
        free[b] ^= first
        stage.append(first.bit_length())
    return np.array(stage, dtype=np.int64) - 1


def _entries(matrix: IntArray) -> tuple[IntArray, IntArray, IntArray, int]:
    """List what leaves its rank, and the largest sum of a row or column of it."""
    try:
        given = np.asarray(matrix)
    except ValueError:
        refuse("matrix", matrix, "a square of whole numbers")
    if given.ndim != 2 or given.shape[0] != given.shape[1] or given.dtype.kind not in "iu":
        refuse("matrix", given, "a square of whole numbers")
    if given.min(initial=0) < 0:
        refuse("matrix", int(given.min()), "entries from 0")
    src, dst = np.nonzero(given)
    moves = src != dst
    src, dst = src[moves], dst[moves]
    amount = given[src, dst].astype(np.int64)
    stays = given.diagonal()
    sums = [given.sum(axis=axis, dtype=np.int64) - stays for axis in (0, 1)]
    return src, dst, amount, max(int(s.max(initial=0)) for s in sums)


def _busiest_sums(src: IntArray, dst: IntArray, amount: IntArray, ranks: int) -> FloatArray:
    """Add up what both ends of each message send and receive."""
    rows, columns = (np.bincount(ends, amount, ranks) for ends in (src, dst))
    return np.asarray(rows[src] + columns[dst])


def _pad(left: IntArray, bound: int) -> IntArray:
    """Fill a matrix up until all its rows and columns add up to the bound (north-west corner)."""
    fill = np.zeros_like(left)
    rows, columns = (bound - left.sum(axis=axis) for axis in (1, 0))
    i = j = 0
    while i < len(left) and j < len(left):
        fill[i, j] = step = min(rows[i], columns[j])
        rows[i] -= step
        columns[j] -= step
        i, j = (i + 1, j) if not rows[i] else (i, j + 1)
    return fill


def _sort_into_stages(
    stage: IntArray, src: IntArray, dst: IntArray, amount: IntArray, bound: int
) -> Stages:
    """Sort messages by stage, and measure the stages."""
    order = np.argsort(stage, kind="stable")
    lengths = np.zeros(int(stage.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(lengths, stage, amount)
    stage, src, dst, amount = (frozen(column[order]) for column in (stage, src, dst, amount))
    return Stages(stage, src, dst, amount, frozen(lengths), bound)
