"""`commplan fabric`: a machine emulated on this computer, and schedules run on its links."""

import re
from collections.abc import Sequence
from fractions import Fraction

import click

from commplan.cli.commands.jobs.sets import or_of_set, run_set_on_fabric
from commplan.cli.io.answer import Answer, Command, Group, table
from commplan.cli.io.arguments import (
    dtype,
    heading,
    lead_option,
    schedule_in,
    size_option,
    verify_first,
)
from commplan.cli.io.arguments import size_or_demand as size_of
from commplan.cli.io.measured.launching import map_file, read_map, runs, timeout, trace_file
from commplan.cli.io.progress import progress
from commplan.cli.io.quantities import gigabytes
from commplan.cli.io.targets import target_option
from commplan.cli.io.timelines import RunTimeline, expect_timeline, trace_fields, trace_rows
from runtime.fabric import machine as emulated
from runtime.fabric import trial
from runtime.fabric.counters import Flow
from runtime.fabric.hosts import mpi
from runtime.fabric.layout import Layout, injected_rate
from runtime.fabric.machine import Machine
from runtime.launch import rank_map
from runtime.launch.process import run_limited
from runtime.metrics.pacing import with_lead
from solvers.schedules.schedule import Schedule
from topologies.formats import spec
from topologies.model.units import Bytes, Seconds, bytes_of, count_of, duration


@click.group(cls=Group)
def fabric() -> None:
    """Emulate a machine on this computer: real links with set rates, and MPI on them.

    Linux only, as root or with user namespaces; nothing outside is changed. Ranks and switches
    become networks of their own, links become cables with a set rate. Latencies are this
    computer's, about 10 us a link; those of the topology come on top where the kernel has netem.
    """


def _scale(_: click.Context, __: click.Parameter, value: str | None) -> Fraction | None:
    """Read a scale: a decimal or a fraction above 0.

    Raises:
        BadParameter: it is none.
    """
    if value is None:
        return None
    try:
        plain = re.fullmatch(r"[0-9]{1,20}(\.[0-9]{1,20})?(e-?[0-9]{1,2})?|[0-9]+/[0-9]+", value)
        scale = Fraction(value) if plain and len(value) <= 30 else Fraction(0)
    except (ValueError, ZeroDivisionError):
        scale = Fraction(0)
    if scale <= 0:
        raise click.BadParameter(f"{value[:40]!r} is no number above 0, such as 0.001 or 1/1000")
    return scale


@fabric.command(cls=Command)
@click.argument("topology")
@click.option(
    "--scale",
    callback=_scale,
    help="Factor on all bandwidths (what this computer carries with ease).",
)
def up(topology: str, scale: Fraction | None) -> Answer:
    """Make a machine of TOPOLOGY, and measure each of its links."""
    made = spec.topology(topology)
    with progress() as watch:
        found = emulated.up(made, scale, watch.tell)
    return _describe(found)


@fabric.command(cls=Command)
def show() -> Answer:
    """Tell what is up, and what its links carried when they were measured."""
    return _describe(emulated.current_machine())


def _describe(found: Machine) -> Answer:
    layout = found.layout
    rows = [
        {
            "src": layout.topology.names[rate.src],
            "dst": layout.topology.names[rate.dst],
            "set_MBps": rate.wanted / 1e6,
            "measured_MBps": rate.measured / 1e6,
            "latency_us": rate.latency * 1e6,
        }
        for rate in found.rates
    ]
    fields = {
        "name": layout.original.name,
        "ranks": layout.original.ranks,
        "switches": layout.original.vertices - layout.original.ranks,
        "scale": float(layout.scale),
        "latencies_emulated": layout.delayed,
        "acknowledgements_first": layout.answering,
        "links": rows,
    }
    ratios = [rate.ratio for rate in found.rates] or [1.0]
    late = sorted(rate.latency for rate in found.rates) or [0.0]
    lines = [
        ("scale", f"{float(layout.scale):g} of its bandwidths"),
        (
            "ranks",
            f"{layout.original.ranks}, sending {_mega(injected_rate(layout.topology))} together",
        ),
        ("cables", str(len(layout.cables))),
        ("rates", f"{min(ratios):.1%} to {max(ratios):.1%} of what they are set to"),
        ("latency", f"{duration(late[len(late) // 2])} a cable{_those_asked_for(layout)}"),
    ]
    if not layout.answering:
        lines.append(("answers", "wait behind data: this kernel has no htb or no u32"))
    return Answer(fields, table(f"{layout.original.name} is up", lines))


def _those_asked_for(layout: Layout) -> str:
    """Say whether cables have the latencies of the topology, where it has any."""
    if layout.delayed or not layout.original.alpha.any():
        return ""
    return "; the topology's is not emulated: this kernel has no netem"


