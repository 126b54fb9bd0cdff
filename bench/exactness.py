"""For which presets and collectives the schedule is proved optimal, and what it takes."""

import sys
from time import monotonic

import click
from rich.console import Console
from rich.table import Table

import commplan
from solvers.collective import COLLECTIVES

MACHINES = (
    *("ring:8", "torus:4x4", "hypercube:4", "nd-full-mesh:4x4", "leaf-spine:4x4x4"),
    *("dgx-1", "dgx-a100:boxes=2", "dgx-h100:boxes=2", "mi250:boxes=2", "atlas-a2:boxes=2"),
    *("cloudmatrix384:nodes=1", "cloudmatrix384:nodes=2"),
)


@click.command(help="Compile every collective on every machine and tell which are proved optimal.")
@click.option("--machine", "machines", multiple=True, default=MACHINES, help="Instead of the list.")
@click.option("--seconds", default=120.0, show_default=True, help="Limit for each solver.")
def main(machines: tuple[str, ...], seconds: float) -> None:
    """Print the table; exit 1 if a schedule is not proved optimal."""
    table = Table("machine", "ranks", *COLLECTIVES, title="algbw in GB/s, seconds; * not proved")
    unproved = 0
    with Console(stderr=True).status("compiling") as status:
        for spec in machines:
            topology = commplan.topology(spec)
            cells = []
            for name in COLLECTIVES:
                status.update(f"{spec}: {name}")
                cells.append(cell(topology, name, seconds))
            unproved += sum("*" in each for each in cells)
            table.add_row(spec, str(topology.ranks), *cells)
    Console(width=160).print(table)
    sys.exit(unproved > 0)


def cell(topology: commplan.Topology, name: str, seconds: float) -> str:
    """Compile one collective and say what came of it."""
    started = monotonic()
    try:
        made = commplan.plan(
            topology, commplan.collective(name, range(topology.ranks)), seconds=seconds
        )
    except commplan.NotFound:
        return f"none * {monotonic() - started:.1f} s"
    mark = "" if made.report.optimal else " *"
    return f"{float(made.report.algbw or 0) / 1e9:.6g}{mark}\n{monotonic() - started:.1f} s"


if __name__ == "__main__":
    main()
