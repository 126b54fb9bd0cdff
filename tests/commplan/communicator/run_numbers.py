"""Run by mpirun: averages that do not overflow, wider sums, and sums in one order everywhere.

The word is a folder for plans, which the second way takes from the first.
"""

import sys
from functools import reduce

import numpy as np
from mpi4py import MPI

from commplan.communicator import Communicator
from runtime.program.elements import decode, encode, storage
from topologies.presets.shapes import full_mesh, ring

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
INTEGERS = [f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")]


def everyones(count, dtype):
    """Draw everyone's elements, of all orders of size, and add what breaks off first."""
    made = []
    for process in range(N):
        draw = np.random.default_rng(process)
        if dtype in INTEGERS:
            ends = np.iinfo(dtype)
            own = draw.integers(ends.min, ends.max, count, dtype=dtype, endpoint=True)
            own[:3] = ends.max, ends.min, ends.max - process
        else:
            own = encode(draw.normal(size=count) * 10.0 ** draw.integers(-3, 3, count), dtype)
        made.append(own)
    return made


def averages(comm):
    """Compare averages with those of Python's whole numbers, and of the largest floats."""
    for dtype in INTEGERS:
        given = everyones(N * 5, dtype)
        columns = zip(*(each.tolist() for each in given), strict=True)
        right = [int(abs(s) // N * (1 if s >= 0 else -1)) for s in map(sum, columns)]
        got, block = np.empty_like(given[ME]), np.empty(5, dtype)
        comm.Allreduce(given[ME], got, "avg")
        assert got.tolist() == right, (dtype, got, right)
        comm.Reduce_scatter_block(given[ME], block, "avg")
        assert block.tolist() == right[5 * ME : 5 * ME + 5], dtype
        comm.Reduce_scatter(given[ME], block, [5] * N, "avg")
        assert block.tolist() == right[5 * ME : 5 * ME + 5], dtype
        kept = given[ME].copy()
        comm.Reduce_scatter_block(comm.IN_PLACE, kept, "avg")
        assert kept[:5].tolist() == right[5 * ME : 5 * ME + 5], dtype
    for dtype in ("float16", "float32", "float64"):
        most = np.finfo(dtype).max
        for sent in (np.full(2 * N, most, dtype), np.full(2 * N, 3.0, dtype)):
            kept, got = sent.copy(), np.empty_like(sent)
            comm.Allreduce(sent, got, "avg")
            assert (got == kept).all(), (dtype, got)
            comm.Reduce(comm.IN_PLACE if ME == N - 1 else sent, sent, "avg", N - 1)
            assert (sent == kept).all(), (dtype, sent)
            comm.Reduce_scatter_block(comm.IN_PLACE, sent, "avg")
            assert (sent == kept).all(), (dtype, sent)


def wider_sums(comm):
    """Round once: what 16 bits hold of a sum in float32."""
    for dtype in ("float16", "bfloat16"):
        given = everyones(N * 100, dtype)
        wide = [decode(each, dtype).astype("float64") for each in given]
        right = encode(np.sum(wide, axis=0), dtype)
        got, block = np.empty_like(given[ME]), np.empty(100, storage(dtype))
        comm.Allreduce([given[ME], dtype], [got, dtype])
        own = slice(100 * ME, 100 * ME + 100)
        comm.Reduce_scatter_block([given[ME], dtype], [block, dtype])
        assert block.tobytes() == got[own].tobytes()
        near = 1e-2 if dtype == "bfloat16" else 2e-3
        close = np.isclose(decode(got, dtype), decode(right, dtype), near)
        assert close.all(), dtype
        assert np.mean(got.view(np.uint16) == right.view(np.uint16)) > 0.99, dtype


def bracket(given, dtype, op):
    """Add up from process 0 on, in the type itself."""
    with np.errstate(over="ignore"):
        total = reduce(lambda a, b: (a + b if op == "sum" else a * b).astype(dtype), given)
    return total


def one_order(topology, counts):
    """Compare with one bracket: sums of any size, by any plan, of elements at any place."""
    comm = Communicator(WORLD, topology, order="fixed", limit=60)
    for dtype, count in ((d, c) for d in ("float32", "float16", "complex64") for c in counts):
        given = everyones(count * N, dtype)
        right = bracket(given, dtype, "sum")
        got, block = np.empty_like(right), np.empty(count, dtype)
        comm.Allreduce(given[ME], got)
        assert got.tobytes() == right.tobytes(), (dtype, count)
        comm.Reduce(given[ME], got if ME == 1 % N else None, root=1 % N)
        comm.Reduce_scatter_block(given[ME], block)
        assert block.tobytes() == right[count * ME : count * ME + count].tobytes()
        sizes = [count + 1, *[count] * (N - 2), count - 1][:N] if N > 1 else [count]
        mine = np.empty(sizes[ME], dtype)
        comm.Ireduce_scatter(given[ME], mine, sizes, MPI.SUM).Wait()
        begin = sum(sizes[:ME])
        assert mine.tobytes() == right[begin : begin + sizes[ME]].tobytes()
        comm.Allreduce(comm.IN_PLACE, given[ME])
        assert given[ME].tobytes() == got.tobytes() == right.tobytes()
    comm.Allreduce(np.empty(0), np.empty(0))
    twos = np.full(3, 2.0)
    comm.Allreduce(comm.IN_PLACE, twos, "avg")
    assert twos.tolist() == [2.0] * 3
    comm.Free()


def main() -> None:
    for way in ("best", "mpi4py"):
        options = {"accumulate": "float32", "cache": sys.argv[1]}
        comm = Communicator(WORLD, ring(N), limit=60, way=way, **options)
        averages(comm)
        wider_sums(comm)
        comm.Free()
    one_order(ring(N), (1,))
    one_order(full_mesh(N), (7, 9001))
    if ME == 0:
        print("right")


if __name__ == "__main__":
    main()
