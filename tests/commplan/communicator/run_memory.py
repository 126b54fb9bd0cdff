"""Run by mpirun: memory that cannot be meant is refused, every form of a buffer is taken."""

import ctypes
import sys
import tempfile
import warnings
from array import array
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from commplan.communicator import Communicator
from topologies.model.errors import ArgumentError
from topologies.presets.shapes import star

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
CASE = ["", ""]  # what is tried, for who reads a failure


class Tensor:
    """What shows its memory by DLPack alone."""

    def __init__(self, values, name=None, device=1):
        self.values, self.device = values, device
        self.dtype = f"torch.{name or values.dtype}"

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.device, 0


class Pair(ctypes.Structure):
    """A structure with padding, of which numpy warns."""

    _fields_ = [("whole", ctypes.c_int), ("half", ctypes.c_double)]


def ones(count=4, dtype="float32"):
    return np.ones(count, dtype=dtype)


def locked(count=4):
    made = ones(count)
    made.flags.writeable = False
    return made


def mapped(count=4):
    path = Path(tempfile.mkdtemp()) / "values"
    path.write_bytes(ones(count).tobytes())
    return np.memmap(path, dtype="float32", mode="r")


UNWRITABLE = {
    "bytes": lambda _: bytes(4),
    "a literal": lambda _: 5,
    "a scalar": lambda _: np.float32(5),
    "locked": locked,
    "a map": mapped,
    "a locked tensor": lambda count: Tensor(locked(count)),
    "a list of numbers": lambda count: [0.0] * count,
}


def receiving(comm, made):
    """List every call that writes, writing into `made(count)`, with the collective's own counts."""
    blocks = [1] * N
    return {
        "Allreduce": lambda: comm.Allreduce(ones(), made(4)),
        "Allreduce in place": lambda: comm.Allreduce(MPI.IN_PLACE, made(4)),
        "Iallreduce": lambda: comm.Iallreduce(ones(), made(4)),
        "Reduce": lambda: comm.Reduce(ones(), made(4), root=ME),
        "Reduce_scatter_block": lambda: comm.Reduce_scatter_block(ones(N), made(1)),
        "Reduce_scatter": lambda: comm.Reduce_scatter(ones(N), made(1), blocks),
        "Allgather": lambda: comm.Allgather(ones(1), made(N)),
        "Allgatherv": lambda: comm.Allgatherv(ones(1), [made(N), blocks, None, MPI.FLOAT]),
        "Alltoall": lambda: comm.Alltoall(ones(N), made(N)),
        "Alltoallv": lambda: comm.Alltoallv([ones(N), blocks], [made(N), blocks]),
        "Bcast": lambda: comm.Bcast(made(4), (ME + 1) % N),
        "Gather": lambda: comm.Gather(ones(1), made(N), ME),
        "Gatherv": lambda: comm.Gatherv(ones(1), [made(N), blocks], ME),
        "Scatter": lambda: comm.Scatter(ones(N), made(1), ME),
        "Scatterv": lambda: comm.Scatterv([ones(N), blocks], made(1), ME),
    }


def refuse_what_is_not_writable(comm):
    for kind, made in UNWRITABLE.items():
        for name, call in receiving(comm, made).items():
            CASE[:] = kind, name
            with pytest.raises(ArgumentError, match=r"read-only|no buffer|not writable|parts"):
                call()


