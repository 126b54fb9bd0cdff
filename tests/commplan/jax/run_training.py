"""Run by mpirun: collectives inside jit against numpy; a model against all data at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpi4py import MPI

import commplan
from commplan.jax import all_gather, all_reduce, all_to_all, broadcast, reduce_scatter
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
    with pytest.raises(ValueError, match="no gradient is known for 'max'"):
        jax.grad(lambda x: all_reduce(world, x, "max").sum())(data(ME))


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
training(world)
if ME == 0:
    print("right")
