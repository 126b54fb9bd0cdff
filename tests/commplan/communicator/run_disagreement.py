"""Run by mpirun: unlike calls are told by name at every process, soon, and all live on."""

import os
import shutil
import sys
import tempfile
import time

import numpy as np
import pytest
from mpi4py import MPI

from commplan.communicator import Communicator
from runtime.execute import call_log
from runtime.execute.faults import BlockedError, ExecutionError
from topologies.model.errors import ArgumentError
from topologies.presets.shapes import ring, star

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank
SOON = 0.05  # seconds of waiting before anything is said, of all cases but the first
SECONDS = 30.0  # far less than `limit`, and more than a busy computer takes for two


def add(comm, count=9, op="sum"):
    comm.Allreduce(MPI.IN_PLACE, np.ones(count), op)


def spread(comm, root=0):
    comm.Bcast(np.ones(9), root)


def exchange(comm):
    comm.Alltoallv([np.ones(N), [1] * N], [np.ones(N), [1] * N])


def gather(comm, root=0):
    comm.Gatherv(np.ones(1), np.ones(N), root)


def scatter_sums(comm, first=2):
    comm.Reduce_scatter(np.ones(2 * N), np.ones(N), [first, 2, 4 - first])


def poll(comm, count):
    request = comm.Iallreduce(MPI.IN_PLACE, np.ones(count))
    while not request.Test():
        os.sched_yield()


def call_and_go_on(comm, call):
    """Call something, which may come to its end before anybody can know, and go on."""
    call(comm)
    add(comm)
    comm.Barrier()


# What one process calls in the place of the other call, and how both read.
CASES = {
    "count": (lambda comm: add(comm, 10), add, "of 10 float64 .sum.", "of 9 float64 .sum."),
    "op": (lambda comm: add(comm, 9, "max"), add, r"\(max\)", r"\(sum\)"),
    "root": (lambda comm: spread(comm, 1), spread, "from root 1", "from root 0"),
    "collective": (spread, add, "broadcast of 72 bytes", "all_reduce of 9"),
    "nothing": (lambda comm: add(comm, 0), add, "of 0 float64", "of 9 float64"),
    "barrier": (lambda comm: comm.Barrier(), add, "barrier", "all_reduce"),
    "transposed": (
        lambda comm: comm.Alltoall(np.ones(N), np.ones(N)),
        lambda comm: comm.Allgather(np.ones(1), np.ones(N)),
        *("all_to_all of", "all_gather of"),
    ),
    "blocks": (exchange, add, "all_to_allv", "all_reduce"),
    "blocks of another kind": (gather, exchange, "gatherv", "all_to_allv"),
    "root of blocks": (lambda comm: gather(comm, 1), gather, "from root 1", "from root 0"),
    "polled": (lambda comm: poll(comm, 10), lambda comm: poll(comm, 9), "of 10", "of 9"),
}


def check_limit(way):
    """Wait no longer than a limit that was set later, in a first call too: nobody plans yet."""
    for called in (True, False):
        comm = Communicator(WORLD, ring(N), limit=300, abort=False, way=way)
        if called:
            add(comm)
        comm.limit = 0.7
        began = time.monotonic()
        if ME == 0:
            others = ".*".join(f"(process|rank) {i}" for i in range(1, N))
            with pytest.raises(
                BlockedError, match=f"blocked.*{others}" if not called else "blocked"
            ):
                add(comm)
        assert time.monotonic() - began < SECONDS, called
        WORLD.Barrier()
    with pytest.raises(ArgumentError, match="limit: found 0"):
        comm.limit = 0


def check_blocks(way):
    """Refuse blocks of unlike lengths at every process, and go on."""
    comm = Communicator(WORLD, ring(N), limit=300, abort=False, way=way)
    taken = [2] * N if ME == 1 else [1] * N
    sent, out = [np.ones(N), [1] * N], [np.zeros(2 * N), taken]
    with pytest.raises(ArgumentError, match="expects 16"):
        comm.Alltoallv(sent, out)
    requests = [comm.Iallreduce(MPI.IN_PLACE, np.ones(9))]
    with pytest.raises(ArgumentError, match="process 0 sends 8 bytes to process 1"):
        comm.Ialltoallv(sent, out).Wait()
    requests.append(comm.Iallreduce(MPI.IN_PLACE, np.ones(9)))
    for request in (requests[0], requests[-1]):
        assert request.Wait()


def check_making(way):
    """Refuse at every process what is made with unlike words."""
    odd = ME == 1
    for why, machine, options in (
        ("topology: process 0 is given ring:.*, process 1 star:", (star if odd else ring)(N), {}),
        ("order: process 0 is given 'plan'", ring(N), {"order": "fixed" if odd else "plan"}),
        ("ranks: process 0 is given 0 1", ring(N), {"ranks": [*range(N)][:: -1 if odd else 1]}),
    ):
        with pytest.raises(ArgumentError, match=why):
            Communicator(WORLD, machine, way=way, **options)


def check_calls(way, kept):
    """Tell unlike calls at every process, and call no more; plans are kept in a folder."""
    for name, (unlike, like, one, other) in CASES.items():
        comm = Communicator(WORLD, ring(N), limit=300, abort=False, way=way, cache=kept)
        for _ in range(2 if "another kind" not in name else 0):
            like(comm)
            unlike(comm)
        began = time.monotonic()
        with pytest.raises(ExecutionError, match=f"({one}|{other}).*({one}|{other})"):
            call_and_go_on(comm, unlike if ME == 1 else like)
        assert time.monotonic() - began < SECONDS, name
        with pytest.raises(ExecutionError):
            add(comm)
        call_log.PATIENCE = SOON


def check_free(way):
    """Free what has failed; what a thread found first, and Wait told, is not told again."""
    comm = Communicator(WORLD, ring(N), limit=300, abort=False, way=way)
    request = comm.Iallreduce(MPI.IN_PLACE, np.ones(10 if ME == 1 else 9))
    time.sleep(5 * SOON)
    with pytest.raises(ExecutionError, match=r"of 10.*of 9|of 9.*of 10"):
        request.Wait()
    comm.Free()


def main() -> None:
    kept = WORLD.bcast(tempfile.mkdtemp() if ME == 0 else None)
    for way in sys.argv[1:]:
        check_limit(way)
        check_blocks(way)
        check_making(way)
        check_calls(way, kept)
        check_free(way)
        if ME == 0:
            print(way, "right", flush=True)
    if ME == 0:
        shutil.rmtree(kept)
    inner = WORLD.Split(ME % 2)
    between = inner.Create_intercomm(0, WORLD, (ME + 1) % 2)
    with pytest.raises(ArgumentError, match="expected an intracommunicator of mpi4py"):
        Communicator(between, ring(N))


if __name__ == "__main__":
    main()
