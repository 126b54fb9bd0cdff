"""Send messages of more than 2^31 bytes: `python -m bench.large`, two processes, 13 GB of memory.

Executors run in the process that asks; emitted programs, in place, check every element.
"""

import sys

from bench.verdict import ended
from runtime.execute import core
from runtime.launch.first_failure import describe_exit
from runtime.launch.launch import run
from runtime.launch.mpi import find
from runtime.launch.process import run_limited
from solvers.schedules.kinds import collective
from solvers.solve import solve
from topologies.formats.spec import topology

BYTES = 2**31 + 12_345
SECONDS = 300.0


def main() -> None:
    """Run it both ways; exit 1 if anything is wrong."""
    mpi = find()
    wrong: list[str] = []
    for way in ("core", "mpi4py") if core.status().built else ("mpi4py",):
        words = [sys.executable, "-m", "mpi4py", "-m", "bench.ranks.large", way, str(BYTES)]
        done = run_limited([*mpi.command_line(2), *words], mpi.environment(SECONDS), SECONDS)
        if done.code:
            late = f", no end after {SECONDS:g} seconds" if done.timed_out else ""
            wrong.append(f"{way}: {describe_exit(done.code)}{late}")
        print(*(done.output or done.errors[-3:]), sep="\n", flush=True)
    for target in ("c", "mpi4py"):
        missed = emitted(target)
        wrong += [f"emitted {target}: {missed} elements"] if missed else []
        print(f"emitted {target}: {BYTES} bytes, {missed} elements wrong", flush=True)
    ended(wrong)


def emitted(target: str) -> int:
    """Broadcast so many bytes by an emitted program; count the elements that are wrong."""
    line = topology("line:2")
    schedule = solve(line, collective("broadcast", range(2), 0))
    [row] = run(
        schedule,
        [BYTES],
        target,
        dtype="int8",
        chunks=1,
        in_place=True,
        iterations=1,
        warm_up=0,
        timeout=SECONDS,
    )
    return int(row.wrong or 0) if row.size == BYTES else BYTES - row.size


if __name__ == "__main__":
    main()
