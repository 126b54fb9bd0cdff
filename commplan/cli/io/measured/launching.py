"""Options of the commands that start mpirun: how often, who plays which rank, and how long."""

from collections.abc import Callable
from typing import Any

import click

from commplan.cli.io.arguments import file_name
from commplan.cli.io.quantities import SecondsRange, Whole
from solvers.schedules.schedule import Schedule
from topologies.model.units import Seconds

Option = Callable[[Callable[..., Any]], Callable[..., Any]]

map_file = click.option(
    "--map", "map_file", type=file_name, help="File: the rank each process plays."
)

trace_file = click.option(
    "--trace",
    type=file_name,
    help="Write when each message of one run more began and ended (JSON, for Perfetto and Chrome).",
)


def runs(timed: int, before: int) -> Option:
    """Make the options for runs that are timed, and for those before."""
    iterations = click.option(
        "--iterations",
        type=Whole(1, 10**6),
        default=timed,
        show_default=True,
        help="Runs that are timed.",
    )
    warmup = click.option(
        "--warmup",
        type=Whole(0, 10**6),
        default=before,
        show_default=True,
        help="Runs before those, not timed.",
    )
    return lambda body: iterations(warmup(body))


def timeout(seconds: Seconds) -> Option:
    """Make the option for the seconds after which an mpirun is ended."""
    return click.option(
        "--timeout",
        type=SecondsRange(1, 10**6),
        default=seconds,
        show_default=True,
        help="Seconds until an mpirun is ended.",
    )


def read_map(path: str, schedule: Schedule) -> tuple[int, ...]:
    """Read which rank of a schedule's program each process plays, by number or name."""
    from runtime.launch import rank_map
    from runtime.program.buffer_plan import moves

    machine = schedule.topology
    return rank_map.read(path, moves(schedule).ranks, machine.names[: machine.ranks])
