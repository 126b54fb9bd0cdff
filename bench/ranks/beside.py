"""Experts that exchange while gradients are added up, by a plan of a job: started by mpirun.

`beside.py together|alone PLAN ROUNDS` prints a line of JSON: the median seconds of a round, until
the slowest process has both results; and which schedules served. A round is one call of the experts
beside the part of the gradients that falls to it. All results are compared.
"""

import json
import sys
from statistics import median
from time import perf_counter

import numpy as np
from mpi4py import MPI

import commplan

WORLD = MPI.COMM_WORLD


def main() -> None:
    """Run so many rounds and one before them, and print what they took."""
    plan = commplan.job(sys.argv[2], together=sys.argv[1] == "together")
    ep, dp = plan.group("ep"), plan.group("dp")
    exchanged, added = (int(words) for words in sys.argv[4:])
    sent = np.full((ep.size, exchanged // 4 // ep.size), WORLD.rank, np.float32)
    given = np.full((dp.size, added // 4 // dp.size), WORLD.rank, np.float32)
    taken, total = np.empty_like(sent), np.empty_like(given[0])
    own = next(row for row in plan.members("ep") if WORLD.rank in row)
    times = []
    for _ in range(1 + int(sys.argv[3])):
        taken[:], total[:] = -1, -1
        WORLD.Barrier()
        began = perf_counter()
        # First what waits for itself most: sums of sums should not stand behind plain messages.
        calls = [dp.Ireduce_scatter_block(given, total), ep.Ialltoall(sent, taken)]
        commplan.Requests.Waitall(calls)
        times.append(WORLD.allreduce(perf_counter() - began, MPI.MAX))
        assert (taken == np.array(own)[:, None]).all()
        assert (total == sum(range(WORLD.size))).all()
    if WORLD.rank == 0:
        why = [use.why for group in (ep, dp) for use in group.plans()]
        print(json.dumps({"seconds": median(times[1:]), "why": why}))


if __name__ == "__main__":
    main()
