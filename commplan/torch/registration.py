"""The backend made known to torch, and its processes found among those of MPI."""

import os
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs, urlparse

import torch.distributed as dist

from commplan.communicator import Communicator
from commplan.jobs.running import JobPlan
from commplan.torch.group import find_base, group_class
from commplan.torch.work import NAME
from topologies.model.errors import ArgumentError
from topologies.model.topology import Topology

Given = Any  # what c10d hands over
WORDS = ("thread", "caller")
_HOMES: list["_Home"] = []  # the last one that was registered


def register(topology: Topology | JobPlan, *, progress: str | None = None, **options: Any) -> None:  # noqa: ANN401
    """Make the backend "commplan" known: `dist.init_process_group("commplan", ...)` then plans.

    The processes of torch are processes of MPI, in any order: their ranks are those that torch is
    told. `init_method="mpi://"` takes them from MPI, and needs neither addresses nor variables. A
    group made by `dist.new_group` plays the ranks of its members. Timeouts are torch's, and no
    longer than `limit`; where one passes, an error is raised and the process lives, unless `abort`
    is asked for.

    Args:
        topology: the machine; or the plan of a job (`commplan.job`), whose rank i is torch's rank
            i: groups of torch whose members are a group of the job run its schedules.
        progress: "thread", calls that are not waited for go on in a thread of their group, beside
            the computation; "caller", they are done when they return; None, a thread where MPI
            allows several.
        **options: those of `Communicator`; its ranks are those of torch's processes, in order.

    Raises:
        ArgumentError: another word for progress, or threads that MPI was not started for.
    """
    from mpi4py import MPI

    several = MPI.Query_thread() == MPI.THREAD_MULTIPLE
    if progress not in (None, *WORDS):
        raise ArgumentError(f"progress: found {progress!r}, expected {' or '.join(WORDS)}")
    if progress == "thread" and not several:
        raise ArgumentError("progress: a thread needs MPI started with MPI_THREAD_MULTIPLE")
    threaded = several if progress is None else progress == "thread"
    if not _HOMES:
        dist.Backend.register_backend(NAME, _make, extended_api=True, devices=["cpu"])
        dist.register_rendezvous_handler("mpi", _meet)
    plan: JobPlan | None = None
    if isinstance(topology, JobPlan):
        plan, machine = topology, topology.topology
        options = {"ranks": plan.ranks} | options
    else:
        machine = topology
    _HOMES[:] = [_Home(machine, plan, {"abort": False, **options}, threaded)]


def _make(given: Given, _: Given) -> Any:  # noqa: ANN401
    return _HOMES[0].make(given)


class _Home:
    """Makes the groups of a job."""

    def __init__(
        self, topology: Topology, plan: JobPlan | None, options: dict[str, Any], threaded: bool
    ) -> None:
        self._topology, self._plan = topology, plan
        self._options, self._threaded = options, threaded
        self._processes: list[int] = []  # of MPI, for each rank of torch
        self._played: tuple[int, ...] = ()  # the rank of the topology that each plays

    def make(self, given: Given) -> Any:  # noqa: ANN401
        """Make a group; its members call this together."""
        from mpi4py import MPI

        members = list(given.global_ranks_in_group)
        is_whole = not members
        if is_whole:
            self._processes = _find_processes(given)
            members = list(range(given.group_size))
        everyone = MPI.COMM_WORLD.Get_group()
        chosen = everyone.Incl([self._processes[member] for member in members])
        comm = MPI.COMM_WORLD.Create_group(chosen)
        for group in (everyone, chosen):
            group.Free()
        seconds = min(given.timeout.total_seconds(), self._options.get("limit", float("inf")))
        options = self._options | {"limit": seconds}
        machine = self._topology
        if not is_whole:
            options["ranks"] = [self._played[member] for member in members]
            planned = self._plan.settings_of(members) if self._plan is not None else None
            if planned is not None:
                machine, more = planned
                options |= more
        world = Communicator(comm, machine, **options)
        if is_whole:
            self._played = world.played
        return self._wrap(given, world, comm, seconds)

    def _wrap(self, given: Given, world: Communicator, comm: Any, seconds: float) -> Any:  # noqa: ANN401
        """Give torch what it takes for a group."""
        made = group_class()(world.rank, world.size)
        more = {"name": str(given.group_id), "store": given.store} if find_base() is None else {}
        made.prepare(world, comm, seconds, threaded=self._threaded, **more)
        return made


def _find_processes(given: Given) -> list[int]:
    """Find the process of MPI that each rank of torch is; all tell each other by torch's store.

    Raises:
        ArgumentError: MPI knows of fewer processes, as where torchrun started them.
    """
    from mpi4py import MPI

    world, size = MPI.COMM_WORLD, given.group_size
    if size > world.size:
        started = "torchrun started them: " if "TORCHELASTIC_RUN_ID" in os.environ else ""
        raise ArgumentError(
            f"world_size is {size}, but MPI knows of {world.size} process(es); {started}start "
            f"them by `mpirun -n {size} python -m mpi4py SCRIPT`, and "
            f'init_process_group("{NAME}", init_method="mpi://") needs nothing else'
        )
    given.store.set(f"{NAME}/{given.group_rank}", str(world.rank))
    return _distinct([int(given.store.get(f"{NAME}/{rank}")) for rank in range(size)])


def _distinct(processes: Sequence[int]) -> list[int]:
    if len(set(processes)) < len(processes):
        raise ArgumentError(
            f"ranks of torch are processes {processes} of MPI; expected others each"
        )
    return list(processes)


def _meet(url: str, **_: Any) -> Iterator[tuple[Any, int, int]]:  # noqa: ANN401
    """Find each other by MPI: a store at process 0, whose address MPI tells the others."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    said = parse_qs(urlparse(url).query)
    rank = int(said.get("rank", [world.rank])[0])
    size = int(said.get("world_size", [world.size])[0])
    hosts = world.allgather(MPI.Get_processor_name())
    host = "127.0.0.1" if len(set(hosts)) == 1 else hosts[0]
    store = dist.TCPStore(host, 0, None, True, wait_for_workers=False) if world.rank == 0 else None
    port = world.bcast(store.port if store is not None else None)
    if store is None:
        store = dist.TCPStore(host, port, None, False, wait_for_workers=False)
    yield store, rank, size
    raise RuntimeError("mpi:// finds the processes of a job once")
