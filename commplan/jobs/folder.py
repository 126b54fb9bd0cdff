"""A plan of a job as a folder: written whole or not at all, and read with suspicion.

PLAN/job.json says who plays what: the rank of the machine of each rank of the job, the groups, and
for each the group whose schedules it runs and the ranks that it plays there. Beside it are
machine.json, the files of launchers, and a schedule for each collective of unlike groups; in the
folder `together` those that share the links with what runs at the same time.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from commplan.jobs.launchers import write_all
from commplan.jobs.planning import GroupPlans
from commplan.jobs.shares import Shares
from solvers.jobs.errors import JobError
from solvers.jobs.faults import list_faults
from solvers.jobs.job import Job
from solvers.placement.search import Placement
from solvers.schedules import files
from solvers.schedules.ensembles.files import save as save_set
from topologies.derive.part import without_some
from topologies.formats import atomic
from topologies.formats.files import load as load_topology
from topologies.formats.files import save as save_topology
from topologies.model.arguments import refuse
from topologies.model.messages import one_line
from topologies.model.topology import Topology

FORMAT = "commplan/job-plan/1"
TABLE, MACHINE, JOB = "job.json", "machine.json", "job.toml.json"
EXPECTED = "expectations.csv"
TOGETHER = "together"
FIELDS = ("collective", "groups", "bytes", "predicted_seconds", "bound_seconds")
FILE_LIMIT = 500 * 10**6
Number = Annotated[int, Meta(ge=0, le=2**24)]


class Likeness(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose schedules a group runs, and as which ranks of it."""

    like: Number
    plays: tuple[Number, ...]


class Group(Likeness, frozen=True, forbid_unknown_fields=True):
    """A group in the file: its ranks of the job, and whose schedules it runs, as whom.

    Attributes:
        shared: the same of the schedules that share the links with what runs at the same time.
    """

    ranks: tuple[Number, ...]
    shared: Likeness | None = None


class Row(Struct, frozen=True):
    """A schedule in the file, as people are told of it."""

    file: Annotated[str, Meta(max_length=200)]
    group: Annotated[str, Meta(max_length=10)]
    collective: Annotated[str, Meta(max_length=40)]
    bytes: Annotated[int, Meta(ge=0, le=2**60)]
    predicted_seconds: Annotated[float, Meta(ge=0)] | None = None
    bound_seconds: Annotated[float, Meta(ge=0)] | None = None
    optimal: bool = False
    groups: Number = 1


class Table(Struct, frozen=True):
    """What job.json must hold; the rest is for people.

    Attributes:
        dead: ranks of the machine whose links are not there for the job.
    """

    format: Literal["commplan/job-plan/1"]
    ranks: tuple[Number, ...]
    others_forward: bool
    groups: dict[Annotated[str, Meta(pattern="^[a-z]{2,4}$")], tuple[Group, ...]]
    dead: tuple[Number, ...] = ()
    schedules: tuple[Row, ...] = ()


def check_new(folder: str) -> None:
    """Refuse a folder that cannot be made, or that holds something already.

    Raises:
        JobError: with the reason.
    """
    parent = os.path.dirname(os.path.abspath(folder))
    with _told(folder):
        if os.path.isdir(folder) and not os.listdir(folder):
            return
        if os.path.lexists(folder):
            raise JobError(one_line(f"{folder}: it is there already, expected a new folder"))
        if not os.path.isdir(parent):
            raise JobError(one_line(f"{folder}: there is no folder {parent}"))
        os.rmdir(tempfile.mkdtemp(dir=parent, prefix=".job-"))


