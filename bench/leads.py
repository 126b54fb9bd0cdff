"""Programs with a lead beside the same without one, on emulated machines.

`python -m bench.leads`, as root or with user namespaces, makes the machines of `fabric_contest` and
`irregular:seed=N`, at rates that a small computer carries, and runs on each what commplan chooses
for the size: with the lead that it chooses, and with a lead of 1, which waits for each step, in
turns (where it chooses 1, or with `--alone`, that alone). The medians of these launches stand
beside the bound and what is predicted, with links that serve one message after the other and with
links that share. Once three launches are as long as each other no more are made. A computer with
other work to do takes part of what is measured for itself: `--slower 2` halves the rates, and with
them what the computer has to do in a second. `*` marks what says little of the machine, as bursts
hide it or latencies are missing, and what is faster than its bound; it counts for nothing. `WRONG`
is a result that is not right, `ASTRAY` a right one whose traffic was not as planned; each is told
below. The MPI is that of this environment.

`--rows FILE` keeps each launch in a file as it ends, and `--seconds` ends in time; the same command
goes on where it was left, case by case if one likes. `--plans FOLDER` keeps the plans, which
`--launches 0` makes without launching anything. What was kept of another plan is not counted.
`--report` measures nothing: it prints the table of the file.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import get_args

import click

from bench.contest.kept import Kept, TimeOverError
from bench.contest.lead_rows import FORMAT, HEAD, Case, Journal, Launched, Row, split
from bench.fabric_contest import ALPHA, CASES, counted
from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.emit import c
from runtime.fabric import machine, trial
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.launch.mpi import find
from runtime.metrics.pacing import pacing_of, with_lead
from runtime.simulate.simulate import Sharing, simulate
from solvers.schedules.files import load, save
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from topologies.formats.spec import topology
from topologies.model.topology import Topology, frozen
from topologies.model.units import Bytes
from topologies.model.units import size as read_size

TOGETHER = 200 * 10**6  # bytes per second that all hosts send, at most
COLLECTIVES = ("all_reduce", "all_gather", "all_to_all", "broadcast")
ITERATIONS, LONG = 3, 1.0  # timed calls of a launch, and the seconds of a call that is timed once
SECONDS = 300.0


def slowed(asked: Topology) -> Topology:
    """Give a machine rates that together are TOGETHER, and the latency of cables."""
    sends = asked.bandwidth[asked.src < asked.ranks].sum()
    return replace(
        asked,
        name=f"{asked.name}, slow",
        unit=asked.unit * TOGETHER / int(sends),
        alpha=frozen(asked.alpha * 0 + ALPHA),
    )


def choose(here: Topology, case: Case, folder: Path | None) -> Schedule:
    """Plan for a case, or take the plan that is in the folder; keep it there."""
    file = folder and folder / f"{re.sub(r'[^a-z0-9]+', '-', case.name.lower())}.json.gz"
    if file is not None and file.exists():
        return load(file)
    root = 0 if case.collective == "broadcast" else None
    what = collective(case.collective, range(here.ranks), root)
    made = plan(here, what, size=case.size).schedule
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        save(made, file)
    return made


def measure(
    up: Machine,
    made: Schedule,
    played: Sequence[int],
    case: Case,
    journal: Journal,
    launches: int,
    *,
    alone: bool,
) -> None:
    """Launch a plan with its lead and without, in turns, until that is enough.

    Raises:
        TimeOverError: there is no time for all.
    """
    name = sha256(c.emit(made).encode()).hexdigest()[:16]
    while True:
        known = [each for each in journal.of(case) if each.plan == name]
        if known and journal.ended(case, launches, alone=alone):
            return
        ours, stepped = split(known)
        later = len(ours) > len(stepped) and not alone and pacing_of(made).lead > 1
        journal.kept.begin()
        journal.add(case, launch(up, made, name, played, case.size, stepped=later))


def launch(
    up: Machine, made: Schedule, name: str, played: Sequence[int], size: Bytes, *, stepped: bool
) -> Launched:
    """Run a schedule once, with a lead of 1 if so asked."""
    emulated, lead = trial.emulated(up, made), pacing_of(made).lead
    long = simulate(emulated, size).seconds > LONG
    found = trial.run(
        up,
        with_lead(made, 1) if stepped else made,
        size,
        iterations=1 if long else ITERATIONS,
        warm_up=0 if long else 1,  # the call whose result is looked at comes before
        played=played,
        timeout=SECONDS,
    )
    used, chunks = found.measured.size, found.measured.chunks
    fifo, fair = (
        simulate(emulated, used, chunks=chunks, sharing=sharing).seconds
        for sharing in get_args(Sharing)
    )
    return Launched(
        name,
        lead,
        stepped,
        chunks,
        found.measured.seconds,
        found.bound or 0.0,
        fifo,
        fair,
        list(found.faults()),
        bool(found.measured.wrong),
        bool(found.marks),
    )


def machines(
    names: Sequence[str], seeds: Sequence[int]
) -> Iterator[tuple[str, Topology, Sequence[int]]]:
    """Give the machines that are asked for: the name, and the rank that each process plays."""
    for name, (make, played) in CASES.items():
        if any(part in name for part in names):
            yield name, make(), played
    for seed in seeds:
        yield f"irregular:seed={seed}", slowed(topology(f"irregular:seed={seed}")), ()


def report(cases: Sequence[Case], journal: Journal, sharing: Sharing) -> list[str]:
    """Print the rows of which something was measured; give what does not hold."""
    missed = []
    for case in cases:
        ours, stepped = split(journal.of(case))
        if ours:
            row = Row(ours, stepped)
            click.echo(row.line(case))
            missed += [f"{case.name}: {reason}" for reason in row.missed(case.size, sharing)]
    return missed


@click.command()
@click.option("--case", "cases", multiple=True, help="Names with this in them; repeatable.")
@click.option("--seed", "seeds", multiple=True, type=int, help="Of irregular machines; repeatable.")
@click.option("--collective", "names", multiple=True, type=click.Choice(COLLECTIVES))
@click.option("--size", "sizes", multiple=True, default=["8MiB"], show_default=True)
@click.option("--launches", default=5, show_default=True, help="In turns, at most; 0 plans.")
@click.option("--alone", is_flag=True, help="Not with a lead of 1 as well.")
@click.option("--slower", default=1, show_default=True, help="Divides all rates.")
@click.option("--sharing", type=click.Choice(get_args(Sharing)), default=trial.SHARING)
@click.option("--rows", type=click.Path(dir_okay=False, path_type=Path), help="Keep launches here.")
@click.option("--plans", type=click.Path(file_okay=False, path_type=Path), help="Keep plans here.")
@click.option("--seconds", default=inf, help="After which no launch begins.")
@click.option("--report", "only_report", is_flag=True, help="Print --rows; measure nothing.")
def main(
    cases: tuple[str, ...],
    seeds: tuple[int, ...],
    names: tuple[str, ...],
    sizes: tuple[str, ...],
    launches: int,
    alone: bool,
    slower: int,
    sharing: Sharing,
    rows: Path | None,
    plans: Path | None,
    seconds: float,
    only_report: bool,
) -> None:
    """Print times and ratios; exit 1 where a result was not right, or something does not hold."""
    kind, until = find().kind, time.monotonic() + seconds
    journal = Journal(Kept(FORMAT, kind, rows, until))
    asked = [read_size(text) for text in sizes]
    click.echo(f"{kind}, rates / {slower}\n{HEAD}")
    missed: list[str] = []
    for name, made, played in machines(cases or (() if seeds else ("",)), seeds):
        for size in asked:
            own = [Case(name, what, size, slower) for what in names or COLLECTIVES]
            left = [case for case in own if not journal.ended(case, launches, alone=alone)]
            left = [] if only_report else left
            here = counted(made)
            try:
                chosen = [(case, choose(here, case, plans)) for case in left]
                if chosen and launches:
                    with machine.while_up(here, Fraction(1, slower)) as up:
                        for case, schedule in chosen:
                            measure(up, schedule, played, case, journal, launches, alone=alone)
            except TimeOverError:
                only_report = True
                click.echo("the time is over: the same command goes on", err=True)
            except FabricError as error:
                raise click.ClickException(f"{name}: {error}") from None
            missed += report(own, journal, sharing)
    ended(missed)


if __name__ == "__main__":
    main()
