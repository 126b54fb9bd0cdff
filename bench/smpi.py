"""Emitted C programs, unchanged, under SimGrid's MPI on simulated machines.

SMPI (Debian packages simgrid, libsimgrid-dev) is not needed for anything else: where there is no
smpicc, this says so. It runs what `emit --target c` writes, on a platform with the links, latencies
and routes of the schedule, and checks every element of the result; beside its simulated time stand
the bound and what commplan predicts, over SMPI's time: where links share, and where they serve one
message after the other.

SMPI has rules of its own in two things. Each message is a flow of its own, so that a pair of ranks
with two messages under way gets two shares of a link, where commplan gives each pair one, as a
connection has (`python -m bench.fluid` compares that); and a message begins with its latency when
both ends have posted it, so that a rank that may have few under way waits for latencies that
overlap elsewhere. `plain` is the same program with a lead of 1 on the machine without latencies,
where neither matters: there the two have to agree.

`--rows FILE` keeps each row as it ends, and `--seconds` ends in time: the same command goes on
where it was left. Rows are those of the version that made them; another one needs a new file.
"""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from math import ceil, inf
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from bench.contest.kept import Kept, TimeOverError
from bench.verdict import ended
from commplan.planning.planner import plan, schedule_time_bound
from runtime.emit.targets import emit
from runtime.metrics.pacing import with_lead
from runtime.simulate.simulate import Sharing, simulate
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from topologies.formats.spec import topology
from topologies.model import units
from topologies.model.topology import Topology, frozen
from topologies.model.units import bytes_of, duration

MACHINES = (
    *("ring:8", "star:8", "torus:4x4", "leaf-spine:4x4x4"),
    *("irregular:seed=1", "irregular:seed=8", "irregular:seed=9"),
)
COLLECTIVES = ("all_gather", "all_reduce", "all_to_all")
HEADER = Path(__file__).parent / "ranks" / "smpi.h"
FORMAT = "commplan/bench-smpi/1"
SECONDS = 300.0  # for one program
# Flows on a link weigh 1 / (their latency + EQUAL · the sum of 1 / bandwidth of their links); that
# sum is made the same for all, and latency does not count beside it.
EQUAL = 1e9
# With optim:Lazy, SimGrid's own choice, a link of 10 GB/s carried 10.4 here (SimGrid 3.32).
SETTINGS = (
    *("network/model:CM02", "network/crosstraffic:0", "network/TCP-gamma:0"),
    *("network/latency-factor:1", "network/bandwidth-factor:1", f"network/weight-S:{EQUAL:g}"),
    "network/optim:Full",
    *("smpi/simulate-computation:no", "smpi/host-speed:1Gf", "smpi/wtime:0"),
    *(
        "smpi/test:0",
        "smpi/async-small-thresh:0",
        "smpi/send-is-detached-thresh:0",
        "surf/precision:1e-12",
    ),
)
NEVER = 0.999  # of the bound: what rounding may take from it
NEAR, SHARE = 0.02, 0.95  # how near plain programs are predicted, and which part of them
NO_LATENCY = 1e-12  # seconds
FAIR_FIFO: tuple[Sharing, Sharing] = ("fair", "fifo")
HEAD = (
    f"{'collective':12}{'machine':20}{'size':>8}{'bound':>12}{'SMPI':>12}{'shares':>8}{'fifo':>8}"
    f"{'plain':>8}{'SMPI / bound':>14}"
)

Way = tuple[int, ...]


def ways(schedule: Schedule) -> dict[tuple[int, int], Way] | None:
    """Give the links between each two ranks that exchange messages; None where there are several.

    MPI does not say which way a message goes.
    """
    found: dict[tuple[int, int], Way] = {}
    rows = unfold(schedule).transfers
    for row in map(rows.__getitem__, range(len(rows))):
        if found.setdefault((row.src, row.dst), tuple(row.route)) != tuple(row.route):
            return None
    return found


