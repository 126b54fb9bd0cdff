"""How a rank does it, and whether it is right: programs, checks, simulation, mpirun."""
