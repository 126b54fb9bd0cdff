"""`commplan verify` and `commplan simulate`: is a schedule right, and how fast will it be."""

from dataclasses import replace

import click

from commplan.cli.commands.jobs.sets import or_of_set, simulate_set, verify_set
from commplan.cli.io.answer import Answer, Command, table
from commplan.cli.io.arguments import (
    dtype,
    file_name,
    heading,
    lead_option,
    one_schedule_in,
    schedule_in,
    size_option,
    size_or_demand,
    verify_first,
    whole_elements,
)
from commplan.cli.io.needless import refuse_achieved
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import Name, gigabytes
from commplan.cli.io.timelines import write_timeline
from runtime.alone.own_scratch import needed_scratch
from runtime.interpret.check import faults as program_faults
from runtime.program.buffer_plan import moves
from runtime.program.lower import lower
from runtime.simulate import simulate as simulator
from runtime.verify.verify import Report
from runtime.verify.verify import verify as check
from solvers.schedules.collective import Movement
from solvers.schedules.schedule import Schedule
from solvers.settings.options import SWITCHINGS, Switching
from topologies.derive.derate import derate
from topologies.model.units import Bytes, bytes_of, count_of, duration, rate

LOWERED = 300_000  # transfers up to which the program is made and run in memory as well
SAME = "the same at all ranks"
DIFFERENT = "different at some ranks, as they add in different orders; no program is made of it"
COUNTS = ((1, 1), (1009, 2))  # elements, more or less, and chunks, of the programs that are tried


@click.command(cls=Command)
@or_of_set(verify_set, "size")
@one_schedule_in
def verify(schedule: Schedule) -> Answer:
    """Check a schedule and its certificate from the ground up, and the program it becomes."""
    with progress() as watch:
        watch.tell("verifying")
        report = check(schedule)
        faults = list(report.faults)
        transfers = len(schedule.transfers) * schedule.group.order
        lowered = report.correct and transfers <= LOWERED and not schedule.at_switches
        if lowered:
            watch.tell("running its program in memory")
            faults += _program(schedule)
    correct, optimal = not faults, report.optimal and not faults
    fields = {
        "correct": correct,
        "optimal": optimal,
        "faults": faults,
        "algbw_GBps": gigabytes(report.algbw),
        "program_checked": lowered,
        "in_network": schedule.at_switches,
        "bits": _bits(schedule, report),
        "scratch": float(needed_scratch(schedule)) if correct else None,
    }
    return Answer(fields, _verdict(schedule, fields, rate(report.algbw)), correct)


def _bits(schedule: Schedule, report: Report) -> str | None:
    """Say whether ranks that get one sum get the same bits of it; nothing where none do."""
    what = schedule.collective
    if what.shape.movement is Movement.PERSONALISED:
        return None
    summed = (len(h) > 1 and len(w) > 1 for h, w in zip(what.holders, what.wanters, strict=True))
    if report.same_bits is None or not any(summed):
        return None
    return SAME if report.same_bits else DIFFERENT


def _program(schedule: Schedule) -> list[str]:
    """List what is wrong with small programs made of a schedule."""
    plan = moves(schedule)
    return [
        f"program of {count} elements: {fault}"
        for count, chunks in COUNTS
        for fault in program_faults(lower(plan, count, chunks=chunks), schedule.collective)
    ]


def _verdict(schedule: Schedule, fields: dict[str, object], achieved: str) -> list[str]:
    title = heading(schedule.topology, schedule.collective)
    if not fields["correct"]:
        faults = fields["faults"]
        assert isinstance(faults, list)
        return [f"{title}: wrong", *(f"  {fault}" for fault in faults)]
    limit = f"{rate(schedule.bound.algbw)} ({schedule.bound.scope})"
    checked = "run in memory, right" if fields["program_checked"] else "too large to run in memory"
    if fields["in_network"]:
        checked = "none: switches copy or add"
    return table(
        f"{title}: right",
        [
            ("bound", limit),
            ("achieved", f"{achieved}, optimal: {'' if fields['optimal'] else 'not '}proved"),
            ("scratch", f"{fields['scratch']:.4g} of the size, at most, on a rank"),
            ("program", checked),
            *([("bits", str(fields["bits"]))] if fields["bits"] else []),
        ],
    )


@click.command(cls=Command)
@or_of_set(simulate_set, "size", "dtype", "lead", "achieved", "trace")
@schedule_in
@size_option
@dtype
@click.option(
    "--switching",
    type=Name("switching", SWITCHINGS),
    default="cut-through",
    show_default=True,
    help="How a message crosses several links.",
)
@click.option(
    "--sharing",
    type=Name("sharing", simulator.SHARINGS),
    default="fifo",
    show_default=True,
    help="Links serve one message after the other, or all at once.",
)
@lead_option
@click.option(
    "--achieved",
    is_flag=True,
    help="Links at the part of their bandwidth that their class says was measured.",
)
@click.option(
    "--trace",
    type=file_name,
    help="Write a timeline by rank and by link for Perfetto and Chrome (.json).",
)
def simulate(
    schedule: Schedule,
    size: Bytes | None,
    dtype: str,
    switching: Switching,
    sharing: simulator.Sharing,
    lead: int | None,
    achieved: bool,
    trace: str | None,
) -> Answer:
    """Predict the time of a schedule at one size."""
    asked = size_or_demand(schedule.collective, size)
    if achieved:
        refuse_achieved(schedule)
    verify_first(schedule)
    used = whole_elements(schedule.collective, asked, dtype)
    with progress() as watch:
        watch.tell("simulating")
        machine = derate(schedule.topology) if achieved else schedule.topology
        found = simulator.simulate(
            replace(schedule, topology=machine), used, switching, lead=lead, sharing=sharing
        )
        drawn = None
        if trace is not None:
            watch.tell("drawing it")
            drawn = write_timeline(replace(schedule, topology=machine), found, trace)
    fields = {
        "predicted_seconds": found.seconds,
        "algbw_GBps": gigabytes(found.algbw),
        "busbw_GBps": gigabytes(found.busbw),
        "bottleneck": str(found.bottleneck),
        "size": used,
        "chunks": found.chunks,
        "lead": found.lead,
        "messages": found.messages,
        "least_message": found.least_message,
        "achieved": achieved,
        **({} if drawn is None else {"trace": trace, "trace_seconds": drawn}),
    }
    title = f"{heading(schedule.topology, schedule.collective)}, {bytes_of(used)}"
    words = [switching, *(["links share"] if sharing == "fair" else [])]
    words += [count_of(found.chunks, "chunk"), f"lead {found.lead}"]
    words += ["bandwidths as achieved"] if achieved else []
    rows = [
        ("predicted", f"{duration(found.seconds)} ({', '.join(words)})"),
        ("algbw", rate(found.algbw)),
        ("busbw", rate(found.busbw)),
        ("bottleneck", str(found.bottleneck)),
        *([] if drawn is None else [("trace", f"{trace}, over in {duration(drawn)}")]),
    ]
    return Answer(fields, table(title, rows))
