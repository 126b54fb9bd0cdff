"""`commplan job`: a training job's demand, its placement on a machine, and its schedules."""

import json
import re

import click
import numpy as np

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.cli.commands.jobs.layouts import search_layouts
from commplan.cli.commands.jobs.ranks import (
    Chosen,
    dead_ranks,
    read_pins,
    usable_ranks,
    without_dead,
)
from commplan.cli.commands.jobs.several import place_jobs
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import file_name, time_limit
from commplan.cli.io.jobs import demands, placements, schedules, steps
from commplan.cli.io.needless import is_given
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import SecondsRange, Whole
from commplan.cli.io.quantities import jobs as jobs_in
from commplan.jobs import folder
from commplan.jobs.planning import GroupPlans, plan_groups
from commplan.jobs.shares import Shares
from commplan.together.sharing import share_out
from solvers.jobs.demand import demand
from solvers.jobs.job import Job, schema
from solvers.jobs.layout import world
from solvers.jobs.reading import load, preset_names
from solvers.placement.bounds import least
from solvers.placement.claims import Claim, compare
from solvers.placement.judge import Judge
from solvers.placement.search import Placement, place
from solvers.steps.memory import check_memory
from solvers.steps.step import step as predict_step
from topologies.formats import spec
from topologies.model.topology import Topology
from topologies.model.units import Rank, Seconds

Told = tuple[dict[str, object], list[str]]  # as JSON has it, and for a person


class _WithPresets(Command):
    """A command whose help ends with the jobs that come with commplan."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them."""
        self.epilog = f"Jobs by name: {', '.join(preset_names())}"
        super().format_epilog(ctx, formatter)


def _print_schema(context: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(json.dumps(schema(), indent=1))
        context.exit()


@click.command(cls=_WithPresets)
@click.argument("job", type=file_name)
@click.argument("topology", required=False)
@click.option("-o", "--output", type=file_name, help="Folder to write: placement and schedules.")
@click.option(
    "--set", "changes", multiple=True, metavar="TABLE.FIELD=VALUE", help="In place of the file's."
)
@click.option("--ranks", help="Ranks of the machine that may be used, by number or name (all).")
@click.option("--without-rank", help="Ranks of the machine that are dead, by number or name.")
@click.option(
    "--beside",
    multiple=True,
    metavar="PLAN",
    type=file_name,
    help="A planned job on the same machine, whose ranks are taken.",
)
@click.option(
    "--with",
    "others",
    multiple=True,
    metavar="JOB",
    type=file_name,
    help="A job to be placed on the same machine at the same time, on other ranks; -o then writes "
    "a folder for each.",
)
@click.option(
    "--pin", multiple=True, metavar="RANK=NAME", help="The machine's rank of a rank of the job."
)
@click.option(
    "--rate",
    type=SecondsRange(0, 10**9, min_open=True),
    metavar="GB/s",
    help="Say how long each rank's bytes take at a rate, without a machine.",
)
@click.option(
    "--measured",
    multiple=True,
    metavar="NAME=SECONDS",
    help="What one call of a collective was measured to take: say whether that is possible.",
)
@click.option(
    "--search",
    metavar="tp=1..8,...",
    help="Rank all layouts within these ranges (tp, cp, ep, etp, pp, virtual, zero, micro) by "
    "their predicted step; dp is what is left.",
)
@click.option(
    "--shown", type=Whole(1, 1000), default=10, show_default=True, help="Layouts of --search."
)
@click.option(
    "--jobs",
    type=jobs_in,
    default="1",
    show_default=True,
    metavar="N|mpi",
    help="Processes that search: so many here, or those of mpiexec python -m mpi4py.futures.",
)
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of a job's file, and exit.",
)
@time_limit
def job(
    job: str,
    topology: str | None,
    output: str | None,
    changes: tuple[str, ...],
    ranks: str | None,
    without_rank: str | None,
    beside: tuple[str, ...],
    others: tuple[str, ...],
    pin: tuple[str, ...],
    rate: float | None,
    measured: tuple[str, ...],
    search: str | None,
    shown: int,
    jobs: int | None,
    time_limit: Seconds,
) -> Answer:
    """Say what a training job exchanges; with a TOPOLOGY place it; with -o plan its groups.

    JOB is a name, a TOML file, a file of Megatron-LM arguments, a workload of AICB, or a list of
    collectives (CSV).
    """
    chosen: Chosen = (ranks, without_rank, beside)
    if topology is None and any((output, *chosen, others, pin, measured)):
        raise click.UsageError(
            "-o, --ranks, --without-rank, --beside, --with, --pin and --measured need a TOPOLOGY"
        )
    if topology is not None and others:
        if changes or pin or measured or rate is not None or search is not None:
            raise click.UsageError("--with takes -o, --ranks, --without-rank and --beside")
        machine = spec.topology(topology)
        usable, dead = usable_ranks(machine, chosen), dead_ranks(machine, chosen)
        return place_jobs((job, *others), machine, dead, usable, output, time_limit)
    if search is not None:
        return search_layouts(job, topology, changes, search, chosen, shown, jobs, time_limit)
    if given := [name for name in ("jobs", "shown") if is_given(name)]:
        raise click.UsageError(f"--{given[0]} is for --search")
    read = load(job, changes)
    check_memory(read)
    told = _demand(read, rate)
    if topology is None:
        return Answer(*told)
    if output:
        folder.check_new(output)
    machine = spec.topology(topology)
    usable = usable_ranks(machine, chosen)
    pins = read_pins(machine, pin)
    alive = without_dead(machine, chosen)
    claims = _claims(alive, read, usable, measured)
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        watch.tell("placing")
        placed = place(machine, read, usable, pins, alive=alive)
        used = alive if placed.forward else machine
        made = plan_groups(used, read, placed, watch) if output else None
        shares = share_out(used, read, placed, made, watch) if made else Shares()
    fields, lines = _placement(used, read, usable, placed, made)
    fields |= {"dead": [] if used is machine else dead_ranks(machine, chosen)}
    fields |= placements.claim_fields(claims)
    lines += placements.claim_lines(claims)
    more = _step(read, placed)
    found = told[0] | fields | more[0], [*told[1], *lines, *more[1]]
    if made is not None and output is not None:
        found = _write(output, machine, read, placed, (made, shares), *found)
    right = all(claim.possible for claim in claims)
    return Answer(found[0] | {"ranks": placed.ranks.tolist()}, found[1], right)


