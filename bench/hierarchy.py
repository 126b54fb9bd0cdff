"""all_to_all between boxes: direct or through a rank of the box, by size.

For each machine and size the fastest direct schedule and the fastest hierarchy of those that
`compile --size` compares, in times of the simulator, and the bound: the larger of size /
bandwidth and the latency of the farthest pair. Small messages of one step between two ranks are
one in both. Where all hierarchies would pile up in front of a rank there is none. A message costs
`--overhead` microseconds at either end: presets state no figure, since none is published;
commplan's own programs take 0.4 to 1.1 (`python -m bench.executors`).
"""

import json
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path

import click

from bench.verdict import ended
from commplan.candidates.measure import Candidate
from commplan.planning.planner import plan
from solvers.schedules.kinds import collective
from topologies.formats.spec import topology
from topologies.model.units import duration

MACHINES = (
    *(
        f"{name}:boxes={boxes}"
        for name in ("dgx-a100", "dgx-h100", "atlas-a2", "mi250")
        for boxes in (2, 4)
    ),
    *(f"cloudmatrix384:nodes={nodes}:supernodes=2" for nodes in (1, 2, 4)),
)
SIZES = tuple(2**k for k in range(10, 23, 2))
HEAD = (
    f"{'machine':52}{'size':>10}{'direct':>10}{'hierarchy':>11}{'gain':>7}{'bound':>10}  hierarchy"
)


@dataclass(frozen=True)
class Row:
    """One machine and size: seconds of both, and of the bound; inf where there is none."""

    machine: str
    size: int
    direct: float
    hierarchy: float
    bound: float
    name: str

    @property
    def gain(self) -> float:
        """Divide the times."""
        return self.direct / self.hierarchy

    def line(self) -> str:
        """Write the row of the table."""
        direct, hierarchy, bound = map(duration, (self.direct, self.hierarchy, self.bound))
        return (
            f"{self.machine:52}{self.size:10}{direct:>10}{hierarchy:>11}{self.gain:7.2f}"
            f"{bound:>10}  {self.name}"
        )


@click.command()
@click.argument("machines", nargs=-1)
@click.option("--overhead", default="0.5", show_default=True, help="Microseconds of a message.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write too.")
def main(machines: tuple[str, ...], overhead: str, file: Path | None) -> None:
    """Compare; exit 1 where no machine gains by a hierarchy at any size."""
    click.echo(HEAD)
    rows: list[Row] = []
    for name in machines or MACHINES:
        own = [measure(f"{name}:overhead={overhead}", size) for size in SIZES]
        for row in own:
            click.echo(row.line())
        click.echo(f"  {crossing(own)}")
        rows += own
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    ended(["no machine gains by a hierarchy"] if all(row.gain <= 1 for row in rows) else [])


def measure(name: str, size: int) -> Row:
    """Plan for one size, and take the best of both kinds."""
    machine = topology(name)
    made = plan(machine, collective("all_to_all", range(machine.ranks)), size=size)
    far = [each for each in made.candidates if _is_hierarchy(each)]
    near = [each for each in made.candidates if not _is_hierarchy(each)]
    assert made.bound is not None
    seconds, chosen = (far[0].seconds, far[0].name) if far else (inf, "none")
    return Row(name, size, near[0].seconds, seconds, made.bound, chosen)


def crossing(rows: list[Row]) -> str:
    """Say up to which size the hierarchy is faster."""
    won = [row for row in rows if row.gain > 1]
    if not won:
        return "the hierarchy is never faster"
    most = max(won, key=lambda row: row.gain)
    return f"faster up to {won[-1].size} bytes, at most {most.gain:.2f} times, at {most.size} bytes"


def _is_hierarchy(candidate: Candidate) -> bool:
    return " boxes, " in candidate.name


if __name__ == "__main__":
    main()
