"""Run by mpirun: every call compared with MPI's own, on buffers of many kinds."""

import logging
import os
import sys

import numpy as np
import pytest
from mpi4py import MPI

from commplan.communicator import Communicator, PlacementError
from solvers.lp.linear_program import Infeasible
from topologies.model.errors import ArgumentError, CommplanError
from topologies.model.topology import TopologyError
from topologies.presets.shapes import full_mesh, ring, star

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
HEARD: list[str] = []
TYPES = ("int8", "int64", "float32", "complex128")
OPS = {"sum": MPI.SUM, "max": MPI.MAX, "bxor": MPI.BXOR}


class Ear(logging.Handler):
    def emit(self, record):
        HEARD.append(record.getMessage())


def drawn(count, dtype, seed=0):
    return np.random.default_rng(seed + 100 * ME).integers(0, 30, count).astype(dtype)


def pair(count, dtype="float32"):
    """Give two results to be compared, spoilt in the same way."""
    return np.full(count, 7, dtype=dtype), np.full(count, 7, dtype=dtype)


def same(ours, theirs, what):
    assert np.array_equal(ours, theirs), (what, ME, ours, theirs)


def reductions(comm):
    for dtype in TYPES:
        for op in (
            "sum",
            *(("max",) if "c" not in dtype else ()),
            *(("bxor",) if "i" in dtype else ()),
        ):
            for count in (0, 1, 1000):
                mine = drawn(count, dtype)
                ours, theirs = pair(count, dtype)
                comm.Allreduce(mine, ours, OPS[op])
                WORLD.Allreduce(mine, theirs, OPS[op])
                same(ours, theirs, ("Allreduce", dtype, op))
                comm.Allreduce(MPI.IN_PLACE, mine, op)
                same(mine, theirs, "in place")
    for root in {0, N - 1}:
        mine = drawn(77, "float64")
        ours, theirs = pair(77, "float64")
        comm.Reduce(mine, ours if root == ME else None, MPI.SUM, root)
        WORLD.Reduce(mine, theirs, MPI.SUM, root)
        same(ours, theirs, "Reduce")
        comm.Reduce(MPI.IN_PLACE if root == ME else mine, mine if root == ME else None, root=root)
        if root == ME:
            same(mine, theirs, "Reduce in place")
    mine = drawn(6 * N, "int32")
    ours, theirs = pair(6, "int32")
    comm.Reduce_scatter_block(mine, ours)
    WORLD.Reduce_scatter_block(mine, theirs)
    same(ours, theirs, "Reduce_scatter_block")
    comm.Reduce_scatter_block(MPI.IN_PLACE, mine)
    same(mine[:6], theirs, "Reduce_scatter_block in place")


def movements(comm):
    for dtype in (*TYPES, "bool", "S5", [("a", "i4"), ("b", "f8")]):
        mine = np.zeros(3, dtype=dtype)
        mine.view(np.uint8)[:] = drawn(mine.nbytes, "uint8", 1)
        ours, theirs = np.zeros(3 * N, dtype=dtype), np.zeros(3 * N, dtype=dtype)
        comm.Allgather(mine, ours)
        WORLD.Allgather([mine, MPI.BYTE], [theirs, MPI.BYTE])
        assert ours.tobytes() == theirs.tobytes()
        comm.Bcast(mine, N - 1)
        WORLD.Bcast([theirs, mine.nbytes, MPI.BYTE], 0)
    both = drawn(4 * N, "float32")
    ours, theirs = both.copy(), both.copy()
    comm.Allgather(MPI.IN_PLACE, ours)
    WORLD.Allgather(MPI.IN_PLACE, theirs)
    same(ours, theirs, "Allgather in place")
    ours, theirs = pair(4 * N)
    comm.Alltoall(both, ours)
    WORLD.Alltoall(both, theirs)
    same(ours, theirs, "Alltoall")
    comm.Alltoall(MPI.IN_PLACE, both)
    same(both, theirs, "Alltoall in place")
    for root in {0, N - 1}:
        rooted(comm, root)


def rooted(comm, root):
    mine, whole = drawn(5, "int64"), drawn(5 * N, "int64", 3)
    ours, theirs = pair(5 * N, "int64")
    comm.Gather(mine, ours if root == ME else None, root)
    WORLD.Gather(mine, theirs if root == ME else None, root)
    same(ours, theirs, "Gather")
    kept = ours.copy()
    comm.Gather(MPI.IN_PLACE if root == ME else mine, kept if root == ME else None, root)
    same(kept, theirs, "Gather in place")
    ours, theirs = pair(5, "int64")
    comm.Scatter(whole if root == ME else None, ours, root)
    WORLD.Scatter(whole if root == ME else None, theirs, root)
    same(ours, theirs, "Scatter")
    comm.Scatter(whole if root == ME else None, MPI.IN_PLACE if root == ME else ours, root)
    same(ours, theirs, "Scatter in place")
    ours = drawn(9, "float32")
    theirs = ours.copy()
    comm.Bcast([ours, 8, MPI.FLOAT], root)
    WORLD.Bcast([theirs, 8, MPI.FLOAT], root)
    same(ours, theirs, "Bcast")


