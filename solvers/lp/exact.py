"""Exact solutions of sparse linear systems with integer matrices.

A float solution of a linear program says which variables are positive and which rows are tight;
these equations have one solution, and that is rational. It is found by refinement: the residual is
computed in integers, the correction in floats, so each round gains a fixed number of digits; then
continued fractions give numerators and denominators, and the equations are checked exactly.

Source: Wan, An algorithm to solve integer linear systems exactly using numerical methods, Journal
of Symbolic Computation 41 (2006).
"""

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix, diags_array

from solvers.lp.linear_program import NotFound
from solvers.settings.deadline import NO_DEADLINE, Watch
from topologies.model.reachability import parts
from topologies.model.topology import BoolArray, FloatArray

Integers = NDArray[np.object_]
ROUNDS = 400
WORD = 2.0**62
ENTRY = 1e-6  # work for each entry in a round


def solve(
    matrix: csr_matrix, bound: Sequence[Fraction], watch: Watch = NO_DEADLINE
) -> list[Fraction]:
    """Solve matrix · x = bound exactly.

    Rows that say that two unknowns are equal are used up first: where trees are packed they are
    nearly all. Complexity: a sparse factorisation of what is left, then one sparse product for each
    20 to 40 bits of the denominators.

    Args:
        matrix: (rows, columns) of integers with full column rank, rows >= columns; the system must
            have a solution.
        bound: the right-hand side.
        watch: says when to stop.

    Raises:
        NotFound: no solution was found; where columns depend on each other that may happen. Or
            the time is over.
    """
    equal = _equalities(matrix, bound)
    if not equal.any():
        return _solve_rows(matrix, bound, watch)
    pairs = matrix[equal].indices.reshape(-1, 2)
    of = parts(matrix.shape[1], *pairs.T)
    merge = csr_matrix((np.ones(len(of), dtype=np.int64), (np.arange(len(of)), of)))
    rest = csr_matrix(matrix[~equal], dtype=np.int64) @ merge
    rest.sort_indices()  # else a copy in floats, which shares the indices, would do so
    found = _solve_rows(rest, [b for b, used in zip(bound, equal, strict=True) if not used], watch)
    assert len(found) == merge.shape[1]
    return [found[i] for i in of.tolist()]


def _equalities(matrix: csr_matrix, bound: Sequence[Fraction]) -> BoolArray:
    """Mark the rows a · x - a · y = 0."""
    entries = np.diff(matrix.indptr)
    two = np.flatnonzero(entries == 2)
    sums = matrix.data[matrix.indptr[two]] + matrix.data[matrix.indptr[two] + 1]
    marks = np.zeros(len(entries), dtype=np.bool_)
    marks[two] = sums == 0
    return marks & np.array([not b for b in bound], dtype=np.bool_)


def _solve_rows(matrix: csr_matrix, bound: Sequence[Fraction], watch: Watch) -> list[Fraction]:
    """Solve as `solve` does, whatever the rows."""
    if matrix.shape[1] == 0:
        return []
    common = lcm(*(b.denominator for b in bound))
    right = np.array([int(b * common) for b in bound], dtype=object)
    system = _System(matrix)
    scaled, bits = np.zeros(matrix.shape[1], dtype=object), 0
    residual, attempt = right, 64
    for _ in range(ROUNDS):
        watch.check(ENTRY * matrix.nnz)
        step, gained = _correction(system.factor, residual)
        scaled, bits = scaled * (1 << gained) + step, bits + gained
        residual = residual * (1 << gained) - system.product(step)
        if not residual.any():
            return [Fraction(int(x), common << bits) for x in scaled]
        if bits >= attempt:
            attempt = bits * 3 // 2
            found = _reconstruct(scaled, bits)
            if found is not None and (system.product(found.over) == right * found.under).all():
                return [Fraction(x, found.under * common) for x in found.over]
    raise NotFound("the equations of the optimum could not be solved exactly")


class _Shared(NamedTuple):
    """Fractions over one denominator."""

    over: Integers
    under: int


class _System:
    """A matrix of integers, to multiply by exactly and to divide by in floats."""

    def __init__(self, matrix: csr_matrix) -> None:
        self.matrix = csr_matrix(matrix, dtype=np.int64)
        self.entries = self.matrix.data.astype(object)
        self.factor = _LeastSquares(matrix)
        rows = np.asarray(abs(self.matrix).astype(np.float64).sum(axis=1))
        self.room = WORD / float(rows.max(initial=1.0))

    def product(self, x: Integers) -> Integers:
        """Multiply by a vector, in machine words where these suffice."""
        if max(int(x.max()), -int(x.min())) < self.room:
            return np.asarray((self.matrix @ x.astype(np.int64)).astype(object))
        return product(self.matrix, self.entries, x)


