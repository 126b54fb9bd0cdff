"""`commplan replan` and `commplan contingency`: schedules for what is left of a machine."""

from time import monotonic

import click

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.changes import contingency_folder
from commplan.changes.contingency import Contingency, plan_contingency
from commplan.changes.failures import KINDS
from commplan.changes.replan import Replanned
from commplan.changes.replan import replan as replan_schedule
from commplan.cli.io.answer import Answer, Command, table
from commplan.cli.io.arguments import (
    file_name,
    heading,
    one_schedule_in,
    output,
    schedule_in,
    size_option,
    time_limit,
)
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import exact, gap, gigabytes, percent
from solvers.schedules import files
from solvers.schedules.schedule import Schedule
from topologies.derive.failures import read_damage
from topologies.model.messages import unknown
from topologies.model.units import Bytes, Seconds, Share, bytes_of, duration, rate


@click.command(cls=Command)
@schedule_in
@click.option("--without", multiple=True, metavar="SRC:DST|SWITCH", help="A link that is gone.")
@click.option("--without-rank", multiple=True, metavar="RANK", help="A rank that is gone.")
@click.option(
    "--slow", multiple=True, metavar="SRC:DST=PART", help="What is left of a link, as 0.5."
)
@click.option("--shrink", is_flag=True, help="Leave ranks that are gone out of the collective.")
@click.option(
    "--keep", is_flag=True, help="Change as little as the highest rate allows; slower if large."
)
@output(lambda: files.ENDINGS)
@size_option
@time_limit
def replan(
    schedule: Schedule,
    without: tuple[str, ...],
    without_rank: tuple[str, ...],
    slow: tuple[str, ...],
    shrink: bool,
    keep: bool,
    output: str,
    size: Bytes | None,
    time_limit: Seconds,
) -> Answer:
    """Plan anew for what is left of the machine of a schedule, and say what is lost.

    A duplex link is gone, or slower, both ways. Names may be patterns: 'n0.*:L2.0'. Each option may
    be given several times. With --size it is the fastest schedule known at that size; of a set,
    --size also says which schedule is meant.
    """
    if not (without or without_rank or slow):
        raise click.UsageError("nothing has failed; expected --without, --without-rank or --slow")
    started = monotonic()
    damage = read_damage(schedule.topology, without, without_rank, slow)
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        made = replan_schedule(schedule, damage, shrink=shrink, keep=keep, size=size, watch=watch)
        watch.tell("writing")
        files.save(made.plan.schedule, output)
    fields = _fields(made) | {"seconds": monotonic() - started}
    return Answer(fields, _lines(made, output, monotonic() - started))


def _fields(made: Replanned) -> dict[str, object]:
    found, report, change = made.plan.schedule, made.plan.report, made.difference
    return {
        "algbw_GBps": gigabytes(report.algbw),
        "algbw_exact": exact(report.algbw),
        "algbw_before_GBps": gigabytes(made.before),
        "lost": None if made.lost is None else float(made.lost),
        "bound_GBps": gigabytes(found.bound.algbw),
        "bound_exact": exact(found.bound.algbw),
        "optimal": report.optimal,
        "gap": gap(report.algbw, found.bound.algbw),
        "predicted_seconds": made.plan.predicted,
        "predicted_before_seconds": made.took,
        "ranks": len(found.collective.ranks),
        "pairs_before": change.before,
        "pairs": change.after,
        "pairs_dropped": change.dropped,
        "pairs_added": change.added,
        "pairs_changed": change.changed,
        "ranks_touched": change.ranks,
        "not_tried": list(made.plan.not_tried),
    }


def _lines(made: Replanned, output: str, seconds: float) -> list[str]:
    found, report = made.plan.schedule, made.plan.report
    away = percent(gap(report.algbw, found.bound.algbw))
    proof = "proved" if report.optimal else f"not proved, gap {away}"
    rows = [
        ("before", rate(made.before)),
        ("bound", f"{rate(found.bound.algbw)} ({found.bound.scope})"),
        ("achieved", f"{rate(report.algbw)}, optimal: {proof}"),
    ]
    if made.lost is not None:
        rows.append(("lost", f"{percent(float(made.lost))} of the rate"))
    if made.plan.not_tried:
        rows.append(("not tried", f"{', '.join(made.plan.not_tried)}: the time was over"))
    if made.plan.predicted is not None and made.plan.size is not None:
        before = "" if made.took is None else f", before {duration(made.took)}"
        rows.append(
            (bytes_of(made.plan.size), f"{duration(made.plan.predicted)} predicted{before}")
        )
    rows += [
        ("changed", _change(made)),
        ("spent", f"{seconds:.1f} s"),
        ("written to", output),
    ]
    return table(heading(found.topology, found.collective), rows)


def _change(made: Replanned) -> str:
    change = made.difference
    if not change.ranks:
        return "nothing: no rank sends or receives anything else than before"
    return (
        f"of {change.before:,} pairs of ranks {change.dropped:,} are gone, {change.changed:,} "
        f"carry another amount, {change.added:,} are new; ranks touched: {change.ranks:,}"
    )


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
        "outcomes": [contingency_folder.row(each) for each in found.outcomes],
        "seconds": seconds,
    }
    end = [f"  spent {seconds:.1f} s", f"  written to {output}"]
    return Answer(fields, [*_outcomes(schedule, found), *end])


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
