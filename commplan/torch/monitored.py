"""A barrier that says who did not come: all tell process 0, which tells all."""

import time
from itertools import count
from typing import Any

import numpy as np

from commplan.communicator.requests import nap
from runtime.execute.core import largest_tag
from runtime.execute.faults import BlockedError


def monitored_barrier(comm: Any, number: int, seconds: float, *, all_missing: bool) -> None:  # noqa: ANN401
    """Wait for all processes.

    Args:
        comm: a communicator of mpi4py, on which nothing else has the two largest tags.
        number: how many such barriers there were before; what is left of them is passed over.
        seconds: the time for it.
        all_missing: wait the whole time, and name all who did not come.

    Raises:
        BlockedError: at process 0, naming who did not come; elsewhere, if process 0 does not
            answer.
    """
    deadline = time.monotonic() + seconds
    if comm.rank:
        own = np.array([number], dtype=np.int64)
        comm.Send(own, 0, largest_tag())  # 8 bytes go at once
        if not _hear(comm, 0, largest_tag() - 1, number, deadline):
            raise BlockedError(f"rank 0 did not answer in monitored_barrier within {seconds:g} s")
        return
    missing = []
    for other in range(1, comm.size):
        if not _hear(comm, other, largest_tag(), number, deadline):
            missing.append(other)
            if not all_missing:
                break
    if missing:
        who = f"ranks {', '.join(map(str, missing))}" if len(missing) > 1 else f"rank {missing[0]}"
        raise BlockedError(f"{who} failed to pass monitored_barrier within {seconds:g} s")
    for other in range(1, comm.size):
        comm.Send(np.array([number], dtype=np.int64), other, largest_tag() - 1)


def _hear(comm: Any, source: int, tag: int, number: int, deadline: float) -> bool:  # noqa: ANN401
    """Wait for the number from a process; tell whether it came in time."""
    said = np.zeros(1, dtype=np.int64)
    for naps in count():
        while comm.Iprobe(source, tag):
            comm.Recv(said, source, tag)
            if said[0] >= number:
                return True
        if time.monotonic() > deadline:
            return False
        nap(naps)
    return False
