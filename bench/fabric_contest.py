"""Schedules against every collective that MPI lets one select, on emulated machines.

`python -m bench.fabric_contest`, as root or with user namespaces, makes networks with the rates
below one after the other (`commplan fabric`), and runs on each the schedule that commplan chooses
for the size, MPI's own call as it is, and each of its algorithms by name (`contest.algorithms`).
All algorithms are called once, the fastest few a few times; the fastest of those runs in turns with
ours and the default, and the medians of these launches make the table. The MPI is that of this
environment.

All ranks together send at most 400 MB/s, and 200 where the rates are ours to choose: this is
what a small computer carries. Rates are those of the wire; the bound counts payload alone, so
headers and acknowledgements (up to 2 %) are losses in every column. `*` marks what is faster than
its bound, and what says little of the machine: what is shorter than a burst passes at once, so that
of 4 KiB little is left but what messages cost the cores. `WRONG` is a result that is not right,
`ASTRAY` a right one whose traffic was not as planned.

`--rows FILE` keeps each launch in a file as it ends, and `--seconds` ends in time; the same command
goes on where it was left. After a change of the code begin another file: what is in it is not
measured again.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from math import inf
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from bench.contest.algorithms import DEFAULT, Variables, algorithms
from bench.contest.interrupted import refuse_interrupted
from bench.contest.kept import Kept, TimeOverError
from bench.verdict import ended, verdict_on
from commplan.planning.planner import plan
from runtime.fabric import machine, trial
from runtime.fabric.hosts import mpi
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.launch.first_failure import wrap_command
from runtime.launch.mpi import LaunchError, compile_c, find
from runtime.launch.process import run_limited
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from topologies.model.cached import cached_property
from topologies.model.topology import Link, Switch, Topology, build, frozen
from topologies.model.units import bytes_of
from topologies.model.units import size as read_size
from topologies.presets.shapes import hypercube

FORMAT = "commplan/bench-fabric-contest/1"
MEGABIT = 125_000  # bytes per second
ALPHA = 10e-6  # of a cable, about
MESSAGE = 40e-6  # of a core's time that a message over TCP takes, both ends together, about
BRIEF = 2**16  # bytes of buffers that are over so soon that they are called often
COLLECTIVES = ("all_gather", "all_reduce")
SOURCE = Path(__file__).parent / "ranks" / "stock.c"
SECONDS = 120.0  # for each launch
LOOK, SHORT, AGAIN = 1, 3, 5  # timed calls of a launch: at first, of the fastest, and in turns,
OFTEN = 10  # and so many times as many of what is brief
FASTEST = 3  # algorithms that are looked at again
CONNECTING = 2**12  # bytes of a call that makes connections
HEAD = (
    f"{'machine':28}{'collective':11}{'size':>6}{'ours':>9}{'bound':>9}{'of it':>7}"
    f"{'predicted':>10}{'/ meas.':>8}{'best':>9}{'/ ours':>7}{'default':>9}{'/ ours':>7}  best is"
)


def counted(machine: Topology) -> Topology:
    """State what messages cost a rank where all share the cores of one computer.

    A rank of the model sends and receives at once; here one core does both.
    """
    cost = MESSAGE * max(machine.ranks / (os.cpu_count() or 1), 1.0)
    return replace(machine, overhead=frozen(np.full(machine.ranks, cost)))


def supernodes() -> Topology:
    """Join two switches of four hosts, 400 Mbit/s each, by 100 Mbit/s."""
    hosts = [f"h{i}" for i in range(8)]
    links = [_link(host, f"s{i // 4}", 400) for i, host in enumerate(hosts)]
    both = [Switch("s0"), Switch("s1")]
    return _machine("two supernodes", hosts, both, [*links, _link("s0", "s1", 100)])


def slow_ring() -> Topology:
    """Close a ring of eight, of 100 Mbit/s, by a link of 25."""
    hosts = [f"h{i}" for i in range(8)]
    links = [_link(f"h{i}", f"h{(i + 1) % 8}", 25 if i == 3 else 100) for i in range(8)]
    return _machine("ring, a slow link", hosts, [], links)


def degraded_star() -> Topology:
    """Join eight hosts of 200 Mbit/s at a switch, one of which has half of that."""
    hosts = [f"h{i}" for i in range(8)]
    links = [_link(host, "s", 100 if i == 5 else 200) for i, host in enumerate(hosts)]
    return _machine("star, a degraded NIC", hosts, [Switch("s")], links)


def cube() -> Topology:
    """Make a torus of 2 x 2 x 2 with links of 50 Mbit/s."""
    made = hypercube(3)
    links = [
        _link(f"h{made.src[e]}", f"h{made.dst[e]}", 50)
        for e in range(made.links)
        if made.src[e] < made.dst[e]
    ]
    return _machine("torus 2x2x2", [f"h{i}" for i in range(8)], [], links)


def _link(src: str, dst: str, rate: int) -> Link:
    return Link(src, dst, Fraction(rate * MEGABIT), ALPHA, duplex=True)


def _machine(
    name: str, hosts: Sequence[str], switches: Sequence[Switch], links: Sequence[Link]
) -> Topology:
    return build(name, hosts, switches, links)


def often(calls: int, size: int) -> int:
    """Give how often a launch calls what is called so often in large sizes."""
    return calls * OFTEN if size <= BRIEF else calls


ORDER = tuple(range(8))
# Each machine, and the host of each process, by name.
CASES: Mapping[str, tuple[Callable[[], Topology], tuple[int, ...]]] = {
    "two supernodes": (supernodes, ORDER),
    "two supernodes, round-robin": (supernodes, (0, 4, 1, 5, 2, 6, 3, 7)),
    "ring, a slow link": (slow_ring, ORDER),
    "torus 2x2x2": (cube, ORDER),
    "star, a degraded NIC": (degraded_star, ORDER),
}


@dataclass(frozen=True)
class Bed:
    """An emulated machine that is up, the hosts of the processes, and the compiled program."""

    machine: Machine
    played: tuple[int, ...]
    program: Path

    def stock(self, what: str, size: int, variables: Variables, calls: int) -> float:
        """Time MPI's own collective, in seconds; one that is wrong or fails takes for ever.

        Before comes a call that makes connections.
        """
        here = mpi(self.machine.keeper, self.played)
        chosen = [f"{key}={value}" for key, value in variables.items()]
        warm_up = "0" if calls == LOOK else "1"
        words = [
            str(self.program),
            what,
            str(often(calls, size)),
            warm_up,
            str(CONNECTING),
            str(size),
        ]
        wrapped = wrap_command(["env", *chosen, *words])
        command = [*here.command_line(len(self.played)), *wrapped]
        ended = run_limited(command, here.environment(SECONDS), SECONDS)
        refuse_interrupted(ended, self.machine.keeper)
        rows = [line.split() for line in ended.output if len(line.split()) == 3]
        return float(rows[1][1]) if len(rows) == 2 and rows[1][2] == "0" else inf

    def ours(self, schedule: Schedule, size: int) -> trial.Trial:
        """Run a schedule."""
        return trial.run(
            self.machine,
            schedule,
            size,
            iterations=often(AGAIN, size),
            played=self.played,
            timeout=SECONDS,
        )


@dataclass(frozen=True)
class Row:
    """What came out for one size: seconds.

    Attributes:
        faults: what was not right of results and traffic.
        wrong: whether a result was not.
        marked: whether bursts hide much of what links carry, or latencies are missing.
    """

    size: int
    ours: float
    bound: float
    predicted: float
    best: float
    default: float
    name: str
    faults: Sequence[str]
    wrong: bool
    marked: bool

    def line(self, case: str, what: str) -> str:
        """Write the row of the table, in milliseconds."""
        fault = verdict_on(self.wrong, self.faults)
        fault += "  *" if self.marked or self.ours < self.bound else ""
        return (
            f"{case:28}{what:11}{bytes_of(self.size):>6}{self.ours * 1e3:9.1f}"
            f"{self.bound * 1e3:9.1f}{self.bound / self.ours:7.1%}{self.predicted * 1e3:10.1f}"
            f"{self.predicted / self.ours:8.2f}{self.best * 1e3:9.1f}{self.best / self.ours:7.2f}"
            f"{self.default * 1e3:9.1f}{self.default / self.ours:7.2f}  {self.name}{fault}"
        )


@dataclass(frozen=True)
class Match:
    """A machine, a collective and a size; it is made and planned for when something is missing.

    Attributes:
        kind: of the MPI.
        kept: the launches that were made.
        bed: gives the machine, and makes it the first time.
    """

    case: str
    what: str
    size: int
    kind: str
    kept: Kept
    bed: Callable[[], Bed]

    @cached_property
    def schedule(self) -> Schedule:
        """Choose for the size."""
        here = self.bed().machine.layout.original
        return plan(here, collective(self.what, range(here.ranks)), size=self.size).schedule

    def stock(self, name: str, calls: int, turn: str) -> float:
        """Time one of MPI's algorithms, or look up what it took: seconds."""
        chosen = algorithms(self.kind, self.what)[name]

        def run() -> dict[str, float | None]:
            took = self.bed().stock(self.what, self.size, chosen, calls)
            return {"seconds": took if took < inf else None}

        found = self.kept.once(self._asked(name, turn), run)["seconds"]
        return inf if found is None else float(found)

    def ours(self, turn: str) -> Mapping[str, Any]:
        """Run the schedule, or look up what came of it."""

        def run() -> dict[str, Any]:
            found = self.bed().ours(self.schedule, self.size)
            return {
                "seconds": found.measured.seconds,
                "bound": found.bound or 0.0,
                "predicted": found.predicted,
                "faults": list(found.faults()),
                "wrong": bool(found.measured.wrong),
                "marked": bool(found.marks),
            }

        return self.kept.once(self._asked("ours", turn), run)

    def _asked(self, who: str, turn: str) -> dict[str, str | int]:
        return {
            "machine": self.case,
            "collective": self.what,
            "size": self.size,
            "who": who,
            "turn": turn,
        }

    def row(self, launches: int) -> Row:
        """Look at all algorithms, then run the fastest in turns with ours and the default.

        Raises:
            TimeOverError: there is no time for all.
        """
        seen = {}
        for name in algorithms(self.kind, self.what):
            _tell(f"{self.what}, {bytes_of(self.size)}: {name}")
            seen[name] = self.stock(name, LOOK, "look")
        right = [name for name, seconds in seen.items() if seconds < inf]
        near = sorted(right, key=lambda name: seen[name])[:FASTEST]
        again = {name: self.stock(name, SHORT, "again") for name in near}
        name = min(again, key=lambda name: again[name])
        ours, best, default = list[Mapping[str, Any]](), list[float](), list[float]()
        for launch in range(launches):
            _tell(f"{self.what}, {bytes_of(self.size)}: launch {launch + 1}")
            ours.append(self.ours(str(launch)))
            best.append(self.stock(name, AGAIN, str(launch)))
            default.append(self.stock(DEFAULT, AGAIN, str(launch)))
        return Row(
            self.size,
            median(each["seconds"] for each in ours),
            ours[0]["bound"],
            median(each["predicted"] for each in ours),
            median(best),
            median(default),
            f"{name} (of {len(right)})",
            [fault for each in ours for fault in each["faults"]],
            any(each["wrong"] for each in ours),
            any(each["marked"] for each in ours),
        )