@contextmanager
def _told(folder: str) -> Iterator[None]:
    """Tell in a line what the system has against a folder."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise JobError(one_line(f"{folder}: {reason}, expected a folder to write to")) from None


@contextmanager
def writing(folder: str) -> Iterator[Path]:
    """Give a folder beside the place of a new one, which is moved there when all is written.

    Raises:
        JobError: as of `check_new`, or it cannot be written.
    """
    check_new(folder)
    with _told(folder), atomic.new_folder(folder) as beside:
        yield beside


def save(
    folder: str,
    topology: Topology,
    job: Job,
    placed: Placement,
    made: GroupPlans,
    shares: Shares,
    told: dict[str, Any],
) -> None:
    """Write the folder beside its place, then move it there.

    Args:
        folder: new, or empty.
        topology: the machine, whole.
        job: that is planned.
        placed: its placement.
        made: the schedules of its groups.
        shares: those that were planned together.
        told: what the command answers, for people.

    Raises:
        JobError: as of `check_new`.
    """
    with writing(folder) as beside:
        _write(beside, topology, job, placed, made, shares, told)


def _write(
    place: Path,
    topology: Topology,
    job: Job,
    placed: Placement,
    made: GroupPlans,
    shares: Shares,
    told: dict[str, Any],
) -> None:
    """Write all files."""
    rows = _groups(placed, made, shares)
    table = {"format": FORMAT, **told, "ranks": placed.ranks.tolist(), "groups": rows}
    (place / TABLE).write_text(json.dumps(table, allow_nan=False) + "\n", encoding="utf-8")
    (place / JOB).write_bytes(msgspec.json.encode(job) + b"\n")
    save_topology(topology, str(place / MACHINE))
    (place / EXPECTED).write_text(_expectations(told["schedules"]), encoding="utf-8")
    for name, data in write_all(topology, placed.ranks.tolist()).items():
        (place / name).write_bytes(data)
    for each in made.plans:
        folder = place / f"{each.kind}-{each.group}"
        folder.mkdir(exist_ok=True)
        files.save(each.plan.schedule, str(folder / f"{each.collective}.json.gz"))
    _write_shares(place / TOGETHER, shares)


def _groups(
    placed: Placement, made: GroupPlans, shares: Shares
) -> dict[str, list[dict[str, object]]]:
    """Give the ranks of the job in each group, and whose schedules it runs, as JSON has them."""
    own = {int(rank): number for number, rank in enumerate(placed.ranks)}
    rows: dict[str, list[dict[str, object]]] = {}
    for kind, members in made.members.items():
        rows[kind] = [
            {"ranks": [own[rank] for rank in each.ranks], "like": each.like, "plays": each.plays}
            for each in members
        ]
        for row, each in zip(rows[kind], shares.members.get(kind, ()), strict=False):
            row["shared"] = {"like": each.like, "plays": each.plays}
    return rows


def _write_shares(place: Path, shares: Shares) -> None:
    """Write each set whole, and the schedules in it, which groups' communicators take."""
    for each in shares.sets:
        place.mkdir(exist_ok=True)
        save_set(each.ensemble, str(place / f"{each.name}.json.gz"))
        for number in {member.like for member in shares.members[each.kind]}:
            folder = place / f"{each.kind}-{number}"
            folder.mkdir(exist_ok=True)
            found = shares.schedule(each, number)
            files.save(found, str(folder / f"{each.collective}.json.gz"))


def _expectations(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write what each group's calls should take, and what nothing beats, a line for each."""
    lines = [",".join(("group", *FIELDS))]
    for row in rows:
        cells = ("" if row[field] is None else str(row[field]) for field in FIELDS)
        lines.append(",".join((str(row["file"]).partition("/")[0], *cells)))
    return "\n".join(lines) + "\n"


def load(folder: str | os.PathLike[str]) -> tuple[Table, Topology]:
    """Read who plays what, and the machine without the links of dead ranks.

    Raises:
        JobError: one line with what is wrong.
        TopologyError: the machine's file is wrong.
    """
    if not isinstance(folder, str | os.PathLike):
        refuse("folder", folder, "the path of a folder")
    path = Path(folder) / TABLE
    try:
        table = msgspec.json.decode(atomic.read(path, FILE_LIMIT), type=Table)
        topology = load_topology(str(Path(folder) / MACHINE))
        faults = _faults(table, topology)
    except OSError as error:
        faults = [(error.strerror or str(error)).lower()]
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        faults = [str(error)]
    if faults:
        raise JobError(one_line(f"{path}: {faults[0]}"))
    return table, without_some(topology, table.dead)


def is_plan(folder: str) -> bool:
    """Tell whether a folder is one that a job was planned into."""
    return os.path.isfile(os.path.join(folder, TABLE))


def load_job(folder: str | os.PathLike[str]) -> Job:
    """Read the job that was planned.

    Raises:
        JobError: one line with what is wrong.
    """
    path = Path(folder) / JOB
    try:
        job = msgspec.json.decode(atomic.read(path, FILE_LIMIT), type=Job)
        faults = list_faults(job)
    except OSError as error:
        faults = [(error.strerror or str(error)).lower()]
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        faults = [str(error)]
    if faults:
        raise JobError(one_line(f"{path}: {faults[0]}"))
    return job


def _faults(table: Table, topology: Topology) -> list[str]:
    """Say which ranks and groups are none."""
    count = len(table.ranks)
    if set(table.dead) & set(table.ranks) or max(table.dead, default=0) >= topology.ranks:
        return ["dead: expected ranks of the machine that the job does not use"]
    if len(set(table.ranks)) < count or max(table.ranks, default=0) >= topology.ranks:
        return [f"ranks: expected {count} different ranks of {topology.name}"]
    for kind, rows in table.groups.items():
        if sorted(rank for row in rows for rank in row.ranks) != list(range(count)):
            return [f"groups.{kind}: expected each rank of the job in one group"]
        for place, row in enumerate(rows):
            where = f"groups.{kind}[{place}]"
            if row.like >= len(rows) or sorted(row.plays) != sorted(rows[row.like].plays):
                return [f"{where}: it does not play the ranks of group {row.like}"]
            other = row.shared
            if other is None:
                continue
            like = rows[other.like].shared if other.like < len(rows) else None
            if like is None or sorted(other.plays) != sorted(like.plays):
                return [f"{where}.shared: it does not play the ranks of group {other.like}"]
    return []
