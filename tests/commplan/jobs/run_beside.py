"""Let experts exchange while gradients are added up, by a plan of a job."""

import sys

import numpy as np
from mpi4py import MPI

import commplan

me, everyone = MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size
plan = commplan.job(sys.argv[1], together=sys.argv[2] == "together")
ep, dp = plan.group("ep"), plan.group("dp")
own = next(row for row in plan.members("ep") if me in row)
sent = np.arange(200.0) + 1000 * me
taken, added = np.zeros_like(sent), np.zeros(100)
for _ in range(3):
    calls = [ep.Ialltoall(sent, taken), dp.Ireduce_scatter_block(np.arange(400.0) * me, added)]
    commplan.Requests.Waitall(calls)
    half = slice(100 * own.index(me), 100 * own.index(me) + 100)
    assert (taken.reshape(2, -1) == [np.arange(200.0)[half] + 1000 * each for each in own]).all()
    assert (added == np.arange(400.0)[100 * me : 100 * me + 100] * sum(range(everyone))).all()
said = {use.why.partition(",")[0] for group in (ep, dp) for use in group.plans()}
assert said == {"compiled"}, said
if me == 0:
    print("right")