def refuse_what_cannot_be_sent(comm):
    out, bad = ones(), ones(N * 4)
    half = np.ones((4, 4), dtype="float32")[:, 1]
    for call, why in {
        lambda: comm.Bcast(np.array([1, "a"], dtype=object)): "objects of Python",
        lambda: comm.Bcast(np.zeros(1, dtype=[("a", object)])): "objects of Python",
        lambda: comm.Bcast([np.array([None]), MPI.BYTE]): "objects of Python",
        lambda: comm.Bcast(ones(4, ">f8")): "order of another computer",
        lambda: comm.Allgather(ones(1, ">i4"), ones(N, "i4")): "order of another computer",
        lambda: comm.Allreduce(out, out): "IN_PLACE",
        lambda: comm.Allreduce(bad[1:5], bad[:4]): "IN_PLACE",
        lambda: comm.Allgather(bad[:1], bad[:N]): "IN_PLACE",
        lambda: comm.Alltoallv([bad, [1] * N], [bad, [1] * N]): "IN_PLACE",
        lambda: comm.Allgatherv(bad[N - 1 : N], [bad, [1] * N]): "IN_PLACE",
        lambda: comm.Alltoallv([out, 0], [bad, [2] * N, [0] * N]): "lie in each other",
        lambda: comm.Bcast([out, -1, MPI.FLOAT]): "found -1, expected a whole number from 0",
        lambda: comm.Bcast([out, 2.0, MPI.FLOAT]): r"found 2\.0",
        lambda: comm.Alltoallv([out, [-1] * N], [bad, [1] * N]): "found -1",
        lambda: comm.Alltoallv([out, 1, [-1] * N], [bad, [1] * N]): "displacement: found -1",
        lambda: comm.Bcast([out, (2, 3), MPI.FLOAT]): "16 bytes for 5 elements",
        lambda: comm.Bcast([None, 1, MPI.FLOAT]): "count of 0",
        lambda: comm.Bcast([out, "no such type"]): "type: found 'no such type'",
        lambda: comm.Bcast([out, 1, 2, 3, 4]): "5 parts",
        lambda: comm.Bcast(half): "contiguous",
        lambda: comm.Bcast(Tensor(half)): "contiguous",
        lambda: comm.Bcast(Tensor(ones(), device=2)): "memory of a device",
        lambda: comm.Reduce_scatter(ones(N), MPI.IN_PLACE, [1] * N): "IN_PLACE",
    }.items():
        CASE[:] = why, "refused"
        with pytest.raises(ArgumentError, match=why):
            call()


def take_every_form(comm):
    """Give what MPI gives, for each way to write down the same four elements."""
    forms = {
        "bare": lambda x: x,
        "type": lambda x: [x, MPI.FLOAT],
        "letter": lambda x: (x, "f"),
        "count": lambda x: [x, 4],
        "pair": lambda x: [x, (3, 1)],
        "pair, type": lambda x: [x, (3, 1), MPI.FLOAT],
        "four": lambda x: [x, 2, 1, MPI.FLOAT],
        "bytes": lambda x: [x, MPI.BYTE],
    }
    for name, form in forms.items():
        ours, theirs = (np.arange(4, dtype="float32") * (ME + 1) for _ in range(2))
        comm.Bcast(form(ours), N - 1)
        WORLD.Bcast(form(theirs), N - 1)
        assert np.array_equal(ours, theirs), (name, ours, theirs)
    plain = array("d", [ME] * 3)
    comm.Bcast(plain, 0)
    assert plain.tolist() == [0.0] * 3
    for name in ("float32", "bool", "int16", "float16", "complex64"):
        values = np.full(3, ME, dtype=name)
        comm.Bcast(Tensor(values), N - 1)
        assert values.tolist() == np.full(3, N - 1, dtype=name).tolist()
    brain = np.full(2, 0x3F80, dtype=np.uint16)  # ones
    comm.Allreduce(MPI.IN_PLACE, Tensor(brain, "bfloat16"))
    assert (brain.astype(np.uint32) << 16).view(np.float32).tolist() == [N] * 2
    for letters in ("Zf", "Zd", "@d", "u"):  # codes of mpi4py that numpy has not, or has as well
        ours, theirs = (np.full(32, ME, dtype="uint8") for _ in range(2))
        for other, values in ((comm, ours), (WORLD, theirs)):
            try:
                other.Bcast([values, letters], N - 1)
            except (KeyError, ArgumentError):
                values[:] = 77
        assert np.array_equal(ours, theirs), letters
    with warnings.catch_warnings(action="error"):
        pair = Pair(ME, ME / 2)
        comm.Bcast([pair, MPI.BYTE], N - 1)
    assert (pair.whole, pair.half) == (N - 1, (N - 1) / 2)
    comm.Bcast([ones(4, ">f8"), MPI.BYTE], 0)
    comm.Bcast(locked() if ME == 0 else ones(), 0)
    comm.Reduce(mapped(), ones() if ME == 0 else None)
    comm.Allgather([None, 0, MPI.INT], [None, 0, MPI.INT])
    comm.Allgather(None, [None, MPI.INT])
    comm.Alltoallv(None, [None, [0] * N, None, MPI.INT])


