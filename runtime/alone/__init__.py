"""From a schedule to the program of one process, without those of the others."""
