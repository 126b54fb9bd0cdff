"""Run by mpirun: legal programs do not stand still, and what is freed or copied goes on."""

import faulthandler
import os

import numpy as np
import pytest
from mpi4py import MPI

from commplan.communicator import Communicator, Requests
from runtime.execute.faults import ExecutionError
from topologies.model.errors import ArgumentError
from topologies.presets.shapes import star

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
COUNT = 50_000  # more than is sent before the other side asks for it


def begin(comm):
    result = np.zeros(COUNT)
    return comm.Iallreduce(np.full(COUNT, ME + 1.0), result), result


def right(result):
    return bool((result == N * (N + 1) / 2).all())


def wait_in_any_order(comms):
    """Begin on all, in an order of one's own; wait in another, in each of some ways."""
    own = comms[ME % 3 :] + comms[: ME % 3]
    for wait in (
        lambda requests: [request.Wait() for request in reversed(requests)],
        lambda requests: [poll(request) for request in requests],
        Requests.Waitall,
        take_some,
        MPI.Request.Waitall,
    ):
        began = [begin(comm) for comm in own]
        wait([request for request, _ in began])
        assert all(right(result) for _, result in began)


def poll(request):
    while not request.Test():
        os.sched_yield()


def take_some(requests):
    """Take one, then some, until none is left."""
    assert Requests.Waitany(requests) in range(3)
    seen = 1
    while (places := Requests.Waitsome(requests)) is not None:
        seen += len(places)
    assert seen == len(requests)
    assert Requests.Testall(requests)
    assert Requests.Testsome(requests) is None
    assert Requests.Testany(requests) == (MPI.UNDEFINED, True)


def call_while_another_is_under_way(first, second):
    """Wait for what others do only beside another call, which waits for the one that waits."""
    column = MPI.DOUBLE.Create_vector(3, 1, 2).Commit()
    for call in (
        lambda comm: comm.Barrier(),
        lambda comm: comm.Allreduce(MPI.IN_PLACE, np.zeros(COUNT)),
        lambda comm: comm.Bcast([np.zeros(5), 1, column], 0),
        lambda comm: comm.Alltoall(np.zeros(N), np.zeros(N)),
        lambda comm: comm.Split(0, ME).Free(),
        lambda _: Communicator(WORLD, star(N)).Free(),
    ):
        request, result = begin(first)
        if ME % 2:
            call(second)
            request.Wait(MPI.Status())
        else:
            request.Wait()
            call(second)
        assert right(result)
    column.Free()


def mix_with_messages_of_mpi(comm):
    """Wait for a message and a collective of which each waits for the other at a neighbour."""
    request, result = begin(comm)
    if ME == 0:
        data = np.zeros(3)
        status = [MPI.Status(), MPI.Status()]
        message = WORLD.Irecv(data, source=1)
        Requests.Waitall([message, None, request][::2], status)
        assert status[0].Get_source() == 1
        assert data.tolist() == [7.0] * 3
    else:
        request.Wait()
        if ME == 1:
            WORLD.Send(np.full(3, 7.0), 0)
    assert right(result)


def let_mpi_wait(comm):
    """Let MPI's own calls wait for requests of ours, mixed with messages, and learn what failed."""
    (first, result), (second, _), (third, _) = (begin(comm) for _ in range(3))
    data, status = np.zeros(1), [MPI.Status() for _ in range(2)]
    near = [WORLD.Isend(np.full(1, float(ME)), (ME + 1) % N), WORLD.Irecv(data, (ME - 1) % N)]
    MPI.Request.Waitall([first, near[1]], status)
    assert right(result)
    assert (data[0], status[1].Get_source()) == ((ME - 1) % N, (ME - 1) % N)
    left = [first, second, third, near[0]]
    assert sorted(MPI.Request.Waitany(left) for _ in range(3)) == [1, 2, 3]
    assert all(request.Test() for request in left)
    assert Requests.Waitsome(left) is None
    mine, near = begin(comm), WORLD.isend([ME], (ME + 1) % N)
    left = [mine[0], near, WORLD.irecv(source=(ME - 1) % N)]
    assert Requests.waitall(left) == [None, None, [(ME - 1) % N]]
    assert right(mine[1])
    left = [begin(comm)[0], WORLD.isend(ME, (ME + 1) % N), WORLD.irecv(source=(ME - 1) % N)]
    got = dict([Requests.waitany(left)])
    while (some := Requests.waitsome(left))[0] is not None:
        got |= dict(zip(*some, strict=True))
    assert got == {0: None, 1: None, 2: (ME - 1) % N}
    assert Requests.waitany(left) == (MPI.UNDEFINED, None)
    mortal = Communicator(WORLD, star(N), limit=60, abort=False)
    unlike = mortal.Ibarrier() if ME == 0 else begin(mortal)[0]
    later = mortal.Ibarrier()
    with pytest.raises(MPI.Exception):
        MPI.Request.Waitall([unlike, later])
    with pytest.raises(ExecutionError, match="calls barrier"):
        unlike.Wait()


def go_on_beside(progress, way):
    """Let a thread go on while MPI's own call waits for a process that waits for this one."""
    comm = Communicator(WORLD, star(N), limit=60, progress=progress, way=way)
    request, result = begin(comm)
    if ME == 0:
        WORLD.Recv(np.zeros(1), source=1)
        request.Wait()
    else:
        request.Wait()
        if ME == 1:
            WORLD.Send(np.ones(1), 0)
    assert right(result)
    began = []
    for _ in range(20):  # in their order, whoever of the two threads does them
        began.append(begin(comm))
        comm.Barrier()
    inner = comm.Dup()
    began.append(begin(inner))
    inner.Free()
    assert all(request.Wait() and right(result) for request, result in reversed(began))
    comm.Free()


def live(comm):
    """Copy copies, split parts, free with work under way; then nothing may be called."""
    inner = comm.Dup().Dup()
    part = inner.Split(0, -ME).Split(0, ME)
    assert (part.rank, part.size) == (ME, N)
    request, result = begin(part)
    part.Free()
    assert request.Wait()
    assert right(result)
    for call in (lambda: begin(part), part.Free, part.Barrier, part.Dup, lambda: part.Split(0)):
        with pytest.raises(ArgumentError, match="freed"):
            call()
    for _ in range(40):  # more than there is room for in operations of MPI
        made = comm.Dup()
        half = np.full(3, 0x3F80, dtype=np.uint16)
        call = made._calls.allreduce(MPI.IN_PLACE, [half, "bfloat16"], "sum")
        poll(call.native())
        made.Free()


def main() -> None:
    comms = [Communicator(WORLD, star(N), limit=60) for _ in range(2)]
    comms.append(Communicator(WORLD, star(N), limit=60, ranks=[(i + 1) % N for i in range(N)]))
    faulthandler.dump_traceback_later(45)
    wait_in_any_order(comms)
    call_while_another_is_under_way(*comms[1:])
    mix_with_messages_of_mpi(comms[0])
    let_mpi_wait(comms[0])
    go_on_beside("thread", "best")
    go_on_beside("thread", "mpi4py")
    go_on_beside("caller", "best")
    live(comms[2])
    if ME == 0:
        print("right")


if __name__ == "__main__":
    main()
