"""`commplan replan`: a schedule for what is left of a machine."""

from time import monotonic

import click

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.changes.replan import Replanned
from commplan.changes.replan import replan as replan_schedule
from commplan.cli.io.answer import Answer, Command, table
from commplan.cli.io.arguments import (
    heading,
    output,
    schedule_in,
    size_option,
    time_limit,
)
from commplan.cli.io.plans.fields import plan_fields
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import gap, gigabytes, percent
from solvers.schedules import files
from solvers.schedules.schedule import Schedule
from topologies.derive.failures import read_damage
from topologies.model.units import Bytes, Seconds, bytes_of, duration, rate


@click.command(cls=Command)
@schedule_in
@click.option("--without", multiple=True, metavar="SRC:DST|SWITCH", help="A link that is gone.")
@click.option("--without-rank", multiple=True, metavar="RANK", help="A rank that is gone.")
@click.option(
    "--slow", multiple=True, metavar="SRC:DST=PART", help="What is left of a link, as 0.5 or 50%."
)
@click.option("--shrink", is_flag=True, help="Leave ranks that are gone out of the collective.")
@click.option(
    "--keep",
    is_flag=True,
    help="Change as few transfers as the highest rate allows; large plans take longer.",
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
    spent = monotonic() - started
    return Answer(plan_fields(made.plan, spent) | _fields(made), _lines(made, output, spent))


def _fields(made: Replanned) -> dict[str, object]:
    change = made.difference
    return {
        "algbw_before_GBps": gigabytes(made.before),
        "lost": None if made.lost is None else float(made.lost),
        "predicted_before_seconds": made.took,
        "ranks": len(made.plan.schedule.collective.ranks),
        "pairs_before": change.before,
        "pairs": change.after,
        "pairs_dropped": change.dropped,
        "pairs_added": change.added,
        "pairs_changed": change.changed,
        "ranks_touched": change.ranks,
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
