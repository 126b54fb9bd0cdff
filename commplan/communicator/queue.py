"""Collectives of one communicator, one after the other: planned once, run again and again."""

from collections import deque
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from commplan.communicator.ending import end_all
from commplan.communicator.exchange.habit import ExchangeHabit
from commplan.communicator.mpi_fallback import Natives
from commplan.communicator.options import Options
from commplan.communicator.placement import Placement, caller_order, meet
from commplan.communicator.plans.book import PlanBook, Stopwatch
from commplan.communicator.plans.consensus import agree
from commplan.communicator.plans.executor_cache import ExecutorCache, Ready
from commplan.communicator.plans.gathering import Gathering
from commplan.communicator.plans.schedule_source import share_source
from commplan.communicator.plans.staging import Staging, hand_out
from commplan.communicator.plans.uses import Uses
from commplan.communicator.progress import under_way
from commplan.communicator.progress.delegation import run_beside
from commplan.communicator.requests import Call, Machine, Operation, Steps, native_steps
from runtime.execute.call_log import CallLog, keep_spare
from runtime.execute.faults import ExecutionError
from runtime.execute.part import Part
from topologies.derive.damage import Damage
from topologies.model.arguments import number, of, refuse
from topologies.model.errors import ArgumentError, CommplanError
from topologies.model.topology import IntArray, Topology, digest
from topologies.model.units import Seconds


