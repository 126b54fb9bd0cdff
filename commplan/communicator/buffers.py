"""What mpi4py takes as a buffer, read as memory of so many elements of one type."""

import ctypes
from itertools import accumulate
from operator import add, index
from typing import Any, NamedTuple

import numpy as np

from runtime.execute.memory import NAMES, check_order, find_address, find_memory
from runtime.program.elements import TYPES, width
from topologies.model.errors import WRONG_INPUT, ArgumentError, CommplanError
from topologies.model.units import Bytes

LISTS, WORDS = (list, tuple), (str, np.dtype, type)  # made once: they are asked for in each call


class Unsupported(CommplanError, ValueError):
    """What only MPI itself can take; the message is the reason."""

    exit_code = WRONG_INPUT


class Derived(Unsupported):
    """A type of elements with places of their own, which only MPI knows."""


class Span(NamedTuple):
    """Memory: `elements` for each block, of `size` bytes each.

    dtype is one of runtime.program.elements, or empty for what can be moved, but not added up.

    Attributes:
        whole: the bytes there are.
        used: the bytes of all blocks.
        keep: who owns the memory.
    """

    address: int
    elements: int
    dtype: str
    size: Bytes
    whole: Bytes
    used: Bytes
    keep: object


class Varying(NamedTuple):
    """Memory with a block of counts[j] elements at displacement displs[j] for each process j."""

    span: Span
    counts: tuple[int, ...]
    displs: tuple[int, ...]


class Parts(NamedTuple):
    """A buffer as its caller wrote it down; None is what was not said."""

    buffer: Any
    count: Any
    displ: Any
    kind: Any


NOTHING = Span(0, 0, "", 1, 0, 0, None)


def read_span(spec: Any, blocks: int = 1, *, written: bool = False) -> Span:  # noqa: ANN401
    """Read a buffer, alone or as [buffer, count, displacement, type] or some of these.

    Args:
        spec: the buffer; None is memory of no bytes.
        blocks: how many blocks it has; a count that is given is that of one.
        written: a result is to be written there.

    Raises:
        ArgumentError: memory that cannot be used (`find_memory`), is too small, or no multiple of
            the blocks.
        Unsupported: a derived type.
    """
    parts = take_apart(spec)
    held = _read_memory(parts, written=written)
    start = 0 if parts.displ is None else _whole("displacement", parts.displ)
    count = _share(held, blocks) if parts.count is None else _whole("count", parts.count)
    if (last := start + count * blocks) * held.size > held.whole:
        raise ArgumentError(f"{held.whole} bytes for {last} elements of {held.size} bytes")
    span = held._replace(elements=count, used=count * blocks * held.size)
    return _shift(span, start) if start else span


def read_varying(spec: Any, processes: int, *, written: bool = False) -> Varying:  # noqa: ANN401
    """Read a buffer of blocks, alone or as [buffer, counts, displacements, type].

    Left out, counts are equal, and displacements leave no gaps; a number stands for that of all.
    (counts, displacements) may stand in the place of both.

    Raises:
        ArgumentError: counts or displacements that do not fit the buffer or the processes; blocks
            of a result that lie in each other.
        Unsupported: a derived type.
    """
    parts = take_apart(spec)
    held = _read_memory(parts, written=written)
    counts = read_counts(parts.count, processes, held)
    displs = read_displs(parts.displ, counts)
    if len(counts) != processes or len(displs) != processes:
        raise ArgumentError(f"expected {processes} counts and {processes} displacements")
    in_a_row = parts.displ is None
    last = sum(counts) if in_a_row else max(map(add, displs, counts))
    if last * held.size > held.whole and any(counts):
        raise ArgumentError(f"{held.whole} bytes for elements up to {last} of {held.size} bytes")
    made = Varying(held, counts, displs)
    if written and not in_a_row and _has_overlap(find_extents(made)):
        raise ArgumentError("blocks of the result lie in each other")
    return made


def check_apart(ins: Span | Varying, outs: Span | Varying) -> None:
    """Refuse memory that is given both to be sent and to be written; blocks × log of them.

    Raises:
        ArgumentError: a byte is in both.
    """
    first, second = (each.span if isinstance(each, Varying) else each for each in (ins, outs))
    if (
        first.address + first.used <= second.address
        or second.address + second.used <= first.address
    ):
        return
    if _has_overlap(find_extents(ins), find_extents(outs)):
        raise ArgumentError(
            "the same memory is given to be sent and to be written; expected MPI.IN_PLACE "
            "in the place of the first, or another buffer"
        )


def find_bytes(span: Span) -> Any:  # noqa: ANN401
    """Give the memory of all blocks, as bytes."""
    array: Any = np.zeros(0, dtype=np.uint8) if span.keep is None else span.keep
    return array.reshape(-1, order="A").view(np.uint8)[: span.used]


