"""commplan's collectives under mpirun: process 0 plans for all, each runs its part."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from mpi4py import MPI

from bench.contest.arguments import Arguments
from commplan.anytime.checking import check_schedule
from commplan.candidates.select import compare
from commplan.planning.planner import plan, schedule_time_bound
from runtime.execute.executor import Executor, Way
from runtime.metrics.chunking import chunks
from runtime.program.buffer_plan import moves
from runtime.program.caller_order import arrange
from runtime.program.elements import width
from runtime.program.floats import Array
from runtime.program.lower import lower
from runtime.simulate.simulate import simulate
from runtime.verify.verify import verify
from solvers.lp.linear_program import Infeasible, NotFound
from solvers.schedules.files import from_bytes, load, to_bytes
from solvers.schedules.kinds import collective
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from topologies.derive.restrict import restrict
from topologies.formats.spec import topology
from topologies.model.topology import Topology
from topologies.presets.shapes import star

PROBE = 2**20  # bytes
PROBES = 30


@dataclass(frozen=True)
class Chosen:
    """A schedule for one size, and what is predicted: seconds; None where nothing is known."""

    schedule: Schedule
    name: str
    chunks: int
    predicted: float | None
    bound: float | None


class Planner:
    """Process 0's: finds a schedule for each size among compiled files, or plans."""

    def __init__(self, args: Arguments, measured: Topology) -> None:
        """Load the files, or find the schedule of highest throughput.

        Raises:
            ValueError: a machine, a file or a collective that is wrong, with the reason.
            OSError: a file that cannot be read.
        """
        self.args = args
        self.files = [_loaded(name, args) for name in args.schedules]
        self.best: Schedule | None = None
        rate, alpha = measured.bandwidth[0] / 1e9, 2e6 * measured.alpha[0]
        self.label = f"{measured.name} as measured ({rate:.3g} GB/s, {alpha:.3g} us)"
        if self.files:
            self.label = self.files[0].topology.name
            return
        machine = measured
        if args.topology:
            machine = restrict(topology(args.topology), args.played)
            self.label = machine.name
        ranks = tuple(range(machine.ranks))
        root = sorted(args.played).index(args.played[args.root]) if args.root >= 0 else None
        what = collective(args.collective, ranks, root)
        self.best = plan(machine, what, seconds=args.time_limit).schedule

    def choose(self, size: int) -> Chosen:
        """Give what is predicted to be fastest at a size in bytes."""
        if self.best is not None:
            first = compare(self.best, size, None, Watch(self.args.time_limit))[0]
            if first.schedule is not self.best:
                check_schedule(first.schedule)
            schedule, name = first.schedule, first.name
        else:
            times = [simulate(each, size).seconds for each in self.files]
            best = int(np.argmin(times))
            schedule, name = self.files[best], self.args.schedules[best]
        cut = chunks(schedule, size)
        limit = schedule_time_bound(self.best or schedule, size)
        return Chosen(schedule, name, cut, simulate(schedule, size, chunks=cut).seconds, limit)


class Ours:
    """Two executors of one schedule, out of place and in place, for this process."""

    def __init__(self, comm: MPI.Comm, args: Arguments, chosen: Chosen, size: int) -> None:
        ranks = sorted(args.played)
        order = [ranks.index(rank) for rank in args.played]
        self.comm = comm.Split(0, order[comm.rank])
        plan = arrange(moves(chosen.schedule), order)
        self.executors = [
            Executor(
                lower(
                    plan,
                    size // width(args.dtype),
                    dtype=args.dtype,
                    op="sum" if args.op == "none" else args.op,
                    chunks=chosen.chunks,
                    in_place=in_place,
                ),
                self.comm,
                way=cast(Way, args.way),
            )
            for in_place in (False, True)
        ]

    @property
    def way(self) -> str:
        """Name the executor."""
        return self.executors[0].way

    def fill(self, given: Array) -> None:
        """Spoil all memory and put the input in."""
        for executor in self.executors:
            executor.output[:] = 119
            executor.input[:] = given

    def free(self) -> None:
        """Give back what MPI holds."""
        for executor in self.executors:
            executor.free()
        self.comm.Free()


def prepared(comm: MPI.Comm, args: Arguments) -> tuple[Planner | None, str, str]:
    """Make process 0's planner; give all what it plans for, and what is wrong, if anything.

    All processes call this together.
    """
    here = measured(comm) if not (args.schedules or args.topology) else star(comm.size)
    planner, label, fault = None, "", ""
    if comm.rank == 0:
        try:
            planner = Planner(args, here)
            label = planner.label
        except (ValueError, OSError, Infeasible, NotFound) as error:
            fault = " ".join(str(error).split()) or type(error).__name__
    label, fault = comm.bcast((label, fault))
    return planner, label, fault


def _loaded(name: str, args: Arguments) -> Schedule:
    """Load a file, if it is what is asked for."""
    schedule = load(name)
    what = schedule.collective
    root = args.played[args.root] if args.root >= 0 else None
    asked = (args.collective, tuple(sorted(args.played)), root)
    if (what.name, moves(schedule).ranks, what.root) != asked:
        raise ValueError(f"{name}: not for {args.collective} on these ranks, with this root")
    faults = verify(schedule).faults
    if faults:
        raise ValueError(f"{name}: wrong: {faults[0]}")
    return schedule


def measured(comm: MPI.Comm) -> Topology:
    """Measure what each process sends when all do, and what a message takes; make a star of it."""
    n = comm.size
    if n == 1:
        return star(n)
    return star(n, bandwidth=round(PROBE / _shift(comm, PROBE)), alpha=_shift(comm, 8) / 2)


def _shift(comm: MPI.Comm, size: int) -> float:
    """Give the least seconds in which every process sends to the next one."""
    out, come = np.zeros(size, dtype=np.uint8), np.zeros(size, dtype=np.uint8)
    times = np.zeros(PROBES)
    for i in range(-3, PROBES):
        comm.Barrier()
        start = MPI.Wtime()
        comm.Sendrecv(out, (comm.rank + 1) % comm.size, 0, come, (comm.rank - 1) % comm.size, 0)
        times[max(i, 0)] = MPI.Wtime() - start
    slowest = np.zeros_like(times)
    comm.Allreduce(times, slowest, MPI.MAX)
    return float(slowest.min())


def told(comm: MPI.Comm, chosen: Chosen | None) -> Chosen:
    """Hand process 0's choice to all."""
    head, body = None, None
    if chosen is not None:
        head = (chosen.name, chosen.chunks, chosen.predicted, chosen.bound)
        body = to_bytes(chosen.schedule)
    head, body = comm.bcast((head, body))
    return Chosen(from_bytes(body), *head)
