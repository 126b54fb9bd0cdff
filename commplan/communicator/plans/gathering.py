"""Rows of numbers of all processes, gathered for one call that all make."""

from typing import Any

import numpy as np

from topologies.model.topology import IntArray


class Gathering:
    """A row from each process under way.

    The first word says for which call it is. Where it is another one, somewhere, this never comes
    to its end: what all have called is told by the log, which whoever waits looks into.

    Attributes:
        rows: of all processes, when `Test` says so.
    """

    def __init__(self, comm: Any, call: int, row: IntArray) -> None:  # noqa: ANN401
        self._own = np.concatenate([[call], row]).astype(np.int64)
        self._all = np.zeros((comm.size, len(self._own)), dtype=np.int64)
        self._request = comm.Iallgather(self._own, self._all)
        self._is_done = self._is_unlike = False
        self.rows = self._all[:, 1:]

    def Test(self) -> bool:  # noqa: N802 (as mpi4py has it)
        """Go on without waiting; tell whether all rows are there."""
        if not self._is_done and not self._is_unlike:
            self._look()
        return self._is_done and not self._is_unlike

    def _look(self) -> None:
        from mpi4py import MPI

        try:
            self._is_done = self._request.Test()
        except MPI.Exception:  # a row of another length
            self._is_unlike = True
        if self._is_done and (self._all[:, 0] != self._own[0]).any():
            self._is_unlike = True
