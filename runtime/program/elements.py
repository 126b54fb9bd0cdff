"""What an element is: its width, how numpy stores it, and how two of them become one."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from runtime.program.floats import BLOCK, Array, Join, RealJoin, join_real, unify

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


def is_float(dtype: str) -> bool:
    """Tell whether an element is a float or made of two."""
    return dtype not in _INTEGERS


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
    of their products, on every machine. What is not a number stays so, in one form; min takes -0
    where 0 is the other, and max 0. An avg adds what `take_shares` gives; `divide` ends it.
    """
    if dtype == "bfloat16":
        return _Brief(UFUNCS[op]).join
    if dtype not in _COMPLEX:
        return join_real(UFUNCS[op], dtype)
    if op == "prod":
        return _Product(dtype).join
    parts = _part(dtype)
    joined = join_real(UFUNCS[op], parts)
    return lambda to, source: joined(to.view(parts), source.view(parts))


def share_of(divisor: int) -> float:
    """Give the power of two by which so many floats are multiplied before an avg adds them.

    With it their sum does not overflow where their mean does not; it is the least such power up to
    1. Every addition then rounds as it would without, but for numbers as small as the subnormal.
    """
    return 2.0 ** -(divisor - 1).bit_length()


def take_shares(to: Array, source: Array, dtype: str, divisor: int) -> None:
    """Write down what an avg of so many adds: floats times `share_of`, integers as they are."""
    if dtype in _COMPLEX:
        to, source, dtype = to.view(_part(dtype)), source.view(_part(dtype)), _part(dtype)
    if dtype in _INTEGERS:
        np.copyto(to, source)
    else:
        _scale(to, source, dtype, np.multiply, share_of(divisor))


def divide(array: Array, dtype: str, divisor: int) -> None:
    """End an avg: divide every sum by the number of summands, integers towards zero.

    Of floats these are sums of shares (`take_shares`).
    """
    if dtype in _COMPLEX:
        array, dtype = array.view(_part(dtype)), _part(dtype)
    if dtype not in _INTEGERS:
        return _scale(array, array, dtype, np.divide, divisor * share_of(divisor))
    for start in range(0, len(array), BLOCK):
        part = array[start : start + BLOCK]
        part[:] = _quotient(part, divisor)
    return None


def _scale(to: Array, source: Array, dtype: str, by: np.ufunc, factor: float) -> None:
    """Multiply or divide floats block after block, those of 16 bits as float32."""
    strange = np.empty(min(BLOCK, len(to)), dtype=np.bool_)
    kind = np.dtype("float64" if dtype == "float64" else "float32")
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(to), BLOCK):
            goal, given = to[start : start + BLOCK], source[start : start + BLOCK]
            if dtype == "bfloat16":
                goal[:] = _narrow(by(_wide(given), kind.type(factor)))
            else:
                goal[:] = by(given.astype(kind, copy=False), kind.type(factor))
                unify(goal, strange[: len(goal)])


def _part(dtype: str) -> str:
    """Name the type of the two numbers of a complex one."""
    return f"float{width(dtype) * 4}"


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
        self.joined = RealJoin(ufunc, "float32").join
        self.left, self.right = (np.empty(BLOCK, dtype=np.uint32) for _ in range(2))

    def join(self, to: Array, source: Array) -> None:
        for start in range(0, len(to), BLOCK):
            self._block(to[start : start + BLOCK], source[start : start + BLOCK])

    def _block(self, to: Array, source: Array) -> None:
        left, right = self.left[: len(to)], self.right[: len(to)]
        for wide, brief in ((left, to), (right, source)):
            np.copyto(wide, brief)
            np.left_shift(wide, 16, out=wide)
        self.joined(left.view(np.float32), right.view(np.float32))
        np.right_shift(left, 16, out=right)
        np.bitwise_and(right, 1, out=right)
        np.add(right, 0x7FFF, out=right)
        np.add(left, right, out=left)
        np.right_shift(left, 16, out=left)
        np.copyto(to, left, casting="unsafe")


class _Product:
    """Multiplies complex numbers; numpy contracts a * b + c where the machine can."""

    def __init__(self, dtype: str) -> None:
        self.parts = [np.empty(BLOCK, dtype=_part(dtype)) for _ in range(3)]
        self.strange = np.empty(2 * BLOCK, dtype=np.bool_)

    def join(self, to: Array, source: Array) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
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
        unify(to.view(real.dtype), self.strange[: 2 * len(to)])
