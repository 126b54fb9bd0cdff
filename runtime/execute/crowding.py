"""Whether processes share cores, and so had better give way to each other while they wait."""

import os

# What launchers tell: MPICH's and Intel's, Open MPI's, MVAPICH's.
TOLD = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE")


def is_crowded() -> bool:
    """Tell whether this job has more processes on this computer than there are cores.

    Where the launcher does not say how many there are, this is the only one.
    """
    told = next((os.environ[name] for name in TOLD if name in os.environ), "")
    return (int(told) if told.isascii() and told.isdigit() else 1) > (os.cpu_count() or 1)
