"""The arguments that several commands share, read into values of the library."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
import numpy as np

from commplan.cli import quantities
from commplan.cli.answer import Answer
from commplan.cli.failures import RefusedError
from runtime.places import elements
from runtime.program import DTYPES
from runtime.verify import Report, verify
from solvers import schedule_file
from solvers.collective import Collective, collective
from solvers.schedule import Schedule
from topologies import spec
from topologies.topology import Topology

Body = Callable[..., Answer]
Decorator = Callable[[Body], Body]


def file_name(text: str) -> str:
    """Refuse the empty name, which the system takes for the current folder.

    Raises:
        BadParameter: it is empty.
    """
    if not text:
        raise click.BadParameter("an empty name, expected that of a file")
    return text


class Output(click.Path):
    """A file to be written; refused before any work where that cannot be."""

    name = "file"

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, readable=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Check the name and the folder besides the file."""
        path = str(value)
        folder = os.path.dirname(path) or "."
        file_name(path)
        try:
            os.stat(path)
        except FileNotFoundError:
            if not os.path.isdir(folder):
                self.fail(f"{path}: there is no folder {folder}", param, ctx)
            if not os.access(folder, os.W_OK):
                self.fail(f"{path}: the folder {folder} takes no new files", param, ctx)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            self.fail(f"{path}: {(reason or str(error)).lower()}", param, ctx)
        return super().convert(value, param, ctx)


output = click.option("-o", "--output", required=True, type=Output(), help="File to write.")
time_limit = click.option(
    "--time-limit",
    type=quantities.Seconds(0, 10**7, min_open=True),
    default=600.0,
    show_default=True,
    help="Seconds for the solver.",
)
dtype = click.option(
    "--type",
    "dtype",
    type=click.Choice(DTYPES),
    default="float32",
    show_default=True,
    help="Element type; a size is rounded down to whole elements of each block.",
)


def size_option(required: bool) -> Callable[[Body], Body]:
    """Add --size."""
    return click.option(
        "--size",
        type=quantities.size,
        required=required,
        help="Bytes of the largest buffer of a rank, as 64KiB, 256MB or 4096.",
    )


def problem(body: Body) -> Body:
    """Add TOPOLOGY, COLLECTIVE, --ranks and --root; the body gets them as two values."""

    @click.argument("topology")
    @click.argument("collective")
    @click.option("--ranks", help="Ranks that take part, as 0,1,4-7 (all).")
    @click.option("--root", type=click.IntRange(0), help="Root of a rooted collective (the first).")
    @wraps(body)
    def reading(
        topology: str,
        ranks: str | None,
        root: int | None,
        **rest: Any,  # noqa: ANN401
    ) -> Answer:
        machine = spec.topology(topology)
        return body(machine, _asked(rest.pop("collective"), machine, ranks, root), **rest)

    return reading


def _asked(name: str, machine: Topology, ranks: str | None, root: int | None) -> Collective:
    chosen = range(machine.ranks) if ranks is None else quantities.ranks(ranks, machine.ranks)
    return collective(name, chosen, root)


def schedule_in(body: Body) -> Body:
    """Add FILE and --topology; the body gets the schedule."""

    @click.argument("file", type=file_name)
    @click.option("--topology", help="Refuse the file unless it was made for this machine.")
    @wraps(body)
    def reading(file: str, topology: str | None, **rest: Any) -> Answer:  # noqa: ANN401
        schedule = schedule_file.load(file)
        if topology is not None:
            _belongs(schedule, spec.topology(topology), file)
        return body(schedule, **rest)

    return reading


def _belongs(schedule: Schedule, machine: Topology, file: str) -> None:
    """Refuse a file that was made for another machine, and name it.

    Raises:
        ScheduleFileError: it was.
    """
    try:
        schedule_file.check_topology(schedule, machine)
    except schedule_file.ScheduleFileError as error:
        raise schedule_file.ScheduleFileError(f"{file}: {error}") from None


def right(schedule: Schedule) -> Report:
    """Verify a schedule before it is used.

    Raises:
        RefusedError: with each fault.
    """
    report = verify(schedule)
    if not report.correct:
        raise RefusedError("\n".join(f"wrong schedule: {fault}" for fault in report.faults))
    return report


def whole_elements(what: Collective, size: int, dtype: str) -> int:
    """Round a size in bytes down to what is used: whole elements of each block, at least one."""
    return elements(what, size, dtype) * np.dtype(dtype).itemsize


def heading(topology: Topology, what: Collective) -> str:
    """Name a collective on a machine: `broadcast with root 0 on ring-16, 8 of 16 ranks`."""
    root = "" if what.root is None else f" with root {what.root}"
    n = len(what.ranks)
    count = f"{n}" if n == topology.ranks else f"{n} of {topology.ranks}"
    return f"{what.name}{root} on {topology.name}, {count} rank{'s' * (topology.ranks != 1)}"
