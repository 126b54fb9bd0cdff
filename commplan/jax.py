"""jax on CPUs over planned collectives: functions to be called inside `jit`, and differentiated.

Each goes to the host by an ordered callback, so that all processes come to the collectives in the
order of the program. Gradients go back by the transposed collective. It is done when the callback
returns: nothing runs on beside the computation. What is given may be any tree of arrays; each of
its leaves is a collective of its own.
"""

from collections.abc import Callable
from functools import partial
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import io_callback
from jax.extend import core
from jax.interpreters import ad, batching, mlir

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
    if not isinstance(op, str) or op not in OPERATIONS:
        raise ArgumentError(f"all_reduce: {unknown('operation', op, OPERATIONS)}")

    def join(name: str, leaf: Array) -> Array:
        _check_operation(name, leaf, op)
        return _bind(world, "all_reduce", leaf, op)

    return _over_leaves(world, "all_reduce", join, x)


def all_gather(world: Communicator, x: Tree) -> Tree:
    """Stack the arrays of all processes along a new first axis.

    Args:
        world: the processes.
        x: arrays of this process.
    """
    return _over_leaves(world, "all_gather", lambda _, leaf: _bind(world, "all_gather", leaf), x)


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
        return _bind(world, "reduce_scatter", _rows(world, name, leaf), "sum")

    return _over_leaves(world, "reduce_scatter", add, x)


