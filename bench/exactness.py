"""For which machines and collectives the schedule is proved optimal, and what it takes."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from time import monotonic

import click

from bench.verdict import ended
from commplan.cli.io.quantities import exact
from runtime.verify.verify import verify
from solvers.lp.linear_program import NotFound
from solvers.schedules.kinds import COLLECTIVES, ROOTED, collective
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.solve import solve
from topologies.formats.spec import topology
from topologies.model.topology import Topology

SHAPES = (
    *("ring:8", "ring:64", "line:8", "full-mesh:8", "full-mesh:64", "star:8", "star:64"),
    *("torus:4x4", "torus:8x8", "torus:4x4x4", "mesh:4x4", "mesh:8x8", "hypercube:4"),
    *("hypercube:6", "nd-full-mesh:4x4", "nd-full-mesh:8x8", "leaf-spine:4x4x4"),
)
MACHINES = (
    *("dgx-1", "dgx-a100", "dgx-a100:boxes=2", "dgx-a100:boxes=4", "dgx-a100:boxes=8"),
    *("dgx-h100", "dgx-h100:boxes=2", "dgx-h100:boxes=4", "dgx-h100:boxes=8", "nvl72"),
    *("mi250", "mi250:boxes=2", "mi250:boxes=4", "atlas-a2", "atlas-a2:boxes=2"),
    *("atlas-a2:boxes=8", "cloudmatrix384:nodes=1", "cloudmatrix384:nodes=2"),
    *("cloudmatrix384:nodes=4", "cloudmatrix384"),
)
QUICK = (
    *("ring:8", "torus:4x4", "hypercube:4", "nd-full-mesh:4x4", "leaf-spine:4x4x4"),
    *("dgx-1", "dgx-a100:boxes=2", "dgx-h100:boxes=2", "mi250", "atlas-a2:boxes=2"),
    *("cloudmatrix384:nodes=1", "cloudmatrix384:nodes=2"),
)
# Where a root leaves no symmetry, so many ranks take minutes: ask with --machine.
ROOTED_RANKS = 72
HEAD = (
    f"{'machine':24}{'collective':15}{'ranks':>6}{'links':>7}{'bound':>10}{'reached':>10}  "
    f"{'ratio':12}{'scope':24}{'height':>6}{'pieces':>7}{'transfers':>10}{'seconds':>9}"
)


@dataclass(frozen=True)
class Row:
    """One schedule: rates are exact fractions of GB/s, ratio is what is reached of the bound."""

    machine: str
    collective: str
    ranks: int
    links: int
    seconds: float
    proved: bool = False
    bound: str | None = None
    reached: str | None = None
    ratio: str | None = None
    scope: str | None = None
    height: int = 0
    pieces: int = 0
    transfers: int = 0

    def line(self) -> str:
        """Write the row of the table."""
        start = f"{self.machine:24}{self.collective:15}{self.ranks:6}{self.links:7}"
        if self.reached is None:
            return f"{start}  nothing found{self.seconds:76.2f}"
        rates = "".join(
            f"{float(Fraction(rate)):10.2f}" if rate else f"{'none':>10}"
            for rate in (self.bound, self.reached)
        )
        return (
            f"{start}{rates}  {'=' if self.proved else _short(self.ratio):12}{self.scope:24}"
            f"{self.height:6}{self.pieces:7}{self.transfers:10}{self.seconds:9.2f}"
        )


@click.command()
@click.option("--machine", "machines", multiple=True, help="Instead of the list; repeatable.")
@click.option("--quick", is_flag=True, help="Small machines only, under a minute.")
@click.option("--seconds", default=60.0, show_default=True, help="Limit for each solver.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write too.")
def main(machines: tuple[str, ...], quick: bool, seconds: float, file: Path | None) -> None:
    """Solve every collective on every machine; exit 1 if a schedule is not proved optimal.

    Rates are algbw in GB/s. Ratio is = where what is reached is exactly the bound. pieces and
    transfers are those written down, one for each orbit of the symmetry.
    """
    click.echo(HEAD)
    found = []
    for row in rows(machines or (QUICK if quick else SHAPES + MACHINES), bool(machines), seconds):
        click.echo(row.line())
        found.append(row)
    proved = sum(row.proved for row in found)
    click.echo(f"{proved} of {len(found)} proved optimal, {sum(r.seconds for r in found):.0f} s")
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")
    ended(f"{row.machine} {row.collective}: not proved" for row in found if not row.proved)


def rows(machines: tuple[str, ...], every: bool, seconds: float) -> Iterator[Row]:
    """Solve one after the other; `every` asks for rooted collectives of many ranks as well."""
    for spec in machines:
        made = topology(spec)
        for name in COLLECTIVES:
            if every or name not in ROOTED or made.ranks <= ROOTED_RANKS:
                yield measure(spec, made, name, seconds)


def measure(spec: str, made: Topology, name: str, seconds: float) -> Row:
    """Solve, check and count."""
    started = monotonic()
    try:
        found = solve(made, collective(name, range(made.ranks)), Watch(seconds))
    except NotFound:
        return Row(spec, name, made.ranks, made.links, monotonic() - started)
    return _row(spec, found, name, monotonic() - started)


def _row(spec: str, found: Schedule, name: str, seconds: float) -> Row:
    report = verify(found)
    if not report.correct:
        raise RuntimeError(f"{spec} {name}: {report.faults[0]}")
    ratio = report.algbw / report.proved if report.algbw and report.proved else None
    return Row(
        machine=spec,
        collective=name,
        ranks=found.topology.ranks,
        links=found.topology.links,
        seconds=round(seconds, 3),
        proved=report.optimal,
        bound=exact(report.proved),
        reached=exact(report.algbw),
        ratio=None if ratio is None else str(ratio),
        scope=found.bound.scope,
        height=report.height,
        pieces=found.pieces,
        transfers=len(found.transfers),
    )


def _short(ratio: str | None) -> str:
    """Write a ratio exactly if there is room for it."""
    if ratio is None:
        return "?"
    return ratio if len(ratio) <= 11 else f"{float(Fraction(ratio)):.9f}"


if __name__ == "__main__":
    main()