def exchanges(comm):
    for seed, gaps in ((1, False), (2, True), (1, False)):
        counts = np.random.default_rng(seed).integers(0, 9, (N, N))
        counts[0, :] = 0
        sent, taken = counts[ME].tolist(), counts[:, ME].tolist()
        room = 10 if gaps else None
        displs = [[i * 10 for i in range(N)] if room else None for _ in range(2)]
        mine = drawn(10 * N, "float64")
        ours, theirs = pair(10 * N, "float64")
        comm.Alltoallv([mine, sent, displs[0], MPI.DOUBLE], [ours, taken, displs[1], MPI.DOUBLE])
        WORLD.Alltoallv([mine, (sent, displs[0])], [theirs, (taken, displs[1])])
        same(ours, theirs, ("Alltoallv", gaps))
    nothing = [0] * N
    comm.Alltoallv([mine, nothing, None, MPI.DOUBLE], [ours, nothing, None, MPI.DOUBLE])
    same(ours, theirs, "nothing")


def unequal(comm):
    """Compare the calls whose blocks differ: with gaps, in place, of no length, of other types."""
    for seed, gaps in ((1, False), (2, True), (1, False)):
        counts = np.random.default_rng(seed).integers(0, 9, N).tolist()
        counts[0] = 0 if N > 1 else 3
        displs = [i * 10 for i in range(N)] if gaps else None
        mine = drawn(counts[ME], "float64")
        ours, theirs = pair(10 * N, "float64")
        comm.Allgatherv(mine, [ours, counts, displs, MPI.DOUBLE])
        WORLD.Allgatherv(mine, [theirs, (counts, displs)])
        same(ours, theirs, ("Allgatherv", gaps))
        comm.Iallgatherv(MPI.IN_PLACE, [ours, (counts, displs), MPI.DOUBLE]).Wait()
        same(ours, theirs, ("Allgatherv in place", gaps))
        for root in {0, N - 1}:
            whole = drawn(10 * N, "float64", root)
            at = root == ME
            ours, theirs = pair(10 * N, "float64")
            comm.Gatherv(mine, [ours, (counts, displs)] if at else None, root)
            WORLD.Gatherv(mine, [theirs, (counts, displs)] if at else None, root)
            same(ours, theirs, ("Gatherv", gaps))
            comm.Gatherv(MPI.IN_PLACE if at else mine, [ours, (counts, displs)], root)
            same(ours, theirs, ("Gatherv in place", gaps))
            ours, theirs = pair(counts[ME], "float64")
            sent = [whole, (counts, displs)] if at else None
            comm.Scatterv(sent, [ours, MPI.DOUBLE], root)
            WORLD.Scatterv(sent, theirs, root)
            same(ours, theirs, ("Scatterv", gaps))
            before = whole.copy()
            comm.Scatterv(sent, MPI.IN_PLACE if at else ours, root)
            same(ours, theirs, ("Scatterv in place", gaps))
            same(whole, before, "the root's own stays")
        for op in ("sum", MPI.MAX):
            whole = drawn(sum(counts), "int32", 5)
            ours, theirs = pair(counts[ME], "int32")
            comm.Reduce_scatter(whole, ours, counts, op)
            WORLD.Reduce_scatter(whole, theirs, counts, MPI.SUM if op == "sum" else op)
            same(ours, theirs, "Reduce_scatter")
            ours[:] = 0
            comm.Reduce_scatter(whole, ours, op=op)
            same(ours, theirs, "Reduce_scatter without counts")
            comm.Reduce_scatter(MPI.IN_PLACE, whole, counts, op)
            same(whole[: counts[ME]], theirs, "Reduce_scatter in place")
    comm.Allgatherv(np.zeros(0), [ours, [0] * N, None, MPI.INT])


def unfinished(comm):
    """Start many, finish them out of order."""
    mine = [drawn(50 + i % 3, "float32", i) for i in range(12)]
    ours = [np.zeros_like(each) for each in mine]
    began = [comm.Iallreduce(a, b) for a, b in zip(mine, ours, strict=True)]
    last = np.zeros(4 * N, dtype="float32")
    began.append(comm.Iallgather(mine[0][:4], last))
    while not began[7].Test():
        os.sched_yield()
    comm.Allreduce(mine[0], (again := np.zeros_like(mine[0])))
    assert all(each.done for each in began)
    for i in reversed(range(12)):
        began[i].Wait()
        theirs = np.zeros_like(mine[i])
        WORLD.Allreduce(mine[i], theirs)
        same(ours[i], theirs, "Iallreduce")
    same(again, ours[0], "Allreduce after them")
    assert comm.Ibcast(last, 0).Wait()


