"""The owner's case: a mixture of experts on the supernode, planned as one system, and run small.

`python -m bench.job_demo` places Pangu Pro MoE 72B on the 768 dies of CloudMatrix384, plans the
collectives of all its groups, and verifies each schedule with its proof. Then, where networks can
be emulated (root or user namespaces), 16 ranks in four boxes train a layer of a small mixture of
experts, by torch where it is installed, else by numpy: with our plan; with MPI's own collectives at
our placement; and in the order of ranks, which is Megatron-LM's. Times are what steps spend in
collectives, medians, the ways in turns; the loss after the steps must be the same for all.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import commplan
from bench.demo import command
from commplan.jobs.folder import TOGETHER
from runtime.fabric import machine
from runtime.fabric.hosts import mpi
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.launch.mpi import LaunchError
from runtime.launch.process import run_limited
from solvers.schedules.ensembles.files import is_ensemble
from topologies.model.topology import Link, Switch, Topology, build

FOLDER = Path("build/job")
LAYOUT = ("tp=8", "ep=2", "pp=6", "virtual=4", "dp=16")
BOXES, EACH = 4, 4
RATE = 6_250_000  # bytes a second of a rank's link; a box has as much as two of them to the spine
STEPS = 5
SECONDS = 120.0
LIKE = 1e-5  # of the loss: sums are of other orders
STEP = Path(__file__).parent / "ranks" / "job_layer.py"
KINDS = ("step", "tp", "ep", "dp")
Row = dict[str, Any]  # what a launch answers of a way
SMALL = """\
# tp=4 ep=4 etp=1 dp=4
group,collective,bytes,times
tp,all_gather,1MiB,3
tp,reduce_scatter,1MiB,2
ep,all_to_all,512KiB,4
dp,all_reduce,1MiB,1
"""


def main() -> None:
    """Do both parts; exit 1 if a schedule is not right, or a run fails."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    whole()
    try:
        small()
    except (FabricError, LaunchError) as error:
        print(f"\nno emulated machine here: {error}")


def whole() -> None:
    """Plan the job on the supernode, and verify what was written."""
    words = [f"--set=layout.{word}" for word in LAYOUT]
    plan = str(FOLDER / "supernode")
    words += ["--set=batch.sequences=1536", "--set=compute.chip=910C-die", "-o", plan]
    command("job", "pangu-pro-moe-72b", "cloudmatrix384", *words)
    print()
    right = True
    for file in sorted(Path(plan).rglob("*.json.gz")):
        report = check(file)
        right &= report.correct
        told = "optimal: proved" if report.optimal else "not proved"
        if file.parent.parent.name == TOGETHER:
            told = "its part of a set"
        print(f"{file.relative_to(plan)}: {'right' if report.correct else 'WRONG'}, {told}")
    if not right:
        sys.exit(1)


def check(file: Path) -> commplan.Report | commplan.SetReport:
    """Verify a schedule, or a set; a group's part of a set proves nothing by itself."""
    if is_ensemble(str(file)):
        return commplan.verify_together(commplan.load_together(str(file)))
    return commplan.verify(commplan.load_schedule(str(file)))


def small() -> None:
    """Play steps on an emulated machine, three ways in turns.

    Raises:
        FabricError: no machine can be emulated here.
        LaunchError: there is no MPI.
    """
    made = boxes()
    commplan.save_topology(made, str(FOLDER / "boxes.json"))
    (FOLDER / "small.csv").write_text(SMALL, encoding="utf-8")
    plan = FOLDER / "small"
    command("job", str(FOLDER / "small.csv"), str(FOLDER / "boxes.json"), "-o", str(plan))
    with machine.while_up(made, Fraction(1)) as bed:
        rows = launch(bed, plan)
    print("\n".join(("", *_table(rows))))
    losses = [row["loss"] for row in rows]
    if max(losses) - min(losses) > LIKE * max(losses):
        sys.exit(f"losses differ: {losses}")


def boxes() -> Topology:
    """Make boxes of ranks on a switch each, whose way to the others is half as wide."""
    names = [f"b{box}.r{rank}" for box in range(BOXES) for rank in range(EACH)]
    links = [Link(n, n.partition(".")[0] + ".s", Fraction(RATE), 1e-5, True) for n in names]
    up = Fraction(RATE * EACH // 2)
    links += [Link(f"b{box}.s", "spine", up, 1e-5, True) for box in range(BOXES)]
    switches = [*(Switch(f"b{box}.s") for box in range(BOXES)), Switch("spine")]
    return build("four boxes", names, switches, links)


def launch(bed: Machine, plan: Path) -> list[Row]:
    """Run steps under mpirun, process i on the host of the rank that plays the job's rank i.

    Raises:
        SystemExit: the run failed.
    """
    played = commplan.job(plan).ranks
    here = mpi(bed.keeper, played)
    words = [sys.executable, "-m", "mpi4py", str(STEP), str(plan.resolve()), str(STEPS)]
    command_line = [*here.command_line(len(played)), *words]
    ended = run_limited(command_line, here.environment(SECONDS), SECONDS)
    if ended.code or not ended.output:
        sys.exit(f"the step failed: {ended.errors[-5:]}")
    return [json.loads(line) for line in ended.output]


def _table(rows: list[Row]) -> Iterator[str]:
    """Lay medians out, and how many times as long as ours the others take."""
    title = f"a layer of {rows[0]['by']}, ms in collectives"
    yield f"{title:38}" + "".join(f"{kind:>9}" for kind in KINDS)
    for row in rows:
        cells = "".join(f"{1e3 * row[kind]:9.1f}" for kind in KINDS)
        yield f"{row['way']:38}{cells}   {row['step'] / rows[0]['step']:.2f} times ours"


if __name__ == "__main__":
    main()
