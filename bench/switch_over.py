"""A cable is cut under traffic on an emulated machine, and the job goes on without it.

`python -m bench.switch_over`, as root or with user namespaces, runs a job of eight processes on an
emulated machine. While it calls a collective again and again a cable loses every frame; the call
ends with the line that names who is waited for, the job plans for what is left (`replan`), the
network routes around the cable as a real one does, and the next calls are right. Then the cable is
back, old bytes arrive, and the job takes it back. Times are medians of five calls, compared with
what the bound of the machine that there is then allows; `untouched` is whether the buffers of the
call that failed stayed as they were at the error.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.fabric_contest import cube, slow_ring
from bench.verdict import ended
from commplan.changes.replan import replan
from commplan.planning.planner import plan
from runtime.fabric import machine as fabric
from runtime.fabric import routes
from runtime.fabric.commands import Command
from runtime.fabric.hosts import mpi
from runtime.fabric.layout import address, interface, namespace
from runtime.fabric.machine import Machine
from solvers.bounds.time_bound import time_lower_bound
from solvers.routing.by_destination import follow
from solvers.schedules import files
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from topologies.derive.failures import read_damage
from topologies.formats.files import save as save_topology
from topologies.model.topology import Topology
from topologies.model.units import size as read_size

SECONDS = 240.0
NOBODY = "02:00:00:00:00:01"  # whoever gets a frame for this address drops it
LEAST = 0.85  # of the bound
CASES: Mapping[str, tuple[Callable[[], Topology], str]] = {
    "torus 2x2x2": (cube, "h0:h1"),
    "ring, a slow link": (slow_ring, "h1:h2"),
}


def ends_of(topology: Topology, cable: str) -> tuple[int, int]:
    """Look up the vertices at the ends of a cable."""
    a, b = cable.split(":")
    return topology.names.index(a), topology.names.index(b)


def cut(machine: Machine, ends: tuple[int, int], *, whole: bool = False) -> None:
    """Let both ends of a cable send to nobody, or to each other again."""
    for a, b in (ends, ends[::-1]):
        where = f"{address(b)} dev {interface(b)}"
        words = f"del {where}" if whole else f"replace {where} lladdr {NOBODY} nud permanent"
        machine.keeper.run([Command(("ip", "-n", namespace(a), "neigh", *words.split()))])


@contextmanager
def routed(machine: Machine, schedule: Schedule, left: Topology) -> Iterator[None]:
    """Let all pairs talk over what is left, those of a schedule as it has it."""
    hops = routes.next_hops(left)
    pairs = ((a, b) for a in range(left.ranks) for b in range(left.ranks) if a != b)
    around = {pair: follow(hops, *pair) for pair in pairs}
    with machine.reroute(around | routes.of_schedule(schedule)):
        yield


def run(case: str, name: str, size: int, folder: Path) -> tuple[str, list[str]]:
    """Run one job; give its line and what was not right."""
    make, cable = CASES[case]
    topology = make()
    whole = plan(topology, collective(name, range(topology.ranks)), size=size).schedule
    made = replan(whole, read_damage(topology, without=[cable]), size=size).plan.schedule
    for place, schedule in (("whole", whole), ("left", made)):
        (folder / place).mkdir()
        files.save(schedule, str(folder / place / "plan.json"))
    save_topology(topology, str(folder / "machine.json"))
    with fabric.while_up(topology, Fraction(1)) as up:
        ends = ends_of(topology, cable)
        words = ["-m", "mpi4py", "-m", "bench.ranks.switching", str(folder), name, str(size), cable]
        here = mpi(up.keeper, range(topology.ranks))
        command = [*here.command_line(topology.ranks), sys.executable, *words]
        job = subprocess.Popen(
            command, env=here.environment(SECONDS), stdout=subprocess.PIPE, text=True
        )
        try:
            with up.reroute(routes.of_schedule(whole)):
                _wait(folder / "cut", job)
                time.sleep(0.3)  # a call is under way
                cut(up, ends)
                for rank in range(topology.ranks):
                    _wait(folder / f"failed-{rank}", job)
            with routed(up, made, made.topology):
                (folder / "routed").touch()
                _wait(folder / "restore", job)
                cut(up, ends, whole=True)
            with up.reroute(routes.of_schedule(whole)):
                (folder / "restored").touch()
                out = job.communicate(timeout=SECONDS)[0]
        finally:
            job.kill()
        return _judge(case, name, job.returncode, out, _bounds(whole, made, size))


def _bounds(whole: Schedule, made: Schedule, size: int) -> tuple[float, float]:
    found = [
        time_lower_bound(each.topology, each.collective, each.bound, size) for each in (whole, made)
    ]
    return float(found[0] or 0), float(found[1] or 0)


def _judge(
    case: str, name: str, code: int, out: str, bounds: tuple[float, float]
) -> tuple[str, list[str]]:
    """Write a job's line, and say what was not right."""
    if code:
        return f"{case:20} {name:12} ended with {code}", [f"{case} {name}: ended with {code}"]
    told = json.loads(out.splitlines()[-1])
    parts = [bounds[0] / told["whole"], bounds[1] / told["left"], bounds[0] / told["again"]]
    faults = [
        f"{case} {name}: {part:.0%} of the bound, {what}"
        for part, what in zip(parts, ("whole", "without", "again"), strict=True)
        if part < LEAST
    ]
    if not told["untouched"]:
        faults.append(f"{case} {name}: a buffer was written after the error")
    line = (
        f"{case:20} {name:12} {told['whole'] * 1e3:8.1f} {parts[0]:6.1%} {told['left'] * 1e3:8.1f} "
        f"{parts[1]:6.1%} {told['again'] * 1e3:8.1f} {parts[2]:6.1%} {told['replan'] * 1e3:7.1f} "
        f"{'yes' if told['untouched'] else 'NO':9} {told['said'][0]}"
    )
    return line, faults


def _wait(file: Path, job: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + SECONDS
    while not file.exists():
        if job.poll() is not None or time.monotonic() > until:
            raise click.ClickException(f"the job ended, or stood still, before {file.name}")
        time.sleep(0.02)


@click.command()
@click.option("--case", "cases", multiple=True, type=click.Choice(list(CASES)))
@click.option("--collective", "names", multiple=True, default=("all_gather", "all_reduce"))
@click.option("--size", default="8MiB", show_default=True)
def main(cases: tuple[str, ...], names: tuple[str, ...], size: str) -> None:
    """Print milliseconds, parts of the bounds, and what was said; exit 1 if anything is wrong."""
    click.echo(
        f"{'machine':20} {'collective':12} {'whole':>8} {'bound':>6} {'without':>8} {'bound':>6} "
        f"{'again':>8} {'bound':>6} {'replan':>7} untouched said by process 0"
    )
    unsound: list[str] = []
    for case in cases or CASES:
        for name in names:
            with TemporaryDirectory(prefix="commplan-") as folder:
                line, faults = run(case, name, read_size(size), Path(folder))
            click.echo(line)
            unsound += faults
    ended(unsound)


if __name__ == "__main__":
    main()
