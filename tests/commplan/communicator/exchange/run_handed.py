"""Run by mpirun: an Alltoallv whose blocks change is handed to MPI, and what is unlike is told.

"right": compared with MPI's own. "unlike": one process sends less than is expected, "more": more;
"other": one process calls something else. These end all processes, with a line.
"""

import sys

import numpy as np
import pytest
from mpi4py import MPI

from commplan.communicator import Communicator
from commplan.communicator.exchange.habit import NEW
from commplan.communicator.exchange.handing import LOOK_EVERY
from topologies.model.errors import ArgumentError
from topologies.presets.shapes import ring

WORLD = MPI.COMM_WORLD
N, ME = WORLD.size, WORLD.rank


def exchange(comm, call, more=0):
    """Exchange changing blocks; more: elements that process 0 sends process 1 in addition."""
    matrix = np.random.default_rng(call).integers(2, 90, (N, N))
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
    assert comm.handed.begun == LOOK_EVERY + 4
    assert comm.handed.left == 2 * LOOK_EVERY - 4
    by = {use.by: use.calls for use in comm.plans()}
    assert by == {"plan": NEW, "MPI": LOOK_EVERY + 4}
    column = MPI.DOUBLE.Create_vector(2, 1, 1).Commit()  # of types that only MPI knows
    if what == "right":
        half = np.full(N, 0x3F80 + ME, dtype=np.uint16)
        comm.Alltoallv([half, [1] * N, "bfloat16"], [got := half.copy() * 0, [1] * N, "bfloat16"])
        assert got.tolist() == [0x3F80 + i for i in range(N)]
        with pytest.raises(ArgumentError, match="read-only"):
            comm.Alltoallv([half, [1] * N], [bytes(2 * N), [1] * N])
        with pytest.raises(ArgumentError, match="count"):
            comm.Alltoallv([half, [-1] * N], [got, [-1] * N])
        pair = [np.ones(2 * N), [1] * N, column]
        comm.Alltoallv(pair, [both := np.zeros(2 * N), [1] * N, column])
        assert both.all()
    column.Free()
    if what == "unlike":
        for call in range(2 * LOOK_EVERY):
            exchange(comm, 99 + call, more=-1)
    elif what == "more":
        exchange(comm, 99, more=1)
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