class OperationQueue:
    """Lets calls of one communicator run one after the other, each by its plan.

    What stands here is what all collectives share; `Communicator` adds the calls themselves.
    """

    moves_itself = False
    operations: type[Operation] = Operation

    def __init__(
        self,
        mpi_comm: Any,  # noqa: ANN401 (of mpi4py, which only an MPI program imports)
        topology: Topology,
        *,
        ranks: Placement = None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Agree on who plays which rank; all processes of `mpi_comm` call this together.

        ranks: see `placement.place`. options: see `Options`.

        Raises:
            PlacementError: a map that gives not every process a rank of its own.
            ScheduleFileError: a folder that cannot be read, a file that is wrong, or made for
                another machine.
            ArgumentError: something of another kind.
        """
        from mpi4py import MPI

        of("topology", topology, Topology)
        if not isinstance(mpi_comm, MPI.Intracomm):
            refuse(
                "mpi_comm", type(mpi_comm).__name__, "an intracommunicator of mpi4py", ArgumentError
            )
        self._options = Options(**options)
        self._topology, self._damage = topology, Damage()
        self._place = (mpi_comm.rank, mpi_comm.size)
        self.plain = MPI.Intracomm(mpi_comm)
        self.IN_PLACE = MPI.IN_PLACE
        self._left: list[object] = []
        self.completed = 0
        self._queue: deque[Operation] = deque()
        self._failure: CommplanError | None = None
        run_beside(lambda: self._meet(self.plain, ranks))

    def _meet(self, mpi_comm: Any, ranks: Placement) -> None:  # noqa: ANN401
        """Agree with the other processes."""
        from mpi4py import MPI

        self.played = meet(mpi_comm, self._topology, ranks, self._options.shared())
        self.order = caller_order(self.played)
        several = MPI.Query_thread() >= MPI.THREAD_MULTIPLE
        may_hand = several and self._options.abort and not self.survives
        self.habit = ExchangeHabit(self._options.plan_at, may_hand=may_hand)
        self._book = PlanBook(self.order, tuple(sorted(self.played)), self._options.plan_at)
        self._open(mpi_comm.Dup())
        self._reserve = keep_spare(mpi_comm) if self._options.survive else None
        self._book.source = share_source(self._comm, self._topology, self.played, self._options)

    def _open(self, own: Any) -> None:  # noqa: ANN401
        """Let calls run over a communicator that carries nothing yet."""
        self._native = Natives(own)
        as_called = self.order == list(range(self.size))
        self._comm = own if as_called else own.Split(0, self.order[self.rank])
        self.log = CallLog(self._comm)
        self._machines = ExecutorCache(self._comm, self._options)
        self._machines.look = self.log.look
        self._book.open(self._comm, self._machines, self.log)

    def recover(self) -> int:
        """Go on after a failure, over a communicator of MPI that nothing was sent over yet.

        All processes call this together. What was under way keeps its memory for late messages.

        Returns:
            the calls of this one that every process has come to the end of.

        Raises:
            ArgumentError: the communicator is not to survive failures.
        """
        if self._reserve is None:
            raise ArgumentError("the communicator was not made to survive: expected survive=True")
        with suppress(ExecutionError):
            self.drain()
        under_way.leave(self)
        self._left.append((self._machines, tuple(self._queue), self._native, self.log))
        self._queue.clear()
        self._failure = None
        own, self._reserve = self._reserve, self._reserve.Dup()
        self._open(own)
        done: list[int] = self._comm.allgather(self.completed)
        return min(done)

    @property
    def rank(self) -> int:
        """Give the number of this process."""
        return self._place[0]

    @property
    def size(self) -> int:
        """Give the number of processes."""
        return self._place[1]

    @property
    def topology(self) -> Topology:
        """Give the machine that is planned for."""
        return self._topology

    def change_machine(
        self, topology: Topology, schedules: str | Path | None, damage: Damage
    ) -> None:
        """Plan for another machine from now on; after all under way.

        Plans for the whole machine are set aside while something of it has failed, those for what
        is left are forgotten. All processes call this together.

        Args:
            topology: with the ranks of the one before.
            schedules: a folder of compiled files for it.
            damage: what has failed of the machine that the communicator was made for.

        Raises:
            ArgumentError: processes call this for other machines.
            ScheduleFileError: as at the beginning.
        """
        self.drain()
        asked = self._comm.allgather(
            (digest(topology), None if schedules is None else str(schedules))
        )
        if any(other != asked[0] for other in asked):
            raise ArgumentError("the processes name other failures, or other folders")
        before, self._options = self._options, replace(self._options, schedules=schedules)
        try:
            known = (self._book.source, damage)
            source = share_source(self._comm, topology, self.played, self._options, known)
        except CommplanError:
            self._options = before
            raise
        was_whole, is_whole = self._damage == Damage(), damage == Damage()
        self._topology, self._damage, self._book.source = topology, damage, source
        fresh = is_whole and schedules is not None
        if fresh or not was_whole:
            self._book.clear(aside=fresh)
        if was_whole != is_whole:
            self._book.exchange()

    @property
    def limit(self) -> Seconds:
        """Give the seconds that a message is waited for; each process may set its own later."""
        return self._machines.limit

    @limit.setter
    def limit(self, seconds: Seconds) -> None:
        number("limit", seconds, above=True)
        self._options = replace(self._options, limit=seconds)
        self._machines.limit = seconds

    def patience(self) -> Seconds:
        """Give the seconds after which an operation is late: longer while process 0 plans."""
        return self.limit + (self._options.planning_seconds if self._book.is_planning else 0.0)

    def free(self) -> None:
        """Give back what MPI holds, after all that is under way; all processes call this together.

        After a failure MPI keeps the context: another one with it would take messages under way.

        Raises:
            ArgumentError: it was given back before.
        """
        has_failed = isinstance(self._failure, ExecutionError)
        if not has_failed:
            self.drain()
        under_way.leave(self)
        self._queue.clear()
        self._failure = ArgumentError("the communicator was freed")
        self._machines.clear()
        if has_failed:
            return
        if self._comm is not self._native.comm:
            self._comm.Free()
        self._native.comm.Free()

    def drain(self) -> None:
        """Finish all that is under way."""
        self.check_alive()
        if self._queue:
            self.finish(self._queue[-1])

    def do(self, call: Call) -> None:
        """Do a collective, after all that were started before."""
        self.check_alive()
        if not self._queue and call.key.elements and not under_way.has_others(self):
            ready = self._book.find(call.key, call.in_place)
            if ready is not None:
                self.log.note(call.key)
                self._run(ready, call)
                return
        self.begin(call).Wait()

    def begin(self, call: Call) -> Operation:
        """Start a collective, and do of it what can be done without waiting."""
        return self.enter(call.key.name, self.steps(call), call.key)

    def enter(self, name: str, steps: Steps, called: object = None) -> Operation:
        """Let the steps of a collective come after those that were started before.

        called: has to be the same at all processes, and reads so; its name if nothing is said.
        """
        self.check_alive()
        made = self.operations(name, self._logged(steps, called or name), self)
        self._queue.append(made)
        under_way.enter(self)
        self.progress(made)
        return made

    def progress(self, last: Operation) -> None:
        """Go on, without waiting, with all up to this one, and with what others have begun."""
        try:
            self._advance(last)
        except ExecutionError as error:
            self._fault(error)
        under_way.move_others(self)

    def move_on(self) -> None:
        """Go on, without waiting, with all; what fails is told where it is waited for."""
        try:
            self._advance(None)
        except ExecutionError as error:
            under_way.leave(self)
            if self._options.abort and not self._options.survive:
                self._fault(error)

    def finish(self, last: Operation) -> None:
        """Finish all operations up to this one."""
        under_way.enter(self)
        try:
            while not last.ended:
                self._complete_first(last)
        except ExecutionError as error:
            self._fault(error)
        if not self._queue:
            under_way.leave(self)

    def _complete_first(self, last: Operation) -> None:
        """Finish the first operation; what it refuses is told where it is waited for."""
        first = self._queue[0]
        try:
            first.complete()
        except ExecutionError:
            raise
        except Exception:  # it was refused, by us or by MPI, and nothing of it is under way
            self._queue.popleft()
            if first is last:
                raise
        else:
            self._queue.popleft()

    def _logged(self, steps: Steps, called: object) -> Steps:
        """Take all steps, and note first what is called."""
        self.log.note(called)
        return (yield from steps)

    def _advance(self, last: Operation | None) -> None:
        """Go on with all up to this one, and hear the others; what fails stays so."""
        try:
            while self._queue and self._advance_first(last):
                if self._queue.popleft() is last:
                    break
            if self._queue:
                self.log.look()
        except ExecutionError as error:
            self._fail(error)
            raise
        if not self._queue:
            under_way.leave(self)

    def _advance_first(self, last: Operation | None) -> bool:
        """Go on with the first operation; tell whether it is at its end."""
        first = self._queue[0]
        try:
            return first.advance()
        except ExecutionError:
            raise
        except Exception:  # as in `_complete_first`
            if first is last:
                self._queue.popleft()
                raise
            return True

    def check_alive(self) -> None:
        """Refuse to go on after a failure, or what was freed."""
        if self._failure is not None:
            raise self._failure

    def _run(self, ready: Ready, call: Call) -> None:
        """Do what was done before, with no detour."""
        watch, machine = Stopwatch(), ready.machine
        machine.mark(self.log.sum, self.log.alike)
        staged = self._machines.bind_call(machine, call)
        try:
            machine.run()
        except ExecutionError as error:
            self._fault(error)
        self._end(machine, call, staged)
        watch.stop(ready.uses)

    def _end(self, machine: Machine | None, call: Call, staged: Staging | None = None) -> None:
        """Do what is left of a call."""
        hand_out(machine, call, staged)
        self.completed += not call.within

    def steps(self, call: Call) -> Steps:
        """Take all steps of a collective, its first-time preparations among them.

        Returns:
            whether it was planned; else MPI did it.
        """
        if not call.key.elements:  # no message would tell where another calls something else
            yield from agree(self._comm, call.key, self.log.place)
            self._end(None, call)
            return True
        ready = yield from self._book.prepare(call)
        watch = Stopwatch()
        if isinstance(ready, Uses):
            yield from native_steps(call.native)
            self._end(None, call)
            watch.stop(ready)
            return False
        machine = ready.machine
        machine.mark(self.log.sum, self.log.alike)
        staged = self._machines.bind_call(machine, call)
        while not machine.test():
            if (yield machine):
                break
        self._end(machine, call, staged)
        watch.stop(ready.uses)
        return True

    @property
    def survives(self) -> bool:
        """Tell whether it goes on after failures: then every exchange needs a plan."""
        return self._options.survive

    def begin_part(self, part: Part, ins: int, outs: int) -> Machine:
        """Make what runs a part once on this memory."""
        return self._machines.make_once(part, ins, outs, (self.log.sum, self.log.alike))

    def end_part(self, watch: Stopwatch) -> None:
        """Count an exchange that was planned at once."""
        self.completed += 1
        watch.stop(self._book.count_direct())

    def keep_for_ever(self, held: object) -> None:
        """Keep what messages may still be written to."""
        self._left.append(held)

    def gather_rows(self, row: IntArray) -> Gathering:
        """Start to gather a row from each process."""
        return Gathering(self._comm, self.log.sum, row)

    def _fault(self, error: ExecutionError) -> NoReturn:
        """End all processes, or raise, and begin nothing more: messages may still be under way."""
        self._failure = error
        under_way.leave(self)
        self._fail(error)
        if self._options.abort and not self.survives:
            end_all(self._native.comm, error)
        raise error

    def _fail(self, error: ExecutionError) -> None:
        """Let all fail that are under way: none of them can come to its end any more."""
        for each in self._queue:
            each.fail(error)
