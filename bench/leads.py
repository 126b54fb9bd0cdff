"""Programs with a lead beside the same without one, on emulated machines.

`python -m bench.leads`, as root or with user namespaces, makes the machines of `fabric_contest` and
`irregular:seed=N`, at rates that a small computer carries, and runs on each what commplan chooses
for the size: with the lead that it chooses, and with a lead of 1, which waits for each step, in
turns (where it chooses 1, that alone). The medians of these launches stand beside the bound and
what is predicted, with links that serve one message after the other and with links that share.
Once three launches are as long as each other no more are made. A computer with other work to do
takes part of what is measured for itself: `--slower 2` halves the rates, and with them what the
computer has to do in a second. `*` marks what says little of the machine, as bursts hide it or
latencies are missing, and what is faster than its bound; it counts for nothing. `WRONG` is a
result that is not right, `ASTRAY` a right one whose traffic was not as planned; each is told below.
The MPI is that of this environment.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import sqrt
from statistics import median, stdev
from typing import get_args

import click

from bench.fabric_contest import ALPHA, CASES, counted
from bench.verdict import ended, verdict_on
from commplan.planning.planner import plan
from runtime.fabric import machine, trial
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.fabric.trial import Trial
from runtime.launch.mpi import find
from runtime.metrics.pacing import pacing_of, with_lead
from runtime.simulate.simulate import Sharing, simulate
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from topologies.formats.spec import topology
from topologies.model.topology import Topology, frozen
from topologies.model.units import bytes_of
from topologies.model.units import size as read_size

TOGETHER = 200 * 10**6  # bytes per second that all hosts send, at most
COLLECTIVES = ("all_reduce", "all_gather", "all_to_all", "broadcast")
ITERATIONS, LONG = 3, 1.0  # timed calls of a launch, and the seconds of a call that is timed once
FEWEST, ALIKE = 3, 0.02  # launches, and how much longer the longest of alike ones is at most
SECONDS = 300.0
LEAST = {2**23: 0.85, 2**25: 0.9}  # of the bound, at so many bytes
NEAR = 0.1  # a prediction may be off by
# Of launches in turns, the difference that is none: times the standard error (Student, 4 degrees).
SURE = 2.78
HEAD = (
    f"{'machine':28}{'collective':12}{'size':>7}{'lead':>5}{'chunks':>7}{'bound':>9}{'ours':>9}"
    f"{'of it':>7}{'lead 1':>9}{'/ ours':>7}{'+-':>6}{'fifo':>9}{'/ meas.':>8}{'fair':>9}"
    f"{'/ meas.':>8}   milliseconds"
)


def slowed(asked: Topology) -> Topology:
    """Give a machine rates that together are TOGETHER, and the latency of cables."""
    sends = asked.bandwidth[asked.src < asked.ranks].sum()
    return replace(
        asked,
        name=f"{asked.name}, slow",
        unit=asked.unit * TOGETHER / int(sends),
        alpha=frozen(asked.alpha * 0 + ALPHA),
    )


@dataclass(frozen=True)
class Row:
    """What came out: seconds of the launches, in turns.

    Attributes:
        predicted: for each way of sharing.
        faults: what was not right of results and traffic.
        wrong: whether a result was not.
        marked: it says little of the machine that was asked for.
    """

    lead: int
    chunks: int
    bound: float
    ours: Sequence[float]
    stepped: Sequence[float]
    predicted: dict[str, float]
    faults: Sequence[str]
    wrong: bool
    marked: bool

    @property
    def share(self) -> float:
        """Compute what is reached of the bound."""
        return self.bound / median(self.ours)

    @property
    def aside(self) -> bool:
        """Tell whether it counts for nothing."""
        return self.marked or self.share > 1

    @property
    def gain(self) -> float:
        """Compute how many times as fast it is with its lead."""
        return median(self.stepped) / median(self.ours)

    @property
    def doubt(self) -> float:
        """Compute by how much the gain may be off."""
        ratios = [b / a for a, b in zip(self.ours, self.stepped, strict=True)]
        return SURE * stdev(ratios) / sqrt(len(ratios)) if len(ratios) > 1 else 1.0

    def line(self, name: str, what: str, size: int) -> str:
        """Write the row of the table."""
        ours = median(self.ours)
        said = "".join(f"{s * 1e3:9.1f}{s / ours:8.2f}" for s in self.predicted.values())
        return (
            f"{name:28}{what:12}{bytes_of(size):>7}{self.lead:5}{self.chunks:7}"
            f"{self.bound * 1e3:9.1f}{ours * 1e3:9.1f}{self.share:7.1%}"
            f"{median(self.stepped) * 1e3:9.1f}{self.gain:7.2f}{self.doubt:6.2f}{said}"
            f"{verdict_on(self.wrong, self.faults)}{' *' if self.aside else ''}"
        )

    def missed(self, size: int, sharing: str) -> Iterator[str]:
        """Say what does not hold."""
        yield from self.faults
        if self.aside:
            return
        if self.share < LEAST.get(size, 0.0):
            yield f"{self.share:.2f} of the bound"
        if self.gain < 1 - self.doubt:
            yield f"{self.gain:.2f} times as fast as with a lead of 1"
        if abs(self.predicted[sharing] / median(self.ours) - 1) > NEAR:
            yield f"predicted {self.predicted[sharing] / median(self.ours):.2f} of what it took"


def row(up: Machine, played: Sequence[int], what: str, size: int, launches: int) -> Row:
    """Run a collective with its lead and without, in turns."""
    here = up.layout.original
    root = 0 if what == "broadcast" else None
    made = plan(here, collective(what, range(here.ranks), root), size=size).schedule
    programs = [made] if pacing_of(made).lead == 1 else [made, with_lead(made, 1)]
    times = in_turns(up, programs, size, played, launches)
    first, emulated = times[0][0], trial.emulated(up, made)
    used, chunks = first.measured.size, first.measured.chunks
    ours, stepped = (seconds(each) for each in (times[0], times[-1]))
    return Row(
        pacing_of(made).lead,
        chunks,
        first.bound or 0.0,
        ours,
        stepped,
        {s: simulate(emulated, used, chunks=chunks, sharing=s).seconds for s in get_args(Sharing)},
        [fault for each in times for t in each for fault in t.faults()],
        any(t.measured.wrong for each in times for t in each),
        any(t.marks for each in times for t in each),
    )


def in_turns(
    up: Machine, programs: Sequence[Schedule], size: int, played: Sequence[int], launches: int
) -> list[list[Trial]]:
    """Launch each program in turn, until all that one took are alike, or so often."""
    times: list[list[Trial]] = [[] for _ in programs]
    often = 1 if simulate(trial.emulated(up, programs[0]), size).seconds > LONG else ITERATIONS
    for launch in range(launches):
        if launch >= FEWEST and all(map(alike, times)):
            break
        for program, taken in zip(programs, times, strict=True):
            taken.append(
                trial.run(up, program, size, iterations=often, played=played, timeout=SECONDS)
            )
    return times


def alike(trials: Sequence[Trial]) -> bool:
    """Tell whether launches took about as long as each other."""
    return max(seconds(trials)) <= (1 + ALIKE) * min(seconds(trials))


def seconds(trials: Sequence[Trial]) -> list[float]:
    """List what launches took."""
    return [each.measured.seconds for each in trials]


def machines(
    names: Sequence[str], seeds: Sequence[int]
) -> Iterator[tuple[str, Topology, Sequence[int]]]:
    """Give the machines that are asked for: the name, and the rank that each process plays."""
    for name, (make, played) in CASES.items():
        if any(part in name for part in names):
            yield name, make(), played
    for seed in seeds:
        yield f"irregular:seed={seed}", slowed(topology(f"irregular:seed={seed}")), ()


@click.command()
@click.option("--case", "cases", multiple=True, help="Names with this in them; repeatable.")
@click.option("--seed", "seeds", multiple=True, type=int, help="Of irregular machines; repeatable.")
@click.option("--collective", "names", multiple=True, type=click.Choice(COLLECTIVES))
@click.option("--size", "sizes", multiple=True, default=["8MiB"], show_default=True)
@click.option("--launches", default=5, show_default=True, help="In turns, at most.")
@click.option("--slower", default=1, show_default=True, help="Divides all rates.")
@click.option("--sharing", type=click.Choice(get_args(Sharing)), default="fifo", show_default=True)
def main(
    cases: tuple[str, ...],
    seeds: tuple[int, ...],
    names: tuple[str, ...],
    sizes: tuple[str, ...],
    launches: int,
    slower: int,
    sharing: Sharing,
) -> None:
    """Print times and ratios; exit 1 where a result was not right, or something does not hold."""
    click.echo(f"{find().kind}, rates / {slower}\n{HEAD}")
    wrong = []
    for name, made, played in machines(cases or (() if seeds else ("",)), seeds):
        for size in map(read_size, sizes):
            try:
                with machine.while_up(counted(made, size), Fraction(1, slower)) as up:
                    for what in names or COLLECTIVES:
                        found = row(up, played, what, size, launches)
                        click.echo(found.line(name, what, size))
                        wrong += [
                            f"{name} {what} {bytes_of(size)}: {reason}"
                            for reason in found.missed(size, sharing)
                        ]
            except FabricError as error:
                raise click.ClickException(f"{name}: {error}") from None
    ended(wrong)


if __name__ == "__main__":
    main()
