"""What the collectives of MPI libraries send, as schedules over the paths that packets take."""
