"""Sums in a wider type than that of their elements: what is taken there, and what comes back."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np

from runtime.program.elements import decode, divide, encode, is_float, storage, width
from runtime.program.floats import Array

Accumulate = Literal["float32"] | None
ACCUMULATES: tuple[str, ...] = get_args(Literal["float32"])
BRIEF = ("float16", "bfloat16")
ROUNDED = ("sum", "avg", "prod")


@dataclass(frozen=True)
class Widening:
    """How elements of a type are added up in a wider one.

    Attributes:
        dtype: of the elements.
        op: what is asked for.
        processes: how many have an element of each sum.
        wide: the type in which is added.
        inner: what is done there: the sum, where an avg ends with a division here.
        lanes: numbers for each element.
    """

    dtype: str
    op: str
    processes: int
    wide: str
    inner: str
    lanes: int = 1

    @classmethod
    def of(cls, op: str, dtype: str, accumulate: Accumulate, processes: int) -> Self | None:
        """Give what a reduction needs, None where its own type does.

        An avg of integers adds integers of twice the width, of 32 bits at least; of 64 bits,
        where there are none wider, quotients and remainders. `accumulate` speaks of floats of 16.
        """
        if op == "avg" and not is_float(dtype):
            sign = "u" if dtype.startswith("u") else ""
            bits = min(64, max(32, 16 * width(dtype)))
            lanes = 2 if width(dtype) == 8 else 1
            return cls(dtype, op, processes, f"{sign}int{bits}", "sum", lanes)
        if accumulate and dtype in BRIEF and op in ROUNDED:
            return cls(dtype, op, processes, accumulate, op)
        return None

    def widen(self, array: Array) -> Array:
        """Take elements into the wider type, as an array of their own."""
        if self.lanes == 1:
            made: Array = decode(array, self.dtype).astype(self.wide)
            return made
        pairs = np.empty((len(array), 2), dtype=self.wide)
        np.divmod(array, array.dtype.type(self.processes), out=(pairs[:, 0], pairs[:, 1]))
        return pairs.reshape(-1)

    def narrow(self, sums: Array) -> Array:
        """Take what was added up back into the type of the elements."""
        if self.inner == self.op:
            with np.errstate(over="ignore"):
                return encode(sums, self.dtype)
        if self.lanes == 1:
            divide(sums, self.wide, self.processes)
            return sums.astype(storage(self.dtype))
        return self._quotients(sums.reshape(-1, 2))

    def _quotients(self, pairs: Array) -> Array:
        """Put quotients and remainders together; towards zero, and modulo the type on the way."""
        by = pairs.dtype.type(self.processes)
        more, rest = np.divmod(pairs[:, 1], by)
        down = pairs[:, 0] + more
        towards_zero = np.less(down, 0) & np.not_equal(rest, 0)
        made: Array = down + towards_zero
        return made
