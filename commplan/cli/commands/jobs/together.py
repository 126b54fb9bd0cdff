"""`commplan together`: collectives that run at the same time, planned as one."""

from time import monotonic

import click

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import file_name, output, time_limit
from commplan.cli.io.jobs.together import planned_fields, planned_lines
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import Name
from commplan.together.alone import as_ensemble
from commplan.together.of_job import PlannedGroups, read_plan
from commplan.together.planning import Together
from commplan.together.planning import together as plan
from commplan.together.reading import read_list, read_words
from solvers.schedules.capabilities import Relays
from solvers.schedules.ensembles import files
from solvers.schedules.ensembles.ensemble import Ensemble
from solvers.schedules.files import ENDINGS
from topologies.formats import spec
from topologies.model.units import Seconds


@click.command(cls=Command)
@click.argument("topology", required=False)
@click.option(
    "--group",
    "words",
    multiple=True,
    metavar="RANKS:COLLECTIVE:SIZE",
    help="A collective, as 0-7:all_gather:1MiB; RANKS/8 are groups of 8 in a row, RANKS%8 groups "
    "of every eighth rank, all is everyone.",
)
@click.option("--list", "listed", type=file_name, help="CSV of ranks, collective, bytes.")
@click.option("--plan", "folder", type=file_name, help="Folder of `commplan job -o`: its groups.")
@click.option(
    "--kinds",
    help="With --plan: kinds of groups, as ep,dp; the others with their bytes for a call of the "
    "first.",
)
@click.option(
    "--relays",
    type=Name("use of relays", ("none", "forward")),
    help="What ranks do for collectives that they are not in: nothing, or pass messages on (none; "
    "with --plan as its ranks were placed).",
)
@click.option(
    "--alone", type=file_name, help="Write the set of separate plans as well, to be compared."
)
@click.option(
    "--throughput",
    is_flag=True,
    help="Take the set whose links need least, also where another is predicted to be over sooner.",
)
@output(lambda: ENDINGS)
@time_limit
def together(
    topology: str | None,
    words: tuple[str, ...],
    listed: str | None,
    folder: str | None,
    kinds: str | None,
    relays: Relays | None,
    alone: str | None,
    throughput: bool,
    output: str,
    time_limit: Seconds,
) -> Answer:
    """Plan collectives that run at the same time as one: the least time in which all are over.

    `verify`, `simulate`, `run` and `fabric run` take the file: all schedules, each with its share
    of the links, and the prices that prove the bound.
    """
    machine, tasks, needed = _read(topology, words, listed, folder, kinds)
    started = monotonic()
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        made = plan(machine, tasks, relays or needed, watch, throughput=throughput)
        watch.tell("writing")
        files.save(made.ensemble, output)
        if alone is not None:
            files.save(_separate(made), alone)
    spent = monotonic() - started
    fields = {"machine": machine.name, **planned_fields(made), "spent_seconds": spent}
    return Answer(fields | {"written": output}, planned_lines(made, spent, output))


def _read(
    topology: str | None,
    words: tuple[str, ...],
    listed: str | None,
    folder: str | None,
    kinds: str | None,
) -> PlannedGroups:
    """Read the machine, the collectives, and what other ranks do where nothing is said.

    Raises:
        UsageError: too little or too much is given.
    """
    if folder is not None:
        if topology or words or listed:
            raise click.UsageError("--plan has machine and groups: expected nothing besides")
        return read_plan(folder, kinds.split(",") if kinds else ())
    if topology is None or not (words or listed) or kinds:
        raise click.UsageError("expected TOPOLOGY and --group or --list, or --plan and --kinds")
    machine = spec.topology(topology)
    tasks = read_words(machine, words)
    more = read_list(machine, listed) if listed else []
    return PlannedGroups(machine, tasks + more, "none")


def _separate(made: Together) -> Ensemble:
    """Give the set of the separate plans.

    Raises:
        UsageError: there are none.
    """
    if made.separate:
        return made.ensemble
    if made.alone is None:
        raise click.UsageError("--alone: the time was over before they were planned")
    return as_ensemble(made.ensemble, made.alone).ensemble
