"""From a program to a run under mpirun, with a time limit, and to who failed first."""
