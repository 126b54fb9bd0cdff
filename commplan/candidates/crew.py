"""Processes that help this one: on this computer, or those of an MPI job on many hosts.

All are given something to hold when they start, so that next to nothing travels afterwards.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from signal import SIGKILL
from typing import Any

from runtime.launch import kills
from topologies.model.errors import NO, WRONG_INPUT, CommplanError

STARTED = "mpiexec -n N python -m mpi4py.futures -m commplan"


class HostsError(CommplanError, ValueError):
    """The processes that were to help are not there."""

    exit_code = WRONG_INPUT


class RaceError(CommplanError, RuntimeError):
    """A process that helped was ended from outside."""

    exit_code = NO


@contextmanager
def here(count: int, hold: Callable[..., None], told: tuple[Any, ...]) -> Iterator[Executor]:
    """Start processes of this computer.

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
    from multiprocessing import get_context

    start = get_context("spawn")  # a fork would copy the locks of solvers without their threads
    before = kills.count_kills()
    try:
        with ProcessPoolExecutor(count, start, hold, told) as executor:
            yield executor
    except BrokenProcessPool:
        why = kills.advice(SIGKILL, before, kills.count_kills())
        raise RaceError(f"jobs: a process of {count} was ended from outside; {why}") from None


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
