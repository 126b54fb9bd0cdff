"""`commplan expect`: what collectives should take on a machine, and what nothing beats."""

import json
from collections.abc import Sequence
from dataclasses import replace

import click

from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import Output, choose_ranks, file_name, time_limit
from commplan.cli.io.certificates import find_bound
from commplan.cli.io.expectations import comma_lines, expected_fields, table_lines
from commplan.cli.io.needless import is_given
from commplan.cli.io.progress import progress
from commplan.expectation import picture
from commplan.expectation.compiled import load_compiled
from commplan.expectation.expect import Expectation
from commplan.expectation.expect import expect as predict
from commplan.expectation.rank_costs import as_written, rank_costs
from commplan.fitting.fitted import load_library
from commplan.jobs import folder
from commplan.jobs.group_calls import GroupCalls, list_groups
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.settings.options import SolverOptions
from topologies.formats import spec
from topologies.model.topology import Topology
from topologies.model.units import Rank, Seconds

RANK_COSTS = "rank-costs"
ROOTED = ("broadcast", "reduce")
FORMATS = ("table", "csv", "json", RANK_COSTS)


@click.command(cls=Command)
@click.argument("topology")
@click.argument("collectives", nargs=-1, type=quantities.Name("collective", COLLECTIVES))
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
@click.option("--ranks", help="Ranks that take part, by number or name, as 0,1,4-7 (all).")
@click.option("--group", help="Of a job's plan: one kind of groups (all).")
@click.option(
    "--set",
    "files",
    multiple=True,
    help="A file that `compile --sizes` wrote: the best known of its collective; repeatable.",
)
@click.option(
    "--library",
    help="What was fitted of a library: what `fit --json` printed (that of the machine's name).",
    type=file_name,
)
@click.option(
    "--in-network/--no-in-network",
    default=None,
    help="Whether switches copy and add (those that can).",
)
@click.option(
    "--format",
    "written",
    type=quantities.Name("format", FORMATS),
    default="table",
    show_default=True,
    help="How the answer is printed; rank-costs: what a byte from each rank to each costs an "
    "all_to_all.",
)
@click.option(
    "--plot", type=Output(lambda: picture.ENDINGS), help="Draw it: a PNG, SVG or PDF file."
)
@time_limit
def expect(
    topology: str,
    collectives: tuple[str, ...],
    sizes: tuple[int, int],
    step: int,
    ranks: str | None,
    group: str | None,
    files: tuple[str, ...],
    library: str | None,
    in_network: bool | None,
    written: str,
    plot: str | None,
    time_limit: Seconds,
) -> Answer:
    """Say what collectives should take, size by size, and what nothing can beat.

    For each size: the proved bound, the fastest schedule known, what libraries run (a ring,
    and a tree or recursive exchange), and what one was measured to take where that is known.
    Without a COLLECTIVE it is all eight. TOPOLOGY may be the folder of a job's plan: then it is
    what each of its groups calls, at the sizes of the job.
    """
    if folder.is_plan(topology):
        grid = quantities.between(*sizes, step) if is_given("sizes") else None
        return _of_job(topology, group, collectives, grid, in_network, written, time_limit)
    if group is not None:
        raise click.UsageError("--group is for the folder of a job's plan")
    machine = spec.topology(topology)
    chosen = choose_ranks(machine, ranks)
    if written == RANK_COSTS:
        return _rank_costs(machine, chosen, collectives, time_limit)
    asked = [collective(name, chosen) for name in collectives or COLLECTIVES]
    compiled = [load_compiled(file, machine) for file in files]
    fitted = load_library(library) if library else None
    with progress(time_limit) as watch:
        found = predict(
            machine,
            asked,
            quantities.between(*sizes, step),
            in_network=in_network,
            compiled=compiled,
            library=fitted,
            watch=watch,
        )
    if plot:
        picture.draw(found, plot)
    fields = {
        "machine": found.machine,
        "rows": [expected_fields(row) for row in found.rows],
        "not_tried": list(found.not_tried),
    }
    if written == "json":
        return Answer(fields, [json.dumps(fields, allow_nan=False)])
    return Answer(fields, comma_lines(found) if written == "csv" else table_lines(found))


def _of_job(
    place: str,
    kind: str | None,
    names: Sequence[str],
    sizes: Sequence[int] | None,
    in_network: bool | None,
    written: str,
    time_limit: Seconds,
) -> Answer:
    """Say what each group of a planned job should take for what it calls.

    Raises:
        UsageError: an option that has no say there, or a collective that no group calls.
    """
    if any(map(is_given, ("ranks", "files", "library", "plot"))) or written == RANK_COSTS:
        raise click.UsageError("a job's plan takes --group, --sizes, --in-network and --format")
    machine, groups = list_groups(place, kind)
    found: list[tuple[GroupCalls, Expectation]] = []
    with progress(time_limit) as watch:
        for each in groups:
            for name, own in each.calls.items():
                if names and name not in names:
                    continue
                if found and watch.leaves_out(f"{name} of {each.name}"):
                    continue
                watch.tell(f"{name} of {each.name}")
                root = each.ranks[0] if name in ROOTED else None
                what = [collective(name, sorted(each.ranks), root)]
                made = predict(each.machine, what, sizes or own, in_network=in_network, watch=watch)
                found.append((each, made))
    if not found:
        raise click.UsageError(f"no group of {place} calls {', '.join(names)}")
    fields = {
        "machine": machine.name,
        "rows": [
            {"group": each.name, "groups": each.alike, **expected_fields(row)}
            for each, made in found
            for row in made.rows
        ],
        "not_tried": list(watch.not_tried),
    }
    if written == "json":
        return Answer(fields, [json.dumps(fields, allow_nan=False)])
    if written == "csv":
        return Answer(fields, _with_groups(found))
    lines = [line for each, made in found for line in _titled(each, made)]
    return Answer(fields, lines + [f"not tried: {what}" for what in watch.not_tried])


def _with_groups(found: Sequence[tuple[GroupCalls, Expectation]]) -> list[str]:
    """Write the lines of commas of all groups, whose names come first."""
    head = "group," + comma_lines(found[0][1])[0]
    rows = ((each.name, line) for each, made in found for line in comma_lines(made)[1:])
    return [head, *(f"{name},{line}" for name, line in rows)]


def _titled(each: GroupCalls, made: Expectation) -> list[str]:
    """Write the table of a group, below its name."""
    alike = f", one of {each.alike} alike" if each.alike > 1 else ""
    return [f"{each.name}{alike}", *table_lines(replace(made, not_tried=())), ""]


def _rank_costs(
    machine: Topology, ranks: Sequence[Rank], collectives: Sequence[str], time_limit: Seconds
) -> Answer:
    """Print the matrix that SGLang reads: seconds for each gigabyte from a rank to another.

    Raises:
        UsageError: something is asked that the matrix is not made of.
    """
    given = ("sizes", "step", "files", "library", "in_network", "plot")
    if any(map(is_given, given)) or set(collectives) - {"all_to_all"}:
        raise click.UsageError("--format rank-costs takes TOPOLOGY, all_to_all and --ranks alone")
    what = collective("all_to_all", ranks)
    with progress(time_limit) as watch:
        found = find_bound(machine, what, watch, SolverOptions())
    costs = as_written(rank_costs(machine, what.ranks, found))
    return Answer({"machine": machine.name, "rank_costs": costs}, [json.dumps(costs)])
