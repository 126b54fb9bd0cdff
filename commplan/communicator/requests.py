"""A collective under way: what a non-blocking call gives back."""

import os
import time
from collections.abc import Callable, Generator
from typing import NamedTuple, Protocol

from commplan.communicator.plans.consensus import Key
from commplan.communicator.progress import under_way
from runtime.execute.call_log import CallLog
from runtime.execute.core import Core
from runtime.execute.faults import BlockedError
from runtime.execute.persistent import Persistent

Machine = Core | Persistent
# Gives what it waits for, None for an answer of all processes; is told whether that has been run.
Steps = Generator[Machine | None, bool | None, bool | None]

SPINS = 200  # looks before the first nap
HEARD_SECONDS = 5.0  # for others to say what they called in the place of what failed
SHORTEST_NAP, LONGEST_NAP = 20e-6, 2e-3  # seconds


class Call(NamedTuple):
    """One call: what it asks for, the memory it works on, and what MPI itself would do.

    Attributes:
        ins: addresses; in place both are that of the one memory.
        outs: addresses; in place both are that of the one memory.
        native: starts MPI's own.
        keep: what owns the memory.
        own_first: the own block of the result belongs at the beginning.
        finish: what is to be done with the result, whoever made it.
        within: it is a part of another call.
    """

    key: Key
    in_place: bool
    ins: int
    outs: int
    native: Callable[[], "Native"]
    keep: tuple[object, ...]
    own_first: bool = False
    finish: Callable[[], object] | None = None
    within: bool = False


class Native(Protocol):
    """A request of MPI."""

    def Test(self) -> bool:  # noqa: N802
        """Tell whether it is done."""
        ...


class Owner(under_way.Worker, Protocol):
    """Whoever lets operations run one after the other.

    Attributes:
        log: what was called, and what others say of it.
    """

    log: CallLog

    def progress(self, last: "Operation") -> None:
        """Go on, without waiting, with all up to this one."""
        ...

    def finish(self, last: "Operation") -> None:
        """Finish all up to this one."""
        ...

    def patience(self) -> float:
        """Give the seconds after which an operation is late."""
        ...


def native_steps(start: Callable[[], Native]) -> Steps:
    """Take all steps of a collective of MPI's own, which `start` begins.

    Where another process calls something else, MPI may find a message too long before anybody says
    what was called; the failure is then that of the log, and MPI's own if nothing is said for long.
    """
    from mpi4py import MPI

    request = start()
    try:
        while not request.Test():
            yield None
    except MPI.Exception:
        until = time.monotonic() + HEARD_SECONDS
        while time.monotonic() < until:
            yield None
        raise
    return False


class Operation:
    """A collective that makes its way while somebody calls `Test` or `Wait`.

    Those of one communicator run one after the other, in the order in which they were started.

    Attributes:
        done: it is at its end.
        told: whoever asked was told so.
        told_failure: why it failed, if whoever asked was told so.
    """

    told_failure: Exception | None = None

    def __init__(self, name: str, steps: Steps, owner: Owner) -> None:
        self.name, self._steps, self._owner = name, steps, owner
        self._machine: Machine | None = None
        self._failure: Exception | None = None
        self.done = self.told = False

    def Test(self, status: object = None) -> bool:  # noqa: N802 (as mpi4py has it)
        """Go on without waiting; tell whether it is at its end. A status stays as it is."""
        self.told = self.Get_status()
        return self.told

    def Get_status(self, status: object = None) -> bool:  # noqa: N802
        """Do as `Test`; the request counts on where several are waited for."""
        if self.ended:
            self._tell_failure()
        else:
            self._owner.progress(self)
        return self.done

    def Wait(self, status: object = None) -> bool:  # noqa: N802
        """Wait for the end. A status stays as it is."""
        if self.ended:
            self._tell_failure()
        else:
            self._owner.finish(self)
        self.told = True
        return True

    def test(self, status: object = None) -> tuple[bool, None]:
        """Do as `Test`; what mpi4py would have received is nothing."""
        return self.Test(status), None

    def wait(self, status: object = None) -> None:
        """Do as `Wait`."""
        self.Wait(status)

    @property
    def ended(self) -> bool:
        """Tell whether nothing is left to be done, because it is done or has failed."""
        return self.done or self._failure is not None

    def _tell_failure(self) -> None:
        if self._failure is not None:
            self.told_failure = self._failure
            raise self._failure

    def advance(self, ran: bool | None = None) -> bool:
        """Take a step of this operation alone; tell whether it was the last.

        What has failed stays so: asked again, it fails again, for the same reason.

        Raises:
            ExecutionError: a message does not come.
        """
        self._tell_failure()
        try:
            self._machine = self._steps.send(ran)
        except StopIteration:
            self._succeed()
        except Exception as error:
            self.fail(error)
            raise
        return self.done

    def fail(self, error: Exception) -> None:
        """Take note that this fails, and say so whenever it is asked for."""
        self._failure = self._failure or error

    def _succeed(self) -> None:
        self.done = True

    def complete(self) -> None:
        """Take all steps that are left.

        Raises:
            ExecutionError: a message does not come, or the others do not, within the limit.
        """
        try:
            self._finish()
        except Exception as error:
            self.fail(error)
            raise

    def _finish(self) -> None:
        since, ran, naps = time.monotonic(), None, 0
        while not self.advance(ran):
            ran = None
            late = time.monotonic() > since + self._owner.patience()
            if self._machine is not None and (late or not under_way.has_others(self._owner)):
                self._machine.wait()
                ran = True
            elif late:
                raise BlockedError(f"blocked in {self.name} waiting for {self._owner.log.absent()}")
            else:
                naps += self._machine is None
                self._owner.log.look()
                under_way.move_others(self._owner)
                nap(naps)


def nap(before: int) -> None:
    """Let others work, process 0 with its plan above all; the longer it lasts the more so."""
    if before < SPINS:
        os.sched_yield()
    else:
        time.sleep(min(LONGEST_NAP, (before - SPINS + 1) * SHORTEST_NAP))
