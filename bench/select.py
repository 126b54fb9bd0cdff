"""Programs that stay as they are, with and without the file that `commplan select` writes.

`python -m bench.select`, as root or with user namespaces, makes ten networks one after the other:
those of `bench.fabric_contest` and five irregular ones. On each it calls MPI's own collectives: as
the library chooses, with the file for this machine and placement, and with files that name one
algorithm alone. Of these it looks at all that are predicted to take at most LIKELY times as long as
the best (`--all`: at all), and the fastest two run in turns with the others; medians of these
launches make the table. What stands in no rule is the library's own choice, so that both columns
then differ by chance alone. The MPI is that of this environment, or of COMMPLAN_MPIRUN.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import exp, inf, log
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click
import numpy as np

from bench.contest.irregular import IRREGULAR
from bench.fabric_contest import CASES, CONNECTING, MESSAGE, SOURCE
from commplan.selection.algorithm import Algorithm, Rule
from commplan.selection.play import Stage, stages
from commplan.selection.select import select
from commplan.selection.targets import Target, open_target
from runtime.fabric import machine
from runtime.fabric.hosts import mpi
from runtime.fabric.layout import FabricError
from runtime.fabric.machine import Machine
from runtime.launch.mpi import LaunchError, compile_c, find
from runtime.launch.process import run_limited
from topologies.model.topology import Topology, frozen
from topologies.model.units import Bytes, Rank, Seconds, bytes_of
from topologies.model.units import size as read_size

COLLECTIVES = ("all_gather", "all_reduce", "all_to_all", "broadcast")
SIZES = ("1KiB", "32KiB", "256KiB", "1MiB", "8MiB")
LIKELY = 1.6
LIMIT = 120.0  # seconds of a launch
LARGE = 2**20  # bytes from which one call of a launch is enough
CALLS, FEW = 9, 1
AGAIN = 2  # algorithms that run in turns with the others
LOOSE, NEAR = 1.03, 1.1
FROM = 2**15  # bytes from which the library's own choice must not be beaten by more than LOOSE
COST = MESSAGE * 4  # seconds of a message: ranks share two cores
HEAD = (
    f"{'machine':28}{'collective':11}{'size':>6}{'default':>9}{'file':>9}{'gain':>6}{'best':>9}"
    f"{'/ file':>7}{'foretold':>9}  rule; best"
)
Times = dict[Bytes, Seconds]


@dataclass(frozen=True)
class Bed:
    """An emulated machine that is up, the hosts of the processes, the program and the library."""

    machine: Machine
    played: tuple[Rank, ...]
    program: Path
    target: Target
    file: Path

    def times(self, what: str, sizes: Sequence[Bytes], text: str | None) -> Times:
        """Time MPI's own collective at some sizes, with a file or without.

        A launch that fails or a result that is wrong takes for ever.
        """
        small = [size for size in sizes if size < LARGE]
        large = [size for size in sizes if size >= LARGE]
        found = self._launch(what, small, CALLS, text) if small else {}
        return found | (self._launch(what, large, FEW, text) if large else {})

    def _launch(self, what: str, sizes: Sequence[Bytes], calls: int, text: str | None) -> Times:
        here = mpi(self.machine.keeper, self.played)
        chosen = []
        if text is not None:
            self.file.write_text(text)
            named = self.target.variables(str(self.file))
            chosen = [f"{name}={value}" for name, value in named.items()]
        asked = [str(self.program), what, str(calls), "1", str(CONNECTING), *map(str, sizes)]
        command = [*here.command_line(len(self.played)), "env", *chosen, *asked]
        ended = run_limited(command, here.environment(LIMIT), LIMIT)
        rows = [line.split() for line in ended.output if len(line.split()) == 3][1:]
        if len(rows) != len(sizes):
            click.echo(f"{what}: {' '.join(ended.errors[-1:])[:120]}", err=True)
            return dict.fromkeys(sizes, inf)
        return {
            size: float(row[1]) if row[2] == "0" else inf
            for size, row in zip(sizes, rows, strict=True)
        }


@dataclass(frozen=True)
class Row:
    """What came out for one size: seconds.

    Attributes:
        foretold: the gain that was predicted.
        rule: the algorithm that the file names, empty where it names none.
        best: the fastest algorithm's time, and its name.
    """

    case: str
    what: str
    size: Bytes
    default: Seconds
    file: Seconds
    foretold: float
    rule: str
    best: Seconds
    name: str

    @property
    def fastest(self) -> Seconds:
        """Give the best of all that were measured."""
        return min(self.best, self.default, self.file)

    def line(self) -> str:
        """Write the row of the table, in milliseconds."""
        return (
            f"{self.case:28}{self.what:11}{bytes_of(self.size):>6}{self.default * 1e3:9.2f}"
            f"{self.file * 1e3:9.2f}{self.default / self.file:6.2f}{self.fastest * 1e3:9.2f}"
            f"{self.fastest / self.file:7.2f}{self.foretold:9.2f}  {self.rule or '-'}; {self.name}"
        )


def contest(
    bed: Bed, case: str, topology: Topology, what: str, sizes: Sequence[Bytes], how: "How"
) -> Iterator[Row]:
    """Look at the algorithms that may be fastest, and run two in turns with file and default."""
    found = select(topology, [bed.played], bed.target, [what])
    text = found.write(bed.target)
    n = len(bed.played)
    choice = {c.size: c for c in found.choices[what][n]}
    able = [each for each in bed.target.catalogue[what] if each.fits(n)]
    scene = stages(topology, bed.played)[0]
    alone = {each: bed.target.write({what: {n: [Rule(2**62, each)]}}) for each in able}
    near = {size: _likely(scene, what, able, size, how.everything) for size in sizes}
    seen: dict[Algorithm, Times] = {}
    for each in able:
        if own := [size for size in sizes if each in near[size]]:
            _tell(f"{case}, {what}: {each.title}")
            seen[each] = bed.times(what, own, alone[each])
    again: dict[Algorithm, list[Bytes]] = {}
    for size in sizes:
        order = sorted(near[size], key=lambda each: seen[each][size])
        for each in order[:AGAIN]:
            again.setdefault(each, []).append(size)
    default, file, others = [], [], []
    for launch in range(how.launches):
        _tell(f"{case}, {what}: launch {launch + 1}")
        default.append(bed.times(what, sizes, None))
        file.append(bed.times(what, sizes, text))
        others.append({each: bed.times(what, own, alone[each]) for each, own in again.items()})
    for size in sizes:
        medians = {
            each: median(launch[each][size] for launch in others)
            for each, own in again.items()
            if size in own
        }
        best = min(medians, key=lambda each: medians[each])
        chosen = choice[size].chosen
        yield Row(
            case,
            what,
            size,
            median(launch[size] for launch in default),
            median(launch[size] for launch in file),
            choice[size].gain,
            "" if chosen is None else _short(chosen),
            medians[best],
            _short(best),
        )


def _likely(
    scene: Stage, what: str, able: Sequence[Algorithm], size: Bytes, everything: bool
) -> list[Algorithm]:
    """List the algorithms that may be the fastest."""
    times = {each: scene.seconds(what, each, size) for each in able}
    least = min(times.values())
    return [each for each in able if everything or times[each] <= LIKELY * least]


def _short(algorithm: Algorithm) -> str:
    return algorithm.title.partition("_intra_")[2] or algorithm.title


@dataclass(frozen=True)
class How:
    """How much is measured."""

    launches: int
    everything: bool


def summary(rows: Sequence[Row]) -> Iterator[str]:
    """Say what was asked for, and what came out."""
    judged = [row for row in rows if row.size >= FROM]
    slower = [row for row in judged if row.file > LOOSE * row.default]
    near = [row for row in rows if row.file <= NEAR * row.fastest]
    ruled = [row for row in rows if row.rule]
    yield f"rows {len(rows)}, of them with a rule {len(ruled)}"
    yield (
        f"slower than the default by more than {LOOSE - 1:.0%}, from {bytes_of(FROM)} on: "
        f"{len(slower)} of {len(judged)}, with a rule {sum(bool(row.rule) for row in slower)}"
    )
    yield f"within {NEAR - 1:.0%} of the fastest measured: {len(near)} of {len(rows)}"
    for name, some in (("all rows", rows), ("rows with a rule", ruled)):
        if some:
            gains = [row.default / row.file for row in some]
            mean = exp(sum(map(log, gains)) / len(gains))
            told = f"{mean:.2f} on the geometric mean, {max(gains):.2f} at most"
            yield f"gain over the default, {name}: {told}"


def machines() -> Mapping[str, tuple[Callable[[], Topology], tuple[Rank, ...]]]:
    """List the machines, and the host of each process."""
    irregular = {name: (make, tuple(range(make().ranks))) for name, make in IRREGULAR.items()}
    return {**CASES, **irregular}


@click.command()
@click.option("--case", "cases", multiple=True, help="Only names with this in them; repeatable.")
@click.option("--collective", "names", multiple=True, type=click.Choice(COLLECTIVES))
@click.option("--size", "asked", multiple=True, default=SIZES, show_default=True)
@click.option("--launches", default=3, show_default=True, help="Of each, in turns.")
@click.option("--all", "everything", is_flag=True, help="Look at all algorithms.")
def main(
    cases: tuple[str, ...],
    names: tuple[str, ...],
    asked: tuple[str, ...],
    launches: int,
    everything: bool,
) -> None:
    """Print milliseconds and ratios, and what was reached; nothing is a failure but a crash."""
    command = find()
    target = open_target(command.kind)
    sizes = [read_size(text) for text in asked]
    click.echo(f"{command.kind}; milliseconds, medians of {launches} launches\n{HEAD}")
    rows: list[Row] = []
    with TemporaryDirectory(prefix="commplan-") as folder:
        program, file = Path(folder) / "stock", Path(folder) / "rules"
        compile_c(command, SOURCE, program)
        for case, (make, played) in machines().items():
            if cases and not any(part in case for part in cases):
                continue
            bare = make()
            stated = replace(bare, overhead=frozen(np.full(bare.ranks, COST)))
            try:
                with machine.while_up(bare, Fraction(1)) as up:
                    bed = Bed(up, played, program, target, file)
                    for what in names or COLLECTIVES:
                        for row in contest(
                            bed, case, stated, what, sizes, How(launches, everything)
                        ):
                            click.echo(row.line())
                            rows.append(row)
            except (FabricError, LaunchError) as error:
                raise click.ClickException(f"{case}: {error}") from None
    for line in summary(rows):
        click.echo(line)


def _tell(news: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{news}\r", nl=False, err=True)


if __name__ == "__main__":
    main()
