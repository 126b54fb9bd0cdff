"""What planning trees takes, machine by machine, beside what others published."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import product
from math import inf
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from bench.forest_cases import COLLECTIVES, GROWTH, Case, Growth, choose
from bench.fresh import ask
from bench.published import ELSEWHERE, SOURCES, beside
from bench.verdict import ended
from solvers.schedules.kinds import ROOTED
from solvers.settings.options import SYMMETRY_USES, SymmetryUse
from topologies.model.topology import TopologyError

MEMORY = 4 * 2**30  # bytes that no command may take
NOTHING = 0.01  # seconds below which commands are not told apart
EXTRA = 30.0  # seconds after which a command is ended that did not end at its time limit
HEAD = (
    f"{'machine':26}{'symmetry':10}{'collective':15}{'ranks':>6}{'links':>7}{'bound':>10}"
    f"{'reached':>10}  {'optimal':11}{'height':>6}{'trees':>7}{'seconds':>9}{'CPU':>8}{'MB':>7}"
    "  others"
)


@dataclass(frozen=True)
class Row:
    """One command: rates are exact fractions of GB/s, memory is in bytes.

    Attributes:
        busy: seconds of all processors together, which other work on the machine changes less.
        fault: why there is nothing else.
        trees: of each root, with their images under the symmetry.
    """

    machine: str
    symmetry: str
    collective: str
    ranks: int
    links: int
    seconds: float
    busy: float
    target: float | None
    memory: int
    fault: str = ""
    bound: str = "0"
    reached: str = "0"
    proved: bool = False
    height: int = 0
    trees: float = 0.0
    others: str = ""

    @property
    def missed(self) -> str:
        """Say which targets it missed."""
        late = f"target {self.target:g} s" if self.seconds > (self.target or inf) else ""
        large = "target 4 GiB" if self.memory > MEMORY else ""
        return " and ".join(part for part in (late, large) if part)

    def line(self) -> str:
        """Write the row of the table."""
        start = (
            f"{self.machine:26}{self.symmetry:10}{self.collective:15}{self.ranks:6}{self.links:7}"
        )
        took = f"{self.seconds:9.2f}{self.busy:8.2f}{self.memory / 1e6:7.0f}"
        last = "; ".join(part for part in (self.missed, self.others) if part)
        if self.fault:
            return f"{start}  {self.fault[:44]:44}{took}  {last}"
        bound, reached = float(Fraction(self.bound)), float(Fraction(self.reached))
        return (
            f"{start}{bound:10.2f}{reached:10.2f}  {'proved' if self.proved else 'not proved':11}"
            f"{self.height:6}{self.trees:7.5g}{took}  {last}"
        )


@click.command()
@click.option("--machine", "machines", multiple=True, help="Instead of the list; repeatable.")
@click.option("--collective", "collectives", multiple=True, help="Instead of three; repeatable.")
@click.option("--symmetry", type=click.Choice(SYMMETRY_USES), default="found")
@click.option("--quick", is_flag=True, help="The machines that take a second or two.")
@click.option("--growth", is_flag=True, help="Tori and A100 boxes of N, 2N, 4N, 8N ranks.")
@click.option("--repeat", default=1, show_default=True, help="Take the median of so many.")
@click.option("--limit", default=120.0, show_default=True, help="Seconds for each command.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write too.")
def main(
    machines: tuple[str, ...],
    collectives: tuple[str, ...],
    symmetry: SymmetryUse,
    quick: bool,
    growth: bool,
    repeat: int,
    limit: float,
    file: Path | None,
) -> None:
    """Run `commplan compile` for each machine and collective; exit 1 if one is not proved optimal.

    Seconds and memory are those of the whole command in a fresh process: the search, verification
    and writing. Rates are algbw in GB/s. A target is shown where it was missed.
    """
    click.echo(HEAD)
    try:
        if growth:
            found = list(grow(GROWTH, collectives or ("all_gather",), repeat, limit))
        else:
            found = list(show(choose(machines, quick, symmetry), collectives, repeat, limit))
    except TopologyError as error:
        raise click.ClickException(str(error)) from None
    if not growth:
        click.echo("\n".join(["", "Elsewhere:", *ELSEWHERE, "", "Sources:", *SOURCES]))
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")
    ended(f"{row.machine} {row.collective}: not proved optimal" for row in found if not row.proved)


def show(
    cases: Iterable[Case], collectives: tuple[str, ...], repeat: int, limit: float
) -> Iterator[Row]:
    """Measure, and show each row as soon as it is there."""
    for case, collective in product(cases, collectives or COLLECTIVES):
        row = measure(case, collective, repeat, limit)
        click.echo(row.line())
        yield row


def grow(growth: Growth, collectives: tuple[str, ...], repeat: int, limit: float) -> Iterator[Row]:
    """Measure machines that double, and tell the exponent of the seconds beyond the start."""
    start = measure(Case("ring:2"), "all_gather", max(repeat, 3), limit)
    click.echo(start.line())
    for collective, (family, uses) in product(collectives, growth.items()):
        for use, machines in uses.items():
            cases = [Case(machine, None, use) for machine in machines]
            rows = list(show(cases, (collective,), repeat, limit))
            power = exponent([(row.ranks, row.seconds - start.seconds) for row in rows])
            click.echo(f"{family}, {use}: seconds beyond the start grow as ranks^{power:.2f}")
            yield from rows


def measure(case: Case, collective: str, repeat: int, limit: float) -> Row:
    """Run one command, some times, and take the median of the seconds."""
    machine = case.made()
    with TemporaryDirectory() as folder:
        words = ["compile", case.written(Path(folder)), collective, "--symmetry", case.symmetry]
        words += ["--time-limit", str(limit), "-o", str(Path(folder) / "schedule.json.gz")]
        runs = [ask(words, limit + EXTRA) for _ in range(repeat)]
    fault = next((run.fault for run in runs if run.fault), "")
    return Row(
        machine=case.name,
        symmetry=case.symmetry,
        collective=collective,
        ranks=machine.ranks,
        links=machine.links,
        seconds=median(run.seconds for run in runs),
        busy=median(run.busy for run in runs),
        target=case.seconds,
        memory=max(run.memory for run in runs),
        fault=fault,
        others=beside(case.name, collective),
        **({} if fault else _figures(runs[-1].answer, collective, machine.ranks)),
    )


def _figures(answer: dict[str, Any], collective: str, ranks: int) -> dict[str, Any]:
    """Take from an answer what the table shows."""
    return {
        "bound": answer["bound_exact"],
        "reached": answer["algbw_exact"],
        "proved": answer["optimal"],
        "height": answer["height"],
        "trees": answer["pieces"] / (1 if collective in ROOTED else ranks),
    }


def exponent(costs: Sequence[tuple[int, float]]) -> float:
    """Fit seconds = c × size^exponent to pairs of size and seconds."""
    size, seconds = np.array(costs, dtype=np.float64).T
    return float(np.polyfit(np.log(size), np.log(np.maximum(seconds, NOTHING)), 1)[0])


if __name__ == "__main__":
    main()
