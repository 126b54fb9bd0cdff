"""Collectives as mpi4py calls them, planned for the machine they run on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self, cast

from commplan.communicator.buffers import Derived, Unsupported
from commplan.communicator.calls import Calls
from commplan.communicator.derived import lay_down
from commplan.communicator.exchange.exchange import Exchange
from commplan.communicator.exchange.handing import read_ends
from commplan.communicator.exchange.handing_queue import HandingQueue
from commplan.communicator.plans.book import Stopwatch
from commplan.communicator.plans.uses import PlanUse
from commplan.communicator.progress.delegation import drop_handle, find_class, run_beside
from commplan.communicator.requests import Native, Operation, Steps, native_steps
from commplan.communicator.sums.fixed_order import FixedSum
from commplan.communicator.unequal import UnequalCalls
from solvers.groups.reach import refuse_parts
from solvers.schedules.kinds import collective
from topologies.derive.damage import damaged
from topologies.derive.failures import read_damage
from topologies.model.topology import Topology

Buffer = Any  # what mpi4py takes: an array, [array, type], [array, count, type], IN_PLACE
Counts = Sequence[int] | None  # elements of each process
Finish = Callable[[], None] | None  # what is to be done with a result
Op = Any  # an operation of MPI, or one of sum, min, max, prod, avg, band, bor, bxor


class Communicator(HandingQueue):
    """The upper-case collectives of mpi4py over the processes of a communicator, planned.

    Every call takes what mpi4py takes: buffers of numpy and their like, [buffer, count, type],
    MPI.IN_PLACE, MPI's operations; besides them types and operations by their names in commplan,
    as "bfloat16" and "avg". What is not planned (operations of one's own, machines
    that no schedule is found for) is left to MPI, with the reason logged once, as a warning of
    the logger "commplan".

    Process 0 plans at the first call of each collective, root and size between two powers of two,
    or takes the best of a folder of compiled schedules, and tells all; programs are kept for
    every size and type. All processes call the same collectives in the same order. Non-blocking
    calls of one communicator run one after the other, while somebody waits or by a thread.

    Threads: a communicator is for one thread at a time. Several threads each take one of their
    own, made by `Dup` or `Split`, and MPI must have been started with MPI_THREAD_MULTIPLE, as
    mpi4py does. The core in C lets other threads run while it waits.

    It is an `MPI.Intracomm` as well, with the handle of the communicator that it was made for,
    which has to live as long; what is not planned (Send and Recv, lower-case methods, Scan,
    persistent requests) goes there.

    >>> world = Communicator(MPI.COMM_WORLD, topology("dgx-a100"))  # doctest: +SKIP
    >>> world.Allreduce(MPI.IN_PLACE, gradients, op="avg")  # doctest: +SKIP
    """

    def __new__(cls, mpi_comm: Any, *_: object, **__: object) -> Self:  # noqa: ANN401
        """Make an object that is an intracommunicator of mpi4py as well, if it is made for one."""
        from mpi4py import MPI

        if not isinstance(mpi_comm, MPI.Intracomm):
            return super().__new__(cls)
        made: Self = MPI.Intracomm.__new__(find_class(cls), mpi_comm)
        return made

    def __init__(self, mpi_comm: Any, topology: Topology, **options: Any) -> None:  # noqa: ANN401
        super().__init__(mpi_comm, topology, **options)
        self._whole, self._is_own = topology, False
        fixed, wider = self._options.order == "fixed", self._options.accumulate
        self._calls = Calls(self._native, self.order, self.rank, fixed=fixed, accumulate=wider)
        self._unequal = UnequalCalls(self._calls, self.rank, self.size)
        plain, through = self._native.comm.Alltoallv, partial(Communicator.Alltoallv, self)
        self._short = self.handed.shorten(plain, through, self.hand_over)

    __init__.__doc__ = HandingQueue.__init__.__doc__

    def __enter__(self) -> Self:
        """Give itself, to be freed at the end of a `with`."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Free it, unless something was raised, which other processes may know nothing of."""
        if kind is None:
            self.Free()

    def Allreduce(self, sendbuf: Buffer, recvbuf: Buffer, op: Op = "sum") -> None:  # noqa: N802
        """Give everyone the sum of everyone's vector."""
        self._do("Allreduce", sendbuf, recvbuf, op)

    def Iallreduce(self, sendbuf: Buffer, recvbuf: Buffer, op: Op = "sum") -> Operation:  # noqa: N802
        """Start an Allreduce."""
        return self._begin("Iallreduce", sendbuf, recvbuf, op)

    def Reduce_scatter_block(  # noqa: N802
        self, sendbuf: Buffer, recvbuf: Buffer, op: Op = "sum"
    ) -> None:
        """Give each process the sum of its block."""
        self._do("Reduce_scatter_block", sendbuf, recvbuf, op)

    def Ireduce_scatter_block(  # noqa: N802
        self, sendbuf: Buffer, recvbuf: Buffer, op: Op = "sum"
    ) -> Operation:
        """Start a Reduce_scatter_block."""
        return self._begin("Ireduce_scatter_block", sendbuf, recvbuf, op)

    def Allgather(self, sendbuf: Buffer, recvbuf: Buffer) -> None:  # noqa: N802
        """Give everyone's block to everyone."""
        self._do("Allgather", sendbuf, recvbuf)

    def Iallgather(self, sendbuf: Buffer, recvbuf: Buffer) -> Operation:  # noqa: N802
        """Start an Allgather."""
        return self._begin("Iallgather", sendbuf, recvbuf)

    def Alltoall(self, sendbuf: Buffer, recvbuf: Buffer) -> None:  # noqa: N802
        """Send from each process another block to each process."""
        self._do("Alltoall", sendbuf, recvbuf)

    def Ialltoall(self, sendbuf: Buffer, recvbuf: Buffer) -> Operation:  # noqa: N802
        """Start an Alltoall."""
        return self._begin("Ialltoall", sendbuf, recvbuf)

    def Alltoallv(self, sendbuf: Buffer, recvbuf: Buffer) -> None:  # noqa: N802
        """Send from each process so many elements to each; see `ExchangeHabit` for how.

        While MPI is handed such calls, an attribute of this name stands before the method.
        """
        if self._queue:
            self.drain()
        self.handed.resume()
        if self.handed.left > 1:
            if type(self).Alltoallv is Communicator.Alltoallv:
                vars(self)["Alltoallv"] = self._short
            self._short(sendbuf, recvbuf)
        elif self.handed.left:
            self.hand_over(sendbuf, recvbuf)
        else:
            self.Ialltoallv(sendbuf, recvbuf).Wait()
            self.hand_next()

    def Ialltoallv(self, sendbuf: Buffer, recvbuf: Buffer) -> Operation:  # noqa: N802
        """Start an Alltoallv."""
        return self._begin_exchange("Ialltoallv", sendbuf, recvbuf)

    def Allgatherv(self, sendbuf: Buffer, recvbuf: Buffer) -> None:  # noqa: N802
        """Give everyone's block, of any length, to everyone; planned anew for other lengths."""
        self._begin_unequal("Iallgatherv", sendbuf, recvbuf).Wait()

    def Iallgatherv(self, sendbuf: Buffer, recvbuf: Buffer) -> Operation:  # noqa: N802
        """Start an Allgatherv."""
        return self._begin_unequal("Iallgatherv", sendbuf, recvbuf)

    def Reduce_scatter(  # noqa: N802
        self, sendbuf: Buffer, recvbuf: Buffer, recvcounts: Counts = None, op: Op = "sum"
    ) -> None:
        """Give each process the sum of its block, of any length."""
        self._begin_unequal("Ireduce_scatter", sendbuf, recvbuf, recvcounts, op).Wait()

    def Ireduce_scatter(  # noqa: N802
        self, sendbuf: Buffer, recvbuf: Buffer, recvcounts: Counts = None, op: Op = "sum"
    ) -> Operation:
        """Start a Reduce_scatter."""
        return self._begin_unequal("Ireduce_scatter", sendbuf, recvbuf, recvcounts, op)

    def Gatherv(self, sendbuf: Buffer, recvbuf: Buffer, root: int = 0) -> None:  # noqa: N802
        """Give the root each process's block, of any length."""
        self._begin_unequal("Igatherv", sendbuf, recvbuf, root).Wait()

    def Igatherv(self, sendbuf: Buffer, recvbuf: Buffer, root: int = 0) -> Operation:  # noqa: N802
        """Start a Gatherv."""
        return self._begin_unequal("Igatherv", sendbuf, recvbuf, root)

    def Scatterv(self, sendbuf: Buffer, recvbuf: Buffer, root: int = 0) -> None:  # noqa: N802
        """Give each process its block, of any length, from the root."""
        self._begin_unequal("Iscatterv", sendbuf, recvbuf, root).Wait()

    def Iscatterv(self, sendbuf: Buffer, recvbuf: Buffer, root: int = 0) -> Operation:  # noqa: N802
        """Start a Scatterv."""
        return self._begin_unequal("Iscatterv", sendbuf, recvbuf, root)

    def Bcast(self, buf: Buffer, root: int = 0) -> None:  # noqa: N802
        """Give everyone the root's vector."""
        self._do("Bcast", buf, root)

    def Ibcast(self, buf: Buffer, root: int = 0) -> Operation:  # noqa: N802
        """Start a Bcast."""
        return self._begin("Ibcast", buf, root)

    def Reduce(  # noqa: N802
        self, sendbuf: Buffer, recvbuf: Buffer, op: Op = "sum", root: int = 0
    ) -> None:
        """Give the root the sum of everyone's vector."""
        self._do("Reduce", sendbuf, recvbuf, op, root)

    def Ireduce(  # noqa: N802
        self, sendbuf: Buffer, recvbuf: Buffer, op: Op = "sum", root: int = 0
    ) -> Operation:
        """Start a Reduce."""
        return self._begin("Ireduce", sendbuf, recvbuf, op, root)

    def Gather(self, sendbuf: Buffer, recvbuf: Buffer, root: int = 0) -> None:  # noqa: N802
        """Give the root each process's block."""
        self._do("Gather", sendbuf, recvbuf, root)

    def Igather(self, sendbuf: Buffer, recvbuf: Buffer, root: int = 0) -> Operation:  # noqa: N802
        """Start a Gather."""
        return self._begin("Igather", sendbuf, recvbuf, root)

    def Scatter(self, sendbuf: Buffer, recvbuf: Buffer, root: int = 0) -> None:  # noqa: N802
        """Give each process its block from the root."""
        self._do("Scatter", sendbuf, recvbuf, root)

    def Iscatter(self, sendbuf: Buffer, recvbuf: Buffer, root: int = 0) -> Operation:  # noqa: N802
        """Start a Scatter."""
        return self._begin("Iscatter", sendbuf, recvbuf, root)

    def Barrier(self) -> None:  # noqa: N802
        """Wait for everyone; MPI does it, after all that were started before."""
        self.Ibarrier().Wait()

    def Ibarrier(self) -> Operation:  # noqa: N802
        """Start a Barrier."""
        return self.enter("barrier", native_steps(self._native.comm.Ibarrier))

    def Split(self, color: int = 0, key: int = 0) -> "Communicator":  # noqa: N802
        """Give the communicator of all of one colour, MPI.COMM_NULL to who has no colour."""
        return self._over("Split", color, key)

    def Split_type(  # noqa: N802
        self,
        split_type: int,
        key: int = 0,
        info: Any = None,  # noqa: ANN401
    ) -> "Communicator":
        """Give the communicator of all processes that share something, as memory."""
        return self._over("Split_type", split_type, key, *([] if info is None else [info]))

    def Create(self, group: Any) -> "Communicator":  # noqa: ANN401, N802
        """Give the communicator of a group; all processes call this together."""
        return self._over("Create", group)

    def Create_group(self, group: Any, tag: int = 0) -> "Communicator":  # noqa: ANN401, N802
        """Give the communicator of a group, whose processes call this together."""
        return self._over("Create_group", group, tag)

    def Dup(self, info: Any = None) -> Self:  # noqa: ANN401, N802
        """Give one of the same processes, for another thread, say."""
        return cast("Self", self._over("Dup", *([] if info is None else [info])))

    Clone = Dup

    def plans(self) -> tuple[PlanUse, ...]:
        """List which plan served which calls, how often and how long, and why MPI did others.

        Counted are calls of this process that came to their end; from where it was begun, a call
        that is not blocking takes until somebody sees that it is over. Their text is a line each.
        """
        self.handed.catch_up()
        return self._book.read()

    def replan(
        self,
        without: Sequence[str] = (),
        slow: Sequence[str] = (),
        schedules: str | Path | None = None,
    ) -> int:
        """Plan from now on for what is left of the machine; all processes call this together.

        What is under way is finished first, by the plans that there are. Failures are those of the
        machine that the communicator was made for: a second call takes the place of the first, and
        one without any takes everything back. Results stay what they are.

        A communicator that is made to `survive` goes on so after a call that failed, too. Calls
        that not every process came to the end of have to be made again, by all.

        Args:
            without: links that are gone, as `SRC:DST`, and switches.
            slow: links and what is left of their bandwidth, as `SRC:DST=0.5`.
            schedules: a folder of files compiled for what is left.

        Returns:
            the calls of this communicator, from its beginning, that every process came to the end
            of (`completed` are its own).

        Raises:
            TopologyError: a word that names nothing.
            Infeasible: the processes' ranks no longer reach each other; the parts are named.
            ArgumentError: the processes name other failures.
            ScheduleFileError: a folder that cannot be read, or made for another machine.
        """
        damage = read_damage(self._whole, without, (), slow)
        left = self._whole
        if damage.links or damage.vertices:
            left = damaged(self._whole, damage).topology
            ranks = tuple(sorted(self.played))
            refuse_parts(left, collective("all_gather", ranks), "on what is left")
        done = self.recover() if self._options.survive else None
        self.change_machine(left, schedules, damage)
        return self.completed if done is None else done

    def Free(self) -> None:  # noqa: N802
        """Give back what MPI holds for this communicator; all processes call this together."""
        self.free()
        if self._is_own:
            self.plain.Free()
        drop_handle(self)

    Disconnect = Free

    def _over(self, way: str, *words: Any) -> "Communicator":  # noqa: ANN401
        """Plan for some of the processes on the same machine."""
        self.drain()
        comm = run_beside(lambda: getattr(self._native.comm, way)(*words))
        if not comm:
            return cast("Communicator", comm)  # COMM_NULL, as without plans
        ranks = run_beside(lambda: comm.allgather(self.played[self.rank]))
        options = self._options.words() | {"contingency": ()}  # they are read already
        made = type(self)(comm, self.topology, ranks=ranks, **options)
        ours, theirs = self._book.source, made._book.source
        if ours is not None and theirs is not None:
            made._book.source = replace(theirs, ready=ours.ready)
        made._whole, made._damage, made._is_own = self._whole, self._damage, True
        return made

    def _do(self, name: str, *words: Any) -> None:  # noqa: ANN401
        try:
            call = getattr(self._calls, name.lower())(*words)
        except Unsupported as why:
            self._leave_to_mpi(f"I{name.lower()}", why, *words).Wait()
            return
        if isinstance(call, FixedSum):
            self._begin_fixed(call).Wait()
        else:
            self.do(call)

    def _begin(self, name: str, *words: Any, finish: Finish = None) -> Operation:  # noqa: ANN401
        try:
            call = getattr(self._calls, name[1:].lower())(*words)
        except Unsupported as why:
            return self._leave_to_mpi(name, why, *words)
        if isinstance(call, FixedSum):
            return self._begin_fixed(call)
        return self.begin(call if finish is None else call._replace(finish=finish))

    def _begin_fixed(self, call: FixedSum) -> Operation:
        return self.enter(call.name, call.steps(self, self._native), str(call))

    def _begin_unequal(self, name: str, *words: Any, finish: Finish = None) -> Operation:  # noqa: ANN401
        try:
            call = getattr(self._unequal, name[1:].lower())(*words)
        except Unsupported as why:
            return self._leave_to_mpi(name, why, *words)

        def native() -> Native:
            own = map(self._native.find_op, words)
            started: Native = getattr(self._native.comm, name)(*own)
            return started

        call = call if finish is None else replace(call, finish=finish)
        return self.enter(call.name, call.steps(self, self._native, native), str(call))

    def _begin_exchange(self, name: str, *ends: Any, finish: Finish = None) -> Operation:  # noqa: ANN401
        sendbuf, recvbuf = ends
        try:
            exchange = Exchange(self, *read_ends(sendbuf, recvbuf, self.size))
        except Unsupported as why:
            return self._leave_to_mpi(name, why, *ends)
        return self.enter("all_to_allv", exchange.steps(self._native, sendbuf, recvbuf, finish))

    def _leave_to_mpi(self, name: str, why: Unsupported, *words: Any) -> Operation:  # noqa: ANN401
        """Leave a call to MPI, after all that were started before; lay derived types down first.

        Other processes may describe the same bytes by types that are planned for.
        """
        called = name[1:].capitalize()
        laid = lay_down(called, words, self._place) if isinstance(why, Derived) else None
        if laid is not None:
            begin = self._begin_unequal if called.endswith("v") else self._begin
            begin = self._begin_exchange if called == "Alltoallv" else begin
            return begin(name, *laid.words, finish=laid.take_back)
        own = map(self._native.find_op, words)
        native = partial(getattr(self._native.comm, name), *own)
        self._book.tell(called, str(why))
        return self.enter(called, self._by_mpi(called, str(why), native))

    def _by_mpi(self, name: str, reason: str, start: Callable[[], Native]) -> Steps:
        watch = Stopwatch()
        yield from native_steps(start)
        watch.stop(self._book.count_mpi(name, reason))
        return False
