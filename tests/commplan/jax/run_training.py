"""Run by mpirun: collectives inside jit against numpy; a model against all data at once."""

import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpi4py import MPI

import commplan
from commplan.jax import all_gather, all_reduce, all_to_all, broadcast, reduce_scatter
from topologies.model.errors import ArgumentError
from topologies.presets.shapes import star

N, ME = MPI.COMM_WORLD.size, MPI.COMM_WORLD.rank


def data(rank):
    return np.arange(3 * N, dtype=np.float32).reshape(N, 3) * (rank + 1)


def values(world):
    everyone = [data(rank) for rank in range(N)]
    checks = {
        "all_reduce": (lambda x: all_reduce(world, x), sum(everyone)),
        "max": (lambda x: all_reduce(world, x, "max"), np.max(everyone, axis=0)),
        "all_gather": (lambda x: all_gather(world, x), np.stack(everyone)),
        "reduce_scatter": (lambda x: reduce_scatter(world, x), sum(everyone)[ME]),
        "all_to_all": (lambda x: all_to_all(world, x), np.stack([e[ME] for e in everyone])),
        "broadcast": (lambda x: broadcast(world, x, 1), everyone[1]),
    }
    for name, (function, wanted) in checks.items():
        found = jax.jit(function)(data(ME))
        assert found.shape == wanted.shape, name
        assert np.array_equal(found, wanted), name
    half = jax.jit(lambda x: all_reduce(world, x, "avg"))(jnp.full(5, ME + 1, jnp.bfloat16))
    assert half.dtype == jnp.bfloat16
    assert np.array_equal(half.astype(np.float32), [(N + 1) / 2] * 5)


def gradients(world):
    """Compare with derivatives by hand of the sum over all processes of what they make of it."""
    weights = np.stack([np.full((N, 3), rank + 1, np.float32) for rank in range(N)])
    mine = weights[ME]
    checks = [
        (lambda x: (all_reduce(world, x) * mine).sum(), weights.sum(axis=0)),
        (lambda x: (all_reduce(world, x, "avg") * mine).sum(), weights.mean(axis=0)),
        (lambda x: (all_gather(world, x)[ME] * mine).sum(), mine),
        (lambda x: (reduce_scatter(world, x) * mine[0]).sum(), weights[:, 0]),
        (lambda x: (all_to_all(world, x) * mine).sum(), weights[:, ME]),
        (lambda x: (broadcast(world, x) * mine).sum(), weights.sum(axis=0) * (ME == 0)),
    ]
    for number, (function, wanted) in enumerate(checks):
        found = jax.jit(jax.grad(function))(data(ME))
        assert np.allclose(found, wanted), (number, found, wanted)
    cubes = jax.grad(lambda x: (jax.grad(lambda x: (all_reduce(world, x) ** 3).sum())(x)).sum())
    assert np.allclose(jax.jit(cubes)(data(ME)), 6 * N * N * sum(map(data, range(N))))
    many = jax.grad(
        lambda x: jax.lax.scan(lambda c, _: (all_reduce(world, c), None), x, None, 3)[0].sum()
    )
    assert np.allclose(jax.jit(many)(data(ME)), N**3)
    for made in (jax.grad, jax.hessian, lambda f: jax.jit(jax.jacfwd(f))):
        with pytest.raises(ArgumentError, match="no gradient is known for 'max'"):
            made(lambda x: all_reduce(world, x, "max").sum())(data(ME))
    stopped = jax.grad(lambda x: (x * jax.lax.stop_gradient(all_reduce(world, x, "max"))).sum())
    assert np.array_equal(jax.jit(stopped)(data(ME)), data(N - 1))


def changes(world):
    """Compare forward mode, and both after each other, with derivatives by hand."""
    given, change = data(ME), jnp.full((N, 3), ME + 1.0)
    for function, wanted in (
        (lambda x: 2 * all_reduce(world, x), N * (N + 1.0)),
        (lambda x: all_gather(world, x)[1], 2.0),
        (lambda x: broadcast(world, x, 1), 2.0),
    ):
        found = jax.jvp(jax.jit(function), (given,), (change,))
        assert np.array_equal(found[0], function(given))
        assert np.array_equal(found[1], np.full((N, 3), wanted))
    weights = np.arange(6, dtype=np.float32).reshape(3, 2) / 9
    wave = lambda x: jnp.sin(all_reduce(world, weights @ x))  # noqa: E731
    wanted = np.cos(N * weights.sum(axis=1))[:, None] * N * weights
    for made in (jax.jacfwd, jax.jacrev):
        assert np.allclose(jax.jit(made(wave))(jnp.ones(2)), wanted, atol=1e-5)
    cubes = jax.hessian(lambda x: (all_reduce(world, x) ** 3).sum())
    assert np.allclose(jax.jit(cubes)(jnp.ones(2)), 6 * N**3 * np.eye(2))


def batches(world):
    """Compare a batch with one after the other, wherever its axis is."""
    given = jnp.stack([data(ME) * (i + 1) for i in range(4)])
    for call in (all_reduce, all_gather, reduce_scatter, all_to_all, broadcast):
        one = lambda x, call=call: jnp.sin(call(world, x)) * (ME + 1)  # noqa: E731
        wanted = jnp.stack([one(each) for each in given])
        for axis in (0, 2):
            found = jax.jit(jax.vmap(one, axis))(jnp.moveaxis(given, 0, axis))
            assert np.allclose(found, wanted, atol=1e-4), call
        slope = jax.grad(lambda x, one=one: one(x).sum())
        assert np.allclose(jax.vmap(slope)(given), jnp.stack([slope(each) for each in given]))


