"""Programs that stay as they are, with and without the file that `commplan select` writes.

`python -m bench.select`, as root or with user namespaces, makes ten networks one after the other:
those of `bench.fabric_contest` and five irregular ones. On each it calls MPI's own collectives: as
the library chooses, with the file for this machine and placement, and with files that name one
algorithm alone. Of these it looks at all that are predicted to take at most LIKELY times as long as
the best (`--all`: at all) at sizes below LARGEST, and the fastest two run in turns with the others,
at the largest size those two of the size before and the one predicted to be fastest; medians of
these launches make the table. What stands in no rule is the library's own choice, so that both
columns then differ by chance alone. The MPI is that of this environment, or of COMMPLAN_MPIRUN.

`--rows FILE` keeps each launch in a file as it ends, and `--seconds` ends in time; the same command
goes on where it was left, machine by machine if one likes. All collectives of a machine run once
before any runs again, so that what was measured so far makes a table. `--report` measures nothing:
it prints the table of a file, and which margin one half of the machines would choose for the other.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from bench.contest import margins
from bench.contest.irregular import IRREGULAR
from bench.contest.kept import TimeOverError
from bench.contest.launches import (
    DEFAULT,
    FILE,
    LARGEST,
    LOOK,
    Bed,
    Journal,
    Launch,
    digest,
)
from bench.contest.selected import HEAD, Row, make_row, summary
from bench.fabric_contest import CASES, MESSAGE, SOURCE
from commplan.selection.algorithm import Algorithm, Rule
from commplan.selection.choose import Choice, doubts
from commplan.selection.play import Stage, stages
from commplan.selection.select import Selection, select
from commplan.selection.targets import Target, open_target
from runtime.fabric import machine
from runtime.fabric.hosts import AT_ONCE, LARGEST_AT_ONCE
from runtime.fabric.layout import FabricError
from runtime.launch.mpi import LaunchError, compile_c, find
from topologies.model.cached import cached_property
from topologies.model.topology import Topology, frozen
from topologies.model.units import Bytes, Rank, Seconds
from topologies.model.units import size as read_size

COLLECTIVES = ("all_gather", "all_reduce", "all_to_all", "broadcast")
SIZES = ("1KiB", "32KiB", "256KiB", "1MiB", "8MiB")
LIKELY = 1.6
AGAIN = 2  # algorithms that run in turns with the others
COST = MESSAGE * 4  # seconds of a message: ranks share two cores


@dataclass(frozen=True)
class Pair:
    """A machine and a collective: what is asked of a library, and what is predicted.

    Attributes:
        played: the host of each process.
        everything: whether all algorithms are looked at.
    """

    case: str
    topology: Topology
    played: tuple[Rank, ...]
    target: Target
    what: str
    sizes: Sequence[Bytes]
    everything: bool

    @cached_property
    def found(self) -> Selection:
        """Select for the collective."""
        return select(self.topology, [self.played], self.target, [self.what])

    @cached_property
    def text(self) -> str:
        """Write the file."""
        return self.found.write(self.target)

    @cached_property
    def _stage(self) -> Stage:
        return stages(self.topology, self.played, self.target.eager)[0]

    @cached_property
    def able(self) -> list[Algorithm]:
        """List the algorithms that so many processes can take."""
        catalogue = self.target.catalogue[self.what]
        return [each for each in catalogue if each.fits(len(self.played))]

    @cached_property
    def choices(self) -> Mapping[Bytes, Choice]:
        """Look up what was chosen at each size."""
        return {each.size: each for each in self.found.choices[self.what][len(self.played)]}

    def predicted(self, size: Bytes) -> dict[Algorithm, Seconds]:
        """Predict what each algorithm takes."""
        return {each: self._stage.seconds(self.what, each, size) for each in self.able}

    def doubts(self, size: Bytes) -> dict[Algorithm, float]:
        """Give how many margins each algorithm needs."""
        own = self.choices[size].default
        return {each: doubts(self._stage, self.what, each, size, own) for each in self.able}

    def likely(self, size: Bytes) -> list[Algorithm]:
        """List the algorithms that may be the fastest."""
        times = self.predicted(size)
        least = min(times.values())
        return [each for each in self.able if self.everything or times[each] <= LIKELY * least]

    def alone(self, algorithm: Algorithm) -> str:
        """Write the file that names one algorithm alone."""
        rules = {self.what: {len(self.played): [Rule(2**62, algorithm)]}}
        return self.target.write(rules)

    def launch(self, who: str, turn: int, text: str = "") -> Launch:
        """Name a launch."""
        return Launch(self.case, self.what, who, turn, text)


def look(pair: Pair, bed: Bed) -> None:
    """Look once at the algorithms that may be fastest.

    Raises:
        TimeOverError: there is no time for all.
    """
    near = {size: pair.likely(size) for size in pair.sizes if size < LARGEST or pair.everything}
    for each in pair.able:
        if own := [size for size, some in near.items() if each in some]:
            _tell(f"{pair.case}, {pair.what}: {each.title}")
            bed.time(pair.launch(each.title, LOOK), own, pair.alone(each))


def run_in_turn(pair: Pair, bed: Bed, turn: int) -> None:
    """Run the library as it chooses, with the file, and with the fastest algorithms alone.

    Raises:
        TimeOverError: there is no time for all.
    """
    _tell(f"{pair.case}, {pair.what}: launch {turn + 1}")
    bed.time(pair.launch(DEFAULT, turn), pair.sizes, None)
    bed.time(pair.launch(FILE, turn, digest(pair.text)), pair.sizes, pair.text)
    for each, own in _fastest(pair, bed.journal).items():
        bed.time(pair.launch(each.title, turn), own, pair.alone(each))


def _fastest(pair: Pair, journal: Journal) -> dict[Algorithm, list[Bytes]]:
    """List the algorithms to run in turns, with their sizes."""
    again: dict[Algorithm, list[Bytes]] = {}
    order: list[Algorithm] = []
    for size in sorted(pair.sizes):
        took = {
            each: journal.known.get(pair.launch(each.title, LOOK), {}).get(size, inf)
            for each in pair.able
        }
        seen = [each for each in pair.able if took[each] < inf]
        if seen:
            order = sorted(seen, key=lambda each: took[each])[:AGAIN]
        foretold = pair.predicted(size)
        first = [] if seen else [min(pair.able, key=lambda each: foretold[each])]
        for each in dict.fromkeys([*order, *first]):
            again.setdefault(each, []).append(size)
    return again


def rows_of(pair: Pair, journal: Journal) -> Iterator[Row]:
    """Give the rows of which something was measured."""
    for size in pair.sizes:
        choice, predicted = pair.choices[size], pair.predicted(size)
        row = make_row(journal, choice, pair.case, pair.text, predicted, pair.doubts(size))
        if row is not None:
            yield row


def machines() -> Mapping[str, tuple[Callable[[], Topology], tuple[Rank, ...]]]:
    """List the machines, and the host of each process."""
    irregular = {name: (make, tuple(range(make().ranks))) for name, make in IRREGULAR.items()}
    return {**CASES, **irregular}


def measure(pairs: Sequence[Pair], bare: Topology, journal: Journal, launches: int) -> None:
    """Make the machine, look at all algorithms, and run all pairs in turns.

    Raises:
        TimeOverError: there is no time for all.
        FabricError, LaunchError: it cannot be made, or nothing runs.
    """
    with TemporaryDirectory(prefix="commplan-") as folder:
        program, file = Path(folder) / "stock", Path(folder) / "rules"
        compile_c(find(), SOURCE, program)
        with machine.while_up(bare, Fraction(1)) as up:
            bed = Bed(up, pairs[0].played, program, pairs[0].target, file, journal)
            for pair in pairs:
                look(pair, bed)
            for turn in range(launches):
                for pair in pairs:
                    run_in_turn(pair, bed, turn)


@click.command()
@click.option("--case", "cases", multiple=True, help="Only names with this in them; repeatable.")
@click.option("--collective", "names", multiple=True, type=click.Choice(COLLECTIVES))
@click.option("--size", "asked", multiple=True, default=SIZES, show_default=True)
@click.option("--launches", default=3, show_default=True, help="Of each, in turns.")
@click.option("--all", "everything", is_flag=True, help="Look at all algorithms.")
@click.option("--rows", type=click.Path(dir_okay=False, path_type=Path), help="Keep launches here.")
@click.option("--seconds", default=inf, help="After which no launch begins.")
@click.option("--report", is_flag=True, help="Print what is in --rows; measure nothing.")
def main(
    cases: tuple[str, ...],
    names: tuple[str, ...],
    asked: tuple[str, ...],
    launches: int,
    everything: bool,
    rows: Path | None,
    seconds: float,
    report: bool,
) -> None:
    """Print milliseconds and ratios, and what was reached; nothing is a failure but a crash."""
    kind = find().kind
    os.environ.setdefault(AT_ONCE, str(LARGEST_AT_ONCE))  # as on emulated machines
    target = open_target(kind)
    journal = Journal(kind, rows, time.monotonic() + seconds)
    sizes = [read_size(text) for text in asked]
    click.echo(f"{kind}; milliseconds, medians of up to {launches} launches\n{HEAD}")
    found: list[Row] = []
    over = False
    for case, (make, played) in machines().items():
        if cases and not any(part in case for part in cases):
            continue
        bare = make()
        stated = replace(bare, overhead=frozen(np.full(bare.ranks, COST)))
        pairs = [
            Pair(case, stated, played, target, what, sizes, everything)
            for what in names or COLLECTIVES
        ]
        try:
            if not (report or over):
                measure(pairs, bare, journal, launches)
        except TimeOverError:
            over = True
        except (FabricError, LaunchError) as error:
            raise click.ClickException(f"{case}: {error}") from None
        for row in (row for pair in pairs for row in rows_of(pair, journal)):
            click.echo(row.line())
            found.append(row)
    for line in (*summary(found), *margins.summary(found)):
        click.echo(line)
    if over:
        click.echo("the time was over: the same command goes on")


def _tell(news: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{news}\r", nl=False, err=True)


if __name__ == "__main__":
    main()
