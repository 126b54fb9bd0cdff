"""For an HPC engineer: an MPI program whose collectives are planned; one line is other.

mpirun -n 4 python -m mpi4py examples/mpi_allreduce.py
"""

import numpy as np
from mpi4py import MPI

import commplan

world = commplan.Communicator(MPI.COMM_WORLD, commplan.topology("star:4"))  # was MPI.COMM_WORLD
gradients = np.full(1000, world.rank, dtype=np.float32)
world.Allreduce(MPI.IN_PLACE, gradients)
assert (gradients == sum(range(world.size))).all()
if world.rank == 0:
    for use in world.plans():
        print(use)
