"""The sum of sparse tensors: indices and values of all processes, joined by each of them."""

import numpy as np
import torch

from commplan.communicator import Communicator
from commplan.torch.tensors import RefusedError, memory


def add_up(world: Communicator, tensor: torch.Tensor, op: str) -> None:
    """Add up sparse tensors of one shape; the result takes the place of the tensor's content.

    Complexity: elements of all processes, and as much memory.

    Raises:
        RefusedError: an operation other than sum, a layout other than COO, or unlike shapes.
    """
    if op != "sum" or tensor.layout != torch.sparse_coo:
        raise RefusedError(f"{op} of a tensor of layout {tensor.layout}; sparse COO is added up")
    own = tensor.detach().coalesce()
    shape = (own.sparse_dim(), *own.shape)
    said = np.array([own._nnz(), *shape], dtype=np.int64)
    everyone = np.zeros((world.size, len(said)), dtype=np.int64)
    world.Allgather(said, everyone)
    if (everyone[:, 1:] != said[1:]).any():
        raise RefusedError(f"sparse tensors of unlike shapes: {np.unique(everyone[:, 1:], axis=0)}")
    counts = everyone[:, 0].tolist()
    if not any(counts):
        return
    places = _gather(world, own.indices().t().contiguous(), counts)
    values = _gather(world, own.values().contiguous(), counts)
    total = torch.sparse_coo_tensor(places.t(), values, tuple(own.shape)).coalesce()
    with torch.no_grad():
        tensor.copy_(total)


def _gather(world: Communicator, rows: torch.Tensor, counts: list[int]) -> torch.Tensor:
    """Lay the rows of all processes one below the other."""
    whole = rows.new_empty((sum(counts), *rows.shape[1:]))
    wide = int(np.prod(rows.shape[1:]))
    spec = memory(whole)
    buffer = spec[0] if isinstance(spec, list) else spec
    given = memory(rows)
    own = given[0] if isinstance(given, list) else given
    per_row = buffer.size // len(whole) if wide else 0
    world.Allgatherv(own.ravel(), [buffer.ravel(), [count * per_row for count in counts]])
    return whole
