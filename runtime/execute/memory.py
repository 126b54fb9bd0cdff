"""The memory behind an object: of numpy, of the buffer protocol, or of DLPack, as an array."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from runtime.program.elements import TYPES
from topologies.model.errors import ArgumentError

Array = np.ndarray[Any, Any]

NAMES = {np.dtype(name): name for name in TYPES if name != "bfloat16"}
HOST_DEVICES = (1, 3)  # kDLCPU and kDLCUDAHost of DLPack: memory that a processor reads


def find_memory(thing: Any, *, written: bool) -> tuple[Array, str]:  # noqa: ANN401
    """Find the memory of an object.

    Args:
        thing: an array, or what shows its memory by the buffer protocol or by DLPack.
        written: a result is to be written there.

    Returns:
        an array over the memory, and the name in `runtime.program.elements` of what it says that
        its elements are, empty for what can only be moved.

    Raises:
        ArgumentError: there is none, it may not be written, it has gaps, it is that of a device,
            its numbers have the bytes of another kind of computer, or it holds Python's objects.
    """
    if isinstance(thing, np.ndarray):
        array, name = thing, NAMES.get(thing.dtype)
    else:
        array, name = _import_array(thing, written=written)
    if written and not array.flags.writeable:
        raise ArgumentError(f"a result cannot be written into {_name(thing)}: it is read-only")
    if not array.flags.forc:
        raise ArgumentError("the buffer is not contiguous")
    if name is None:
        name = NAMES.get(array.dtype) or _name_other(array.dtype)
    return array, name


def check_order(array: Array) -> None:
    """Refuse numbers with bytes in the order of another kind of computer.

    Nobody would notice where the order differs between processes.

    Raises:
        ArgumentError: they have.
    """
    if not array.dtype.isnative:
        raise ArgumentError(
            f"the buffer holds {array.dtype.str}, with bytes in the order of another computer; "
            "expected the order of this one (numpy's astype), or a type given as MPI.BYTE"
        )


def find_address(array: Array) -> int:
    """Look up where an array begins; MPI says it eight times as fast as numpy."""
    try:
        address: int = _of_mpi()(array)
    except (BufferError, TypeError, ValueError):  # a type that numpy shows nobody
        address = array.ctypes.data
    return address


def _import_array(thing: Any, *, written: bool) -> tuple[Array, str | None]:  # noqa: ANN401
    """Give an array over what is none of numpy, and the name of its elements if DLPack has it."""
    shows_tensor = hasattr(thing, "__dlpack__") and hasattr(thing, "__dlpack_device__")
    try:
        view = memoryview(thing)
        if view.format.startswith("T{<"):  # a structure of ctypes: numpy warns of its padding
            return np.frombuffer(view, dtype=np.dtype((np.void, view.itemsize))), None
        return np.asarray(view), None
    except TypeError:
        pass
    except (ValueError, BufferError) as error:  # jax has no buffer of bfloat16, but a tensor
        if not shows_tensor:
            raise ArgumentError(f"{_name(thing)} does not show its memory: {error}") from None
    if shows_tensor:
        return _import_tensor(thing, written=written)
    raise ArgumentError(
        f"{_name(thing)} is no buffer; expected an array, a tensor, [array, type] or "
        "[array, count, type]"
    )


def _import_tensor(tensor: Any, *, written: bool) -> tuple[Array, str | None]:  # noqa: ANN401
    """Give an array over the memory that DLPack shows."""
    from mpi4py import MPI

    if not _is_on_host(tensor):
        raise ArgumentError(f"{_name(tensor)} is in the memory of a device; copy it to the host")
    try:
        shown = MPI.memory.frombuffer(tensor, readonly=not written)
    except (BufferError, ValueError, RuntimeError) as error:
        if not written and hasattr(tensor, "__array__") and not hasattr(tensor, "requires_grad"):
            return np.asarray(tensor), None  # jax's bfloat16: a copy, if need be
        raise ArgumentError(f"{_name(tensor)} does not show its memory: {error}") from None
    raw, word = np.asarray(shown), str(tensor.dtype).rpartition(".")[2]
    if word == "bfloat16":
        return raw.view(np.uint16), word
    try:
        return raw.view(np.dtype(word)), None
    except TypeError:  # a type that numpy has not: it is moved as bytes
        return raw, ""


def _is_on_host(tensor: Any) -> bool:  # noqa: ANN401
    try:
        return tensor.__dlpack_device__()[0] in HOST_DEVICES
    except (BufferError, ValueError, RuntimeError):  # as torch's "meta"
        return False


@cache
def _of_mpi() -> Callable[[object], int]:
    from mpi4py import MPI

    found: Callable[[object], int] = MPI.Get_address
    return found


def _name_other(dtype: np.dtype[Any]) -> str:
    """Name what numpy knows only through others: bfloat16 of ml_dtypes.

    Raises:
        ArgumentError: Python's objects, which are pointers.
    """
    if dtype.hasobject:
        raise ArgumentError("the buffer holds objects of Python; expected numbers or bytes")
    return "bfloat16" if dtype.name == "bfloat16" else ""


def _name(thing: Any) -> str:  # noqa: ANN401
    return f"an object of type {type(thing).__name__}"
