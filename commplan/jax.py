"""jax on CPUs over planned collectives: functions to be called inside `jit`, and differentiated.

Each goes to the host by an ordered callback, so that all processes come to the collectives in the
order of the program. Gradients go back by the transposed collective. It is done when the callback
returns: nothing runs on beside the computation.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.experimental import io_callback

from commplan.communicator import Communicator
from topologies.model.errors import ArgumentError

Array = Any  # jax.Array, or what stands for one while it is traced
LINEAR = ("sum", "avg")  # operations that a gradient is known for


@partial(jax.custom_vjp, nondiff_argnums=(0, 2))
def all_reduce(world: Communicator, x: Array, op: str = "sum") -> Array:
    """Join the arrays of all processes; a gradient is known for sum and avg.

    Args:
        world: the processes.
        x: an array of this process.
        op: how they are joined.
    """
    return _call(lambda given, out: world.Allreduce(given, out, op), x, x.shape)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def all_gather(world: Communicator, x: Array) -> Array:
    """Stack the arrays of all processes along a new first axis.

    Args:
        world: the processes.
        x: an array of this process.
    """
    return _call(world.Allgather, x, (world.size, *x.shape))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def reduce_scatter(world: Communicator, x: Array) -> Array:
    """Add up the arrays of all processes, and give each the row of its number.

    Args:
        world: the processes.
        x: a row for each process.
    """
    return _call(world.Reduce_scatter_block, _rows(world, x), x.shape[1:])


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def all_to_all(world: Communicator, x: Array) -> Array:
    """Send row j to process j; row i of the result comes from process i.

    Args:
        world: the processes.
        x: a row for each process.
    """
    return _call(world.Alltoall, _rows(world, x), x.shape)


@partial(jax.custom_vjp, nondiff_argnums=(0, 2))
def broadcast(world: Communicator, x: Array, root: int = 0) -> Array:
    """Give all processes the array of the root.

    Args:
        world: the processes.
        x: of the root; elsewhere only its shape and type count.
        root: a process.
    """

    def run(given: Any, out: Any) -> None:  # noqa: ANN401
        _memory(out)[...] = _memory(given)
        world.Bcast(out, root)

    return _call(run, x, x.shape)


def _call(run: Callable[..., None], x: Array, shape: tuple[int, ...]) -> Array:
    """Call on the host with buffers to be read and to be filled."""

    def host(given: Any) -> Any:  # noqa: ANN401
        out = np.empty(shape, given.dtype)
        run(_buffer(np.ascontiguousarray(given)), _buffer(out))
        return out

    return io_callback(host, jax.ShapeDtypeStruct(shape, x.dtype), x, ordered=True)


def _rows(world: Communicator, x: Array) -> Array:
    """Give the array back if it has a row for each process.

    Raises:
        ArgumentError: it has not.
    """
    if not x.shape or x.shape[0] != world.size:
        raise ArgumentError(f"shape {x.shape}: expected {world.size} rows, one for each process")
    return x


def _buffer(array: Any) -> Any:  # noqa: ANN401
    if array.dtype.name == "bfloat16":
        return [array.view(np.uint16), "bfloat16"]
    return array


def _memory(buffer: Any) -> Any:  # noqa: ANN401
    return buffer[0] if isinstance(buffer, list) else buffer


def _reduce_back(world: Communicator, op: str, _: None, bar: Array) -> tuple[Array]:
    if op not in LINEAR:
        raise ArgumentError(f"all_reduce: no gradient is known for {op!r}, only for sum and avg")
    return (all_reduce(world, bar, op),)


def _broadcast_back(world: Communicator, root: int, _: None, bar: Array) -> tuple[Array]:
    total = all_reduce(world, bar, "sum")
    return (total if world.rank == root else total * 0,)


all_reduce.defvjp(lambda world, x, op: (all_reduce(world, x, op), None), _reduce_back)
all_gather.defvjp(
    lambda world, x: (all_gather(world, x), None),
    lambda world, _, bar: (reduce_scatter(world, bar),),
)
reduce_scatter.defvjp(
    lambda world, x: (reduce_scatter(world, x), None),
    lambda world, _, bar: (all_gather(world, bar),),
)
all_to_all.defvjp(
    lambda world, x: (all_to_all(world, x), None),
    lambda world, _, bar: (all_to_all(world, bar),),
)
broadcast.defvjp(lambda world, x, root: (broadcast(world, x, root), None), _broadcast_back)
