"""`commplan read`: a schedule in the format of another tool, judged."""

import click

from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command, table
from commplan.cli.io.arguments import file_name, heading, output, time_limit
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import gap, gigabytes, percent
from commplan.judgement.schedules import AtSize, Comparison, compare
from runtime.foreign.reading import load_foreign
from runtime.verify.verify import verify
from solvers.lp.linear_program import NotFound
from solvers.schedules import files
from solvers.schedules.schedule import Schedule
from topologies.formats import spec
from topologies.model.messages import show_value
from topologies.model.units import Bytes, Rate, Seconds, bytes_of, count_of, duration, rate


@click.command(cls=Command)
@click.argument("file", type=file_name)
@click.option("--topology", required=True, help="The machine it is for: a name, or a file.")
@click.option("--collective", help="Of a text that does not name it.")
@output(lambda: files.ENDINGS)
@click.option(
    "--size", type=quantities.size, help="Compare at one size, with the fastest schedule there."
)
@time_limit
def read(
    file: str,
    topology: str,
    collective: str | None,
    output: str,
    size: Bytes | None,
    time_limit: Seconds,
) -> Answer:
    """Make a schedule of one in another tool's format, and say what it is worth.

    FILE is MSCCL XML, an MSCCL++ plan, an output of TE-CCL or ForestColl, or lines as
    'src -> dst: piece step' (docs/exchanging.md). What is wrong is not written.
    """
    theirs = load_foreign(file, spec.topology(topology), collective)
    report = verify(theirs)
    if not report.correct:
        title = heading(theirs.topology, theirs.collective)
        fields = {"correct": False, "optimal": False, "faults": list(report.faults)}
        lines = [f"{title}: wrong", *(f"  {fault}" for fault in report.faults)]
        return Answer(fields, lines, yes=False)
    with progress(time_limit) as watch:
        try:
            found = compare(theirs, size, watch)
        except NotFound as error:
            raise NotFound(f"what {show_value(file)}, which is right, is worth: {error}") from None
        watch.tell("writing")
        files.save(found.schedule, output)
    return Answer(_fields(found, output), _lines(found, output))


def _fields(found: Comparison, output: str) -> dict[str, object]:
    bound = found.schedule.bound.algbw
    return {
        "correct": found.report.correct,
        "optimal": found.report.optimal,
        "faults": list(found.report.faults),
        "format": _form(found.schedule),
        "collective": found.schedule.collective.name,
        "path": output,
        "bound_GBps": gigabytes(bound),
        "algbw_GBps": gigabytes(found.report.algbw),
        "gap": gap(found.report.algbw, bound),
        "height": found.report.height,
        "transfers": len(found.schedule.transfers),
        "ours_algbw_GBps": gigabytes(found.report_ours.algbw),
        "ours_height": found.report_ours.height,
        "rows": [
            {"size": row.size, "seconds": row.theirs, "ours_seconds": row.ours}
            for row in found.times
        ],
    }


def _form(schedule: Schedule) -> str:
    return str(schedule.provenance.get("solver", ""))


def _lines(found: Comparison, output: str) -> list[str]:
    bound, report, ours = found.schedule.bound, found.report, found.report_ours
    title = heading(found.schedule.topology, found.schedule.collective)
    proof = "optimal: proved" if report.optimal else "optimal: not proved"
    part = percent(_ratio(report.algbw, bound.algbw))
    more = _ratio(ours.algbw, report.algbw)
    rows = [
        ("read as", f"{_form(found.schedule)}, {count_of(len(found.schedule.transfers), 'send')}"),
        ("bound", f"{rate(bound.algbw)} ({bound.scope})"),
        ("achieved", f"{rate(report.algbw)}, {part} of the bound, {proof}"),
        ("height", f"{report.height}, ours {ours.height}"),
        (
            "ours",
            f"{rate(ours.algbw)}, {'as much' if more == 1 else f'{more or 1:.3g} times as much'}",
        ),
        *((f"at {bytes_of(row.size)}", _row(row)) for row in found.times),
        ("written to", output),
    ]
    return table(f"{title}: right", rows)


def _ratio(one: Rate | None, other: Rate | None) -> float | None:
    return float(one / other) if one and other else None


def _row(row: AtSize) -> str:
    who = row.theirs / row.ours if row.ours else 1.0
    return f"{duration(row.theirs)}, ours {duration(row.ours)}: {_times(who)} as fast"


def _times(ratio: float | None) -> str:
    return "just" if ratio is None or 0.995 <= ratio <= 1.005 else f"{ratio:.3g} times"
