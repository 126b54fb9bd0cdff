"""Brief collectives on emulated machines: what `tune` chooses beside MPI's own algorithms.

`python -m bench.brief`, as root or with user namespaces, makes the machines of `fabric_contest` one
after the other and has `commplan.tune` choose by measurement for an all_reduce of 4 KiB, with the
emitted programs in C. MPI's call is launched as often as it is and by the algorithms that are
likely to be its fastest. Then the choice, the fastest of those and the default run once more in
turns: the medians of these launches, which nothing was chosen by, make the ratios.

All ranks share the cores of one computer, and 20 kB pass a link at once: so what counts here is how
many messages all ranks send, more than links or the chain of messages, which plans are made by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

import commplan
from bench.contest.algorithms import DEFAULT, Variables, algorithms
from bench.fabric_contest import AGAIN, CASES, SOURCE, Bed, counted, often
from bench.verdict import ended
from runtime.fabric import machine
from runtime.launch.mpi import compile_c, find
from topologies.model.units import bytes_of
from topologies.model.units import size as read_size

WHAT = "all_reduce"
# Exchanges and trees of few messages; `fabric_contest` tries all.
LIKELY = {
    "mpich": ("recursive_doubling", "recexch k=3", "recexch k=4", "tree knomial_1 whole"),
    "openmpi": ("recursive doubling", "nonoverlapping", "basic linear", "allgather reduce"),
}
TUNING = 100.0  # seconds for each machine
LAUNCH = 30.0  # seconds


def choose(bed: Bed, size: int, launches: int) -> commplan.Tuned:
    """Let `tune` choose, as a user does."""
    manner = commplan.Manner(
        iterations=often(AGAIN, size),
        warm_up=1,
        played=bed.played,
        timeout=LAUNCH,
        machine=bed.machine,
    )
    made = bed.machine.layout.original
    what = commplan.collective(WHAT, range(made.ranks))
    return commplan.tune(made, what, size=size, launches=launches, seconds=TUNING, manner=manner)


def fastest(bed: Bed, size: int, known: dict[str, Variables], launches: int) -> str:
    """Launch MPI's algorithms in turns, and name the fastest."""
    times: dict[str, list[float]] = {name: [] for name in known}
    for _ in range(launches):
        for name, variables in known.items():
            times[name].append(bed.stock(WHAT, size, variables, AGAIN))
    return min(times, key=lambda name: median(times[name]))


@dataclass(frozen=True)
class Found:
    """What was chosen, of MPI's algorithms too, and medians of launches afterwards: seconds."""

    tuned: commplan.Tuned
    name: str
    ours: float
    best: float
    default: float
    faults: Sequence[str]


def compare(bed: Bed, size: int, known: dict[str, Variables], launches: int) -> Found:
    """Choose on both sides, then run what was chosen in turns."""
    tuned, name = choose(bed, size, launches), fastest(bed, size, known, launches)
    ours, best, default = list[float](), list[float](), list[float]()
    faults = list[str]()
    for _ in range(launches):
        measured = bed.ours(tuned.schedule, size).measured
        ours.append(inf if measured.wrong else measured.seconds)
        faults += [f"{measured.wrong} elements are wrong"] if measured.wrong else []
        best.append(bed.stock(WHAT, size, known[name], AGAIN))
        default.append(bed.stock(WHAT, size, known[DEFAULT], AGAIN))
    return Found(tuned, name, median(ours), median(best), median(default), faults)


@click.command()
@click.option("--case", "cases", multiple=True, type=click.Choice(list(CASES)), help="All.")
@click.option("--size", default="4KiB", show_default=True)
@click.option("--launches", default=3, show_default=True, help="Of each, in turns.")
def main(cases: tuple[str, ...], size: str, launches: int) -> None:
    """Print microseconds and ratios; exit 1 where a result was not right."""
    kind, asked, unsound = find().kind, read_size(size), list[str]()
    likely = (DEFAULT, *LIKELY.get(kind, ()))
    known = {name: each for name, each in algorithms(kind, WHAT).items() if name in likely}
    with TemporaryDirectory(prefix="commplan-") as folder:
        program = Path(folder) / SOURCE.stem
        compile_c(find(), SOURCE, program)
        for case in cases or CASES:
            make, played = CASES[case]
            try:
                with machine.while_up(counted(make()), Fraction(1)) as up:
                    found = compare(Bed(up, played, program), asked, known, launches)
            except commplan.CommplanError as error:
                raise click.ClickException(f"{case}: {error}") from None
            unsound += [f"{case}: {fault}" for fault in found.faults]
            click.echo(f"{case}, {kind}, {WHAT} of {bytes_of(asked)}")
            describe(found.tuned)
            row("tuned", found.tuned.chosen.candidate.name, found.ours, 1.0)
            row("best of MPI's", found.name, found.best, found.best / found.ours)
            row("MPI's default", "", found.default, found.default / found.ours)
    ended(unsound)


def describe(tuned: commplan.Tuned) -> None:
    """Print what was tried, the fastest first."""
    click.echo(f"  {'us':>7}{'predicted':>11}{'messages':>10}{'launches':>10}")
    for each in tuned.tried:
        took = f"{each.median * 1e6:7.0f}" if each.seconds else f"{'-':>7}"
        figures = f"{each.predicted * 1e6:11.0f}{each.messages:10}{len(each.seconds):10}"
        mark = "  chosen" if each is tuned.chosen else ""
        click.echo(f"  {took}{figures}  {each.candidate.name}{mark}  {each.fault}".rstrip())


def row(what: str, name: str, seconds: float, ratio: float) -> None:
    """Print a result: microseconds, and how many times those of ours that is."""
    click.echo(f"  {what:14}{seconds * 1e6:8.0f} us{ratio:7.2f}  {name}".rstrip())


if __name__ == "__main__":
    main()
