"""The file of a set of collectives: JSON in columns, gzipped where it ends in .gz; never trusted.

It holds the machine once, the tasks, the schedules of those that are written down, the symmetry
that makes the others of them, the time, and the prices with what they prove.
"""

import gzip
from typing import Annotated

import msgspec
from msgspec import Meta

from solvers.schedules import files as schedules
from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import UNPROVED, Prices
from solvers.schedules.columns import (
    CollectiveColumns,
    Columns,
    PricesColumns,
    TransferColumns,
    pack,
    pack_bound,
    pack_collective,
    unpack,
    unpack_collective,
)
from solvers.schedules.ensembles.ensemble import MOST_TASKS, Ensemble, Task, check_tasks
from solvers.schedules.kinds import collective, is_sized, remake
from solvers.schedules.schedule import Schedule
from topologies.formats import atomic
from topologies.formats import columns as machine
from topologies.formats.columns import Rational, column, permutations, rational
from topologies.formats.duplicate_keys import refuse_duplicates
from topologies.model.topology import Topology, TopologyError
from topologies.symmetry.group import Group

FORMAT = "commplan/together/1"
Number = Annotated[int, Meta(ge=0, lt=MOST_TASKS)]
Size = Annotated[int, Meta(ge=1, le=2**50)]


class TaskRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A collective of the set, and the bytes of its largest buffer."""

    collective: CollectiveColumns
    bytes: Size


class ScheduleRow(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The schedule of a task, as in a schedule file, without what all of the set have in common."""

    task: Number
    block: list[int]
    share: list[Rational]
    transfers: TransferColumns
    group: list[list[int]]


class EnsembleColumns(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A set, with the whole machine that it was made for; without a lead it has the usual one."""

    format: str
    topology: machine.Columns
    relays: Relays
    tasks: Annotated[list[TaskRow], Meta(min_length=1, max_length=MOST_TASKS)]
    group: list[list[int]]
    schedules: Annotated[list[ScheduleRow], Meta(max_length=MOST_TASKS)]
    seconds: Rational
    prices: PricesColumns | None
    bound_seconds: Rational
    lead: Annotated[int, Meta(ge=1, le=2**20)] | None = None


def is_ensemble(path: atomic.Name) -> bool:
    """Tell whether a file holds a set of collectives; False where it cannot be read."""
    try:
        return schedules.format_of(path) == FORMAT
    except schedules.ScheduleFileError:
        return False


def save(ensemble: Ensemble, path: atomic.Name) -> None:
    """Write a set, always as the same bytes; whole or not at all.

    Raises:
        ScheduleFileError: it could not be read again, or the file cannot be written.
    """
    data = msgspec.json.encode(_pack(ensemble)) + b"\n"
    with schedules.name_file(path):
        _decode(data)
        atomic.expect_ending(path, schedules.ENDINGS)
        small = str(path).lower().endswith(".gz")
        atomic.write(path, gzip.compress(data, mtime=0) if small else data)


def load(path: atomic.Name) -> Ensemble:
    """Read a set; its parts fit each other, but only `verify_together` tells whether it is right.

    Raises:
        ScheduleFileError: one line, with the place in the file.
    """
    with schedules.name_file(path):
        return _decode(schedules.read(path))


def _pack(ensemble: Ensemble) -> EnsembleColumns:
    """Lay a set out in columns."""
    rows = []
    for number, own in ensemble.schedules:
        whole = pack(own)
        rows.append(ScheduleRow(number, whole.block, whole.share, whole.transfers, whole.group))
    held, prices = ensemble.prices, None
    if held is not None:
        prices = PricesColumns([str(price) for price in held.of_class], held.of_link.tolist())
    return EnsembleColumns(
        format=FORMAT,
        topology=machine.pack(ensemble.topology),
        relays=ensemble.relays,
        tasks=[TaskRow(pack_collective(task.collective), task.size) for task in ensemble.tasks],
        group=ensemble.group.generators.tolist(),
        schedules=rows,
        seconds=str(ensemble.time),
        prices=prices,
        bound_seconds=str(ensemble.least),
        lead=ensemble.lead,
    )


def _decode(data: bytes) -> Ensemble:
    """Read the columns.

    Raises:
        ValueError, TopologyError, CollectiveError: with the place.
    """
    columns = msgspec.json.decode(data, type=EnsembleColumns)
    if columns.format != FORMAT:
        raise ValueError(f"format: found {columns.format[:40]!r}, expected {FORMAT!r}")
    refuse_duplicates(data.decode())
    topology = machine.unpack(columns.topology)
    tasks = tuple(_task(f"tasks[{i}]", row, topology) for i, row in enumerate(columns.tasks))
    check_tasks(tasks, topology)
    made = [
        (row.task, _schedule(f"schedules[{i}]", row, columns, tasks, topology))
        for i, row in enumerate(columns.schedules)
    ]
    return Ensemble(
        topology,
        tasks,
        Group(permutations("group", columns.group, topology.ranks, topology.vertices)),
        tuple(made),
        rational("seconds", columns.seconds, zero=True),
        _prices(columns.prices, topology),
        rational("bound_seconds", columns.bound_seconds, zero=True),
        columns.relays,
        columns.lead,
    )


def _task(place: str, row: TaskRow, topology: Topology) -> Task:
    """Make a task of its name, its ranks and its root; a layout says the bytes of its blocks."""
    what = row.collective
    if what.layout is None:
        ranks = column(f"{place}.collective.ranks", what.ranks, 0, topology.ranks).tolist()
        return Task(collective(what.name, ranks, what.root), row.bytes)
    try:
        found = unpack_collective(what, topology)
        made = remake(found) if is_sized(found) else None
    except TopologyError as error:
        raise TopologyError([f"{place}.{fault}" for fault in error.faults]) from None
    if made is None or pack_collective(made) != what:
        raise TopologyError([f"{place}.collective.layout: expected none, or blocks in order"])
    return Task(made, row.bytes)


def _schedule(
    place: str,
    row: ScheduleRow,
    columns: EnsembleColumns,
    tasks: tuple[Task, ...],
    topology: Topology,
) -> Schedule:
    """Make the schedule of a task on the machine of all."""
    if row.task >= len(tasks):
        raise TopologyError([f"{place}.task: {row.task}, there are {len(tasks)} tasks"])
    task = columns.tasks[row.task].collective
    whole = Columns(
        format="",
        topology=columns.topology,
        collective=task,
        block=row.block,
        share=row.share,
        transfers=row.transfers,
        group=row.group,
        bound=pack_bound(UNPROVED),
        provenance={},
        relays="forward",
    )
    try:
        return unpack(whole, topology)
    except TopologyError as error:
        raise TopologyError([f"{place}.{fault}" for fault in error.faults]) from None


def _prices(columns: PricesColumns | None, topology: Topology) -> Prices | None:
    """Read the prices, without judging them."""
    if columns is None:
        return None
    prices = tuple(rational("prices.of_class", each, zero=True) for each in columns.of_class)
    link = column("prices.of_link", columns.of_link, 0, len(prices), topology.links)
    return Prices(prices, link, columns.height)
