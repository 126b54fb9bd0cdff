"""Predictions with fair sharing beside SimGrid's, program by program.

SimGrid (Debian packages libsimgrid-dev, python3-simgrid) is not needed for anything else: where no
Python here has it, this says so. It plays the messages of what `lower` makes, by the rules of
docs/model.md written anew (`bench/ranks/fluid.py`); so order, lead, joining and dependencies
are compared as well as the sharing of links.
"""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from shutil import which
from typing import Any

import click
import numpy as np

from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.metrics.chunking import chunks
from runtime.program.dependencies import of_program
from runtime.program.lower import lower
from runtime.program.memory_layout import elements
from runtime.program.program import Action
from runtime.simulate.simulate import simulate
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.formats.spec import topology
from topologies.model import units
from topologies.model.units import bytes_of, duration

MACHINES = (
    *("ring:8", "star:8", "dgx-1", "torus:4x4", "leaf-spine:4x4x4", "dgx-a100:boxes=2"),
    *("irregular:seed=0", "irregular:seed=9", "irregular:seed=11"),
)
COLLECTIVES = ("all_gather", "all_reduce", "all_to_all")
NEAR = 0.02  # relative difference of two predictions
SHARE = 0.95  # of the cases that are so near
REPLAY = Path(__file__).parent / "ranks" / "fluid.py"
WIDTH = 4  # bytes of an element


def find_python() -> str | None:
    """Look for a Python that has SimGrid: this one, or the system's."""
    for python in (sys.executable, which("python3", path="/usr/bin:/usr/local/bin")):
        asked = [python, "-c", "import simgrid"] if python else ["false"]
        if not subprocess.run(asked, capture_output=True, check=False).returncode:
            return python
    return None


def question(schedule: Schedule, size: int) -> dict[str, Any]:
    """Write a program down for the replay; what is joined goes the way of its first part."""
    whole = unfold(schedule)
    machine, rows = whole.topology, whole.transfers
    program = lower(schedule, elements(schedule.collective, size), chunks=chunks(schedule, size))
    ways: dict[tuple[int, ...], int] = {}
    of_message = {}
    for t in range(len(rows)):
        row = rows[t]
        number = ways.setdefault((row.src, row.dst, *row.route), len(ways))
        of_message[row.piece, row.src, row.dst] = number
    ranks = program.ranks
    sends = zip(program.piece, program.process, program.peer, program.action, strict=True)
    sign = np.select([program.action == Action.SEND, program.action == Action.RECV], [1, -1], 0)
    before, after = of_program(program)
    columns = {name: getattr(program, name).tolist() for name in ("process", "peer", "step")}
    return columns | {
        "links": machine.bandwidth.tolist(),
        "routes": [[way[2:], float(machine.alpha[list(way[2:])].sum())] for way in ways],
        "route": [
            of_message[int(piece), ranks[src], ranks[dst]] if action == Action.SEND else -1
            for piece, src, dst, action in sends
        ],
        "lead": program.lead,
        "bytes": (sign * program.size * WIDTH).tolist(),
        "before": before.tolist(),
        "after": after.tolist(),
    }


def replay(python: str, asked: dict[str, Any]) -> float:
    """Let SimGrid play a program; give the seconds."""
    told = subprocess.run(
        [python, str(REPLAY)], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return float(told.stdout)


@click.command()
@click.option("--machine", "machines", multiple=True, default=MACHINES, help="A topology.")
@click.option("--size", "sizes", multiple=True, default=("64KiB", "1MiB"), help="Of the data.")
def main(machines: tuple[str, ...], sizes: tuple[str, ...]) -> None:
    """Print both predictions of each case; exit 1 where too few are near each other."""
    python = find_python()
    if python is None:
        click.echo("no Python here has SimGrid (Debian: python3-simgrid); nothing is compared")
        return
    near, cases = 0, 0
    for name, what in product(machines, COLLECTIVES):
        machine = topology(name)
        made = plan(machine, collective(what, range(machine.ranks))).schedule
        for size in map(units.size, sizes):
            asked = question(made, size)
            ours = simulate(made, size, sharing="fair").seconds
            theirs = replay(python, asked)
            cases, near = cases + 1, near + (abs(ours / theirs - 1) <= NEAR)
            click.echo(
                f"{what:12}{name:20}{bytes_of(size):>12}{duration(ours):>12}"
                f"{duration(theirs):>12}{ours / theirs:8.4f}"
            )
    click.echo(f"within {NEAR:.0%}: {near} of {cases}")
    few = cases > 0 and near < SHARE * cases
    ended([f"{near} of {cases} are within {NEAR:.0%}, expected {SHARE:.0%}"] if few else [])


if __name__ == "__main__":
    main()
