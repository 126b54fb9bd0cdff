"""mpirun benchmarks: commplan's collectives and MPI's own, in turns, in the table people know."""
