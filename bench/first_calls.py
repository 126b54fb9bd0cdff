"""What the first call of a collective takes: known patterns, a search before it, or a cache.

`python -m bench.first_calls [TOPOLOGY...]` runs 4 processes three times for each machine: as a
Communicator is (known patterns serve at once), with `plan_at=1` and a cache that is empty, and once
more with what lies there then. Printed is the first call of the slowest process, what it takes
process 0 of its processor, in brackets, and the second call; it exits with 1 if a first call of
known patterns takes process 0 longer than 100 ms.
"""

import argparse
import json
import sys
import tempfile
from typing import Any

from bench.verdict import ended
from runtime.launch.mpi import Mpi, find
from runtime.launch.process import run_limited
from topologies.model.units import duration

MACHINES = ("star:4", "dgx-a100", "dgx-a100:boxes=4")
PROCESSES, SECONDS = 4, 120.0
MOST = 0.1  # seconds of process 0


def main() -> None:
    """Print a table for each machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machines", nargs="*", default=MACHINES)
    args = parser.parse_args()
    mpi, missed = find(), []
    for machine in args.machines:
        with tempfile.TemporaryDirectory() as folder:
            searched = {"plan_at": 1, "cache": folder}
            ways = {"known patterns": {}, "searched first": searched, "from a cache": searched}
            found = {way: launched(mpi, machine, told) for way, told in ways.items()}
        print(f"\n{machine}, {PROCESSES} processes, {mpi.kind}: first call (process 0), second")
        print(f"{'':>22}" + "".join(f"{way:>36}" for way in found))
        for name, [[_, busy], _] in found["known patterns"].items():
            print(f"{name:>22}" + "".join(f"{cell(found[way][name]):>36}" for way in found))
            if busy > MOST:
                missed.append(f"{machine}: the first {name} takes process 0 {duration(busy)}")
    ended(missed)


def launched(mpi: Mpi, machine: str, told: dict[str, Any]) -> Any:  # noqa: ANN401 (of JSON)
    """Run the processes, and read what the first of them prints."""
    command = [*mpi.command_line(PROCESSES), sys.executable, "-m", "mpi4py"]
    command += ["-m", "bench.ranks.first_calls", machine, json.dumps(told)]
    done = run_limited(command, mpi.environment(SECONDS), SECONDS)
    if done.code:
        sys.exit("\n".join(done.errors))
    return json.loads(done.output[-1])


def cell(times: list[list[float]]) -> str:
    """Write down a first and a second call."""
    [[first, busy], [second, _]] = times
    return f"{duration(first)} ({duration(busy)}), {duration(second)}"


if __name__ == "__main__":
    main()