def platform(machine: Topology, routes: Mapping[tuple[int, int], Way]) -> Iterator[str]:
    """Write a machine down for SimGrid, line by line; other pairs have a network of their own."""
    yield "<?xml version='1.0'?>"
    yield '<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">'
    yield '<platform version="4.1"><zone id="machine" routing="Full">'
    yield from (f'<host id="r{rank}" speed="1Gf"/>' for rank in range(machine.ranks))
    for e, (rate, alpha) in enumerate(zip(machine.bandwidth, machine.alpha, strict=True)):
        yield _link(f"l{e}", rate, alpha, "SHARED")
    yield _link("aside", 1e15, 1e-9, "FATPIPE")
    slowness = {way: float((1 / machine.bandwidth[list(way)]).sum()) for way in routes.values()}
    most, fast = max(slowness.values()), float(machine.bandwidth.max())
    wide: dict[Way, list[str]] = {}
    for number, (way, own) in enumerate(slowness.items()):
        count = ceil(2 * fast * (most - own) * (1 - 1e-12))
        wide[way] = [f"w{number}.{i}" for i in range(count)]
        yield from (_link(name, count / (most - own), 0.0, "FATPIPE") for name in wide[way])
    for src, dst in product(range(machine.ranks), repeat=2):
        taken = routes.get((src, dst))
        names = ["aside"] if taken is None else [*(f"l{e}" for e in taken), *wide[taken]]
        links = "".join(f'<link_ctn id="{name}"/>' for name in names)
        yield f'<route src="r{src}" dst="r{dst}" symmetrical="NO">{links}</route>'
    yield "</zone></platform>"


def _link(name: str, rate: float, alpha: float, sharing: str) -> str:
    return (
        f'<link id="{name}" bandwidth="{float(rate)!r}Bps" latency="{float(alpha)!r}s" '
        f'sharing_policy="{sharing}"/>'
    )


def compiled(schedule: Schedule, routes: Mapping[tuple[int, int], Way], folder: Path) -> list[str]:
    """Write program and platform into a folder; give the words that run them."""
    source, program = folder / "program.c", folder / "program"
    source.write_text(emit(schedule, "c"))
    words = ["smpicc", "-O1", "-std=gnu11", "-w", "-include", str(HEADER), str(source)]
    subprocess.run([*words, "-o", str(program), "-lm"], check=True, capture_output=True)
    ranks = schedule.topology.ranks
    (folder / "platform.xml").write_text("\n".join(platform(schedule.topology, routes)))
    (folder / "hosts").write_text("".join(f"r{rank}\n" for rank in range(ranks)))
    words = ["smpirun", "-np", str(ranks), "-hostfile", str(folder / "hosts")]
    words += ["-platform", str(folder / "platform.xml"), "--log=root.thres:critical"]
    return [*words, *(f"--cfg={setting}" for setting in SETTINGS), str(program)]


def simulated(words: list[str], size: int) -> tuple[int, int, float, int]:
    """Run a program once; give its size, its chunks, the simulated seconds and wrong elements."""
    asked = [*words, "-b", str(size), "-n", "1", "-w", "0"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=SECONDS, check=False)
    rows = [line for line in done.stdout.splitlines() if line.startswith("# commplan {")]
    if not rows:
        raise click.ClickException(f"smpirun: {(done.stderr or done.stdout).strip()[-300:]}")
    row = json.loads(rows[0].removeprefix("# commplan "))
    return int(row["size"]), int(row["chunks"]), float(row["seconds"]), int(row["wrong"])


@dataclass(frozen=True)
class Played:
    """A program under SMPI: its size, simulated seconds, predictions over these, wrong elements."""

    size: int
    seconds: float
    fair: float
    fifo: float
    wrong: int


