"""`commplan contingency`: schedules for every single failure of a machine."""

from time import monotonic

import click

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.changes import contingency_folder
from commplan.changes.contingency import Contingency, Outcome, plan_contingency
from commplan.changes.failures import KINDS
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import file_name, heading, one_schedule_in, time_limit
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import gigabytes, percent
from solvers.schedules.schedule import Schedule
from topologies.model.messages import unknown
from topologies.model.units import Seconds, Share


def _new_folder(context: click.Context, parameter: click.Parameter, folder: str) -> str:
    """Refuse a folder that cannot be made before any work."""
    contingency_folder.check_new(file_name(folder))
    return folder


def _kinds(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    """Read which failures are meant."""
    chosen = tuple(dict.fromkeys(text.split(",")))
    for word in chosen:
        if word not in KINDS:
            raise click.BadParameter(unknown("kind of failure", word, KINDS))
    return chosen


@click.command(cls=Command)
@one_schedule_in
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    callback=_new_folder,
    help="Folder to write.",
)
@click.option(
    "--kinds",
    default=",".join(KINDS),
    show_default=True,
    callback=_kinds,
    help="Which failures.",
)
@time_limit
def contingency(
    schedule: Schedule, output: str, kinds: tuple[str, ...], time_limit: Seconds
) -> Answer:
    """Plan for every single failure of a schedule's machine, and say what each costs.

    Links, NICs (the links of one class at a rank), ranks and switches; of failures that are alike
    in the machine and the collective one is planned for. A rank that fails is left out of the
    collective. The folder holds a schedule for each, and contingency.json with the table.
    """
    started = monotonic()
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        found = Contingency(tuple(plan_contingency(schedule, watch, kinds)))
        watch.tell("writing")
        contingency_folder.save(found.outcomes, output)
    seconds = monotonic() - started
    fields = {
        "failures": found.failures,
        "worst": float(found.worst),
        "median": float(found.median),
        "proved": all(each.proved for each in found.outcomes),
        "rows": [_row(each) for each in found.outcomes],
        "outcomes": [contingency_folder.row(each) for each in found.outcomes],
        "seconds": seconds,
    }
    end = [f"  spent {seconds:.1f} s", f"  written to {output}"]
    return Answer(fields, [*_outcomes(schedule, found), *end])


def _row(each: Outcome) -> dict[str, object]:
    """Give what a failure leaves and costs; no rates where there is no plan."""
    plan = each.plan
    return {
        "kind": each.failure.kind,
        "failure": each.failure.name,
        "count": each.failure.count,
        "bound_GBps": None if plan is None else gigabytes(plan.schedule.bound.algbw),
        "algbw_GBps": None if plan is None else gigabytes(plan.report.algbw),
        "loss": float(each.lost),
    }


def _cost(lost: Share) -> str:
    """Write what a failure costs; without a slow rank the others may be faster."""
    return percent(float(lost)) if lost >= 0 else f"gains {percent(-float(lost))}"


def _outcomes(schedule: Schedule, found: Contingency) -> list[str]:
    """Lay out what each failure costs, and the worst and the median."""
    rows = [("failure", "which, for all alike", "alike", "lost", "")]
    for each in found.outcomes:
        proof = each.reason or ("proved" if each.proved else "not proved")
        lost = _cost(each.lost)
        rows.append((each.failure.kind, each.failure.name, f"{each.failure.count:,}", lost, proof))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    a, b, c, d = widths
    lines = [
        f"  {kind:{a}}  {name:{b}}  {count:>{c}}  {lost:>{d}}  {proof}"
        for kind, name, count, lost, proof in rows
    ]
    sure = "" if all(each.proved for each in found.outcomes) else "at most "
    worst, median = (f"{sure}{percent(float(each))}" for each in (found.worst, found.median))
    return [
        heading(schedule.topology, schedule.collective),
        *(line.rstrip() for line in lines),
        f"  of {found.failures:,} single failures the worst costs {worst}, the median {median}",
    ]
