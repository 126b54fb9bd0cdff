"""A contingency as a folder: a table of outcomes, and a schedule file for each that has one."""

import os
from collections.abc import Sequence

import msgspec

from commplan.changes.contingency import Outcome
from solvers.schedules import files
from topologies.formats import atomic
from topologies.model.errors import WRONG_INPUT, CommplanError

TABLE = "contingency.json"
FORMAT = "commplan-contingency/1"


class Row(msgspec.Struct, omit_defaults=True):
    """A line of the table: a failure, how many are like it, what it costs, and its schedule.

    Attributes:
        lost: part of the rate, in floats; lost_exact is the fraction.
        links: each that is slower or gone, and the part that is left of it.
        file: the schedule for what is left, where there is one.
    """

    kind: str
    name: str
    count: int
    lost: float
    lost_exact: str
    proved: bool
    reason: str
    links: list[tuple[int, str]]
    vertices: list[int]
    file: str | None = None


class Table(msgspec.Struct):
    """The table: its lines, and the automorphisms that carry a failure to those like it."""

    format: str
    alike: list[list[int]]
    outcomes: list[Row]


class FolderError(CommplanError, ValueError):
    """A folder that cannot be written."""

    exit_code = WRONG_INPUT


def check_new(folder: str) -> None:
    """Refuse a folder that cannot be made, or that holds something already.

    Raises:
        FolderError: with the reason.
    """
    parent = os.path.dirname(os.path.abspath(folder))
    if os.path.isdir(folder) and not os.listdir(folder):
        return
    if os.path.lexists(folder):
        raise FolderError(f"{folder}: it is there already, expected a new folder")
    if not os.path.isdir(parent):
        raise FolderError(f"{folder}: there is no folder {parent}")


def save(outcomes: Sequence[Outcome], folder: str) -> None:
    """Write the folder beside its place, then move it there.

    Raises:
        FolderError: as of `check_new`.
    """
    check_new(folder)
    try:
        with atomic.new_folder(folder) as beside:
            rows = [_write(outcome, number, str(beside)) for number, outcome in enumerate(outcomes)]
            groups = [each.failure.group for each in outcomes if each.failure.group is not None]
            alike = groups[0].generators.tolist() if groups else []
            table = msgspec.json.encode(Table(FORMAT, alike, rows))
            atomic.write(beside / TABLE, table + b"\n")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FolderError(f"{folder}: {reason}, expected a folder to write to") from None


def row(outcome: Outcome) -> dict[str, object]:
    """Give the line of the table of one outcome, as JSON has it."""
    fields: dict[str, object] = msgspec.to_builtins(_row(outcome, None))
    return fields


def _row(outcome: Outcome, file: str | None) -> Row:
    failure = outcome.failure
    return Row(
        kind=failure.kind,
        name=failure.name,
        count=failure.count,
        lost=float(outcome.lost),
        lost_exact=str(outcome.lost),
        proved=outcome.proved,
        reason=outcome.reason,
        links=[(int(link), str(left)) for link, left in failure.damage.links],
        vertices=[int(vertex) for vertex in failure.damage.vertices],
        file=file,
    )


def _write(outcome: Outcome, number: int, folder: str) -> Row:
    """Write the schedule of one outcome, if it has one, and give its line."""
    if outcome.plan is None:
        return _row(outcome, None)
    name = f"{number:03}-{outcome.failure.kind}.json.gz"
    files.save(outcome.plan.schedule, os.path.join(folder, name))
    return _row(outcome, name)
