"""Tensors as the memory that a communicator takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from topologies.model.errors import ArgumentError

OPS = {"SUM": "sum", "AVG": "avg", "MIN": "min", "MAX": "max", "PRODUCT": "prod"}
OPS |= {"BAND": "band", "BOR": "bor", "BXOR": "bxor"}


def operation(op: Any) -> str:  # noqa: ANN401
    """Name an operation of torch.

    Raises:
        ArgumentError: it is none of those that are planned.
    """
    kinds = torch.distributed.ReduceOp.RedOpType
    for name, ours in OPS.items():
        if op == getattr(kinds, name):
            return ours
    raise ArgumentError(f"{op} is not planned; known: {', '.join(OPS)}")


def flat(tensor: torch.Tensor) -> Any:  # noqa: ANN401
    """Give a contiguous tensor on the CPU as a buffer, without a copy.

    Raises:
        ArgumentError: it lies elsewhere.
    """
    if tensor.device.type != "cpu":
        raise ArgumentError(f"a tensor on {tensor.device}; MPI is given memory of the CPU")
    line = tensor.detach().reshape(-1)
    if tensor.dtype == torch.bfloat16:
        return [line.view(torch.int16).numpy(), "bfloat16"]
    return line.numpy()


@contextmanager
def writable(tensor: torch.Tensor) -> Iterator[Any]:
    """Give a tensor as a buffer to be read and written, by way of a copy if it has gaps."""
    whole = tensor if tensor.is_contiguous() else tensor.contiguous()
    yield flat(whole)
    if whole is not tensor:
        tensor.copy_(whole)


def blocks(spec: Any, counts: list[int]) -> list[Any]:  # noqa: ANN401
    """Say how many elements of a buffer belong to each process."""
    buffer, kind = spec if isinstance(spec, list) else (spec, spec.dtype.str)
    return [buffer, counts, np.cumsum([0, *counts])[:-1].tolist(), kind]