def play(schedule: Schedule, routes: Mapping[tuple[int, int], Way], size: int) -> Played:
    """Run a program under SMPI, and predict it in as many chunks."""
    with TemporaryDirectory(prefix="commplan-") as folder:
        words = compiled(schedule, routes, Path(folder))
        used, chunks, seconds, wrong = simulated(words, size)
    fair, fifo = (
        simulate(schedule, used, chunks=chunks, sharing=sharing).seconds / seconds
        for sharing in FAIR_FIFO
    )
    return Played(used, seconds, fair, fifo, wrong)


def plain(schedule: Schedule) -> Schedule:
    """Give a schedule a lead of 1, and its machine no latency to speak of."""
    machine = schedule.topology
    alpha = frozen(np.full(machine.links, NO_LATENCY))
    return with_lead(replace(schedule, topology=replace(machine, alpha=alpha)), 1)


def measure(name: str, what: str, size: int) -> dict[str, Any]:
    """Play a plan and its plain program: a row, which is empty where MPI cannot tell the ways."""
    machine = topology(name)
    made = plan(machine, collective(what, range(machine.ranks)), size=size).schedule
    routes = ways(made)
    if routes is None:
        return {"bound": None}
    found, simple = play(made, routes, size), play(plain(made), routes, size)
    bound = schedule_time_bound(made, found.size)
    return {"bound": bound, "found": asdict(found), "simple": asdict(simple)}


def told(row: Mapping[str, Any]) -> tuple[list[str], float | None]:
    """Print a row; give what does not hold, and how the plain program is predicted."""
    name, what, size, bound = (row[key] for key in ("machine", "collective", "size", "bound"))
    words = f"{what:12}{name:20}{bytes_of(size):>8}"
    if bound is None:
        click.echo(f"{words}  several ways between two ranks")
        return [], None
    found, simple = Played(**row["found"]), Played(**row["simple"])
    case = f"{what} on {name}, {bytes_of(size)}"
    faults = [f"{case}: {each.wrong} wrong elements" for each in (found, simple) if each.wrong]
    if found.seconds < NEVER * bound:
        faults.append(f"{case}: faster than its bound")
    click.echo(
        f"{words}{duration(bound):>12}{duration(found.seconds):>12}"
        f"{found.fair:8.3f}{found.fifo:8.3f}{simple.fair:8.3f}{found.seconds / bound:14.3f}"
    )
    return faults, simple.fair


@click.command(help=__doc__)
@click.option("--machine", "machines", multiple=True, default=MACHINES, help="A topology.")
@click.option("--collective", "names", multiple=True, default=COLLECTIVES)
@click.option("--size", "sizes", multiple=True, default=("64KiB", "1MiB"), help="Of the data.")
@click.option("--rows", type=click.Path(dir_okay=False, path_type=Path), help="Keep rows here.")
@click.option("--seconds", default=inf, help="After which no row begins.")
def main(
    machines: tuple[str, ...],
    names: tuple[str, ...],
    sizes: tuple[str, ...],
    rows: Path | None,
    seconds: float,
) -> None:
    """Print simulated and predicted times; exit 1 where something does not hold."""
    if which("smpicc") is None or which("smpirun") is None:
        click.echo("no SMPI here (Debian: simgrid, libsimgrid-dev); nothing is compared")
        return
    kept = Kept(FORMAT, "SMPI", rows, time.monotonic() + seconds)
    click.echo(HEAD)
    faults: list[str] = []
    ratios: list[float] = []
    for asked in product(machines, names, map(units.size, sizes)):
        case = dict(zip(("machine", "collective", "size"), asked, strict=True))
        try:
            wrong, ratio = told(kept.once(case, partial(measure, *asked)))
        except TimeOverError:
            raise SystemExit("the time is over: the same command goes on") from None
        faults += wrong
        ratios += [] if ratio is None else [ratio]
    near = sum(abs(ratio - 1) <= NEAR for ratio in ratios)
    summary = f"{near} of {len(ratios)} plain programs are within {NEAR:.0%}"
    click.echo(summary)
    ended(faults + ([summary] if near < SHARE * len(ratios) else []))


if __name__ == "__main__":
    main()
