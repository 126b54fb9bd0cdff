"""Processes that help this one: on this computer, or those of an MPI job on many hosts.

All are given something to hold when they start, so that next to nothing travels afterwards.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from runtime.launch import kills
from topologies.model.errors import NO, WRONG_INPUT, CommplanError

Given = ParamSpec("Given")
Found = TypeVar("Found")
STARTED = "mpiexec -n N python -m mpi4py.futures -m commplan"


class HostsError(CommplanError, ValueError):
    """The processes that were to help are not there."""

    exit_code = WRONG_INPUT


class RaceError(CommplanError, RuntimeError):
    """A process that helped was ended from outside."""

    exit_code = NO


@contextmanager
def here(count: int, hold: Callable[..., None], told: tuple[Any, ...]) -> Iterator[Executor]:
    """Start processes of this computer, and end them at once where what they are for fails.

    A Ctrl-C reaches all processes of a terminal, but is for this one alone. One that died of it as
    it starts would be waited for without an end: `multiprocessing` writes what it is to hold into a
    pipe whose reading end it has open itself.

    Args:
        count: how many.
        hold: what each does first.
        told: with what.

    Raises:
        RaceError: one was ended from outside.
    """
    # Loaded late, as they are in the way of every other command.
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    class Deaf(ProcessPoolExecutor):
        """Starts processes, which a submission may do, that do not hear Ctrl-C."""

        def submit(
            self, fn: Callable[Given, Found], /, *args: Given.args, **kwargs: Given.kwargs
        ) -> Future[Found]:
            with _without_interrupts():
                return super().submit(fn, *args, **kwargs)

    start = get_context("spawn")  # a fork would copy the locks of solvers without their threads
    before, others = kills.count_kills(), set(active_children())
    try:
        with Deaf(count, start, hold, told) as executor:
            try:
                yield executor
            except BaseException:
                for process in set(active_children()) - others:
                    process.terminate()
                raise
    except BrokenProcessPool:
        why = kills.advice(signal.SIGKILL, before, kills.count_kills())
        raise RaceError(f"jobs: a process of {count} was ended from outside; {why}") from None


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Put Ctrl-C off, for this thread and for good in the processes that are started."""
    known = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, known)


@contextmanager
def elsewhere(hold: Callable[..., None], told: tuple[Any, ...]) -> Iterator[Executor]:
    """Take the processes of an MPI job, one of which this is (`STARTED`).

    Raises:
        HostsError: this process was not started so.
    """
    if "mpi4py.futures" not in sys.orig_argv:
        raise HostsError(f"jobs: mpi works under {STARTED}")
    from mpi4py.futures import MPIPoolExecutor

    with MPIPoolExecutor(initializer=hold, initargs=told) as executor:
        yield executor


def count_started() -> int:
    """Count the processes of the MPI job that help: all but this one."""
    from mpi4py import MPI

    return max(MPI.COMM_WORLD.size - 1, 1)