def span_of(array: Any, dtype: str, blocks: int = 1) -> Span:  # noqa: ANN401
    """Give an array of so many blocks, of one of our types, as memory."""
    size, whole = array.itemsize, array.nbytes
    return Span(array.ctypes.data, len(array) // blocks, dtype, size, whole, whole, array)


def find_extents(ends: Span | Varying) -> list[tuple[int, int]]:
    """Give where each block that has elements begins and ends, as addresses."""
    if isinstance(ends, Span):
        return [(ends.address, ends.address + ends.used)] if ends.used else []
    at, size = ends.span.address, ends.span.size
    blocks = zip(ends.displs, ends.counts, strict=True)
    return [(at + place * size, at + (place + count) * size) for place, count in blocks if count]


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


def _has_overlap(*kinds: list[tuple[int, int]]) -> bool:
    """Tell whether extents meet: of one kind each other, of two kinds the other kind.

    Swept by their beginnings: one meets an earlier one just if it begins before the last end.
    """
    ends = [0] * len(kinds)
    swept = sorted((*extent, kind) for kind, extents in enumerate(kinds) for extent in extents)
    for start, end, kind in swept:
        if start < ends[kind - 1]:
            return True
        ends[kind] = max(ends[kind], end)
    return False


def take_apart(spec: Any) -> Parts:  # noqa: ANN401
    """Take [buffer, count, displacement, type] apart, of which all but the first may be missing."""
    if not isinstance(spec, LISTS):
        return Parts(spec, None, None, None)
    buffer, *rest = spec or [()]
    is_pair = bool(rest) and isinstance(rest[0], tuple) and len(rest[0]) == 2
    if is_pair and (len(rest) == 1 or (len(rest) == 2 and (rest[1] is None or _is_type(rest[1])))):
        rest = [*rest[0], *rest[1:]]
    said = bool(rest) and (_is_type(rest[-1]) or (len(rest) == 3 and rest[-1] is None))
    kind = rest.pop() if said else None
    if len(rest) > 2:
        raise ArgumentError(
            f"a buffer of {len(spec)} parts; expected [buffer, count, displacement, type]"
        )
    count, displ = [*rest, None, None][:2]
    return Parts(buffer, count, displ, kind)


def _read_memory(parts: Parts, *, written: bool) -> Span:
    """Find the memory and the type of its elements; of no block yet."""
    if parts.buffer is None:
        if parts.count is not None and np.any(parts.count):
            raise ArgumentError("None is no buffer for elements; expected a count of 0")
        dtype, size = ("", 1) if parts.kind is None else _type_of(parts.kind)
        return NOTHING._replace(dtype=dtype, size=size)
    array, dtype = find_memory(parts.buffer, written=written)
    size = array.itemsize
    if parts.kind is None:
        check_order(array)
    else:
        dtype, size = _type_of(parts.kind)
    return Span(find_address(array), 0, dtype, size, array.nbytes, array.nbytes, array)


def read_counts(said: Any, processes: int, held: Span) -> tuple[int, ...]:  # noqa: ANN401
    """Read the counts of all blocks."""
    if said is None:
        said = _share(held, processes)
    if not isinstance(said, LISTS) and np.ndim(said) == 0:
        said = [said] * processes
    return _wholes("count", said)


def _share(held: Span, blocks: int) -> int:
    """Count the elements of a block where nothing is said."""
    count, rest = divmod(held.whole, held.size * blocks)
    if rest:
        raise ArgumentError(f"{held.whole} bytes do not divide into {blocks} x {held.size} bytes")
    return count


def read_displs(said: Any, counts: tuple[int, ...]) -> tuple[int, ...]:  # noqa: ANN401
    """Read the displacements of all blocks."""
    if said is None:
        return tuple(accumulate(counts[:-1], initial=0))
    if not isinstance(said, LISTS) and np.ndim(said) == 0:
        said = [said] * len(counts)
    return _wholes("displacement", said)


def _wholes(what: str, said: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Read numbers of elements."""
    try:
        numbers = tuple(map(index, said))
    except TypeError:
        return tuple(_whole(what, each) for each in said)
    if numbers and min(numbers) < 0:
        _whole(what, min(numbers))
    return numbers


def _whole(what: str, said: Any) -> int:  # noqa: ANN401
    """Read a number of elements."""
    try:
        number = index(said)
    except TypeError:
        number = -1
    if number < 0:
        raise ArgumentError(f"{what}: found {said!r}, expected a whole number from 0")
    return number


def _shift(span: Span, start: int) -> Span:
    """Leave out so many elements at the beginning."""
    past = start * span.size
    array: Any = span.keep
    rest = None if array is None else array.reshape(-1, order="A").view(np.uint8)[past:]
    return span._replace(address=span.address + past, whole=span.whole - past, keep=rest)


def _is_type(word: Any) -> bool:  # noqa: ANN401
    return isinstance(word, WORDS) or hasattr(word, "is_predefined")


def _type_of(kind: Any) -> tuple[str, int]:  # noqa: ANN401
    """Look up name and size of a type: one of ours by its name, of numpy's, or one of MPI's."""
    if not hasattr(kind, "is_predefined"):
        return _look_up_type(kind)
    size = int(kind.Get_size())
    if not kind.is_predefined or kind.Get_extent()[1] != size:
        raise Derived("a derived type")
    try:
        return NAMES.get(np.dtype(kind.typestr), ""), size
    except (TypeError, ValueError):
        return "", size


def _look_up_type(kind: Any) -> tuple[str, int]:  # noqa: ANN401
    """Look up one of our types by its name, or one of numpy's."""
    if isinstance(kind, str) and kind in TYPES:
        return kind, width(kind)
    try:
        dtype = np.dtype(kind)
    except TypeError:
        dtype = _look_up_letter(kind)
    if dtype.hasobject or not dtype.isnative or not dtype.itemsize:
        raise ArgumentError(
            f"type: found {kind!r}, expected one of MPI's, of numpy's numbers, or "
            f"{', '.join(TYPES)}"
        )
    return NAMES.get(dtype, ""), dtype.itemsize


def _look_up_letter(code: Any) -> np.dtype[Any]:  # noqa: ANN401
    """Look up what mpi4py knows by a code and numpy does not, as "Zd"; objects if neither does."""
    from mpi4py import MPI

    try:
        found: np.dtype[Any] = np.dtype(MPI.Datatype.fromcode(code).typestr)
    except (TypeError, ValueError):
        return np.dtype(object)
    return found
