"""Let each process call collectives of the groups that it is in, by a plan of a job."""

import sys

import numpy as np
from mpi4py import MPI

import commplan

plan, me = commplan.job(sys.argv[1]), MPI.COMM_WORLD.rank
for kind in plan.kinds:
    own = next(row for row in plan.members(kind) if me in row)
    group = plan.group(kind)
    if kind == "tp":
        total = np.zeros(8192)
        group.Allreduce(np.full(8192, float(me)), total)
        assert (total == sum(own)).all(), (kind, own, total)
    else:
        everyone = np.zeros((group.size, 4096))
        group.Allgather(np.full(4096, float(me)), everyone)
        assert (np.array(own) == everyone.T).all(), (kind, own, everyone)
if me == 0:
    print("right")
