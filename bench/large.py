"""Send messages of more than 2^31 bytes: `python -m bench.large`, two processes, 9 GB of memory."""

import sys

from runtime.execute import core
from runtime.mpi import find
from runtime.process import watched

BYTES = 2**31 + 12_345
SECONDS = 300.0


def main() -> None:
    """Run it both ways; exit 1 if anything is wrong."""
    mpi = find()
    fine = True
    for way in ("core", "mpi4py") if core.status().built else ("mpi4py",):
        words = [sys.executable, "-m", "mpi4py", "-m", "bench.ranks.large", way, str(BYTES)]
        ended = watched([*mpi.starting(2), *words], mpi.environment(SECONDS), SECONDS)
        fine &= ended.code == 0
        print(*(ended.output or ended.errors[-3:]), sep="\n", flush=True)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
