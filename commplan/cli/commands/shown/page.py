"""`commplan report`: one page that shows a schedule, or the plan of a job."""

import click
import numpy as np

from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import (
    Output,
    dtype,
    file_name,
    heading,
    open_schedule,
    size_option,
    size_or_demand,
    verify_first,
    whole_elements,
)
from commplan.cli.io.needless import is_given
from commplan.cli.io.progress import progress
from commplan.jobs import folder
from commplan.report.page import make_page
from commplan.report.step_page import PlannedRow, make_step_page
from solvers.jobs.errors import JobError
from solvers.jobs.layout import world
from solvers.placement.judge import Judge
from solvers.schedules.kinds import is_sized
from solvers.schedules.schedule import Schedule
from solvers.steps.step import step
from topologies.formats import atomic
from topologies.model.units import Bytes

USUAL = 2**20  # bytes


@click.command(cls=Command)
@click.argument("file", type=file_name)
@click.option("--topology", help="Refuse the file unless it was made for this machine.")
@size_option
@dtype
@click.option(
    "-o", "--output", type=Output(lambda: (".html",)), required=True, help="Page to write."
)
def report(file: str, topology: str | None, size: Bytes | None, dtype: str, output: str) -> Answer:
    """Write one page in HTML: the proof drawn on the machine, times, links, and a timeline.

    --size is that of the timeline (1 MiB), and says which schedule of a set is meant. FILE may be
    the folder of a job's plan: the page then shows its step and the timetable of its pipeline.
    """
    if folder.is_plan(file):
        if any(map(is_given, ("topology", "size", "dtype"))):
            raise click.UsageError("a job's plan takes -o alone")
        title, page = _of_job(file)
    else:
        title, page = _of_schedule(open_schedule(file, topology, size), size, dtype, file)
    try:
        atomic.write(output, page)
    except OSError as error:
        raise click.UsageError(f"{output}: {(error.strerror or str(error)).lower()}") from None
    return Answer({"path": output, "bytes": len(page)}, [f"{title}: report written to {output}"])


def _of_schedule(schedule: Schedule, size: Bytes | None, dtype: str, file: str) -> tuple[str, str]:
    """Make the page of a schedule, with its title."""
    verify_first(schedule)
    if size is None and not is_sized(schedule.collective):
        size = USUAL
    used = whole_elements(schedule.collective, size_or_demand(schedule.collective, size), dtype)
    with progress() as watch:
        watch.tell("playing it")
        page = make_page(schedule, used, file)
    return heading(schedule.topology, schedule.collective), page


def _of_job(place: str) -> tuple[str, str]:
    """Make the page of a job's plan, with its title."""
    table, machine = folder.load(place)
    job = folder.load_job(place)
    if world(job.layout) != len(table.ranks):
        raise JobError(f"{place}: {len(table.ranks)} ranks, the job has {world(job.layout)}")
    judge = Judge(machine, job, forward=table.others_forward)
    judged = judge.judge(np.array(table.ranks))
    rows = [
        PlannedRow(
            *(row.file.partition("/")[0], row.collective, row.groups, row.bytes),
            *(row.predicted_seconds, row.bound_seconds, row.optimal),
        )
        for row in table.schedules
    ]
    page = make_step_page(job, machine.name, judged, step(job, judged, len(table.ranks)), rows)
    return f"{job.name} on {machine.name}", page
