"""A plan of a job as its processes use it: communicators of the groups that they are in."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from commplan.communicator import Communicator
from commplan.jobs.folder import TOGETHER, Group, Table, load
from solvers.jobs.errors import JobError
from topologies.derive.part import without_others
from topologies.model.messages import unknown
from topologies.model.topology import Topology
from topologies.model.units import Rank


@dataclass(frozen=True, eq=False)
class JobPlan:
    """A plan read from its folder: process i of the launch is rank i of the job.

    Attributes:
        together: whether groups take their parts of sets that were planned together, where there
            are such; else the schedules that are best for each alone.
    """

    folder: Path
    topology: Topology
    _table: Table
    together: bool = True
    _open: dict[str, Communicator] = field(default_factory=dict)

    @property
    def ranks(self) -> tuple[Rank, ...]:
        """Give the rank of the machine of each rank of the job."""
        return self._table.ranks

    @property
    def kinds(self) -> tuple[str, ...]:
        """Name the kinds of groups."""
        return tuple(self._table.groups)

    def members(self, kind: str) -> list[tuple[int, ...]]:
        """List the groups of a kind, as ranks of the job in their order.

        Raises:
            JobError: there are none of the kind.
        """
        return [row.ranks for row in self._rows(kind)]

    def group(self, kind: str, comm: Any = None, **options: Any) -> Communicator:  # noqa: ANN401
        """Give the communicator of the group that this process is in; all processes ask together.

        Args:
            kind: tp, cp, ep, etp, dp or edp.
            comm: of all processes of the job, in the order of its ranks (MPI's COMM_WORLD).
            options: as of `Communicator`.

        Raises:
            JobError: there is no such group, or another number of processes.
        """
        rows = self._rows(kind)
        if kind not in self._open:
            self._open[kind] = self._make(kind, rows, comm, options)
        return self._open[kind]

    def _rows(self, kind: str) -> tuple[Group, ...]:
        if kind not in self._table.groups:
            raise JobError(unknown("group", kind, list(self._table.groups)))
        return self._table.groups[kind]

    def _make(
        self,
        kind: str,
        rows: tuple[Group, ...],
        comm: Any,  # noqa: ANN401
        options: dict[str, Any],
    ) -> Communicator:
        """Split off the processes of the group, which play the ranks that were planned for."""
        if comm is None:
            from mpi4py import MPI

            comm = MPI.COMM_WORLD
        if comm.size != len(self.ranks):
            raise JobError(f"{comm.size} processes, expected {len(self.ranks)} as the job has")
        number, row = next(
            (number, row) for number, row in enumerate(rows) if comm.rank in row.ranks
        )
        own = comm.Split(number, row.ranks.index(comm.rank))
        machine, planned = self._settings(kind, row)
        return Communicator(own, machine, **(planned | options))

    def _settings(self, kind: str, row: Group) -> tuple[Topology, dict[str, Any]]:
        """Give what a group's communicator is made with: its machine, and options."""
        shared = row.shared if self.together else None
        own, folder = (row, self.folder) if shared is None else (shared, self.folder / TOGETHER)
        options: dict[str, Any] = {"ranks": own.plays}
        compiled = folder / f"{kind}-{own.like}"
        if compiled.is_dir():
            options["schedules"] = str(compiled)
        if self._table.others_forward:
            return self.topology, options
        return without_others(self.topology, own.plays), options

    def settings_of(self, members: Sequence[int]) -> tuple[Topology, dict[str, Any]] | None:
        """Give what a communicator of these ranks of the job is made with, if they are a group.

        Args:
            members: ranks of the job, in the order of the communicator.
        """
        for kind, rows in self._table.groups.items():
            for row in rows:
                if set(row.ranks) == set(members) and len(row.ranks) == len(members) > 1:
                    machine, options = self._settings(kind, row)
                    plays = dict(zip(row.ranks, options["ranks"], strict=True))
                    return machine, options | {"ranks": [plays[rank] for rank in members]}
        return None


def job(folder: str | PathLike[str], *, together: bool = True) -> JobPlan:
    """Read the plan of a job from the folder that `commplan job -o` wrote.

    Args:
        folder: of the plan.
        together: take schedules that share the links with what runs at the same time.

    Raises:
        JobError: one line with what is wrong.
        TopologyError: its machine's file is wrong.

    >>> commplan.job("PLAN").group("tp").Allreduce(x, y)  # doctest: +SKIP
    """
    table, topology = load(folder)
    return JobPlan(Path(folder), topology, table, together)