def trees(world):
    """Take trees of arrays, and differentiate what can be, beside what cannot."""
    given = {"w": data(ME), "b": (jnp.float32(ME), jnp.full(2, ME, jnp.int32)), "none": None}
    found = jax.jit(lambda x: all_reduce(world, x))(given)
    assert np.array_equal(found["w"], sum(data(rank) for rank in range(N)))
    assert (found["b"][0], found["none"]) == (N * (N - 1) / 2, None)
    assert found["b"][1].tolist() == [N * (N - 1) // 2] * 2
    rows = jax.jit(lambda x: all_to_all(world, reduce_scatter(world, all_gather(world, x))))(
        {"x": jnp.full((N, 1), float(ME))}
    )
    assert rows["x"].ravel().tolist() == [N * rank for rank in range(N)]

    def loss(x, count):
        both = all_reduce(world, {"x": x, "count": count})
        return (both["x"] / both["count"]).sum()

    slope = jax.jit(jax.grad(loss))(data(ME), jnp.int32(2))
    assert np.allclose(slope, 1 / 2)


def truth(world):
    given = jnp.array([ME == 0, True, False, ME < N - 1])
    for op, wanted in {
        "sum": [1, 1, 0, 1],
        "max": [1, 1, 0, 1],
        "bor": [1, 1, 0, 1],
        "prod": [0, 1, 0, 0],
        "min": [0, 1, 0, 0],
        "band": [0, 1, 0, 0],
        "bxor": [1, N % 2, 0, (N - 1) % 2],
    }.items():
        found = jax.jit(lambda x, op=op: all_reduce(world, x, op))(given)
        assert (found.dtype, found.tolist()) == (bool, wanted), op
    assert all_gather(world, given).dtype == bool
    assert broadcast(world, given, N - 1).tolist() == [False, True, False, False]


def refusals(world):
    """Refuse while tracing, by a sentence; what jax itself refuses stays refused."""
    key, small = jax.random.key(0), jnp.ones((N, 2), jnp.float8_e4m3fn)
    for call, told in (
        (
            lambda: all_reduce(world, {"k": key}),
            r"e: \['k'\]: found keys of random numbers",
        ),
        (lambda: broadcast(world, key), "jax.random.key_data"),
        (lambda: all_reduce(world, data(ME), "mean"), "no operation is named 'mean'"),
        (lambda: all_reduce(world, data(ME), "band"), "integers"),
        (lambda: all_reduce(world, jnp.array([True]), "avg"), "avg of bool"),
        (lambda: all_reduce(world, small), "moved, and not added up"),
        (lambda: reduce_scatter(world, small), "moved, and not added up"),
        (lambda: all_to_all(world, [jnp.ones(N + 1)]), f"expected {N} rows"),
        (lambda: broadcast(world, data(ME), N), f"root {N} of {N} processes"),
        (lambda: all_reduce(world, "text"), "found an object of type str"),
        (lambda: broadcast(world, data(ME), 1.0), "found a root of type float"),
        (lambda: all_reduce(MPI.COMM_WORLD, data(ME)), "type Intracomm for the processes"),
    ):
        with pytest.raises(ArgumentError, match=told):
            jax.make_jaxpr(call)()
    with pytest.raises(NotImplementedError, match="checkpoint"):
        jax.grad(lambda x: jax.checkpoint(lambda x: jnp.sin(all_reduce(world, x)))(x).sum())(
            data(ME)
        )
    assert all_gather(world, small).shape == (N, N, 2)


def mapped(world):
    """Call inside shard_map over one device of this process, and over two."""
    spec = jax.sharding.PartitionSpec("own")
    for devices in (1, 2):
        mesh = jax.sharding.Mesh(np.array(jax.devices()[:devices]), ("own",))
        specs = {"mesh": mesh, "in_specs": spec, "out_specs": spec}
        reduce = jax.shard_map(lambda x: all_reduce(world, x), **specs, check_vma=False)
        change = jax.grad(lambda x: (reduce(x) * data(ME)).sum())  # noqa: B023 (called here)
        if devices == 1:
            assert np.allclose(jax.jit(change)(data(ME)), sum(map(data, range(N))))
        else:
            for call in (reduce, jax.jit(reduce)):
                with pytest.raises(ArgumentError, match="found 2 devices"):
                    call(jnp.ones((2, 3)))


def training(world):
    draw = np.random.default_rng(7)
    inputs = draw.normal(size=(16 * N, 5)).astype(np.float32)
    wanted = inputs @ np.arange(5, dtype=np.float32)

    def loss(weights, x, y):
        return ((x @ weights - y) ** 2).mean()

    def trained(step, x, y):
        weights = jnp.zeros(5)
        for _ in range(50):
            weights = weights - 0.1 * step(weights, x, y)
        return np.asarray(weights)

    planned = jax.jit(lambda *given: all_reduce(world, jax.grad(loss)(*given), "avg"))
    found = trained(planned, inputs[ME::N], wanted[ME::N])
    assert np.allclose(found, trained(jax.jit(jax.grad(loss)), inputs, wanted), atol=1e-4)
    assert len(set(MPI.COMM_WORLD.allgather(found.tobytes()))) == 1


world = commplan.Communicator(MPI.COMM_WORLD, star(N))
values(world)
gradients(world)
changes(world)
batches(world)
trees(world)
truth(world)
refusals(world)
mapped(world)
training(world)
if ME == 0:
    print("right")
