"""How floats are joined: with the same bits whichever of two comes first, at every process."""

from collections.abc import Callable
from contextvars import copy_context
from functools import partial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Join = Callable[[Array, Array], None]

BLOCK = 2**14  # elements that are worked on at a time, in memory that is kept
WIDE = 2**17  # the same where no memory is needed besides: what a core's own cache holds
SOME = 2**3  # elements that Python adds up sooner than numpy
FEW = 2**10  # elements of which all that are no numbers are found sooner than the largest
SQUARED = ("float32", "float64")  # a few of what BLAS knows are squared sooner than looked at
# The one form of what is not a number.
NANS = {"float16": 0x7E00, "float32": 0x7FC00000, "float64": 0x7FF8000000000000}


def unify(values: Array, strange: NDArray[np.bool_]) -> None:
    """Give what is not a number its one form; strange: room for some of them at a time.

    Of many, the largest tells whether there is any: it is none then, and found in half the time.
    """
    if len(values) <= FEW:
        if b"\1" not in np.isnan(values).tobytes():
            return
    elif values.itemsize > 2 and not np.isnan(np.maximum.reduce(values)):
        return
    for start in range(0, len(values), len(strange)):
        part = values[start : start + len(strange)]
        found = strange[: len(part)]
        np.isnan(part, out=found)
        if np.count_nonzero(found):
            bits = np.dtype(f"u{part.itemsize}")
            np.putmask(part.view(bits), found, bits.type(NANS[part.dtype.name]))


def silence(ufunc: Callable[..., object]) -> Callable[..., object]:
    """Give a function of numpy that warns of no overflow and of nothing that is not a number.

    numpy keeps what it warns of with a context since 2.0, and to enter one that is made takes no
    time; to set it for each call takes as long as to send a message. One thread calls it at a time.
    """
    if int(np.__version__.split(".")[0]) < 2:
        return np.errstate(over="ignore", invalid="ignore")(ufunc)
    context = copy_context()
    context.run(np.seterr, over="ignore", invalid="ignore")
    return partial(context.run, ufunc)


def spoils(ufunc: np.ufunc, to: Array, source: Array) -> object:
    """Join a few floats; tell whether any of the first is no number then.

    A sum of squares is no number only where one of them is none: none is below 0. That of a few
    numbers themselves may be none for other reasons, but is soonest there.
    """
    ufunc(to, source, to)
    if len(to) <= SOME:
        total: float = sum(to.tolist())
        return total != total
    squares: np.generic = to.dot(to)
    return squares != squares


class RealJoin:
    """Joins floats that numpy knows, in memory of its own; -0 is less than 0."""

    def __init__(self, ufunc: np.ufunc, dtype: str) -> None:
        self.ufunc, self.equals = silence(ufunc), silence(np.equal)
        self.bits = np.dtype(f"u{np.dtype(dtype).itemsize}")
        self.strange, self.equal = (np.empty(BLOCK, dtype=np.bool_) for _ in range(2))
        self.ties = np.empty(BLOCK, dtype=self.bits)
        # Of equals only the signs of 0 differ, and those are the highest bits.
        self.tie = {"minimum": np.bitwise_or, "maximum": np.bitwise_and}.get(ufunc.__name__)
        self.most = WIDE if self.tie is None else BLOCK
        self.few = FEW if self.tie is None and dtype in SQUARED else -1
        self.spoils = silence(partial(spoils, ufunc))

    def join(self, to: Array, source: Array) -> None:
        """Change the first by the second."""
        if len(to) <= self.few:
            if self.spoils(to, source):
                unify(to, self.strange)
        elif len(to) > self.most:
            for start in range(0, len(to), self.most):
                self._block(to[start : start + self.most], source[start : start + self.most])
        elif self.tie is None:
            self.ufunc(to, source, to)
            unify(to, self.strange)
        else:
            self._block(to, source)

    def _block(self, to: Array, source: Array) -> None:
        if self.tie is None:
            self.ufunc(to, source, to)
        else:
            n = len(to)
            equal, ties, bits = self.equal[:n], self.ties[:n], to.view(self.bits)
            self.equals(to, source, out=equal)
            self.tie(bits, source.view(self.bits), out=ties)
            self.ufunc(to, source, out=to)
            np.copyto(bits, ties, where=equal)
        unify(to, self.strange)


def join_real(ufunc: np.ufunc, dtype: str) -> Join:
    """Give the function that changes its first array by its second, for what numpy has.

    Args:
        ufunc: of numpy.
        dtype: a type of integers or of floats.
    """
    if np.dtype(dtype).kind == "f":
        return RealJoin(ufunc, dtype).join

    def joined(to: Array, source: Array) -> None:
        ufunc(to, source, out=to)

    return joined
