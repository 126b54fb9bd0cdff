"""`commplan plot`: times over sizes of machines and algorithms, in one picture."""

from collections.abc import Collection, Mapping
from pathlib import Path

import click

from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import Output, file_name, time_limit
from commplan.cli.io.progress import progress
from commplan.drawing import files
from commplan.expectation.curves import (
    SEVERAL,
    USUAL,
    Asked,
    Curve,
    known_algorithms,
    predict_curves,
)
from commplan.measurements.read import load_measurements
from commplan.measurements.rows import Context
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.settings.options import SWITCHINGS, SolverOptions, Switching
from topologies.formats import spec
from topologies.model.units import Seconds, bytes_of, duration

WIDE = 40  # characters of a column, at most


@click.command(cls=Command)
@click.argument("topologies", metavar="TOPOLOGY...", nargs=-1, required=True)
@click.argument("what", metavar="COLLECTIVE", type=quantities.Name("collective", COLLECTIVES))
@click.option(
    "-o",
    "--output",
    type=Output(lambda: files.CHARTS),
    required=True,
    help="Picture to write: SVG, or PNG or PDF by matplotlib.",
)
@click.option(
    "--algorithm",
    "algorithms",
    multiple=True,
    type=quantities.Name("algorithm", known_algorithms()),
    metavar="NAME",
    help="bound, best, ring or tree as libraries make them, or a pattern, as bruck; may be given "
    "more than once (bound and best; of one machine also ring and tree).",
)
@click.option(
    "--measured",
    multiple=True,
    metavar="LOG",
    type=file_name,
    help="A log of a benchmark, whose times are drawn as points; repeatable.",
)
@click.option(
    "--sizes",
    type=quantities.sizes,
    default="1KiB:1GiB",
    show_default=True,
    help="Bytes of the largest buffer of a rank, from the least to the largest.",
)
@click.option(
    "--step",
    type=quantities.Whole(2, 2**20),
    default=4,
    show_default=True,
    help="Times from one size to the next.",
)
@click.option(
    "--switching",
    type=quantities.Name("switching", SWITCHINGS),
    default=SWITCHINGS[0],
    show_default=True,
    help="How switches pass on what they get.",
)
@click.option("--in-network", is_flag=True, help="Let switches copy and add, those that can.")
@time_limit
def plot(
    topologies: tuple[str, ...],
    what: str,
    output: str,
    algorithms: tuple[str, ...],
    measured: tuple[str, ...],
    sizes: tuple[int, int],
    step: int,
    switching: Switching,
    in_network: bool,
    time_limit: Seconds,
) -> Answer:
    """Draw times over sizes: of one machine several algorithms, of several machines the best.

    Where a pattern cannot be made on a machine it has no curve there.
    """
    options = SolverOptions(in_network=in_network, switching=switching)
    names = algorithms or (USUAL if len(topologies) == 1 else SEVERAL)
    asked = Asked(quantities.between(*sizes, step), names, options)
    machines = [spec.topology(name) for name in topologies]
    counts = {machine.ranks for machine in machines}
    marks = {Path(name).name: _points(name, what, counts) for name in measured}
    curves: dict[str, Curve] = {}
    with progress(time_limit) as watch:
        for machine in machines:
            over = collective(what, range(machine.ranks))
            label = f" {machine.name}" * (len(machines) > 1)
            for name, curve in predict_curves(machine, over, asked, watch).items():
                if any(seconds > 0.0 for _, seconds in curve):
                    curves[name + label] = curve
    if not curves:
        raise click.UsageError(f"{what}: nothing moves, so that there are no times to draw")
    title = what + f" on {machines[0].name}" * (len(machines) == 1)
    files.save_chart(title, curves, marks, output)
    fields = {
        "curves": {name: [list(point) for point in each] for name, each in curves.items()},
        "measured": {name: [list(point) for point in each] for name, each in marks.items()},
        "path": output,
    }
    return Answer(fields, [*_lines(title, curves), f"drawn in {output}"])


def _points(log: str, what: str, counts: Collection[int]) -> Curve:
    """Read what was measured of a collective over as many ranks as the machines have.

    Raises:
        UsageError: the log has nothing of it.
    """
    rows = load_measurements(log, Context(collective=what))
    found = [
        (row.size, row.seconds) for row in rows if row.collective == what and row.ranks in counts
    ]
    if not found:
        listed = " or ".join(map(str, sorted(counts)))
        raise click.UsageError(f"{log}: nothing of {what} over {listed} ranks was measured there")
    return sorted(found)


def _lines(title: str, curves: Mapping[str, Curve]) -> list[str]:
    """Lay the times out, a line for each size; below each other where they are too many."""
    lines = [title]
    sizes = sorted({size for curve in curves.values() for size, _ in curve})
    width = min(WIDE, max(map(len, curves)))
    for name, curve in curves.items():
        seconds = dict(curve)
        shown = [f"{bytes_of(s)} {duration(seconds[s])}" for s in (sizes[0], sizes[-1])]
        lines.append(f"  {name:{width}}  {', '.join(shown)}")
    return lines
