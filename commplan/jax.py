"""jax on CPUs over planned collectives: functions to be called inside `jit`, and differentiated.

Each goes to the host by an ordered callback, so that all processes come to the collectives in the
order of the program. Gradients go back by the transposed collective. It is done when the callback
returns: nothing runs on beside the computation. What is given may be any tree of arrays; each of
its leaves is a collective of its own.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import io_callback

from commplan.communicator import Communicator
from runtime.program.elements import OPERATIONS, TYPES, refusal
from topologies.model.errors import ArgumentError
from topologies.model.messages import unknown

Array = Any  # jax.Array, or what stands for one while it is traced
Tree = Any  # of arrays
LINEAR = ("sum", "avg")  # operations that a gradient is known for
OF_TRUTH = {"sum": "max", "prod": "min", "band": "min", "bor": "max"}  # of 0 and 1, as bytes


def all_reduce(world: Communicator, x: Tree, op: str = "sum") -> Tree:
    """Join the arrays of all processes; a gradient is known for sum and avg.

    Of truth values, sum and bor are "any", prod and band are "all".

    Args:
        world: the processes.
        x: arrays of this process.
        op: how they are joined.

    Raises:
        ArgumentError: an operation that is not known, or not for the type; no numbers.
    """
    if op not in OPERATIONS:
        raise ArgumentError(f"all_reduce: {unknown('operation', op, OPERATIONS)}")

    def join(name: str, leaf: Array) -> Array:
        _check_operation(name, leaf, op)
        return _all_reduce(world, leaf, op)

    return _over_leaves("all_reduce", join, x)


def all_gather(world: Communicator, x: Tree) -> Tree:
    """Stack the arrays of all processes along a new first axis.

    Args:
        world: the processes.
        x: arrays of this process.
    """
    return _over_leaves("all_gather", lambda _, leaf: _all_gather(world, leaf), x)


def reduce_scatter(world: Communicator, x: Tree) -> Tree:
    """Add up the arrays of all processes, and give each the row of its number.

    Args:
        world: the processes.
        x: arrays with a row for each process.

    Raises:
        ArgumentError: other rows, or a type that cannot be added up.
    """

    def add(name: str, leaf: Array) -> Array:
        _check_operation(name, leaf, "sum")
        return _reduce_scatter(world, _rows(world, name, leaf))

    return _over_leaves("reduce_scatter", add, x)


def all_to_all(world: Communicator, x: Tree) -> Tree:
    """Send row j to process j; row i of the result comes from process i.

    Args:
        world: the processes.
        x: arrays with a row for each process.

    Raises:
        ArgumentError: other rows.
    """
    return _over_leaves(
        "all_to_all", lambda name, leaf: _all_to_all(world, _rows(world, name, leaf)), x
    )


def broadcast(world: Communicator, x: Tree, root: int = 0) -> Tree:
    """Give all processes the arrays of the root.

    Args:
        world: the processes.
        x: of the root; elsewhere only their shapes and types count.
        root: a process.

    Raises:
        ArgumentError: there is no such process.
    """
    if not 0 <= root < world.size:
        raise ArgumentError(f"broadcast: root {root} of {world.size} processes")
    return _over_leaves("broadcast", lambda _, leaf: _broadcast(world, leaf, root), x)


@partial(jax.custom_vjp, nondiff_argnums=(0, 2))
def _all_reduce(world: Communicator, x: Array, op: str) -> Array:
    named = OF_TRUTH.get(op, op) if x.dtype == bool else op
    return _call(lambda given, out: world.Allreduce(given, out, named), x, x.shape)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _all_gather(world: Communicator, x: Array) -> Array:
    return _call(world.Allgather, x, (world.size, *x.shape))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _reduce_scatter(world: Communicator, x: Array) -> Array:
    named = "max" if x.dtype == bool else "sum"
    return _call(lambda given, out: world.Reduce_scatter_block(given, out, named), x, x.shape[1:])


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _all_to_all(world: Communicator, x: Array) -> Array:
    return _call(world.Alltoall, x, x.shape)


@partial(jax.custom_vjp, nondiff_argnums=(0, 2))
def _broadcast(world: Communicator, x: Array, root: int) -> Array:
    def run(given: Any, out: Any) -> None:  # noqa: ANN401
        _memory(out)[...] = _memory(given)
        world.Bcast(out, root)

    return _call(run, x, x.shape)


def _over_leaves(name: str, run: Callable[[str, Array], Array], tree: Tree) -> Tree:
    """Run for each array of a tree, in the order that jax gives them.

    Raises:
        ArgumentError: a leaf that holds no numbers.
    """

    def one(path: Any, leaf: Any) -> Array:  # noqa: ANN401
        where = f"{name}{': ' if path else ''}{jax.tree_util.keystr(path)}"
        return run(where, _numbers(where, leaf))

    return jax.tree_util.tree_map_with_path(one, tree)


def _numbers(where: str, leaf: Any) -> Array:  # noqa: ANN401
    """Give a leaf as an array.

    Raises:
        ArgumentError: keys of random numbers, or no numbers at all.
    """
    dtype = getattr(leaf, "dtype", None)
    if dtype is not None and jax.dtypes.issubdtype(dtype, jax.dtypes.extended):
        raise ArgumentError(
            f"{where}: found keys of random numbers ({dtype}); expected numbers, as "
            "jax.random.key_data gives them (and jax.random.wrap_key_data takes them)"
        )
    try:
        return jnp.asarray(leaf)
    except TypeError:
        raise ArgumentError(
            f"{where}: found an object of type {type(leaf).__name__}, expected an array"
        ) from None


def _check_operation(where: str, leaf: Array, op: str) -> None:
    """Refuse, while a function is traced, what could only fail when it runs.

    Raises:
        ArgumentError: the operation is not one on this type.
    """
    name = leaf.dtype.name
    if name == "bool":
        if op == "avg":
            raise ArgumentError(f"{where}: avg of bool; expected numbers, or another operation")
        return
    if name not in TYPES:
        raise ArgumentError(f"{where}: {name} is moved, and not added up; expected {list(TYPES)}")
    if why := refusal(op, name):
        raise ArgumentError(f"{where}: {why}")


def _call(run: Callable[..., None], x: Array, shape: tuple[int, ...]) -> Array:
    """Call on the host with buffers to be read and to be filled."""

    def host(given: Any) -> Any:  # noqa: ANN401
        out = np.empty(shape, given.dtype)
        run(_buffer(np.ascontiguousarray(given)), _buffer(out))
        return out

    return io_callback(host, jax.ShapeDtypeStruct(shape, x.dtype), x, ordered=True)


def _rows(world: Communicator, where: str, x: Array) -> Array:
    """Give the array back if it has a row for each process.

    Raises:
        ArgumentError: it has not.
    """
    if not x.shape or x.shape[0] != world.size:
        raise ArgumentError(
            f"{where}: shape {x.shape}: expected {world.size} rows, one for each process"
        )
    return x


def _buffer(array: Any) -> Any:  # noqa: ANN401
    if array.dtype == bool:
        return array.view(np.uint8)
    if array.dtype.name == "bfloat16":
        return [array.view(np.uint16), "bfloat16"]
    return array


def _memory(buffer: Any) -> Any:  # noqa: ANN401
    return buffer[0] if isinstance(buffer, list) else buffer


def _reduce_back(world: Communicator, op: str, _: None, bar: Array) -> tuple[Array]:
    if op not in LINEAR:
        raise ArgumentError(f"all_reduce: no gradient is known for {op!r}, only for sum and avg")
    return (_all_reduce(world, bar, op),)


def _broadcast_back(world: Communicator, root: int, _: None, bar: Array) -> tuple[Array]:
    total = _all_reduce(world, bar, "sum")
    return (total if world.rank == root else total * 0,)


_all_reduce.defvjp(lambda world, x, op: (_all_reduce(world, x, op), None), _reduce_back)
_all_gather.defvjp(
    lambda world, x: (_all_gather(world, x), None),
    lambda world, _, bar: (_reduce_scatter(world, bar),),
)
_reduce_scatter.defvjp(
    lambda world, x: (_reduce_scatter(world, x), None),
    lambda world, _, bar: (_all_gather(world, bar),),
)
_all_to_all.defvjp(
    lambda world, x: (_all_to_all(world, x), None),
    lambda world, _, bar: (_all_to_all(world, bar),),
)
_broadcast.defvjp(lambda world, x, root: (_broadcast(world, x, root), None), _broadcast_back)
