"""Backends of torch's for other devices of a group, where torch itself makes none beside ours."""

from datetime import timedelta
from typing import Any

import torch.distributed as dist

from topologies.model.errors import ArgumentError


def make_backend(name: str, store: Any, rank: int, size: int, seconds: float) -> Any:  # noqa: ANN401
    """Make a backend for one device of a group.

    Args:
        name: gloo or nccl.
        store: where its processes find each other.
        rank: the process.
        size: how many there are.
        seconds: its timeout.

    Raises:
        ArgumentError: another name, or a torch without it.
    """
    there = dist.PrefixStore(f"{name}/", store)
    timeout = timedelta(seconds=seconds)
    if name == "gloo" and dist.is_gloo_available():
        return dist.ProcessGroupGloo(there, rank, size, timeout)
    if name == "nccl" and dist.is_nccl_available():
        options = dist.ProcessGroupNCCL.Options()
        options._timeout = timeout
        return dist.ProcessGroupNCCL(there, rank, size, options)
    raise ArgumentError(
        f"backend {name!r} beside commplan: expected gloo or nccl, and a torch built with it; "
        "from torch 2.14 on it may be any"
    )
