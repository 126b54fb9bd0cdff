"""`commplan emit` and `commplan run`: a schedule as a program, and what mpirun says to it."""

import click

from commplan.cli.commands.jobs.sets import or_of_set, run_set_here
from commplan.cli.io.answer import Answer, Command, table
from commplan.cli.io.arguments import (
    dtype,
    heading,
    lead_option,
    one_schedule_in,
    output,
    schedule_in,
    size_option,
    size_or_demand,
    verify_first,
)
from commplan.cli.io.failures import say
from commplan.cli.io.measured.launching import map_file, read_map, runs, timeout, trace_file
from commplan.cli.io.needless import refuse_op
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import Name, Whole, gigabytes
from commplan.cli.io.targets import target_name, target_option
from commplan.cli.io.timelines import RunTimeline, expect_timeline, trace_fields, trace_rows
from runtime.emit.targets import read_target, write
from runtime.launch import launch
from runtime.metrics.pacing import pacing_of, with_lead
from runtime.program.program import OPS
from solvers.schedules.schedule import Schedule
from topologies.formats import atomic
from topologies.model.units import Bytes, Seconds, bytes_of, count_of, duration, rate


@click.command(cls=Command)
@one_schedule_in
@click.option(
    "--target",
    type=target_name,
    metavar="TARGET",
    required=True,
    help="mpi4py, c, mscclpp, chakra, goal, dot, graphml, or one of a package: NAME:KEY=VALUE.",
)
@click.option(
    "--equal-chunks",
    type=Whole(1, 2**20),
    help="Round the shares of a block to so many equal chunks, where a target has only such.",
)
@output()
def emit(schedule: Schedule, target: str, equal_chunks: int | None, output: str) -> Answer:
    """Write a schedule as a program that needs nothing of commplan.

    docs/exchanging.md has the targets that other tools load, and their options.
    """
    if equal_chunks is not None:
        target = target_name(f"{target}:equal-chunks={equal_chunks}")
    _expect_ending(target, output)
    verify_first(schedule)
    made = write(schedule, target)
    try:
        if made.files:
            atomic.write_folder(output, made.files)
        else:
            atomic.write(output, made.text)
    except OSError as error:
        raise click.UsageError(f"{output}: {(error.strerror or str(error)).lower()}") from None
    title = heading(schedule.topology, schedule.collective)
    lines = [f"{title}: {target} written to {output}", *(f"  {note}" for note in made.notes)]
    return Answer({"path": output, "target": target, **made.fields}, lines)


def _expect_ending(target: str, output: str) -> None:
    """Refuse a name that ends as a file of another language.

    Raises:
        BadParameter: it does.
    """
    try:
        atomic.expect_ending(output, read_target(target)[0].endings or [""])
    except ValueError as error:
        raise click.BadParameter(f"{output}: {error}", param_hint="--output") from None


@click.command(cls=Command)
@or_of_set(run_set_here, "size", "target", "op", "lead", "trace")
@schedule_in
@size_option
@target_option("mpi4py")
@dtype
@click.option(
    "--op",
    type=Name("operation", list(OPS)),
    default="sum",
    show_default=True,
    help="How elements are joined, of collectives that add.",
)
@lead_option
@runs(20, 5)
@map_file
@timeout(600.0)
@trace_file
def run(
    schedule: Schedule,
    size: Bytes | None,
    target: str,
    dtype: str,
    op: str,
    lead: int | None,
    iterations: int,
    warmup: int,
    map_file: str | None,
    timeout: Seconds,
    trace: str | None,
) -> Answer:
    """Run a schedule under mpirun and check every rank's result."""
    expect_timeline(trace)
    bytes_asked = size_or_demand(schedule.collective, size)
    refuse_op(schedule.collective)
    verify_first(schedule)
    schedule = with_lead(schedule, lead)
    drawn = None if trace is None else RunTimeline(schedule, trace)
    played = () if map_file is None else read_map(map_file, schedule)
    with progress() as watch:
        watch.tell("running under mpirun")
        measured = launch.run(
            schedule,
            [bytes_asked],
            target,
            dtype=dtype,
            op=op,
            iterations=iterations,
            warm_up=warmup,
            played=played,
            timeout=timeout,
            trace=drawn,
        )[0]
    if measured.wrong:
        say(f"wrong result: {count_of(measured.wrong, 'element')} not as the definition asks for")
    return _describe_run(schedule, target, measured, drawn)


def _describe_run(
    schedule: Schedule, target: str, measured: launch.Measurement, drawn: RunTimeline | None
) -> Answer:
    fields = {
        "collective": schedule.collective.name,
        "seconds": measured.seconds,
        "algbw_GBps": gigabytes(measured.algbw),
        "wrong": measured.wrong,
        "ranks": measured.ranks,
        "busbw_GBps": gigabytes(measured.busbw),
        "size": measured.size,
        "chunks": measured.chunks,
        "lead": pacing_of(schedule).lead,
        **trace_fields(drawn),
    }
    title = f"{heading(schedule.topology, schedule.collective)}, {bytes_of(measured.size)}"
    rows = [
        (
            "measured",
            f"{duration(measured.seconds)} ({target}, {count_of(measured.ranks, 'process')})",
        ),
        ("algbw", rate(measured.algbw)),
        ("busbw", rate(measured.busbw)),
        ("wrong", count_of(measured.wrong or 0, "element")),
        *trace_rows(drawn),
    ]
    return Answer(fields, table(title, rows), measured.wrong == 0)