class _LeastSquares:
    """Least-squares solves in floats, for the same matrix again and again.

    Rows and columns are scaled to about 1 first: where an exact solution exists, weights of the
    equations do not change it.
    """

    def __init__(self, matrix: csr_matrix) -> None:
        floats = csr_matrix(matrix, dtype=np.float64)
        # Columns come first: else one of large numbers hides the others of its rows.
        columns = 1.0 / np.maximum(_largest(floats, axis=0), 1e-150)
        scaled = csr_matrix(floats @ diags_array(columns))
        rows = diags_array(1.0 / np.maximum(_largest(scaled, axis=1), 1e-150))
        scaled = rows @ scaled
        norms = np.sqrt(scaled.multiply(scaled).sum(axis=0))
        self.columns = columns / np.maximum(norms, 1e-150)
        scaled = csc_matrix(scaled @ diags_array(1.0 / np.maximum(norms, 1e-150)))
        self.back = csr_matrix(scaled.T @ rows)
        from scipy.sparse.linalg import splu  # a tenth of a second, with all its linear algebra

        try:
            self.factor = splu(csc_matrix(scaled.T @ scaled))
        except RuntimeError as error:
            raise NotFound("the equations of the optimum depend on each other") from error

    def solve(self, residual: FloatArray) -> FloatArray:
        """Find the x that brings matrix · x closest to the residual."""
        x = self.columns * self.factor.solve(self.back @ residual)
        if not np.isfinite(x).all():
            raise NotFound("the equations of the optimum depend on each other")
        return np.asarray(x)


def _largest(matrix: csr_matrix, axis: int) -> FloatArray:
    return np.asarray(abs(matrix).max(axis=axis).toarray().reshape(-1))


def _correction(factor: _LeastSquares, residual: Integers) -> tuple[Integers, int]:
    """Solve for the residual in floats; give the correction as integers over 2**gained."""
    size = max((int(abs(r)).bit_length() for r in residual), default=0)
    shift = max(size - 900, 0)
    step = factor.solve(np.array([float(int(r) >> shift) for r in residual]))
    largest = float(np.abs(step).max(initial=0.0))
    exponent = int(np.ceil(np.log2(largest))) if largest > 0 else 0
    gained = max(30 - exponent - shift, 1)
    if exponent + gained + shift < 62:
        return np.ldexp(step, gained + shift).astype(np.int64).astype(object), gained
    whole = [int(Fraction(x) * (1 << (gained + shift))) for x in step.tolist()]
    return np.array(whole, dtype=object), gained


def product(matrix: csr_matrix, entries: Integers, x: Integers) -> Integers:
    """Multiply a matrix by a vector exactly.

    Args:
        matrix: of integers.
        entries: matrix.data as Python integers.
        x: the vector.
    """
    sums = np.concatenate([[0], np.cumsum(entries * x[matrix.indices])])
    return np.asarray(sums[matrix.indptr[1:]] - sums[matrix.indptr[:-1]])


def _reconstruct(scaled: Integers, bits: int) -> _Shared | None:
    """Read fractions off x · 2**bits, carrying the common denominator from one to the next."""
    limit, common = 1 << (bits // 2), 1
    slack = bits - bits // 2 + 8  # bits of error that the approximation may have
    found = []
    for numerator in scaled.tolist():
        known = numerator * common
        over, under = _nearest(known, bits, max(limit // common, 1))
        if abs(known * under - (over << bits)) > (common * under) << slack:
            return None
        common *= under
        found.append((over, common))
        if common > limit:
            return None
    return _Shared(np.array([x * (common // own) for x, own in found], dtype=object), common)


def _nearest(numerator: int, bits: int, most: int) -> tuple[int, int]:
    """Give the last convergent of numerator / 2**bits whose denominator is `most` at most."""
    over, under, before, below = 1, 0, 0, 1
    rest, by = numerator, 1 << bits
    while by:
        digit, (rest, by) = rest // by, (by, rest % by)
        if digit * under + below > most:
            break
        over, before = digit * over + before, over
        under, below = digit * under + below, under
    return over, under
