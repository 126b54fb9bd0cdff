"""What mpi4py takes as a buffer, read as memory of so many elements of one type."""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from runtime.program.elements import TYPES, width
from topologies.model.errors import WRONG_INPUT, ArgumentError, CommplanError
from topologies.model.units import Bytes

NAMES = {np.dtype(name): name for name in TYPES if name != "bfloat16"}


class Unsupported(CommplanError, ValueError):
    """What only MPI itself can take; the message is the reason."""

    exit_code = WRONG_INPUT


class Span(NamedTuple):
    """Memory: `elements` for each block, of `size` bytes each.

    dtype is one of runtime.program.elements, or empty for what can be moved, but not added up.

    Attributes:
        whole: the bytes there are.
        keep: who owns the memory.
    """

    address: int
    elements: int
    dtype: str
    size: Bytes
    whole: int
    keep: object


class Varying(NamedTuple):
    """Memory with a block of counts[j] elements at displacement displs[j] for each process j."""

    span: Span
    counts: tuple[int, ...]
    displs: tuple[int, ...]


NOTHING = Span(0, 0, "", 1, 0, None)


def span(spec: Any, blocks: int = 1) -> Span:  # noqa: ANN401
    """Read a buffer, alone or as [buffer, count, type]; a count given is that of one block.

    Raises:
        ArgumentError: the buffer is not contiguous, too small, or no multiple of the blocks.
        Unsupported: a derived type.
    """
    count, kind = None, None
    if isinstance(spec, list | tuple):
        spec, count, kind = _parts(spec)
    array = spec if isinstance(spec, np.ndarray) else np.asarray(memoryview(spec))
    if not (array.flags.c_contiguous or array.flags.f_contiguous):
        raise ArgumentError("the buffer is not contiguous")
    dtype, size, whole = NAMES.get(array.dtype), array.itemsize, array.nbytes
    if kind is not None:
        dtype, size = _type_of(kind)
    elif dtype is None:
        dtype = _other(array.dtype)
    if count is None:
        count, rest = divmod(whole, size * blocks)
        if rest:
            raise ArgumentError(f"{whole} bytes do not divide into {blocks} x {size} bytes")
    elif count * blocks * size > whole:
        raise ArgumentError(f"{whole} bytes for {count * blocks} elements of {size} bytes")
    return Span(_address(array), count, dtype, size, whole, array)


def varying(spec: Any, processes: int) -> Varying:  # noqa: ANN401
    """Read [buffer, counts, displs, type] or [buffer, (counts, displs), type]; displs may be None.

    Raises:
        ArgumentError: counts or displacements that do not fit the buffer or the processes.
        Unsupported: a derived type.
    """
    if not isinstance(spec, list | tuple) or len(spec) < 2:
        raise ArgumentError("expected [buffer, counts, displacements, type]")
    buffer, *rest = spec
    kind = rest.pop() if isinstance(rest[-1], str) or _is_type(rest[-1]) else None
    if len(rest) == 1 and isinstance(rest[0], tuple) and _is_pair(rest[0]):
        rest = list(rest[0])
    counts = tuple(int(x) for x in rest[0])
    displs = rest[1] if len(rest) > 1 else None
    if displs is None:
        displs = np.cumsum([0, *counts])[:-1]
    places = tuple(int(x) for x in displs)
    if len(counts) != processes or len(places) != processes or min(counts) < 0:
        raise ArgumentError(f"expected {processes} counts from 0 and {processes} displacements")
    held = span(buffer if kind is None else [buffer, 0, kind])
    last = max(place + count for place, count in zip(places, counts, strict=True))
    if min(places) < 0 or last * held.size > held.whole:
        raise ArgumentError(f"{held.whole} bytes for elements up to {last} of {held.size} bytes")
    return Varying(held, counts, places)


def find_gapless(ends: Varying) -> int | None:
    """Give the address of blocks that lie one after the other, None of others."""
    before = np.cumsum([0, *ends.counts])[:-1]
    some = [i for i, count in enumerate(ends.counts) if count]
    if not some:
        return ends.span.address
    shift = ends.displs[some[0]] - int(before[some[0]])
    even = all(ends.displs[i] - int(before[i]) == shift for i in some)
    return ends.span.address + shift * ends.span.size if even else None


def pack(ends: Varying) -> Any:  # noqa: ANN401
    """Lay blocks one after the other: an array of bytes."""
    buffer = np.zeros(sum(ends.counts) * ends.span.size, dtype=np.uint8)
    _copy(ends, buffer, to_buffer=True)
    return buffer


def unpack(ends: Varying, buffer: Any) -> None:  # noqa: ANN401
    """Take blocks that lie one after the other to their places."""
    _copy(ends, buffer, to_buffer=False)


def _copy(ends: Varying, buffer: Any, *, to_buffer: bool) -> None:  # noqa: ANN401
    at = buffer.ctypes.data
    for count, place in zip(ends.counts, ends.displs, strict=True):
        there = ends.span.address + place * ends.span.size
        to, source = (at, there) if to_buffer else (there, at)
        ctypes.memmove(to, source, count * ends.span.size)
        at += count * ends.span.size


def _is_pair(pair: tuple[Any, ...]) -> bool:
    return len(pair) == 2 and (pair[1] is None or np.ndim(pair[1]) == 1)


def _is_type(word: Any) -> bool:  # noqa: ANN401
    return hasattr(word, "Get_size") and hasattr(word, "is_predefined")


def _parts(spec: Any) -> tuple[Any, int | None, Any]:  # noqa: ANN401
    """Take [buffer], [buffer, type], [buffer, count] and [buffer, count, type] apart."""
    buffer, *rest = spec
    kind = rest.pop() if rest and (isinstance(rest[-1], str) or _is_type(rest[-1])) else None
    if len(rest) > 1 or (rest and not isinstance(rest[0], int | np.integer | None)):
        raise ArgumentError("expected a buffer, [buffer, type] or [buffer, count, type]")
    return buffer, None if not rest or rest[0] is None else int(rest[0]), kind


def _address(array: np.ndarray[Any, Any]) -> int:
    """Look up where an array begins; MPI says it eight times as fast as numpy."""
    try:
        address: int = _of_mpi()(array)
    except (BufferError, TypeError, ValueError):  # a type that numpy shows nobody
        address = array.ctypes.data
    return address


@cache
def _of_mpi() -> Callable[[object], int]:
    from mpi4py import MPI

    found: Callable[[object], int] = MPI.Get_address
    return found


def _other(dtype: np.dtype[Any]) -> str:
    """Name what numpy knows only through others: bfloat16 of ml_dtypes."""
    return "bfloat16" if dtype.name == "bfloat16" else ""


def _type_of(kind: Any) -> tuple[str, int]:  # noqa: ANN401
    """Look up name and size of a type: one of ours by its name, or one of MPI's."""
    if isinstance(kind, str):
        name = kind if kind in TYPES else NAMES.get(np.dtype(kind), "")
        return name, width(name) if name else np.dtype(kind).itemsize
    size = int(kind.Get_size())
    if not kind.is_predefined or kind.Get_extent()[1] != size:
        raise Unsupported("a derived type")
    try:
        return NAMES.get(np.dtype(kind.typestr), ""), size
    except (TypeError, ValueError):
        return "", size
