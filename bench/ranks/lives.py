"""Run by mpirun: communicators, groups and requests made and freed; the memory of process 0."""

import gc
import sys

import numpy as np
from mpi4py import MPI

import commplan
from bench.ranks.soak import memory

WORLD = MPI.COMM_WORLD


def main() -> None:
    """Print kinds, how many were made, and the MB after half of them and after all."""
    count = int(sys.argv[1])
    world = commplan.Communicator(WORLD, commplan.topology(f"star:{WORLD.size}"), limit=60)
    mine, got = np.ones(8), np.empty(8)

    def life(kind: str, number: int) -> None:
        if kind == "requests":
            world.Iallreduce(mine, got).Wait()
            return
        if kind == "groups":
            made = world.Create_group(WORLD.Get_group())
        else:
            made = world.Dup() if number % 2 else world.Split(0, world.rank)
        assert made is not None
        made.Ibarrier().Wait()
        if number % 100 == 0:
            made.Allreduce(mine, got)
        made.Free()

    for kind in ("communicators", "groups", "requests"):
        held = []
        for number in range(count):
            life(kind, number)
            if number + 1 in (count // 2, count):
                gc.collect()
                held.append(memory() / 2**20)
        if WORLD.rank == 0:
            print(kind, count, *held, flush=True)
    world.Free()


if __name__ == "__main__":
    main()
