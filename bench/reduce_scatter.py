"""Time reduce_scatter beside MPI's own: `mpirun -n 8 python -m mpi4py -m bench.reduce_scatter`."""

from bench.ranks.contest import main

if __name__ == "__main__":
    main("reduce_scatter")
