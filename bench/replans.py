"""What a running job takes to go on without a cable, and with it again.

`python -m bench.replans [TOPOLOGY...]` compiles an all_reduce and an all_gather for each machine,
and `commplan contingency` for them. A job of as many processes as the machine has ranks then loses
one cable after the other between two calls (`world.replan(without=[cable])`), and takes each back
(`world.replan()`). Times are those of the slowest process, the median and the worst of all turns;
a call is one of each collective, of 64 KiB. It exits with 1 where a median of replan, or of the
call after it, is above 10 ms.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bench.fresh import ask
from bench.verdict import ended
from runtime.launch.mpi import find
from runtime.launch.process import run_limited
from topologies.formats import spec
from topologies.model.units import duration

MACHINES = ("ring:4", "full-mesh:4", "leaf-spine:2x2x2")
COLLECTIVES = ("all_reduce", "all_gather")
TURNS, SECONDS = 40, 120.0
ASKED = 0.01  # seconds
WHAT = ("lost", "first call", "later calls", "back", "first call", "later calls")
TIMED = (0, 1, 3, 4)  # of these, what may take ASKED


def main() -> None:
    """Print a line for each machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machines", nargs="*", default=MACHINES)
    args = parser.parse_args()
    print(f"{'median (worst)':18}" + "".join(f"{what:>22}" for what in WHAT))
    missed = []
    for machine in args.machines:
        columns = list(zip(*launched(machine)["rows"], strict=True))
        cells = [f"{duration(median(each))} ({duration(max(each))})" for each in columns]
        print(f"{machine:18}" + "".join(f"{cell:>22}" for cell in cells), flush=True)
        missed += [
            f"{machine}: {WHAT[i]} takes {duration(median(columns[i]))}, asked {duration(ASKED)}"
            for i in TIMED
            if median(columns[i]) > ASKED
        ]
    ended(missed)


def launched(machine: str) -> Any:  # noqa: ANN401 (of JSON)
    """Compile, run the job, and read what its first process prints."""
    mpi = find()
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        whole.mkdir()
        for name in COLLECTIVES:
            plan = str(whole / f"{name}.json")
            for words in (
                ("compile", machine, name, "-o", plan),
                ("contingency", plan, "--kinds", "link", "-o", f"{folder}/failures-{name}"),
            ):
                if fault := ask(words, SECONDS).fault:
                    sys.exit(f"{machine} {name}: {fault}")
        command = [*mpi.command_line(spec.topology(machine).ranks), sys.executable, "-m", "mpi4py"]
        command += ["-m", "bench.ranks.replans", machine, folder, str(TURNS)]
        done = run_limited(command, mpi.environment(SECONDS), SECONDS)
    if done.code:
        sys.exit("\n".join(done.errors))
    return json.loads(done.output[-1])


if __name__ == "__main__":
    main()