def rows(
    case: str, sizes: Sequence[int], names: Sequence[str], kept: Kept, program: Path, launches: int
) -> Iterator[tuple[str, Row]]:
    """Give a collective and its row, one after the other, on a machine that is made if need be.

    Raises:
        TimeOverError: there is no time for all.
        FabricError, LaunchError: it cannot be made, or nothing runs.
    """
    make, played = CASES[case]
    with ExitStack() as stack:

        @cache
        def bed() -> Bed:
            up = stack.enter_context(machine.while_up(counted(make()), Fraction(1)))
            return Bed(up, played, program)

        for size in sizes:
            for what in names:
                yield what, Match(case, what, size, kept.library, kept, bed).row(launches)


@click.command()
@click.option("--case", "cases", multiple=True, help="Only names with this in them; repeatable.")
@click.option("--collective", "names", multiple=True, type=click.Choice(COLLECTIVES))
@click.option("--size", "asked", multiple=True, default=["8MiB", "1MiB"], show_default=True)
@click.option("--launches", default=3, show_default=True, help="Of each of the three, in turns.")
@click.option("--rows", "path", type=click.Path(dir_okay=False, path_type=Path), help="Keep here.")
@click.option("--seconds", default=inf, help="After which no launch begins.")
def main(
    cases: tuple[str, ...],
    names: tuple[str, ...],
    asked: tuple[str, ...],
    launches: int,
    path: Path | None,
    seconds: float,
) -> None:
    """Print milliseconds and ratios; exit 1 where a result or the traffic was not right."""
    kind, unsound = find().kind, list[str]()
    sizes = [read_size(text) for text in asked]
    kept = Kept(FORMAT, kind, path, time.monotonic() + seconds)
    click.echo(f"{kind}; milliseconds, medians of {launches} launches\n{HEAD}")
    with TemporaryDirectory(prefix="commplan-") as folder:
        program = Path(folder) / "stock"
        compile_c(find(), SOURCE, program)
        for case in CASES:
            if cases and not any(part in case for part in cases):
                continue
            try:
                found = rows(case, sizes, names or COLLECTIVES, kept, program, launches)
                for what, row in found:
                    click.echo(row.line(case, what))
                    unsound += [f"{case} {what}: {fault}" for fault in row.faults]
            except TimeOverError:
                click.echo("the time is over: the same command goes on", err=True)
                break
            except (FabricError, LaunchError) as error:
                raise click.ClickException(f"{case}: {error}") from None
    ended(unsound)


def _tell(news: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{news}\r", nl=False, err=True)


if __name__ == "__main__":
    main()
