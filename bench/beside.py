"""Experts that exchange beside gradients that are added up: groups of a job with and without a set.

`python -m bench.beside [MACHINE:EP...]` plans a job of two kinds of groups on an emulated machine,
as a user does (`commplan job -o`), and lets its processes call both at once over
`commplan.job("PLAN").group(...)`: with their parts of the set that was planned as one, and with the
schedules that are best for each alone, in turns. Times are medians of launches of three rounds,
until the slowest process has both results, which are compared. `gain` is what the links say.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

from click.testing import CliRunner

from commplan.cli.group import commands
from runtime.fabric import machine as emulated
from runtime.fabric.hosts import mpi
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.launch.mpi import LaunchError
from runtime.launch.process import run_limited
from topologies.formats import spec
from topologies.model.units import Seconds, duration

FOLDER = Path("build/beside")
STEP = Path(__file__).parent / "ranks" / "beside.py"
RATES = ":bandwidth=0.006:alpha=50"  # GB/s and us, of links that an emulated machine keeps to
CASES = ("full-mesh:4:2", "hypercube:3:2", "torus:3x3:3")
EXCHANGED, ADDED = 1_000_000, 2_000_000  # bytes of a call of the experts, and of gradients beside
CALLS, LAUNCHES, ROUNDS, LIMIT = 10, 2, 3, 100.0
WAYS = ("together", "alone")
JOB = """\
format = "commplan/job/1"
name = "experts beside gradients"
[layout]
tp = 1
ep = {ep}
etp = 1
dp = {dp}
[hidden.dp]
part = 1.0
[[flows]]
group = "ep"
collective = "all_to_all"
bytes = {exchanged}
times = {calls}
[[flows]]
group = "dp"
collective = "reduce_scatter"
bytes = {added}
times = 1
"""


def main() -> None:
    """Print a row for each machine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", help=f"({', '.join(CASES)})")
    args = parser.parse_args()
    print("machine, ranks of ep: gain by links; measured together (bound), alone; measured gain")
    try:
        for case in args.cases or CASES:
            print(compare(*case.rsplit(":", 1)), flush=True)
    except (FabricError, LaunchError) as error:
        print(f"no emulated machine here: {error}")


def compare(name: str, ep: str) -> str:
    """Plan a job on an emulated machine, and run its groups both ways in turns."""
    topology = spec.topology(name + RATES)
    plan = plan_job(name + RATES, int(ep), topology.ranks)
    told = json.loads((plan / "job.json").read_text(encoding="utf-8"))["together"]
    [row] = [each for each in told if each["group"] == "ep"]
    times: dict[str, list[Seconds]] = {way: [] for way in WAYS}
    with emulated.while_up(topology, Fraction(1)) as bed:
        for _ in range(LAUNCHES):
            for way in WAYS:
                times[way].append(launch(bed, way, plan, topology.ranks))
    both, alone = (median(times[way]) for way in WAYS)
    return (
        f"{name}, {ep}: {row['alone_seconds'] / row['seconds']:.3f}; {duration(both)} "
        f"({duration(row['bound_seconds'])}), {duration(alone)}; {alone / both:.3f}"
    )


def plan_job(machine: str, ep: int, dp: int) -> Path:
    """Plan the job by the command that users have."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    words = {"ep": ep, "dp": dp, "exchanged": EXCHANGED, "calls": CALLS, "added": ADDED * CALLS}
    (FOLDER / "job.toml").write_text(JOB.format(**words), encoding="utf-8")
    plan = FOLDER / "PLAN"
    asked = ["job", str(FOLDER / "job.toml"), machine, "-o", str(plan)]
    result = CliRunner().invoke(commands, asked)
    if result.exit_code:
        sys.exit(result.output)
    return plan.resolve()


def launch(bed: Machine, way: str, plan: Path, ranks: int) -> Seconds:
    """Run some rounds under mpirun, process i on the host of rank i of the job.

    Raises:
        SystemExit: the run failed, or other schedules served than those of the plan.
    """
    played: Sequence[int] = json.loads((plan / "job.json").read_text(encoding="utf-8"))["ranks"]
    here = mpi(bed.keeper, played)
    words = [sys.executable, "-m", "mpi4py", str(STEP), way, str(plan), str(ROUNDS)]
    words += [str(EXCHANGED), str(ADDED)]
    ended = run_limited([*here.command_line(ranks), *words], here.environment(LIMIT), LIMIT)
    if ended.code or not ended.output:
        sys.exit(f"{way}: {ended.errors[-5:]}")
    found: dict[str, Any] = json.loads(ended.output[-1])
    if not all(why.startswith("compiled") for why in found["why"]):
        sys.exit(f"{way}: expected compiled schedules, found {found['why']}")
    return float(found["seconds"])


if __name__ == "__main__":
    main()