def _demand(read: Job, rate: float | None) -> Told:
    """Say what a step exchanges, and how long its bytes take at a rate in GB/s."""
    flows = demand(read)
    fields, lines = demands.demand_fields(read, flows), demands.demand_lines(read, flows)
    if rate is not None:
        more, figures = demands.rate_lines(read, flows, rate * 1e9)
        fields, lines = fields | {"at_rate": figures}, [*lines, *more]
    return fields, lines


def _placement(
    machine: Topology, read: Job, usable: list[Rank], placed: Placement, made: GroupPlans | None
) -> Told:
    """Say where the ranks are, what that costs, and what the groups' collectives take."""
    best = least(Judge(machine, read, placed.forward), np.unique(np.array(usable)))
    fields = placements.placement_fields(machine.name, placed)
    fields |= {"groups": placements.group_fields(read, placed, best, made)}
    return fields, placements.placement_lines(machine.name, placed)


def _step(read: Job, placed: Placement) -> Told:
    """Say how long the step takes: its communication alone, where nothing is computed."""
    fields: dict[str, object] = {"step_seconds": placed.judged.seconds}
    predicted = predict_step(read, placed.judged, world(read.layout))
    if predicted is None:
        return fields, []
    return fields | steps.step_fields(predicted), steps.step_lines(predicted)


def _write(
    output: str,
    machine: Topology,
    read: Job,
    placed: Placement,
    plans: tuple[GroupPlans, Shares],
    fields: dict[str, object],
    lines: list[str],
) -> Told:
    """Write the folder, and say what is in it."""
    fields |= schedules.plan_fields(*plans)
    folder.save(output, machine, read, placed, *plans, fields)
    lines = [*lines, *schedules.plan_lines(*plans)]
    told = [
        *lines,
        *schedules.launcher_lines(machine, placed.ranks.tolist()),
        f"written to {output}",
    ]
    return fields | {"written": output}, told


def _claims(
    machine: Topology, read: Job, usable: list[Rank], words: tuple[str, ...]
) -> list[Claim]:
    """Read what was measured, and compare it with what no schedule beats.

    Raises:
        BadParameter: a word is no name with seconds, or a name is given twice.
    """
    given: dict[str, Seconds] = {}
    for word in words:
        name, equals, figure = word.rpartition("=")
        if not equals or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,12})?(e-?[0-9]{1,2})?", figure):
            raise click.BadParameter(
                f"{word[:60]!r}, expected NAME=SECONDS", param_hint="'--measured'"
            )
        if name in given or not float(figure):
            raise click.BadParameter(
                f"{word[:60]!r}, expected each once, above 0", param_hint="'--measured'"
            )
        given[name] = float(figure)
    if not given:
        return []
    return compare(least(Judge(machine, read, forward=True), np.unique(np.array(usable))), given)
