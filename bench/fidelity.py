"""What the model predicts beside what was published of real machines.

Links count at the part of their bandwidth that their class states (`efficiency` of the preset,
with its source). The columns of the floor add the time of the smallest message of the same source,
since the model knows no start of a kernel. `library` is what NCCL takes by the fit that is shipped
for the machine: to measurements of another source than those that it stands beside here.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

import click
import msgspec

from commplan.fitting.fitted import known_library
from commplan.fitting.fitted import seconds as library_time
from commplan.fitting.library import Model
from commplan.planning import planner
from runtime.metrics.busbw import factor
from runtime.simulate.simulate import simulate
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.settings.options import SolverOptions
from solvers.templates import TEMPLATES
from topologies.derive.bundle import bundle
from topologies.derive.derate import derate
from topologies.formats.spec import topology
from topologies.model.units import bytes_of, duration

DATA = Path(__file__).parent / "data" / "measured.json"


class Series(msgspec.Struct, frozen=True):
    """Published measurements of one collective: (bytes, value) in the unit.

    Attributes:
        schedule: `best` for the one that is planned at the size, else the name of a template.
    """

    machine: str
    collective: str
    schedule: str
    unit: str
    source: str
    rows: list[tuple[int, float]]
    ranks: int | None = None
    floor_us: float | None = None
    in_network: bool = False


class Crossover(msgspec.Struct, frozen=True):
    """How many times as fast the full mesh is as the ring, by size."""

    machine: str
    collective: str
    source: str
    rows: list[tuple[int, float]]


class Measured(msgspec.Struct, frozen=True):
    """The file of the measurements."""

    about: str
    series: list[Series]
    crossover: Crossover


def seconds(series: Series, what: Collective, size: int, value: float) -> float:
    """Turn a measurement into seconds."""
    if series.unit == "us":
        return value * 1e-6
    scale = float(factor(what)) if series.unit == "busbw" else 1.0
    return size * scale / (value * 1e9)


@cache
def _ask(machine: str, name: str, ranks: int | None) -> Collective:
    return collective(name, range(ranks or topology(machine).ranks))


def plan_for(series: Series, what: Collective, size: int) -> Schedule:
    """Make the schedule that is played, for links at their full rate."""
    machine = topology(series.machine)
    if series.schedule != "best":
        return TEMPLATES[series.schedule][0](machine, what)
    options = SolverOptions(in_network=series.in_network)
    return planner.plan(machine, what, size=size, options=options).schedule


def predict(schedule: Schedule, size: int) -> float:
    """Play a schedule with links at what is achievable."""
    return simulate(replace(schedule, topology=derate(schedule.topology)), size).seconds


def measured_like(series: Series, what: Collective) -> Model | None:
    """Find the model that is shipped of a library for the machine and collective of a series."""
    machine = topology(series.machine)
    library = known_library(machine)
    return library.find(bundle(machine), what.ranks).get(what.name) if library else None


def _show(series: Series) -> None:
    what = _ask(series.machine, series.collective, series.ranks)
    switches = ", switches add" if series.in_network else ""
    click.echo(
        f"\n{series.collective} on {series.machine}, {len(what.ranks)} ranks, {series.schedule}"
        f"{switches}\n{series.source}"
    )
    head = f"{'size MB':>12}{'measured':>13}{'predicted':>11}{'ratio':>8}"
    head += f"{'floor':>8}{'ratio':>8}" if series.floor_us else ""
    fitted = measured_like(series, what)
    click.echo(head + (f"{'library':>11}{'ratio':>8}" if fitted else ""))
    for size, value in series.rows:
        took = seconds(series, what, size, value)
        model = predict(plan_for(series, what, size), size)
        line = f"{size / 1e6:12.6g}{duration(took):>13}{duration(model):>11}{model / took:8.2f}"
        if series.floor_us:
            line += f"{series.floor_us:8.1f}{(model + series.floor_us * 1e-6) / took:8.2f}"
        if fitted:
            library, _ = library_time(fitted, len(what.ranks), size)
            line += f"{duration(library):>11}{library / took:8.2f}"
        click.echo(line)


def _cross(found: Crossover) -> None:
    what = _ask(found.machine, found.collective, None)
    machine = topology(found.machine)
    full, ring = (TEMPLATES[name][0](machine, what) for name in ("direct", "ring"))
    click.echo(f"\nfull mesh against ring, {found.collective} on {found.machine}\n{found.source}")
    click.echo(f"{'size':>12}{'measured':>11}{'predicted':>11}")
    for size, value in found.rows:
        times = predict(ring, size) / predict(full, size)
        click.echo(f"{bytes_of(size):>12}{value:11.2f}{times:11.2f}")


@click.command()
@click.option("--machine", "names", multiple=True, help="Only names with this in them.")
def main(names: tuple[str, ...]) -> None:
    """Print measured and predicted times, and predicted over measured."""
    measured = msgspec.json.decode(DATA.read_bytes(), type=Measured)
    for series in measured.series:
        if not names or any(part in series.machine for part in names):
            _show(series)
    if not names or any(part in measured.crossover.machine for part in names):
        _cross(measured.crossover)


if __name__ == "__main__":
    main()
