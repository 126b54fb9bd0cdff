"""`commplan report`: one page that shows a schedule."""

import click

from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import (
    Output,
    dtype,
    heading,
    schedule_in,
    size_option,
    size_or_demand,
    verify_first,
    whole_elements,
)
from commplan.cli.io.progress import progress
from commplan.report.page import make_page
from solvers.schedules.kinds import is_sized
from solvers.schedules.schedule import Schedule
from topologies.formats import atomic
from topologies.model.units import Bytes

USUAL = 2**20  # bytes


@click.command(cls=Command)
@schedule_in
@size_option
@dtype
@click.option(
    "-o", "--output", type=Output(lambda: (".html",)), required=True, help="Page to write."
)
def report(schedule: Schedule, size: Bytes | None, dtype: str, output: str) -> Answer:
    """Write one page in HTML: the proof drawn on the machine, times, links, and a timeline.

    --size is that of the timeline (1 MiB), and says which schedule of a set is meant.
    """
    verify_first(schedule)
    if size is None and not is_sized(schedule.collective):
        size = USUAL
    used = whole_elements(schedule.collective, size_or_demand(schedule.collective, size), dtype)
    with progress() as watch:
        watch.tell("playing it")
        page = make_page(schedule, used, click.get_current_context().params.get("file", ""))
    try:
        atomic.write(output, page)
    except OSError as error:
        raise click.UsageError(f"{output}: {(error.strerror or str(error)).lower()}") from None
    title = heading(schedule.topology, schedule.collective)
    return Answer({"written": output, "bytes": len(page)}, [f"{title}: report written to {output}"])
