"""Timelines of what was simulated or run, as files."""

from pathlib import Path

import click

from runtime.emit.traces.build import make_trace
from runtime.foreign.traces.play import over_links
from runtime.foreign.traces.timeline import timeline
from runtime.launch import timeline as of_run
from runtime.simulate.simulate import Simulation
from solvers.schedules.schedule import Schedule
from topologies.formats import atomic
from topologies.model.units import Seconds, duration


def write_timeline(schedule: Schedule, found: Simulation, path: str) -> Seconds:
    """Play the program of a simulation, message by message, and write when everything happens.

    Returns:
        When it is over, in seconds; close to what was simulated, where links serve in other ways
        than first come, first served.

    Raises:
        BadParameter: links share, which is not drawn, or the file has another ending.
        UsageError: the file cannot be written.
    """
    if found.sharing != "fifo":
        raise click.BadParameter("links that share are not drawn", param_hint="--trace")
    expect_timeline(path)
    trace, ranks, routes = make_trace(schedule, int(found.size), found.chunks, found.lead)
    machine = schedule.topology
    text, seconds = timeline(
        trace,
        over_links(machine, ranks, routes),
        machine,
        ranks,
        stored=found.switching == "store-and-forward",
        overhead=float(machine.overheads.max(initial=0.0)),
    )
    _write(path, text)
    return seconds


def expect_timeline(path: str | None) -> None:
    """Refuse the name of a timeline that no viewer would open.

    Raises:
        BadParameter: it has another ending.
    """
    try:
        if path is not None:
            atomic.expect_ending(path, [".json"])
    except ValueError as error:
        raise click.BadParameter(f"{path}: {error}", param_hint="--trace") from None


class RunTimeline:
    """Takes the events that a program wrote, and writes them as a timeline.

    seconds: when it is over, once it is written.
    """

    def __init__(self, schedule: Schedule, path: str) -> None:
        """Note what runs, and the file to write."""
        self.schedule, self.path = schedule, path
        self.seconds: Seconds = 0.0

    def __call__(self, events: Path) -> None:
        """Write the timeline."""
        text, self.seconds = of_run.timeline(self.schedule, events)
        _write(self.path, text)


def trace_fields(drawn: RunTimeline | None) -> dict[str, object]:
    """Give the fields of a timeline that was written, none without one."""
    return {} if drawn is None else {"trace": drawn.path, "trace_seconds": drawn.seconds}


def trace_rows(drawn: RunTimeline | None) -> list[tuple[str, str]]:
    """Give the row that names a timeline that was written."""
    return [] if drawn is None else [("trace", f"{drawn.path}, over in {duration(drawn.seconds)}")]


def _write(path: str, text: str) -> None:
    try:
        atomic.write(path, text)
    except OSError as error:
        raise click.UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from None
