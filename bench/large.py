"""Send messages of more than 2^31 bytes: `python -m bench.large`, two processes, 9 GB of memory."""

import sys

from bench.verdict import ended
from runtime.execute import core
from runtime.launch.first_failure import describe_exit
from runtime.launch.mpi import find
from runtime.launch.process import watched

BYTES = 2**31 + 12_345
SECONDS = 300.0


def main() -> None:
    """Run it both ways; exit 1 if anything is wrong."""
    mpi = find()
    wrong: list[str] = []
    for way in ("core", "mpi4py") if core.status().built else ("mpi4py",):
        words = [sys.executable, "-m", "mpi4py", "-m", "bench.ranks.large", way, str(BYTES)]
        done = watched([*mpi.starting(2), *words], mpi.environment(SECONDS), SECONDS)
        if done.code:
            late = f", no end after {SECONDS:g} seconds" if done.timed_out else ""
            wrong.append(f"{way}: {describe_exit(done.code)}{late}")
        print(*(done.output or done.errors[-3:]), sep="\n", flush=True)
    ended(wrong)


if __name__ == "__main__":
    main()
