"""Programs run by the process that asks: over mpi4py, or by the core in C."""
