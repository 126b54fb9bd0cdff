"""Timelines of what was simulated, as files."""

import click

from runtime.emit.traces.build import make_trace
from runtime.foreign.traces.play import over_links
from runtime.foreign.traces.timeline import timeline
from runtime.simulate.simulate import Simulation
from solvers.schedules.schedule import Schedule
from topologies.formats import atomic
from topologies.model.units import Seconds


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
    try:
        atomic.expect_ending(path, [".json"])
    except ValueError as error:
        raise click.BadParameter(f"{path}: {error}", param_hint="--trace") from None
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
    try:
        atomic.write(path, text)
    except OSError as error:
        raise click.UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    return seconds
