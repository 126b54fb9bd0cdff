"""Times over sizes beside what TE-CCL published for its machines; `commplan plot` draws any other.

The machines are `teccl-dgx2-2x16` and `teccl-ndv2-4x8`: switches store messages whole, and copy.
Beside each published point stands what `bench.teccl` reaches under its rule.
"""

import click

from bench import teccl
from commplan.cli.io import quantities
from commplan.drawing.files import save_chart
from commplan.expectation.curves import Asked, Curve, predict_curves
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from topologies.formats.files import load
from topologies.model.units import bytes_of, duration

NAMES = tuple(file.stem for file in sorted(teccl.MACHINES.glob("teccl-*.toml")))
STEP = 4  # from one size to the next
PUBLISHED = "TE-CCL, published"


def points(name: str, what: str) -> dict[str, Curve]:
    """Give what TE-CCL published for a machine, and what is reached under the same rules."""
    rows = [r for r in teccl.published().rows if (r.topology, r.collective) == (name, what)]
    if not rows:
        raise click.ClickException(f"nothing is published of {what} on {name}")
    return {
        PUBLISHED: [(row.size, row.finish_s) for row in rows],
        "same rules": [(row.size, teccl.ours(row).finish) for row in rows],
    }


@click.command()
@click.argument("name", metavar="MACHINE", type=click.Choice(NAMES))
@click.argument("what", metavar="COLLECTIVE")
@click.option("--sizes", type=quantities.sizes, default="1KiB:1GiB", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False), required=True)
def main(name: str, what: str, sizes: tuple[int, int], output: str) -> None:
    """Print the times over sizes, and draw them (PNG, SVG or PDF by the name of the file)."""
    machine = load(teccl.MACHINES / f"{name}.toml")
    marks = points(name, what)
    options = SolverOptions(in_network=True, switching="store-and-forward")
    asked = Asked(quantities.between(*sizes, STEP), options=options)
    lines = predict_curves(machine, collective(what, range(machine.ranks)), asked, Watch())
    click.echo(f"{'size':>10}" + "".join(f"{key:>20}" for key in lines))
    for rows in zip(*lines.values(), strict=True):
        row = "".join(f"{duration(seconds):>20}" for _, seconds in rows)
        click.echo(f"{bytes_of(rows[0][0]):>10}{row}")
    save_chart(f"{what} on {name}", lines, marks, output)
    click.echo(f"drawn in {output}")


if __name__ == "__main__":
    main()
