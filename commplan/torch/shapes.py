"""What c10d is given, held to what the processes can do with it, before anything is sent."""

from collections.abc import Sequence

import torch

from commplan.torch.tensors import RefusedError

Tensors = Sequence[torch.Tensor]


def check_type(one: torch.Tensor, others: Tensors) -> None:
    """Refuse tensors of several types in a call.

    Raises:
        RefusedError: two differ.
    """
    for other in others:
        if other.dtype != one.dtype:
            raise RefusedError(f"tensors of {one.dtype} and {other.dtype}; expected one type")


def check_list(name: str, tensors: Tensors, size: int) -> None:
    """Refuse a list that has not one tensor for each process.

    Raises:
        RefusedError: it has not.
    """
    if len(tensors) != size:
        raise RefusedError(f"{name}: found {len(tensors)} tensors, expected {size}")


def check_elements(name: str, found: int, expected: int) -> None:
    """Refuse a tensor of another number of elements.

    Raises:
        RefusedError: it has another.
    """
    if found != expected:
        raise RefusedError(f"{name}: found {found} elements, expected {expected}")


def check_root(root: int, size: int) -> int:
    """Give back the number of a process of the group.

    Raises:
        RefusedError: it has none of this number.
    """
    if not 0 <= root < size:
        raise RefusedError(f"root: found {root}, expected one from 0 to {size - 1}")
    return root


def count_elements(name: str, tensor: torch.Tensor, splits: Sequence[int], size: int) -> list[int]:
    """Compute the elements for each process from the rows that the splits say, else equal ones.

    Raises:
        RefusedError: splits that are not one for each process, or do not add up to the rows; rows
            that are not the same number for all where nothing is said.
    """
    rows = tensor.shape[0] if tensor.dim() else tensor.numel()
    if not splits:
        if rows % size:
            raise RefusedError(f"{name}: {rows} rows do not divide into {size} equal parts")
        splits = [rows // size] * size
    if len(splits) != size or min(splits) < 0:
        raise RefusedError(f"{name}: found splits {list(splits)}, expected {size} from 0")
    if sum(splits) != rows:
        raise RefusedError(f"{name}: splits {list(splits)} add up to {sum(splits)}, not {rows}")
    wide = tensor.numel() // rows if rows else 0
    return [each * wide for each in splits]
