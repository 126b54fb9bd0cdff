"""Run by mpirun: other scripts of this folder, one after the other, which spares starts.

The first word is a folder that they may write into; each script's name is printed before it runs.
"""

import runpy
import sys
from pathlib import Path

from mpi4py import MPI


def main() -> None:
    folder, *scripts = sys.argv[1:]
    for script in scripts:
        if MPI.COMM_WORLD.rank == 0:
            print(script, flush=True)
        sys.argv = [script, folder]
        runpy.run_path(str(Path(__file__).parent / script), run_name="__main__")
        MPI.COMM_WORLD.Barrier()


if __name__ == "__main__":
    main()
