"""`commplan compile`: the schedule."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from time import monotonic
from typing import TYPE_CHECKING

import click

from commplan.anytime.abandon import end_with, overtime
from commplan.anytime.interrupts import stop_on_interrupt
from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command, table
from commplan.cli.io.arguments import (
    dtype,
    heading,
    options,
    output,
    problem,
    size_option,
    size_or_demand,
    time_limit,
    whole_elements,
)
from commplan.cli.io.needless import refuse_type
from commplan.cli.io.plans.explain import candidate_rows, part_fields, part_rows, reached_rows
from commplan.cli.io.plans.fields import plan_fields
from commplan.cli.io.plans.stages import stage_rows
from commplan.cli.io.progress import name_untried, progress
from commplan.cli.io.quantities import gap, percent
from commplan.planning.planner import Plan, plan
from runtime.metrics.chunking import LARGE
from runtime.simulate.simulate import simulate
from solvers.schedules import files
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import has_blocks, is_sized
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NotFound, Watch
from solvers.settings.options import SWITCHINGS, SolverOptions, Switching
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds, Share, bytes_of, count_of, duration, rate

if TYPE_CHECKING:
    from commplan.planning.size_set import SizeRange


@click.command(cls=Command)
@problem
@output(lambda: files.ENDINGS)
@size_option
@dtype
@time_limit
@options
@click.option(
    "--trees",
    type=quantities.Whole(1, 2**16),
    help="Trees of each root, at most.",
)
@click.option(
    "--max-scratch",
    type=quantities.scratch,
    help="Scratch that a rank may need: a part of the size, as 0.5 or 50%, or bytes, as 64KiB.",
)
@click.option(
    "--sizes",
    type=quantities.sizes,
    help="Write a set: the best schedule of each size from one to another, as 1KiB:1GiB.",
)
@click.option(
    "--jobs",
    type=quantities.jobs,
    default="1",
    show_default=True,
    metavar="N|mpi",
    help="Processes that race a set: so many here, or those of mpiexec python -m mpi4py.futures.",
)
@click.option(
    "--switching",
    type=quantities.Name("switching", SWITCHINGS),
    default="cut-through",
    show_default=True,
    help="How a message crosses several links, for the choice at a size.",
)
@click.option(
    "--reach",
    is_flag=True,
    help="Without a size, play the program at 1 GiB also where that takes long.",
)
@click.option(
    "--explain", is_flag=True, help="Show all candidates at the size, and what each waits for."
)
def compile(
    machine: Topology,
    what: Collective,
    output: str,
    size: Bytes | None,
    dtype: str,
    time_limit: Seconds,
    options: SolverOptions,
    trees: int | None,
    max_scratch: Fraction | int | None,
    sizes: tuple[int, int] | None,
    jobs: int | None,
    switching: Switching,
    reach: bool,
    explain: bool,
) -> Answer:
    """Find a schedule, verify it, and write it to a file.

    With --size it is the fastest one known at that size, without it the one of highest throughput.
    With --sizes it is a set: a schedule for each size, and where they change places; `simulate`,
    `run` and others take from it the one for their --size.
    An all_to_allv, dispatch or combine is planned for the size of its demand where no other is
    given.
    """
    if sizes and (size is not None or is_sized(what)):
        raise click.BadParameter("the size is one already", param_hint="--sizes")
    if size not in (None, what.total) and has_blocks(what):
        raise click.BadParameter(f"it is {what.total}, the sum of the blocks", param_hint="--size")
    if jobs != 1 and not sizes:
        raise click.BadParameter("only the schedules of --sizes are raced", param_hint="--jobs")
    if size is None and not is_sized(what):
        refuse_type("--size, whose elements are to be whole")
    if explain and size is None and not is_sized(what):
        raise click.BadParameter("needs --size to compare at", param_hint="--explain")
    if reach and (size is not None or is_sized(what)):
        raise click.BadParameter("only what has no size is played at 1 GiB", param_hint="--reach")
    started = monotonic()
    if size is not None or is_sized(what):
        size = whole_elements(what, size_or_demand(what, size), dtype)
    room = _room(max_scratch, size)
    limits = replace(options, trees=trees, switching=switching)
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        grace = overtime(watch)
        parts: Sequence[SizeRange] = ()
        made = plan(machine, what, size=size, options=limits, max_scratch=room, watch=watch)
        if reach and made.reached is None:
            watch.tell("playing it")
            with suppress(NotFound), end_with(watch, grace):
                made = replace(made, reached=simulate(made.schedule, LARGE))
        if sizes:
            with end_with(watch, grace):
                parts = _make_set(made.schedule, sizes, watch, limits, room, jobs)
        watch.tell("writing")
        if parts:
            files.save_set([(p.start, p.best.schedule) for p in parts], output)
        else:
            files.save(made.schedule, output)
    made = replace(made, not_tried=tuple(watch.not_tried))
    fields = plan_fields(made, monotonic() - started) | part_fields(parts)
    more = candidate_rows(made) if explain else part_rows(parts)
    return Answer(fields, _lines(made, fields, output, more))


def _make_set(
    best: Schedule,
    sizes: tuple[Bytes, Bytes],
    watch: Watch,
    options: SolverOptions,
    room: Share | None,
    jobs: int | None,
) -> "Sequence[SizeRange]":
    """Find the best schedule of each size; what that takes is imported only here."""
    from commplan.candidates.races import cores, hosts
    from commplan.planning.size_set import size_set

    helped = hosts if jobs is None else cores(jobs)
    return size_set(best, *sizes, watch, options, room, helped)


def _room(max_scratch: Fraction | int | None, size: Bytes | None) -> Fraction | None:
    """Compute the scratch allowed as a part of the size.

    Raises:
        BadParameter: it is in bytes, and there is no size.
    """
    if max_scratch is None or isinstance(max_scratch, Fraction):
        return max_scratch
    if size is None:
        raise click.BadParameter("bytes need --size to compare with", param_hint="--max-scratch")
    return Fraction(max_scratch, size)


def _lines(
    made: Plan, fields: dict[str, object], output: str, more: list[tuple[str, str]]
) -> list[str]:
    schedule, report = made.schedule, made.report
    rows = [
        ("bound", f"{rate(schedule.bound.algbw)} ({schedule.bound.scope})"),
        ("achieved", f"{rate(report.algbw)}, {_proof(made)}"),
    ]
    rows += reached_rows(made)
    if made.not_tried:
        rows.append(("not tried", name_untried(made.not_tried)))
    if schedule.at_switches:
        rows.append(("in-network", "switches copy or add, which no program of ours can do yet"))
    if made.size is not None and made.predicted is not None and made.bound is not None:
        times = f"{duration(made.predicted)} predicted, bound {duration(made.bound)}"
        rows += [(f"{bytes_of(made.size)}", times), ("chosen", made.reason), *stage_rows(fields)]
    rows += [
        *more,
        ("height", _height(report.height)),
        ("transfers", f"{fields['transfers']:,} ({fields['solver']})"),
        ("scratch", f"{float(made.scratch):.4g} of the size, at most, on a rank"),
        ("spent", f"{fields['seconds']:.1f} s, {fields['peak_memory_MB']:.0f} MB"),
        ("written to", output),
    ]
    return table(heading(schedule.topology, schedule.collective), rows)


def _height(messages: int) -> str:
    return count_of(messages, "message") + " one after the other" * (messages > 1)


def _proof(made: Plan) -> str:
    """Say whether the optimum is proved, or how far it may be and what stands in the way."""
    schedule, report = made.schedule, made.report
    if report.optimal:
        return "optimal: proved"
    away = f"optimal: not proved, gap {percent(gap(report.algbw, schedule.bound.algbw))}"
    if made.size is not None or not schedule.in_network:
        return away
    return f"{away} (which trees branch best at switches is a Steiner problem, not solved)"