def oddities(comm):
    """Misaligned memory, other buffers, averages, and what is left to MPI."""
    room = np.zeros(4 * 20 + 1, dtype=np.uint8)
    odd = room[1:].view(np.float32)
    odd[:] = drawn(20, "float32")
    ours, theirs = pair(20)
    comm.Allreduce(odd, ours)
    WORLD.Allreduce(odd.copy(), theirs)
    same(ours, theirs, "misaligned")
    comm.Allreduce([ours, "float32"], theirs, "avg")
    same(ours, theirs, "avg of equals")
    plain = bytearray(8 * N)
    comm.Allgather(bytes([ME] * 8), plain)
    assert plain == b"".join(bytes([i] * 8) for i in range(N))
    half = np.full(3, 0x3F80, dtype=np.uint16)  # ones in bfloat16
    comm.Allreduce(MPI.IN_PLACE, [half, "bfloat16"])
    assert (half.astype(np.uint32) << 16).view(np.float32).tolist() == [N] * 3
    column = MPI.FLOAT.Create_vector(3, 1, 2).Commit()
    spread = np.full(5, ME, dtype=np.float32)
    comm.Bcast([spread, 1, column], 0)
    assert spread.tolist() == [0, ME, 0, ME, 0]
    own = MPI.Op.Create(lambda a, b, _: None)
    for _ in range(2):
        comm.Allreduce(ours, theirs, own)
    column.Free()
    own.Free()
    for fault in (lambda: comm.Allreduce(ours, theirs[1:]), lambda: comm.Bcast(ours[::2])):
        with pytest.raises(CommplanError, match=r"expected|contiguous"):
            fault()


def parts():
    """Use some ranks; the others of the ring only forward."""
    half = Communicator(WORLD, ring(2 * N), ranks=[2 * i for i in range(N)])
    mine, (ours, theirs) = drawn(100, "float32"), pair(100)
    half.Allreduce(mine, ours)
    WORLD.Allreduce(mine, theirs)
    same(ours, theirs, "every second rank")
    part = half.Split(ME % 2, -ME)
    assert part is not None
    inner = WORLD.Split(ME % 2, -ME)
    assert (part.rank, part.size) == (inner.rank, inner.size)
    ours, theirs = pair(3 * inner.size)
    part.Allgather(mine[:3], ours)
    inner.Allgather(mine[:3], theirs)
    same(ours, theirs, "Split")
    assert (half.Split(MPI.UNDEFINED if ME else 0) == MPI.COMM_NULL) is bool(ME)
    part.Free()
    half.Free()
    if N > 1:
        with pytest.raises(PlacementError, match="processes 0 and 1 both play rank 0"):
            Communicator(WORLD, ring(N), ranks=[0] * N)


def failures():
    """Slow a link down, take it away and take it back, between two collectives."""
    comm = Communicator(WORLD, full_mesh(N), limit=60)
    gone = ["r0:r1"] if N > 2 else []
    for words in ({}, {"slow": ["r0:r1=0.5"]} if N > 1 else {}, {"without": gone}, {}):
        mine, (ours, theirs) = drawn(1000, "int64"), pair(1000, "int64")
        begun = comm.Iallreduce(mine, ours)
        comm.replan(**words)
        begun.Wait()
        WORLD.Allreduce(mine, theirs)
        same(ours, theirs, ("begun before", words))
        comm.Allreduce(mine, ours)
        same(ours, theirs, words)
    calls = sorted(use.calls for use in comm.plans() if use.collective == "all_reduce")
    assert calls == [2, 2, 4] or N < 3  # what serves the whole machine does so again
    links = full_mesh(N).links
    comm.replan(without=gone)
    assert comm.topology.links == links - 2 * len(gone)
    if N > 1:
        with pytest.raises(TopologyError, match="no rank or switch is named 'x'"):
            comm.replan(without=["r0:x"])
        with pytest.raises(Infeasible, match="fall apart into 2 parts"):
            comm.replan(without=["r0:*"])
        with pytest.raises(ArgumentError, match="the processes name other failures"):
            comm.replan(slow=[f"r0:r1=0.{ME + 1}"])
    comm.Free()


def main() -> None:
    logging.getLogger("commplan").addHandler(Ear())
    logging.getLogger("commplan").propagate = False
    ranks = [(3 * i + 1) % N for i in range(N)] if N % 3 else list(range(N))[::-1]
    comm = Communicator(WORLD, star(N), ranks=ranks, limit=60, way=sys.argv[1])
    for work in (reductions, movements, exchanges, unequal, unfinished, oddities):
        work(comm)
    comm.Free()
    parts()
    failures()
    own = "Allreduce is left to MPI: an operation of the caller's, or one of MPI's "
    assert ME or HEARD[0].startswith(own), HEARD
    if ME == 0:
        print("right")


if __name__ == "__main__":
    main()
