"""Requests that MPI's own calls can wait for as well: MPI.Request.Waitall and the like."""

import sys
from functools import cache
from typing import Any, Self

from commplan.communicator.requests import Operation


@cache
def find_operation_class() -> type[Operation]:
    """Make the class of operations that are requests of mpi4py, too.

    MPI sees a generalized request, which is told when the operation ends. Somebody has to move
    the operation on while MPI waits: a thread of its communicator, or the one that looks after
    what stands still.
    """
    from mpi4py import MPI

    class VisibleOperation(Operation, MPI.Request):  # type: ignore[misc]  # Test takes more
        """A collective under way that MPI waits for, too."""

        _shown: Any  # what MPI is told the end by, until then
        _faults: list[Exception]

        __hash__ = object.__hash__

        def __eq__(self, other: object) -> bool:
            """Tell whether it is the same, or both have been waited for, as REQUEST_NULL."""
            is_over = isinstance(other, MPI.Request) and not other and not self
            return self is other or is_over

        def __ne__(self, other: object) -> bool:
            """Tell whether it is another one."""
            return not self == other

        def __new__(cls, *_: object) -> Self:
            faults: list[Exception] = []
            shown = MPI.Grequest.Start(_answer, args=(faults,))
            made = MPI.Request.__new__(cls, shown)
            made._shown, made._faults = shown, faults
            return made

        def fail(self, error: Exception) -> None:
            """Take note that this fails, and let MPI see its end."""
            self._faults.append(error)
            super().fail(error)
            self._show_end()

        def _succeed(self) -> None:
            super()._succeed()
            self._show_end()

        def _show_end(self) -> None:
            shown, self._shown = self._shown, None
            if shown is not None:
                shown.Complete()

        @property
        def told(self) -> bool:
            """Tell whether whoever asked was told that it is done, by us or by MPI."""
            return self._told or not MPI.Request.__bool__(self)

        @told.setter
        def told(self, told: bool) -> None:
            self._told = told
            if told and MPI.Request.__bool__(self):
                MPI.Request.Free(self)

        def __del__(self) -> None:
            is_late = sys.is_finalizing() or MPI.Is_finalized()
            if self.ended and not is_late and MPI.Request.__bool__(self):
                MPI.Request.Free(self)

    return VisibleOperation


def _answer(status: Any, faults: list[Exception]) -> None:  # noqa: ANN401
    """Fill the status of a request; raise where it failed."""
    from mpi4py import MPI

    status.Set_elements(MPI.BYTE, 0)
    status.Set_cancelled(False)
    if faults:
        raise MPI.Exception(MPI.ERR_OTHER)
