"""Programs with a lead beside the same without one, on emulated irregular machines.

`python -m bench.leads`, as root or with user namespaces, makes networks like `irregular:seed=N` at
rates that a small computer carries, and runs on each what commplan chooses for the size: with the
lead that it chooses, and with a lead of 1, which waits for each step, in turns. The medians of
these launches stand beside the bound and the prediction. Rates are those of the wire, and headers
count as losses.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import median

import click

from bench.fabric_contest import ALPHA, OVERHEAD
from bench.verdict import ended
from commplan.planning.planner import plan
from runtime.fabric import machine, trial
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.metrics.pacing import pacing_of, with_lead
from solvers.schedules.kinds import collective
from topologies.formats.spec import topology
from topologies.model.topology import Topology, frozen
from topologies.model.units import bytes_of
from topologies.model.units import size as read_size

TOGETHER = 200 * 10**6  # bytes per second that all hosts send, at most
COLLECTIVES = ("all_reduce", "all_gather", "all_to_all", "broadcast")
ITERATIONS, SECONDS = 3, 300.0
HEAD = (
    f"{'machine':20}{'collective':12}{'size':>7}{'lead':>5}{'chunks':>7}{'bound':>9}{'ours':>9}"
    f"{'of it':>7}{'lead 1':>9}{'/ ours':>7}{'predicted':>10}{'/ meas.':>8}   milliseconds"
)


def slowed(asked: Topology) -> Topology:
    """Give a machine rates that together are TOGETHER, and what TCP costs."""
    sends = asked.bandwidth[asked.src < asked.ranks].sum()
    return replace(
        asked,
        name=f"{asked.name}, slow",
        unit=asked.unit * TOGETHER / int(sends),
        alpha=frozen(asked.alpha * 0 + ALPHA),
        overhead=frozen(asked.overhead * 0 + OVERHEAD),
    )


@dataclass(frozen=True)
class Row:
    """What came out: seconds."""

    line: str
    sound: bool


def rows(up: Machine, name: str, size: int, launches: int) -> Iterator[Row]:
    """Run every collective with its lead and without, in turns."""
    here = up.layout.original
    for what in COLLECTIVES:
        root = 0 if what == "broadcast" else None
        made = plan(here, collective(what, range(here.ranks), root), size=size).schedule
        pacing = pacing_of(made)
        programs = [made, with_lead(made, 1)]
        times: list[list[trial.Trial]] = [[], []]
        for _ in range(launches):
            for program, taken in zip(programs, times, strict=True):
                taken.append(trial.run(up, program, size, iterations=ITERATIONS, timeout=SECONDS))
        ours, stepped = (median(t.measured.seconds for t in each) for each in times)
        first = times[0][0]
        bound, said = first.bound or 0.0, first.predicted
        sound = all(t.measured.wrong == 0 and t.routed for each in times for t in each)
        yield Row(
            f"{name:20}{what:12}{bytes_of(size):>7}{pacing.lead:5}{first.measured.chunks:7}"
            f"{bound * 1e3:9.1f}{ours * 1e3:9.1f}{bound / ours:7.1%}{stepped * 1e3:9.1f}"
            f"{stepped / ours:7.2f}{said * 1e3:10.1f}{said / ours:8.2f}{'' if sound else ' WRONG'}",
            sound,
        )


@click.command()
@click.option("--machines", default=3, show_default=True)
@click.option("--first", default=0, show_default=True)
@click.option("--size", default="8MiB", show_default=True)
@click.option("--launches", default=3, show_default=True)
def main(machines: int, first: int, size: str, launches: int) -> None:
    """Print times and ratios; exit 1 where a result or the traffic was not right."""
    click.echo(HEAD)
    wrong = []
    for seed in range(first, first + machines):
        name = f"irregular:seed={seed}"
        try:
            up = machine.up(slowed(topology(name)), Fraction(1))
            for row in rows(up, name, read_size(size), launches):
                wrong += [] if row.sound else [f"{name}: a result or the traffic"]
                click.echo(row.line)
        except FabricError as error:
            raise click.ClickException(f"{name}: {error}") from None
        finally:
            machine.down()
    ended(wrong)


if __name__ == "__main__":
    main()