def take_every_form_of_blocks(comm):
    forms = {
        "bare": lambda x: x,
        "one count": lambda x: [x, 2],
        "counts": lambda x: [x, [2] * N],
        "pair": lambda x: [x, ([2] * N, None)],
        "pair of one": lambda x: [x, (2, [2 * i for i in range(N)])],
        "pair, type": lambda x: [x, ([2] * N, np.arange(N) * 2), MPI.DOUBLE],
        "four": lambda x: [x, [2] * N, [2 * i for i in range(N)], MPI.DOUBLE],
        "type": lambda x: [x, MPI.DOUBLE],
    }
    for name, form in forms.items():
        mine = np.arange(2 * N) + 100.0 * ME
        ours, theirs = np.zeros(2 * N), np.zeros(2 * N)
        comm.Alltoallv(form(mine), form(ours))
        WORLD.Alltoallv(form(mine), form(theirs))
        assert np.array_equal(ours, theirs), (name, ours, theirs)
        comm.Allgatherv(mine[:2], form(ours))
        WORLD.Allgatherv(mine[:2], form(theirs))
        assert np.array_equal(ours, theirs), (name, ours, theirs)
    both = [np.arange(3 * N) + 100.0 * ME for _ in range(2)]
    for comm_, whole in zip((comm, WORLD), both, strict=True):
        comm_.Alltoallv(MPI.IN_PLACE, [whole, [2] * N, [3 * i for i in range(N)], MPI.DOUBLE])
    assert np.array_equal(*both)


def lay_derived_types_down(comm):
    """Give what MPI gives where one process describes columns, and another one rows."""
    column = MPI.DOUBLE.Create_vector(4, 1, N).Create_resized(0, 8).Commit()
    results = []
    for other in (comm, WORLD):
        rows, square = np.arange(4.0) + 10 * ME, np.arange(4.0 * N) + 100 * ME
        whole, list_, got = np.zeros((4, N)), [1] * N, np.zeros((N, 4))
        places, root = np.arange(N)[::-1], N - 1
        last = [whole, column] if root == ME else None
        other.Gather(rows, last and [whole, 1, column], root)
        other.Scatter(last and [whole + 1, 1, column], MPI.IN_PLACE if last else rows, root)
        results += [rows.copy(), whole.copy()]
        other.Gatherv(rows, last and [whole, list_, places, column], root)
        other.Scatterv(last and [whole, (list_, places), column], rows, root)
        results += [rows.copy(), whole.copy()]
        other.Bcast([whole, N, column] if ME == 0 else whole, 0)
        other.Alltoall([square, 1, column] if ME else square, got)
        results += [whole.copy(), got.copy()]
        other.Allgatherv(rows, [whole, list_, places, column] if ME else [got, [4] * N])
        other.Allgather(MPI.IN_PLACE, [whole, 1, column] if ME else whole)
        results += [whole.copy(), got.copy()]
        kept = column.Dup()
        sends = [square, list_, places, kept] if ME else [square, [4] * N]
        request = other.Ialltoallv(sends, [got, [4] * N])
        kept.Free()
        request.Wait()
        results.append(got)
    middle = len(results) // 2
    for i, (ours, theirs) in enumerate(zip(results[:middle], results[middle:], strict=True)):
        assert np.array_equal(ours, theirs), (i, ours, theirs)
    assert "MPI" not in [use.by for use in comm.plans()]
    with pytest.raises(ArgumentError, match="elements up to byte"):
        comm.Bcast([np.zeros(4 * N), N + 1, column], ME)
    column.Free()


def plan_for_all_that_shows_numbers(comm):
    """Plan for arrays of others as for those of numpy; what MPI refuses leaves no trace."""
    for mine in (array("f", [1] * 4), memoryview(ones()), Tensor(ones())):
        got = np.zeros(4, dtype="float32")
        comm.Allreduce(mine, got)
        assert got.tolist() == [N] * 4
    assert "Allreduce" not in [use.collective for use in comm.plans()]
    request = comm.Iallreduce(MPI.IN_PLACE, ones())
    with pytest.raises(TypeError):
        comm.Allreduce(None, None)
    comm.Allreduce(MPI.IN_PLACE, ones())
    assert request.Wait()


def main() -> None:
    comm = Communicator(WORLD, star(N), limit=60)
    sys.excepthook = lambda *error: (sys.__excepthook__(*error), print(CASE, file=sys.stderr))
    refuse_what_is_not_writable(comm)
    refuse_what_cannot_be_sent(comm)
    take_every_form(comm)
    take_every_form_of_blocks(comm)
    lay_derived_types_down(Communicator(WORLD, star(N), limit=60))
    plan_for_all_that_shows_numbers(Communicator(WORLD, star(N), limit=60))
    comm.Free()
    if ME == 0:
        print("right")


if __name__ == "__main__":
    main()
