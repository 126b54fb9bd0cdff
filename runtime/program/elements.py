"""What an element is: its width, how numpy stores it, and how two of them become one."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.generic]
Join = Callable[[Array, Array], None]

_INTEGERS = tuple(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u"))
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_COMPLEX = ("complex64", "complex128")
TYPES = (*_INTEGERS, *_FLOATS, *_COMPLEX)

UFUNCS: dict[str, np.ufunc] = {
    "sum": np.add,
    "min": np.minimum,
    "max": np.maximum,
    "prod": np.multiply,
    "avg": np.add,
    "band": np.bitwise_and,
    "bor": np.bitwise_or,
    "bxor": np.bitwise_xor,
}
OPERATIONS = tuple(UFUNCS)

BLOCK = 2**14  # elements that a type numpy lacks is worked on at a time, in memory that is kept


def storage(dtype: str) -> np.dtype[np.generic]:
    """Give the numpy type that holds an element type; bfloat16 is held as its 16 bits."""
    return np.dtype("uint16" if dtype == "bfloat16" else dtype)


def encode(values: ArrayLike, dtype: str) -> Array:
    """Give numbers as an element type is stored; bfloat16 rounded to the nearest, ties to even."""
    if dtype != "bfloat16":
        return np.asarray(values).astype(dtype)
    return _narrow(np.array(values, dtype=np.float32)).astype(np.uint16)


def decode(array: Array, dtype: str) -> Array:
    """Give stored elements as numbers; bfloat16 as float32, which holds each of them."""
    return _wide(array) if dtype == "bfloat16" else array


def width(dtype: str) -> int:
    """Give the bytes of an element."""
    return storage(dtype).itemsize


def refusal(op: str, dtype: str) -> str:
    """Say why an operation means nothing for an element type; nothing where it does."""
    if op in ("band", "bor", "bxor") and dtype not in _INTEGERS:
        return f"op {op!r} joins bits of integers, not {dtype}"
    if op in ("min", "max") and dtype in _COMPLEX:
        return f"op {op!r} needs an order, and {dtype} has none"
    return ""


def rounds(op: str, dtype: str) -> bool:
    """Tell whether the order of operations shows in the bits of a result."""
    return op in ("sum", "prod", "avg") and dtype not in _INTEGERS


def join(op: str, dtype: str) -> Join:
    """Give the function that changes its first array by its second, and allocates nothing.

    Sums of integers wrap around. float16 and bfloat16 are added as float32 and rounded to the
    nearest, ties to even, after every addition; products of complex numbers are rounded after each
    of their products, on every machine. min and max hand on what is not a number. An avg adds;
    `divide` ends it.
    """
    ufunc = plain(op, dtype)
    if dtype == "bfloat16":
        return _Brief(UFUNCS[op]).join
    if ufunc is None:
        return _Product(dtype).join

    def joined(to: Array, source: Array) -> None:
        ufunc(to, source, out=to)

    return joined


def plain(op: str, dtype: str) -> np.ufunc | None:
    """Give the function of numpy that `join` comes to, where it comes to one."""
    own = dtype == "bfloat16" or (op == "prod" and dtype in _COMPLEX)
    return None if own else UFUNCS[op]


def divide(array: Array, dtype: str, divisor: int) -> None:
    """Divide every element by a whole number, integers towards zero, block after block."""
    if dtype in _COMPLEX:
        array, dtype = array.view(f"float{width(dtype) * 4}"), f"float{width(dtype) * 4}"
    for start in range(0, len(array), BLOCK):
        part = array[start : start + BLOCK]
        if dtype == "bfloat16":
            part[:] = _narrow(_wide(part) / np.float32(divisor))
        elif dtype == "float16":
            part[:] = part.astype(np.float32) / np.float32(divisor)
        elif dtype in _INTEGERS:
            part[:] = _quotient(part, divisor)
        else:
            np.divide(part, divisor, out=part)


def _quotient(array: Array, divisor: int) -> NDArray[np.integer]:
    """Divide integers, towards zero."""
    whole = array.astype(np.uint64 if array.dtype.kind == "u" else np.int64)
    down = whole // whole.dtype.type(divisor)
    result: NDArray[np.integer] = down + ((whole < 0) & (down * divisor != whole))
    return result


def _wide(array: Array) -> NDArray[np.float32]:
    """Read bfloat16 as float32."""
    return (array.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _narrow(array: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Round float32 to the 16 bits of bfloat16: to the nearest, ties to even."""
    bits = array.view(np.uint32)
    bits = (bits + ((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF)) >> np.uint32(16)
    return np.where(np.isnan(array), np.uint32(0x7FC0), bits)


class _Brief:
    """Joins bfloat16, as float32, in memory of its own."""

    def __init__(self, ufunc: np.ufunc) -> None:
        self.ufunc = ufunc
        self.left, self.right = (np.empty(BLOCK, dtype=np.uint32) for _ in range(2))
        self.strange = np.empty(BLOCK, dtype=np.bool_)

    def join(self, to: Array, source: Array) -> None:
        for start in range(0, len(to), BLOCK):
            self._block(to[start : start + BLOCK], source[start : start + BLOCK])

    def _block(self, to: Array, source: Array) -> None:
        n = len(to)
        left, right, strange = self.left[:n], self.right[:n], self.strange[:n]
        for wide, brief in ((left, to), (right, source)):
            np.copyto(wide, brief)
            np.left_shift(wide, 16, out=wide)
        values = left.view(np.float32)
        self.ufunc(values, right.view(np.float32), out=values)
        np.isnan(values, out=strange)
        np.right_shift(left, 16, out=right)
        np.bitwise_and(right, 1, out=right)
        np.add(right, 0x7FFF, out=right)
        np.add(left, right, out=left)
        np.right_shift(left, 16, out=left)
        np.putmask(left, strange, np.uint32(0x7FC0))
        np.copyto(to, left, casting="unsafe")


class _Product:
    """Multiplies complex numbers; numpy contracts a * b + c where the machine can."""

    def __init__(self, dtype: str) -> None:
        self.parts = [np.empty(BLOCK, dtype=f"float{width(dtype) * 4}") for _ in range(3)]

    def join(self, to: Array, source: Array) -> None:
        for start in range(0, len(to), BLOCK):
            self._block(to[start : start + BLOCK], source[start : start + BLOCK])

    def _block(self, to: Array, source: Array) -> None:
        real, imaginary, other = (part[: len(to)] for part in self.parts)
        np.multiply(to.real, source.real, out=real)
        np.multiply(to.imag, source.imag, out=other)
        np.subtract(real, other, out=real)
        np.multiply(to.real, source.imag, out=imaginary)
        np.multiply(to.imag, source.real, out=other)
        np.add(imaginary, other, out=to.imag)
        np.copyto(to.real, real)
