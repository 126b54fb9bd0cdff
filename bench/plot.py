"""A picture of the times over sizes: ours, the bound, known patterns, and published points.

The points are those of TE-CCL for its two machines (`teccl-dgx2-2x16`, `teccl-ndv2-4x8`): switches
store messages whole, and copy. Beside each stands what `bench.teccl` reaches under its rule.
"""

from pathlib import Path

import click

from bench import teccl
from commplan.cli.io import quantities
from commplan.planning import planner
from runtime.simulate.simulate import simulate
from solvers.bounds import time_bound
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import collective
from solvers.settings.options import SolverOptions, Switching
from solvers.templates import TEMPLATES
from solvers.templates.layout import TemplateError
from topologies.formats.files import load
from topologies.formats.spec import topology
from topologies.model.topology import Topology
from topologies.model.units import bytes_of, duration

PATTERNS = ("ring", "recursive_doubling")
STYLES = {"bound": "k--", "commplan": "C0-o", "ring": "C1-", "recursive_doubling": "C2-"}
STEP = 4  # from one size to the next
Curves = dict[str, list[tuple[int, float]]]


def machine_of(name: str) -> Topology:
    """Find a machine by name, or one of TE-CCL's."""
    file = teccl.MACHINES / f"{name}.toml"
    return load(file) if file.exists() else topology(name)


def curves(machine: Topology, what: Collective, sizes: list[int], *, stored: bool) -> Curves:
    """Predict the (size, seconds) of each curve; of a pattern only where it can be made.

    Args:
        machine: the machine.
        what: the collective.
        sizes: in bytes.
        stored: switches store messages whole, and copy.
    """
    switching: Switching = "store-and-forward" if stored else "cut-through"
    made: dict[str, list[tuple[int, float]]] = {"bound": [], "commplan": []}
    for size in sizes:
        best = planner.plan(
            machine, what, size=size, options=SolverOptions(in_network=stored)
        ).schedule
        least = time_bound.time_lower_bound(machine, what, best.bound, size, in_network=stored)
        made["bound"].append((size, least))
        made["commplan"].append((size, simulate(best, size, switching).seconds))
    for name in PATTERNS:
        make, known = TEMPLATES[name]
        try:
            pattern = make(machine, what) if what.name in known else None
        except TemplateError:
            pattern = None
        if pattern:
            made[name] = [(size, simulate(pattern, size, switching).seconds) for size in sizes]
    return made


def points(name: str, what: str) -> Curves:
    """Give what TE-CCL published for a machine, and what is reached under the same rules."""
    rows = [r for r in teccl.published().rows if (r.topology, r.collective) == (name, what)]
    if not rows:
        return {}
    ours = [(row.size, teccl.ours(row).finish) for row in rows]
    return {
        "TE-CCL, published": [(row.size, row.finish_s) for row in rows],
        "commplan, by the same rules": ours,
    }


def draw(title: str, lines: Curves, marks: Curves, file: Path) -> None:
    """Draw the picture: sizes in bytes against microseconds, both logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, line in lines.items():
        style = STYLES[name]
        axes.plot(*_apart(line), style, label=name, markersize=3)
    for name, line in marks.items():
        axes.plot(*_apart(line), "C3x" if "published" in name else "C0+", label=name)
    axes.set(xscale="log", yscale="log", xlabel="size, bytes", ylabel="time, microseconds")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, dpi=120)


def _apart(line: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [size for size, _ in line], [seconds * 1e6 for _, seconds in line]


@click.command()
@click.argument("name", metavar="MACHINE")
@click.argument("what", metavar="COLLECTIVE")
@click.option("--sizes", type=quantities.sizes, default="1KiB:1GiB", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True)
def main(name: str, what: str, sizes: tuple[int, int], output: Path) -> None:
    """Print the times over sizes, and draw them (PNG, SVG or PDF by the name of the file)."""
    machine = machine_of(name)
    asked = collective(what, range(machine.ranks))
    marks = points(name, what)
    every = [sizes[0]]
    while every[-1] < sizes[1]:
        every.append(min(every[-1] * STEP, sizes[1]))
    lines = curves(machine, asked, every, stored=bool(marks))
    click.echo(f"{'size':>10}" + "".join(f"{key:>20}" for key in lines))
    for i, size in enumerate(every):
        row = "".join(f"{duration(line[i][1]):>20}" for line in lines.values())
        click.echo(f"{bytes_of(size):>10}{row}")
    try:
        draw(f"{what} on {name}", lines, marks, output)
    except ImportError:
        raise click.ClickException("matplotlib is missing: pip install 'commplan[plot]'") from None
    click.echo(f"drawn in {output}")


if __name__ == "__main__":
    main()
