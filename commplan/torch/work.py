"""A call of c10d: under way, or at its end, with its result or its failure."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import timedelta
from threading import Condition
from typing import Any

import torch
import torch.distributed as dist

from runtime.execute.faults import BlockedError

NAME = "commplan"
_NOBODY = nullcontext()


class PlannedWork(dist._Work):
    """A call that somebody else may perform, and whoever likes may wait for.

    Attributes:
        name: as the profiler shows it.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[], None],
        value: Sequence[torch.Tensor],
        change: Condition,
    ) -> None:
        """Keep what is to be done; the change is told to all who wait."""
        super().__init__()
        self.name, self._run, self._value, self._change = name, run, value, change
        self._error: Exception | None = None
        self._done = False
        self._future: Any = None

    def run(self) -> None:
        """Do it; what fails is told to who waits."""
        try:
            self._run()
        except Exception as error:
            self._error = error

    def end(self) -> Any:  # noqa: ANN401
        """Be at its end; give the future that is to be filled then, while the change is held."""
        self._done = True
        return self._future

    def wait(self, timeout: timedelta | None = None) -> bool:
        """Wait for the end, and raise what went wrong.

        Args:
            timeout: raise after this time; the call goes on. Nothing and 0 are without end: the
                call has a limit of its own.

        Raises:
            BlockedError: it is not at its end by then.
        """
        seconds = timeout.total_seconds() if timeout else 0.0
        if not self.wait_for_end(seconds):
            raise BlockedError(f"{self.name} did not come to its end within {seconds:g} s")
        if self._error is not None:
            raise self._error
        return True

    def wait_for_end(self, seconds: float = 0.0) -> bool:
        """Wait, if so many seconds are given no longer; tell whether it is at its end."""
        if self._done:
            return True
        with self._change:
            return self._change.wait_for(lambda: self._done, seconds if seconds > 0 else None)

    def synchronize(self) -> None:
        """Wait for the end."""
        self.wait()

    def is_completed(self) -> bool:
        """Tell whether it is at its end, well or not."""
        return self._done

    def is_success(self) -> bool:
        """Tell whether it came to its end well."""
        return self._done and self._error is None

    def exception(self) -> Exception | None:
        """Give what went wrong."""
        return self._error

    def result(self) -> list[torch.Tensor]:
        """Give the tensors that it fills, as gloo does in one list."""
        return list(self._value)

    def get_future(self) -> Any:  # noqa: ANN401 (of torch, unknown to whoever has it not)
        """Give a future of these tensors."""
        with self._change:
            made = self._future is None
            if made:
                self._future = torch.futures.Future()
            done = self._done
        if made and done:
            self.fill(self._future)
        return self._future

    def fill(self, future: Any) -> None:  # noqa: ANN401
        """Hand result or failure to a future; what hangs on it runs here."""
        if self._error is None:
            future.set_result(list(self._value))
        else:
            future.set_exception(self._error)


class JoinedWork(dist._Work):
    """Several calls as one, which ends with the last of them."""

    def __init__(self, works: Sequence[Any]) -> None:
        super().__init__()
        self._works = works

    def wait(self, timeout: timedelta | None = None) -> bool:
        """Wait for all."""
        for work in self._works:
            work.wait(timeout) if timeout else work.wait()
        return True

    def is_completed(self) -> bool:
        """Tell whether all are at their ends."""
        return all(work.is_completed() for work in self._works)

    def is_success(self) -> bool:
        """Tell whether all came to their ends well."""
        return all(work.is_success() for work in self._works)

    def result(self) -> list[torch.Tensor]:
        """Give the tensors of all."""
        return [tensor for work in self._works for tensor in work.result()]

    def get_future(self) -> Any:  # noqa: ANN401 (of torch, unknown to whoever has it not)
        """Give a future of the tensors of all."""
        futures = [work.get_future() for work in self._works]
        return torch.futures.collect_all(futures).then(
            lambda done: [tensor for each in done.value() for tensor in each.value()]
        )


def recorded(name: str) -> Any:  # noqa: ANN401
    """Let the profiler see a call as "commplan:all_reduce" and the like, if there is one."""
    if not torch.autograd._profiler_enabled():
        return _NOBODY
    return torch.autograd.profiler.record_function(f"{NAME}:{name}")
