"""Time all_reduce beside MPI's own: `mpirun -n 8 python -m mpi4py -m bench.all_reduce`."""

from bench.ranks.contest import main

if __name__ == "__main__":
    main("all_reduce")