def all_to_all(world: Communicator, x: Tree) -> Tree:
    """Send row j to process j; row i of the result comes from process i.

    Args:
        world: the processes.
        x: arrays with a row for each process.

    Raises:
        ArgumentError: other rows.
    """
    return _over_leaves(
        world,
        "all_to_all",
        lambda name, leaf: _bind(world, "all_to_all", _rows(world, name, leaf)),
        x,
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
    _check_world("broadcast", world)
    if not isinstance(root, Integral):
        raise ArgumentError(
            f"broadcast: found a root of type {type(root).__name__}, expected the number of a "
            "process, known while it is traced"
        )
    if not 0 <= root < world.size:
        raise ArgumentError(f"broadcast: root {root} of {world.size} processes")
    return _over_leaves(
        world, "broadcast", lambda _, leaf: _bind(world, "broadcast", leaf, int(root)), x
    )


def _run(x: Array, *, world: Communicator, kind: str, how: Any) -> Array:  # noqa: ANN401
    """Call on the host with buffers to be read and to be filled, in the order of the program."""
    named, shape = how, _shape(world, kind, x.shape)
    if x.dtype == bool and isinstance(how, str):
        named = OF_TRUTH.get(how, how)

    def host(given: Any) -> Any:  # noqa: ANN401
        out = np.empty(shape, given.dtype)
        HOSTS[kind](world, _buffer(np.ascontiguousarray(given)), _buffer(out), named)
        return out

    return io_callback(host, jax.ShapeDtypeStruct(shape, x.dtype), x, ordered=True)


def _lower(context: mlir.LoweringRuleContext, x: Any, *, kind: str, **named: Any) -> Any:  # noqa: ANN401
    """Translate for the device of this process.

    Raises:
        ArgumentError: inside shard_map several devices would call in no order, each with a part.
    """
    mesh = getattr(context.module_context.axis_context, "mesh", None)
    if mesh is not None and mesh.size > 1:
        raise ArgumentError(
            f"{kind} inside shard_map or pmap: found {mesh.size} devices of this process, "
            "expected one"
        )
    lower = mlir.lower_fun(partial(_run, kind=kind, **named), multiple_results=False)
    return lower(context, x)


def _bind(world: Communicator, kind: str, x: Array, how: Any = None) -> Array:  # noqa: ANN401
    return _collective.bind(x, world=world, kind=kind, how=how)


def _shape(world: Communicator, kind: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give the shape of what comes of arrays of a shape."""
    if kind == "all_gather":
        return (world.size, *shape)
    return shape[1:] if kind == "reduce_scatter" else shape


def _host_broadcast(world: Communicator, given: Any, out: Any, root: int) -> None:  # noqa: ANN401
    _memory(out)[...] = _memory(given)
    world.Bcast(out, root)


HOSTS: dict[str, Callable[[Communicator, Any, Any, Any], None]] = {
    "all_reduce": lambda world, given, out, op: world.Allreduce(given, out, op),
    "all_gather": lambda world, given, out, _: world.Allgather(given, out),
    "reduce_scatter": lambda world, given, out, op: world.Reduce_scatter_block(given, out, op),
    "all_to_all": lambda world, given, out, _: world.Alltoall(given, out),
    "broadcast": _host_broadcast,
}


def _over_leaves(
    world: Communicator, name: str, run: Callable[[str, Array], Array], tree: Tree
) -> Tree:
    """Run for each array of a tree, in the order that jax gives them.

    Raises:
        ArgumentError: a leaf that holds no numbers; processes that are no communicator.
    """
    _check_world(name, world)

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


def _check_world(name: str, world: Any) -> None:  # noqa: ANN401
    """Refuse, while a function is traced, processes that plan nothing.

    Raises:
        ArgumentError: they are no communicator of ours.
    """
    if not isinstance(world, Communicator):
        raise ArgumentError(
            f"{name}: found an object of type {type(world).__name__} for the processes, expected "
            "a commplan.Communicator"
        )


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


def _abstract(x: Any, **how: Any) -> Any:  # noqa: ANN401
    """Tell the shape, and that the collective comes in its place among those of the program."""
    made = jax.make_jaxpr(partial(_run, **how))(jax.ShapeDtypeStruct(x.shape, x.dtype))
    return made.out_avals[0], made.effects


def _refuse(_: Any, *, kind: str, how: str) -> Any:  # noqa: ANN401
    """Refuse what only a change of a maximum, a product, ... would need.

    Raises:
        ArgumentError: always.
    """
    raise ArgumentError(f"{kind}: no gradient is known for {how!r}, only for sum and avg")


def _forward(given: Any, changes: Any, *, world: Communicator, kind: str, how: Any) -> Any:  # noqa: ANN401
    """Give the result, and how it changes: by the same collective, where that is linear."""
    (x,), (change,) = given, changes
    out = _bind(world, kind, x, how)
    if type(change) is ad.Zero:
        return out, ad.Zero.from_primal_value(out)
    if isinstance(how, str) and how not in LINEAR:
        return out, _change.bind(change, kind=kind, how=how)
    return out, _bind(world, kind, change, how)


def _back(bar: Any, x: Any, *, world: Communicator, kind: str, how: Any) -> list[Any]:  # noqa: ANN401
    """Send gradients back by the transposed collective."""
    if type(bar) is ad.Zero:
        return [ad.Zero(x.aval)]
    if kind != "broadcast":
        there = {"all_gather": "reduce_scatter", "reduce_scatter": "all_gather"}.get(kind, kind)
        return [_bind(world, there, bar, "sum" if kind == "all_gather" else how)]
    total = _bind(world, "all_reduce", bar, "sum")
    return [total if world.rank == how else jnp.zeros_like(total)]


def _batch(given: Any, places: Any, *, world: Communicator, kind: str, how: Any) -> Any:  # noqa: ANN401
    """Do for all members of a batch at once."""
    (x,), (place,) = given, places
    if kind in ("reduce_scatter", "all_to_all"):  # the rows stay first
        x, place = jnp.moveaxis(x, place, 1), 1
    after = place + len(_shape(world, kind, x.shape)) - x.ndim
    return _bind(world, kind, x, how), after


_collective = core.Primitive("commplan")
_collective.def_impl(_run)
_collective.def_effectful_abstract_eval(_abstract)
mlir.register_lowering(_collective, _lower)
ad.primitive_jvps[_collective] = _forward
ad.primitive_transposes[_collective] = _back
batching.primitive_batchers[_collective] = _batch

# How a maximum changes: traced, as it may be of no use (behind stop_gradient), and never asked for.
_change = core.Primitive("commplan_change")
_change.def_impl(_refuse)
_change.def_abstract_eval(lambda x, **_: x)
mlir.register_lowering(_change, mlir.lower_fun(_refuse, multiple_results=False))
ad.primitive_jvps[_change] = lambda given, _, **how: _refuse(given, **how)
ad.primitive_transposes[_change] = lambda bar, _, **how: _refuse(bar, **how)
batching.primitive_batchers[_change] = lambda given, at, **how: (_change.bind(*given, **how), *at)
