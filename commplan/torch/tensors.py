"""Tensors as the memory that a communicator takes, and operations as it calls them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch

from topologies.model.errors import WRONG_INPUT, ArgumentError

OPS = {"SUM": "sum", "AVG": "avg", "MIN": "min", "MAX": "max", "PRODUCT": "prod"}
OPS |= {"BAND": "band", "BOR": "bor", "BXOR": "bxor"}
OF_TRUTH = {"sum": "max", "prod": "min", "band": "min", "bor": "max"}  # of 0 and 1, as bytes
NO_FLOATS = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
NO_FLOATS |= {torch.uint16, torch.uint32, torch.uint64}
NUMBERS = {*NO_FLOATS, torch.float16, torch.float32, torch.float64, torch.bfloat16}
NUMBERS |= {torch.complex64, torch.complex128}


class RefusedError(ArgumentError, RuntimeError):
    """A call that cannot be meant; gloo has a RuntimeError for most of them."""

    exit_code = WRONG_INPUT


def operation(op: Any, dtype: torch.dtype) -> str:  # noqa: ANN401
    """Name an operation of torch on a type; of truth values it is one on bytes.

    Raises:
        RefusedError: it is none of those that are planned, or not for this type.
    """
    return _name(getattr(op, "op", op), dtype)


@cache
def _name(op: Any, dtype: torch.dtype) -> str:  # noqa: ANN401
    kinds = torch.distributed.ReduceOp.RedOpType
    ours = next((ours for name, ours in OPS.items() if op == getattr(kinds, name)), None)
    if ours is None:
        raise RefusedError(f"{op} is not planned; known: {', '.join(OPS)}")
    if dtype not in NUMBERS:
        raise RefusedError(f"{dtype}: values of this type are moved, and not added up")
    if ours in ("band", "bor", "bxor") and dtype not in NO_FLOATS:
        raise RefusedError(f"{op} of {dtype}: expected whole numbers or truth values")
    if ours == "avg" and dtype in NO_FLOATS:
        raise RefusedError(f"AVG of {dtype}: expected floats; SUM keeps whole numbers")
    return OF_TRUTH.get(ours, ours) if dtype == torch.bool else ours


def dense(tensor: torch.Tensor) -> torch.Tensor:
    """Give a tensor whose memory has no gaps: itself, or a copy.

    Raises:
        RefusedError: it lies on a device, or has no memory of its own kind.
    """
    if tensor.device.type != "cpu":
        raise RefusedError(f"a tensor on {tensor.device}; MPI is given memory of the CPU")
    if tensor.layout != torch.strided:
        raise RefusedError(f"a tensor of layout {tensor.layout}; only all_reduce adds these up")
    if tensor.is_contiguous() and not tensor.is_conj() and not tensor.is_neg():
        return tensor
    return tensor.detach().resolve_conj().resolve_neg().contiguous()


def memory(tensor: torch.Tensor) -> Any:  # noqa: ANN401
    """Give a tensor without gaps as a buffer, without a copy.

    Types that numpy has not are shown as bytes, which is enough to move them.
    """
    plain, dtype = tensor.detach(), tensor.dtype
    if dtype == torch.bfloat16:
        return [plain.reshape(-1).view(torch.int16).numpy(), "bfloat16"]
    if dtype == torch.bool or dtype not in NUMBERS:
        return plain.reshape(-1).view(torch.uint8).numpy()
    return plain.numpy()


def apart(tensor: torch.Tensor, result: torch.Tensor) -> torch.Tensor:
    """Give a tensor that shares no memory with a result: itself, or a copy; both without gaps."""
    ours, theirs = tensor.data_ptr(), result.data_ptr()
    meets = ours < theirs + result.nbytes and theirs < ours + tensor.nbytes
    return tensor.detach().clone() if meets else tensor


def put_back(tensor: torch.Tensor, whole: torch.Tensor) -> None:
    """Copy a result to where it belongs, unless it is there; `whole` is from `dense`."""
    if whole is not tensor:
        tensor.detach().copy_(whole)


def put_parts(tensors: Sequence[torch.Tensor], whole: torch.Tensor) -> None:
    """Copy what lies one after the other to a tensor each."""
    parts = whole.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.detach().copy_(part.view(tensor.shape))


def join(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Lay tensors one after the other."""
    return torch.cat([dense(tensor).detach().reshape(-1) for tensor in tensors])
