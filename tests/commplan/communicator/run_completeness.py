"""Run by mpirun: a Communicator is an MPI.Intracomm; it tells, exchanges and keeps its plans."""

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from commplan.communicator import Communicator
from topologies.model.errors import ArgumentError, CommplanError
from topologies.presets.shapes import ring, star

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
NEXT, LAST = (ME + 1) % N, (ME - 1) % N


def library(comm: MPI.Intracomm) -> tuple[int, list[int]]:
    """Stand for a library that knows nothing of commplan."""
    assert isinstance(comm, MPI.Intracomm)
    assert (comm.Get_rank(), comm.Get_size()) == (comm.rank, comm.size) == (ME, N)
    assert MPI.Comm.Compare(comm, WORLD) == MPI.IDENT
    got = comm.sendrecv({"from": ME}, NEXT, source=LAST)
    comm.Barrier()
    return got["from"], comm.allgather(ME)


def handed_on(comm):
    """Call what is not planned."""
    assert library(comm) == (LAST, list(range(N)))
    assert comm.bcast([ME], N - 1) == [N - 1]
    assert comm.allreduce(ME) == comm.scan(1) * 0 + sum(range(N))
    mine, got = np.full(4, float(ME)), np.empty(4)
    comm.Scan(mine, got)
    assert got[0] == sum(range(ME + 1))
    comm.Sendrecv(mine, NEXT, recvbuf=got, source=LAST)
    assert got[0] == LAST
    lasting = comm.Allreduce_init(mine, got)
    lasting.Start()
    lasting.Wait()
    lasting.Free()
    assert got[0] == sum(range(N))
    comm.Set_name("planned")
    assert comm.Get_name() == comm.name == "planned"
    assert sorted(comm.Get_group().Translate_ranks(None, WORLD.Get_group())) == list(range(N))
    assert comm.Create_cart([N]).size == N
    assert len({comm, comm}) == 1


def under_way(comm):
    """Wait in calls of MPI's while something of ours is under way elsewhere."""
    mine, got, heard = np.ones(1000), np.empty(1000), np.empty(2**17)
    status = MPI.Status()
    for _ in range(2):
        if ME == 0:
            request = comm.Iallreduce(mine, got)
            comm.Recv(heard, N - 1, 5, status)  # comes when the other has seen our part
            assert (status.Get_source(), status.Get_tag()) == (N - 1, 5)
            request.Wait()
        else:
            comm.Allreduce(mine, got)
        if ME == N - 1:
            comm.Send(np.ones(2**17), 0, 5)
        assert got[0] == N
    other = comm.Dup()
    if ME:
        other.Allreduce(mine, got)
        assert comm.bcast(None, 1 % N) is None
    else:
        request = other.Iallreduce(mine, got)
        assert comm.bcast(None, 1 % N) is None
        request.Wait()
    request = other.Iallreduce(mine, got)
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        other.send(lambda: 0, ME)
    request.Wait()
    other.Free()


def parts(comm):
    """Make others of all kinds, and free them at the end of a `with`."""
    made = [comm.Dup(), comm.Clone(), comm.Create(comm.Get_group())]
    made += [comm.Create_group(comm.Get_group()), comm.Split_type(MPI.COMM_TYPE_SHARED)]
    for each in made:
        with each as inner:
            assert isinstance(inner, Communicator)
            got = np.empty(2)
            inner.Allreduce(np.ones(2), got)
            assert got[0] == inner.allreduce(1) == inner.size
            inner.isend(ME, 0).Wait()
            assert ME or {inner.recv() for _ in range(inner.size)} == set(range(inner.size))
        with pytest.raises(CommplanError, match="was freed"):
            inner.bcast(1)
        for call in (lambda: inner.Isend(got, ME), inner.irecv, inner.Get_group):  # noqa: B023
            with pytest.raises(MPI.Exception, match="communicator"):
                call()
        assert inner == MPI.COMM_NULL == inner
        assert not inner
        assert inner == MPI.COMM_NULL
    assert comm
    assert comm != MPI.COMM_NULL
    request = comm.Ibarrier()
    assert request != MPI.REQUEST_NULL
    assert request.wait() is None
    assert request.test() == (True, None)
    assert request == MPI.REQUEST_NULL
    assert not request
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="expected its Dup"):
            copied(comm)
    with Communicator(comm, comm.topology) as over:
        over.Allreduce(np.ones(2), got := np.empty(2))
        assert got[0] == N
    plain = comm.Dup_with_info(MPI.INFO_NULL)
    assert type(plain) is MPI.Intracomm
    plain.Free()


def told(folder):
    """Read which plans served, before and after the call at which the better one is taken over."""
    for job in range(2):
        comm = Communicator(WORLD, star(N), plan_at=4, cache=folder, limit=60)
        mine, got = np.ones(1000), np.empty(1000)
        for _ in range(6):
            comm.Allreduce(mine, got)
            assert got[0] == N
        comm.Allreduce([mine, "float32"], [np.empty(1000), "float32"], "max")
        own = MPI.Op.Create(lambda a, b, _: None)
        comm.Allreduce(mine, got, own)
        own.Free()
        for nothing in (None, MPI.OP_NULL, 3):
            with pytest.raises(ArgumentError, match="operation: found"):
                comm.Allreduce(mine, got, nothing)
        uses = comm.plans()
        assert {use.by for use in uses} == {"plan", "MPI"}
        served = [use for use in uses if use.collective == "all_reduce"]
        assert sum(use.calls for use in served) == 7
        assert all(use.from_bytes <= 8000 <= use.to_bytes for use in served[:1])
        assert all(0 < use.least_seconds <= use.mean_seconds for use in uses)
        assert all(use.predicted_seconds > 0 for use in served)
        if job:
            assert [use.why.split(",")[0] for use in served] == ["kept"] * len(served)
        else:
            assert [use.calls for use in served if "at first" in use.why] == [3]
        (by_mpi,) = (use for use in uses if use.by == "MPI")
        assert str(by_mpi).startswith("Allreduce: MPI (an operation of the caller's")
        comm.Free()
        WORLD.Barrier()
    if ME == 0:
        kept = sorted(Path(folder).iterdir())
        assert kept
        for path in kept:
            path.write_bytes(b"nonsense")
    WORLD.Barrier()
    with Communicator(WORLD, star(N), plan_at=1, cache=folder, limit=60) as comm:
        comm.Allreduce(mine, got)
        assert not comm.plans()[0].why.startswith("kept")
    with Communicator(WORLD, star(N), plan_at=1, cache=folder, limit=60) as comm:
        comm.Allreduce(mine, got)
        assert comm.plans()[0].why.startswith("kept")


def main() -> None:
    comm = Communicator(WORLD, ring(N), limit=60)
    for work in (handed_on, under_way, parts):
        work(comm)
    comm.Free()
    told(sys.argv[1])
    if ME == 0:
        print("right")


if __name__ == "__main__":
    main()
