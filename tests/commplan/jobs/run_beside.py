"""Let experts exchange while gradients are added up, by a plan of a job."""

import sys

import numpy as np
from mpi4py import MPI

import commplan

ME, EVERYONE = MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size


def play(folder, together):
    plan = commplan.job(folder, together=together)
    ep, dp = plan.group("ep"), plan.group("dp")
    own = next(row for row in plan.members("ep") if ME in row)
    sent = np.arange(200.0) + 1000 * ME
    taken, added = np.zeros_like(sent), np.zeros(100)
    for _ in range(3):
        calls = [ep.Ialltoall(sent, taken), dp.Ireduce_scatter_block(np.arange(400.0) * ME, added)]
        commplan.Requests.Waitall(calls)
        half = slice(100 * own.index(ME), 100 * own.index(ME) + 100)
        assert (
            taken.reshape(2, -1) == [np.arange(200.0)[half] + 1000 * each for each in own]
        ).all()
        assert (added == np.arange(400.0)[100 * ME : 100 * ME + 100] * sum(range(EVERYONE))).all()
    said = {use.why.partition(",")[0] for group in (ep, dp) for use in group.plans()}
    assert said == {"compiled"}, said


for way in ("together", "alone"):
    play(sys.argv[1], together=way == "together")
    if ME == 0:
        print(way, "right")
