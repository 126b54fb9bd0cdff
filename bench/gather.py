"""Time gather beside MPI's own: `mpirun -n 8 python -m mpi4py -m bench.gather`."""

from bench.ranks.contest import main

if __name__ == "__main__":
    main("gather")
