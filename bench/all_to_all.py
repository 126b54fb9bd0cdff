"""Time all_to_all beside MPI's own: `mpirun -n 8 python -m mpi4py -m bench.all_to_all`."""

from bench.ranks.contest import main

if __name__ == "__main__":
    main("all_to_all")
