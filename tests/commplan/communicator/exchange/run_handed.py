"""Run by mpirun: an Alltoallv whose blocks change is handed to MPI, and what is unlike is told.

"right": compared with MPI's own. "unlike": one process sends what nobody expects; "other": one
process calls something else. These end all processes, with a line.
"""

import sys

import numpy as np
from mpi4py import MPI

from commplan.communicator import Communicator
from commplan.communicator.exchange.habit import LOOK_EVERY, NEW
from topologies.presets.shapes import ring

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank


def exchange(comm, call, more=0):
    """Exchange changing blocks; more: elements that process 0 sends process 1 in addition."""
    matrix = np.random.default_rng(call).integers(1, 90, (N, N))
    sent, taken = matrix[ME].tolist(), matrix[:, ME].tolist()
    if ME == 0:
        sent[1] += more
    gaps = np.cumsum([0, *taken[:-1]]) + np.arange(N)  # a gap after each block
    given, got = np.arange(sum(sent)) + 1000.0 * ME, np.full((2, sum(taken) + N), -1.0)
    comm.Alltoallv([given, sent], [got[0], taken, gaps, MPI.DOUBLE])
    if not more:
        WORLD.Alltoallv([given, sent], [got[1], taken, gaps, MPI.DOUBLE])
        assert (got[0] == got[1]).all()


def main() -> None:
    what = sys.argv[1]
    limit = 3.0 if what == "late" else 300.0
    comm = Communicator(WORLD, ring(N), limit=limit, ranks=[(i + 1) % N for i in range(N)])
    for call in range(NEW + LOOK_EVERY + 4):
        exchange(comm, call)
    assert comm.habit.hands_over()
    by = {use.by: use.calls for use in comm.plans()}
    assert by == {"plan": NEW + 1, "MPI": LOOK_EVERY + 3}
    if what == "unlike":
        exchange(comm, 99, more=-1)
    elif what == "other" and ME == 1:
        comm.Allreduce(MPI.IN_PLACE, np.ones(3))
    elif what == "other" or (what == "late" and ME == 0):
        exchange(comm, 99)
    if what == "late":
        WORLD.Barrier()
    again = np.arange(2.0 * N)
    comm.Alltoallv(MPI.IN_PLACE, [again, [2] * N])
    assert again[0] == 2 * ME
    comm.Free()
    if ME == 0:
        print("right")


if __name__ == "__main__":
    main()