@fabric.command(cls=Command)
@or_of_set(run_set_on_fabric, "size", "target", "lead", "trace")
@schedule_in
@size_option
@target_option("c")
@dtype
@lead_option
@runs(5, 1)
@map_file
@timeout(600.0)
@trace_file
def run(
    schedule: Schedule,
    size: Bytes | None,
    target: str,
    dtype: str,
    lead: int | None,
    iterations: int,
    warmup: int,
    map_file: str | None,
    timeout: Seconds,
    trace: str | None,
) -> Answer:
    """Run a schedule over the links that it names, and count the bytes on each of them."""
    expect_timeline(trace)
    asked = size_of(schedule.collective, size)
    verify_first(schedule)
    schedule = with_lead(schedule, lead)
    drawn = None if trace is None else RunTimeline(schedule, trace)
    played = () if map_file is None else read_map(map_file, schedule)
    with progress() as watch:
        watch.tell("running under mpirun")
        found = trial.run(
            emulated.current_machine(),
            schedule,
            asked,
            target,
            dtype=dtype,
            iterations=iterations,
            warm_up=warmup,
            played=played,
            timeout=timeout,
            trace=drawn,
        )
    return _try_run(schedule, found, drawn)


def _try_run(schedule: Schedule, found: trial.Trial, drawn: RunTimeline | None) -> Answer:
    measured, names = found.measured, schedule.topology.names
    of_bound = None if found.bound is None else found.bound / measured.seconds
    fields = {
        "seconds": measured.seconds,
        "predicted_seconds": found.predicted,
        "bound_seconds": found.bound,
        "of_bound": of_bound,
        "algbw_GBps": gigabytes(measured.algbw),
        "size": measured.size,
        "wrong": measured.wrong,
        "routed": found.routed,
        "marks": list(found.marks),
        "links": [_flow(flow, names) for flow in found.flows],
        **trace_fields(drawn),
    }
    ratio = measured.seconds / found.predicted if found.predicted else 1.0
    rows = [
        ("measured", f"{duration(measured.seconds)} (median of {measured.iterations})"),
        ("predicted", f"{duration(found.predicted)}, measured / predicted {ratio:.3f}"),
        ("bound", "none" if of_bound is None else f"{duration(found.bound or 0)}, {of_bound:.1%}"),
        ("wrong", count_of(measured.wrong or 0, "element")),
        ("traffic", _traffic(found.flows, names)),
        *(("not counted", mark) for mark in found.marks),
        *trace_rows(drawn),
    ]
    title = f"{heading(schedule.topology, schedule.collective)}, {bytes_of(measured.size)}"
    return Answer(fields, table(title, rows), measured.wrong == 0 and found.routed)


def _flow(flow: Flow, names: Sequence[str]) -> dict[str, object]:
    return {
        "src": names[flow.src],
        "dst": names[flow.dst],
        "planned_bytes": flow.planned,
        "counted_bytes": flow.counted,
        "right": flow.right,
    }


def _traffic(flows: Sequence[Flow], names: Sequence[str]) -> str:
    """Say whether the links carried what was planned, and which one is worst if not."""
    wrong = [flow for flow in flows if not flow.right]
    if wrong:
        worst = max(wrong, key=lambda flow: abs(flow.counted - flow.planned))
        link = f"{names[worst.src]} -> {names[worst.dst]}"
        counts = f"{_mega(worst.counted, '')}, {_mega(worst.planned, '')} planned"
        return f"{len(wrong)} of {len(flows)} links are not as planned: {link} carried {counts}"
    ratios = [flow.counted / flow.planned for flow in flows if flow.planned] or [1.0]
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    return f"as planned on all {len(flows)} links: counted / planned {spread}"


@fabric.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED)
@map_file
@timeout(600.0)
def mpirun(program: tuple[str, ...], map_file: str | None, timeout: Seconds) -> Answer:
    """Run any MPI program, a process on each rank, on shortest paths: fabric mpirun -- a.out."""
    found = emulated.current_machine()
    ranks, names = range(found.layout.original.ranks), found.layout.original.names
    played = tuple(ranks) if map_file is None else rank_map.read(map_file, ranks, names)
    here = mpi(found.keeper, played)
    words = [*here.command_line(len(played)), *program]
    with progress() as watch:
        watch.tell("running under mpirun")
        ended = run_limited(words, here.environment(timeout), timeout)
    fields = {"code": ended.code, "timed_out": ended.timed_out, "output": ended.output}
    errors = [] if ended.code == 0 else ended.errors
    late = [f"no end after {timeout:g} seconds"] if ended.timed_out else []
    yes = ended.code == 0 and not ended.timed_out
    return Answer(fields, [*ended.output, *errors, *late], yes)


@fabric.command(cls=Command)
def down() -> Answer:
    """End the machine and all that runs on it, also after a crash."""
    ended = emulated.down()
    return Answer({"ended": ended}, ["down" if ended else "nothing was up"])


def _mega(figure: float, unit: str = "/s") -> str:
    return f"{figure / 1e6:,.1f} MB{unit}"
