"""Time reduce beside MPI's own: `mpirun -n 8 python -m mpi4py -m bench.reduce`."""

from bench.ranks.contest import main

if __name__ == "__main__":
    main("reduce")
