"""Messages from one process to another, by MPI's own, beside the collectives of their group."""

import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from threading import Condition, Lock, Thread
from typing import Any

import torch
import torch.distributed as dist

from commplan.communicator.requests import nap
from runtime.execute.core import largest_tag
from runtime.execute.faults import BlockedError, ExecutionError

RESERVED = 2  # the largest tags, which no message of a caller has
LOOK_SECONDS = 1e-3


class Message(dist._Work):
    """A message under way.

    gloo gives it no future; this one is filled when somebody finds that the message is through.
    """

    def __init__(
        self,
        what: str,
        request: Any,  # noqa: ANN401
        tensor: torch.Tensor,
        after: Callable[[], None],
        seconds: float,
    ) -> None:
        """Take a request of MPI, and what is to be done when it is at its end."""
        super().__init__()
        self._what, self._request, self._tensor, self._after = what, request, tensor, after
        self._seconds, self._source = seconds, -1
        self._lock = Lock()
        self._done = False
        self._error: Exception | None = None
        self._future: Any = None

    def is_completed(self) -> bool:
        """Look whether it is at its end."""
        return self._done or self._look()

    def is_success(self) -> bool:
        """Tell whether it came to its end well."""
        return self._done and self._error is None

    def exception(self) -> Exception | None:
        """Give what went wrong."""
        return self._error

    def wait(self, timeout: timedelta | None = None) -> bool:
        """Wait for the end, and raise what went wrong.

        Raises:
            BlockedError: it is not at its end after the time given here, or that of the group.
        """
        seconds = timeout.total_seconds() if timeout else self._seconds
        deadline = time.monotonic() + seconds
        for naps in count():
            if self.is_completed():
                break
            if time.monotonic() > deadline:
                raise BlockedError(f"{self._what} did not come to its end within {seconds:g} s")
            nap(naps)
        if self._error is not None:
            raise self._error
        return True

    def synchronize(self) -> None:
        """Wait for the end."""
        self.wait()

    def result(self) -> list[torch.Tensor]:
        """Give the tensor."""
        return [self._tensor]

    def source_rank(self) -> int:
        """Tell which process of the group has sent it."""
        return self._source

    _source_rank = source_rank

    def get_future(self) -> "torch.futures.Future[list[torch.Tensor]]":
        """Give a future of the tensor."""
        with self._lock:
            made = self._future is None
            if made:
                self._future = torch.futures.Future()
            done = self._done
        if made and done:
            self._fill()
        return self._future

    def _look(self) -> bool:
        """Let MPI go on; requests of MPI are for one thread at a time."""
        from mpi4py import MPI

        with self._lock:
            if self._done:
                return True
            status = MPI.Status()
            try:
                if not self._request.Test(status):
                    return False
                self._source = status.Get_source()
                self._after()
            except MPI.Exception as error:
                self._error = ExecutionError(f"{self._what}: {' '.join(str(error).split())}")
            self._done = True
            future = self._future
        if future is not None:
            self._fill()
        return True

    def _fill(self) -> None:
        if self._error is None:
            self._future.set_result([self._tensor])
        else:
            self._future.set_exception(self._error)


class Mover:
    """Looks now and then at messages that nobody waits for, so that they go on."""

    def __init__(self) -> None:
        self._change = Condition()
        self._messages: deque[Message] = deque()
        self._thread: Thread | None = None

    def add(self, message: Message) -> None:
        """Look after a message until it is at its end."""
        with self._change:
            self._messages.append(message)
            if self._thread is None:
                self._thread = Thread(target=self._serve, name="commplan messages", daemon=True)
                self._thread.start()
            elif len(self._messages) == 1:
                self._change.notify()

    def _serve(self) -> None:
        from mpi4py import MPI

        while True:
            with self._change:
                self._change.wait_for(lambda: self._messages)
                messages = list(self._messages)
            time.sleep(LOOK_SECONDS)
            if MPI.Is_finalized():
                return
            over = {id(message) for message in messages if message.is_completed()}
            with self._change:
                self._messages = deque(m for m in self._messages if id(m) not in over)


MOVER = Mover()


def tag_of(tag: int) -> int:
    """Find the tag of MPI for one of torch; the largest are kept for `monitored`."""
    return tag % (largest_tag() + 1 - RESERVED)
