"""What each process of a benchmark does under mpirun."""
