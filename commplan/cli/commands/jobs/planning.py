"""`commplan job`: a training job's demand, its placement on a machine, and its schedules."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import click
import numpy as np

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.candidates.crew import count_started, elsewhere, here
from commplan.cli.commands.jobs.several import place_jobs
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import choose_ranks, file_name, time_limit
from commplan.cli.io.jobs import placements as laid_out
from commplan.cli.io.needless import is_given
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import SecondsRange, Whole
from commplan.cli.io.quantities import jobs as jobs_in
from commplan.jobs import folder
from commplan.jobs.planning import GroupPlans, plan_groups
from commplan.jobs.shares import Shares
from commplan.together.sharing import share_out
from solvers.jobs.demand import demand
from solvers.jobs.errors import JobError
from solvers.jobs.job import Job, schema
from solvers.jobs.layout import world
from solvers.jobs.reading import load, preset_names
from solvers.placement.bounds import least
from solvers.placement.claims import Claim, compare
from solvers.placement.judge import Judge
from solvers.placement.search import Placement, place
from solvers.steps.layouts import Crew, hold, rank_layouts, read_ranges
from solvers.steps.memory import check_memory
from solvers.steps.step import step as predict_step
from topologies.formats import spec
from topologies.model import selection
from topologies.model.topology import IntArray, Topology
from topologies.model.units import Rank, Seconds


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
    placing = (output, ranks, without_rank, beside, others, pin, measured)
    if topology is None and any(placing):
        raise click.UsageError(
            "-o, --ranks, --without-rank, --beside, --with, --pin and --measured need a TOPOLOGY"
        )
    if topology is not None and others:
        if changes or pin or measured or rate is not None or search is not None:
            raise click.UsageError("--with takes -o, --ranks, --without-rank and --beside")
        machine = spec.topology(topology)
        usable = _usable(machine, ranks, without_rank, beside)
        return place_jobs((job, *others), machine, usable, output, time_limit)
    if search is not None:
        chosen = (ranks, without_rank, beside)
        return _search(job, topology, changes, search, chosen, shown, jobs, time_limit)
    if given := [name for name in ("jobs", "shown") if is_given(name)]:
        raise click.UsageError(f"--{given[0]} is for --search")
    read = load(job, changes)
    check_memory(read)
    flows = demand(read)
    fields, lines = laid_out.demand_fields(read, flows), laid_out.demand_lines(read, flows)
    if rate is not None:
        more, figures = laid_out.rate_lines(read, flows, rate * 1e9)
        fields, lines = fields | {"at_rate": figures}, [*lines, *more]
    if topology is None:
        return Answer(fields, lines)
    if output:
        folder.check_new(output)
    machine = spec.topology(topology)
    usable = _usable(machine, ranks, without_rank, beside)
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        watch.tell("placing")
        placed = place(machine, read, usable, _pins(machine, pin))
        made = plan_groups(machine, read, placed, watch) if output else None
        shares = share_out(machine, read, placed, made, watch) if made else Shares()
    best = least(Judge(machine, read, placed.forward), np.unique(np.array(usable)))
    fields |= laid_out.placement_fields(machine.name, placed)
    fields |= {"groups": laid_out.group_fields(read, placed, best, made)}
    lines += laid_out.placement_lines(machine.name, placed)
    claims = _claims(machine, read, usable, measured)
    fields |= laid_out.claim_fields(claims)
    lines += laid_out.claim_lines(claims)
    right = all(claim.possible for claim in claims)
    predicted = predict_step(read, placed.judged, world(read.layout))
    fields["step_seconds"] = placed.judged.seconds  # all that is known where nothing is computed
    if predicted is not None:
        fields |= laid_out.step_fields(predicted)
        lines += laid_out.step_lines(predicted)
    if made is None or output is None:
        return Answer(fields | {"ranks": placed.ranks.tolist()}, lines, right)
    return _write(output, machine, read, placed, (made, shares), fields, lines)


def _write(
    output: str,
    machine: Topology,
    read: Job,
    placed: Placement,
    plans: tuple[GroupPlans, Shares],
    fields: dict[str, object],
    lines: list[str],
) -> Answer:
    """Write the folder, and say what is in it."""
    fields |= laid_out.plan_fields(*plans)
    folder.save(output, machine, read, placed, *plans, fields)
    told = [*lines, *laid_out.plan_lines(*plans), f"written to {output}"]
    return Answer(fields | {"ranks": placed.ranks.tolist(), "written": output}, told)


def _search(
    job: str,
    topology: str | None,
    changes: tuple[str, ...],
    search: str,
    chosen: tuple[str | None, str | None, tuple[str, ...]],
    shown: int,
    jobs: int | None,
    time_limit: Seconds,
) -> Answer:
    """Rank layouts.

    Raises:
        UsageError: no machine is given, or something that a search has no use for.
    """
    if topology is None or any(map(is_given, ("output", "pin", "rate", "measured"))):
        raise click.UsageError(
            "--search takes JOB, TOPOLOGY, --set, --ranks, --without-rank, --beside, --shown "
            "and --jobs"
        )
    ranges = read_ranges(search)
    machine = spec.topology(topology)
    usable = _usable(machine, *chosen)
    read = load(job, changes, whole=False)
    helping = _crew(machine, np.unique(np.array(usable)), jobs)
    with progress(time_limit) as watch, stop_on_interrupt(watch), helping as crew:
        found = rank_layouts(machine, read, ranges, usable, shown, watch, crew)
    lines = laid_out.layouts_lines(read, machine.name, found)
    return Answer(
        {"job": read.name, "machine": machine.name, **laid_out.layouts_fields(found)}, lines
    )


@contextmanager
def _crew(machine: Topology, usable: IntArray, jobs: int | None) -> Iterator[Crew]:
    """Give who searches: this process, others of this computer, or those of an MPI job."""
    if jobs == 1:
        yield Crew(machine, usable)
        return
    told = (machine, usable)
    with elsewhere(hold, told) if jobs is None else here(jobs, hold, told) as executor:
        yield Crew(machine, usable, executor, jobs or count_started())


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


def _usable(
    machine: Topology, ranks: str | None, dead: str | None, beside: tuple[str, ...]
) -> list[Rank]:
    """List the ranks that may be used: alive, and of no other planned job.

    Raises:
        JobError: a plan is of another machine.
    """
    chosen = list(choose_ranks(machine, ranks))
    gone = set(selection.ranks(machine, dead)) if dead else set()
    for plan in beside:
        table, other = folder.load(plan)
        if other.names[: other.ranks] != machine.names[: machine.ranks]:
            raise JobError(f"--beside: {plan} is on {other.name}, expected {machine.name}")
        gone |= set(table.ranks)
    return [rank for rank in chosen if rank not in gone]


def _pins(machine: Topology, words: tuple[str, ...]) -> dict[Rank, Rank]:
    """Read which rank of the machine some ranks of the job must have.

    Raises:
        BadParameter: a word is no pin, or a rank is pinned twice.
    """
    found: dict[Rank, Rank] = {}
    for word in words:
        own, equals, name = word.partition("=")
        if not equals or not re.fullmatch("[0-9]{1,9}", own):
            raise click.BadParameter(f"{word[:60]!r}, expected RANK=NAME", param_hint="'--pin'")
        if int(own) in found:
            raise click.BadParameter(f"rank {own} is given twice", param_hint="'--pin'")
        found[int(own)] = selection.rank(machine, name)
    return found
