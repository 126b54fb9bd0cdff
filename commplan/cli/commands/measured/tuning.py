"""`commplan tune`: the schedule that is fastest when it is run."""

from collections.abc import Iterator

import click

from commplan.cli.io.answer import Answer, Command, table
from commplan.cli.io.arguments import (
    dtype,
    heading,
    output,
    problem,
    size_option,
    size_or_demand,
    whole_elements,
)
from commplan.cli.io.measured.launching import map_file, runs, timeout
from commplan.cli.io.progress import name_untried, progress
from commplan.cli.io.quantities import SecondsRange, Whole, gap, gigabytes, percent
from commplan.cli.io.targets import target_option
from commplan.tuning.launches import Manner
from commplan.tuning.tune import Tuned
from commplan.tuning.tune import tune as tune_by_launches
from commplan.tuning.turns import Tried
from runtime.fabric import machine as emulated
from runtime.launch import rank_map
from solvers.schedules import files
from solvers.schedules.collective import Collective
from solvers.schedules.kinds import has_blocks
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds, bytes_of, count_of, duration, rate

NAME = 48  # characters of a candidate's name in the table


@click.command(cls=Command)
@problem
@output(lambda: files.ENDINGS)
@size_option
@dtype
@click.option(
    "--candidates",
    type=Whole(1, 1000),
    default=12,
    show_default=True,
    help="How many are run: the best predicted of each kind, and those of fewest messages.",
)
@click.option(
    "--launches",
    type=Whole(1, 1000),
    default=3,
    show_default=True,
    help="Of each, in turns; what is twice as slow as another is launched once.",
)
@target_option("c")
@click.option(
    "--fabric", is_flag=True, help="Run on the emulated machine that is up, not on this computer."
)
@runs(20, 5)
@map_file
@timeout(60.0)
@click.option(
    "--time-limit",
    type=SecondsRange(0, 10**7, min_open=True),
    default=600.0,
    show_default=True,
    help="Seconds for planning and all launches.",
)
def tune(
    machine: Topology,
    what: Collective,
    output: str,
    size: Bytes | None,
    dtype: str,
    candidates: int,
    launches: int,
    target: str,
    fabric: bool,
    iterations: int,
    warmup: int,
    map_file: str | None,
    timeout: Seconds,
    time_limit: Seconds,
) -> Answer:
    """Run the candidates for a size under mpirun, and write the one that is fastest.

    They are run in turns, as `run` does it, and their results are checked. What fails or gives a
    wrong result is not chosen; where launches do not tell candidates apart, the better predicted
    one is. The schedule is verified and has bound and proof as that of `compile`.
    """
    if size not in (None, what.total) and has_blocks(what):
        raise click.BadParameter(f"it is {what.total}, the sum of the blocks", param_hint="--size")
    asked = whole_elements(what, size_or_demand(what, size), dtype)
    names = machine.names[: machine.ranks]
    played = () if map_file is None else rank_map.read(map_file, tuple(what.ranks), names)
    up = emulated.current_machine() if fabric else None
    manner = Manner(target, dtype, iterations, warmup, played, timeout, up)
    with progress(time_limit) as watch:
        found = tune_by_launches(
            machine,
            what,
            size=asked,
            candidates=candidates,
            launches=launches,
            manner=manner,
            watch=watch,
        )
        watch.tell("writing")
        files.save(found.schedule, output)
    return Answer(_fields(found, asked, output), _lines(found, asked, manner, output))


def _fields(found: Tuned, size: Bytes, path: str) -> dict[str, object]:
    report, chosen = found.report, found.chosen
    return {
        "path": path,
        "size": size,
        "chosen": chosen.candidate.name,
        "measured_seconds": chosen.median,
        "predicted_seconds": chosen.predicted,
        "bound_seconds": found.plan.bound,
        "algbw_GBps": gigabytes(report.algbw),
        "bound_GBps": gigabytes(found.schedule.bound.algbw),
        "optimal": report.optimal,
        "gap": gap(report.algbw, found.schedule.bound.algbw),
        "not_tried": list(found.not_tried),
        "candidates": [
            {
                "name": each.candidate.name,
                "messages": each.messages,
                "predicted_seconds": each.predicted,
                "measured_seconds": each.median if each.seconds else None,
                "spread_seconds": each.spread if each.seconds else None,
                "launches": list(each.seconds),
                "fault": each.fault,
            }
            for each in found.tried
        ],
    }


def _lines(found: Tuned, size: Bytes, manner: Manner, path: str) -> list[str]:
    report, schedule, chosen = found.report, found.schedule, found.chosen
    where = "this computer" if manner.machine is None else "the emulated machine that is up"
    away = percent(gap(report.algbw, schedule.bound.algbw))
    proof = "optimal: proved" if report.optimal else f"optimal: not proved, gap {away}"
    rows = [
        (
            "run on",
            f"{where} ({manner.target}, {count_of(len(schedule.collective.ranks), 'rank')})",
        ),
        *_tried_rows(found),
        ("chosen", f"{chosen.candidate.name}: {_reason(found)}"),
        ("bound", f"{rate(schedule.bound.algbw)} ({schedule.bound.scope})"),
        ("achieved", f"{rate(report.algbw)}, {proof}"),
    ]
    if found.not_tried:
        rows.append(("not tried", name_untried(found.not_tried)))
    title = f"{heading(schedule.topology, schedule.collective)}, {bytes_of(size)}"
    return table(title, [*rows, ("written to", path)])


def _reason(found: Tuned) -> str:
    """Say what the choice takes, and what that which is chosen without measuring would."""
    chosen, first = found.chosen, found.plan.candidates[0]
    took = f"{duration(chosen.median)} measured"
    other = next((each for each in found.tried if each.candidate is first), None)
    if other is None or not other.valid or other is chosen:
        return took
    return f"{took}, against {duration(other.median)} of {first.name}, predicted to be the fastest"


def _tried_rows(found: Tuned) -> Iterator[tuple[str, str]]:
    """Write the table: the fastest first, then what failed."""
    head = (
        f"{'measured':>9}  {'spread':>9}  {'launches':>8}  {'predicted':>9}  {'messages':>8}  name"
    )
    yield "tried", head
    for each in found.tried:
        mark = "  chosen" if each is found.chosen else ""
        yield "", f"{_measured(each)}  {duration(each.predicted):>9}  {_rest(each)}{mark}"


def _measured(each: Tried) -> str:
    if not each.seconds:
        return f"{'-':>9}  {'-':>9}  {0:>8}"
    return f"{duration(each.median):>9}  {duration(each.spread):>9}  {len(each.seconds):>8}"


def _rest(each: Tried) -> str:
    fault = f"  FAILED: {each.fault}" if each.fault else ""
    return f"{each.messages:>8}  {each.candidate.name[:NAME]}{fault}"
