"""Which Alltoallv is served how, decided alike by all processes from what all have learnt.

A matrix that comes for the first time is exchanged straight from process to process. After some
that were all new, MPI does the calls that wait, and nothing is learnt before; every so often all
learn the matrix behind such a call, and whether what they sent and expected was alike. A matrix
that comes again and again is searched for.
"""

import hashlib

from commplan.communicator.plans.executor_cache import PLANS, LRUCache
from topologies.model.topology import IntArray

NEW = 4  # matrices in a row, before MPI is handed what comes


class ExchangeHabit:
    """What the matrices of one communicator were so far."""

    def __init__(self, plan_at: int, *, may_hand: bool) -> None:
        self._plan_at, self._may_hand = plan_at, may_hand
        self._matrices: LRUCache[bytes, int] = LRUCache(PLANS)
        self._repeats = self._new = 0

    def take(self, matrix: IntArray) -> bool:
        """Count a matrix, and tell whether it came less than `plan_at` times."""
        key = hashlib.sha256(matrix.tobytes()).digest()
        self._repeats = (self._matrices.get(key) or 0) + 1
        self._matrices.put(key, self._repeats)
        self._new = self._new + 1 if self._repeats == 1 else 0
        return self._repeats < self._plan_at

    def expects_new(self) -> bool:
        """Tell whether the matrix of the last one, if it comes again, is not to be searched for."""
        return self._repeats + 1 < self._plan_at

    def hands_over(self) -> bool:
        """Tell whether MPI does the next calls that wait, LOOK_EVERY of them."""
        return self._may_hand and self._new >= NEW and self.expects_new()
