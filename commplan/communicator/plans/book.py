"""The plans of one communicator: found for its calls, counted, and exchanged for better ones."""

import logging
from collections.abc import Generator
from math import inf
from time import perf_counter
from typing import Any

from commplan.communicator.plans.consensus import Key, Planned, agree, share
from commplan.communicator.plans.executor_cache import PLANS, ExecutorCache, LRUCache, Ready
from commplan.communicator.plans.schedule_source import ALL_TO_ALLV, Need, Source
from commplan.communicator.plans.uses import MPI, PLAN, PlanUse, Uses
from commplan.communicator.requests import Call
from runtime.execute.call_log import CallLog
from runtime.program.elements import width
from runtime.program.program import ProgramError

LOG = logging.getLogger("commplan")
OLD = 256  # plans that serve no more of which it is remembered how they did


Served = LRUCache[Need, tuple[Planned, Uses]]


class PlanBook:
    """Finds what serves a call, the same at all processes, and counts the calls.

    What serves first may be exchanged for a better plan at the call of a number that is fixed
    beforehand, so that results do not depend on how fast a plan was found.

    Attributes:
        source: where process 0 finds schedules.
        is_planning: process 0 may be looking for one while others wait.
    """

    def __init__(self, order: list[int], ranks: tuple[int, ...], plan_at: int) -> None:
        self._order, self._ranks, self._plan_at = order, ranks, plan_at
        self.source: Source | None = None
        self.is_planning = False
        self._agreed: LRUCache[Key, bool] = LRUCache(4 * PLANS)
        self._served: Served = LRUCache(PLANS, self._retire)
        self._aside: Served = LRUCache(PLANS, self._retire)
        self._others: dict[tuple[str, str], Uses] = {}
        self._old: list[Uses] = []
        self._told: set[tuple[str, str]] = set()

    def open(self, comm: Any, machines: ExecutorCache, log: CallLog) -> None:  # noqa: ANN401
        """Find plans over a communicator of MPI, and forget those for another one."""
        self._comm, self._machines, self._log = comm, machines, log
        self._agreed.clear()
        self._served.clear()
        self._aside.clear()

    def find(self, key: Key, in_place: bool) -> Ready | None:
        """Look up what is ready to serve a call."""
        ready = self._machines.get(key, in_place)
        if ready is None or ready.uses.calls + 1 >= ready.uses.due:
            return None
        return ready

    def prepare(self, call: Call) -> Generator[None, bool | None, Ready | Uses]:
        """Find what serves a call: agree on it, plan it and make what runs it, as far as need be.

        Returns:
            what is ready; where MPI has to do it, what counts its calls.
        """
        key = call.key
        if (ready := self.find(key, call.in_place)) is not None:
            return ready
        if self._agreed.get(key) is None:
            yield from agree(self._comm, key, self._log.place)
            self._agreed.put(key, True)
        need = Need(key.name, key.root, _size_class(key), key.demand)
        known = self._served.get(need)
        if known is None or known[1].calls + 1 >= known[1].due:
            known = yield from self._plan(key, need, again=known is not None)
        ready = self._machines.get(key, call.in_place)
        if ready is not None and ready.uses is known[1]:
            return ready
        return self._make(call, *known)

    def _plan(
        self, key: Key, need: Need, *, again: bool
    ) -> Generator[None, bool | None, tuple[Planned, Uses]]:
        """Let process 0 find a plan, for good if another one served before."""
        final = again or self._plan_at == 1 or need.name == ALL_TO_ALLV
        self.is_planning = True
        try:
            args = (self._comm, self.source, need, self._order, self._ranks, final)
            planned = yield from share(*args)
        finally:
            self.is_planning = False
        LOG.debug("%s: %s", key, planned.reason)
        before = self._served.get(need)
        if before is not None and planned.moves is None and before[0].moves is not None:
            before[1].due = inf  # nothing better was found
            return before
        ends = (need.size, need.size) if need.demand else _ends(need.size)
        by = MPI if planned.moves is None else PLAN
        root = self._order.index(need.root) if need.root >= 0 else -1
        what = PlanUse(need.name, root, *ends, by, planned.reason, planned.seconds, 0, 0.0, 0.0)
        if before is not None:
            self._retire(before)
        uses = Uses(what, inf if planned.final else self._plan_at)
        return self._served.put(need, (planned, uses))

    def _make(self, call: Call, planned: Planned, uses: Uses) -> Ready | Uses:
        """Make what runs a plan; nothing where MPI has to do it, and say why."""
        if planned.moves is None:
            if planned.final:
                self.tell(call.key.name, planned.reason)
            return uses
        try:
            return self._machines.make(call.key, call.in_place, planned, uses)
        except ProgramError as error:
            self.tell(call.key.name, str(error))
            return self.count_mpi(call.key.name, str(error))

    def tell(self, name: str, reason: str) -> None:
        """Say once why a collective is left to MPI."""
        if (name, reason) not in self._told and self._comm.rank == self._order[0]:
            LOG.warning("%s is left to MPI: %s", name, reason)
        self._told.add((name, reason))

    def count_direct(self) -> Uses:
        """Give what counts exchanges that are planned at once."""
        why = f"each block straight to its process, until a matrix comes {self._plan_at} times"
        what = PlanUse("all_to_allv", -1, 0, 0, PLAN, why, None, 0, 0.0, 0.0)
        return self._others.setdefault((what.collective, why), Uses(what))

    def count_mpi(self, name: str, reason: str) -> Uses:
        """Give what counts the calls that MPI does for a reason."""
        known = self._others.get((name, reason))
        if known is None:
            known = Uses(PlanUse(name, -1, 0, 0, MPI, reason, None, 0, 0.0, 0.0))
            self._others[name, reason] = known
        return known

    def read(self) -> tuple[PlanUse, ...]:
        """List what served calls, and how; what served none is left out."""
        served = [uses for kept in (self._served, self._aside) for _, uses in kept.values()]
        every = [*self._old, *served, *self._others.values()]
        return tuple(uses.read() for uses in every if uses.calls)

    def exchange(self) -> None:
        """Set the plans that there are aside, and take back those that were set aside before."""
        self._machines.exchange()
        self._served, self._aside = self._aside, self._served

    def clear(self, *, aside: bool = True) -> None:
        """Forget all plans, and unless told otherwise those that were set aside."""
        self._machines.clear(aside=aside)
        self._served.clear()
        if aside:
            self._aside.clear()

    def _retire(self, known: tuple[Planned, Uses]) -> None:
        if known[1].calls:
            self._old = [*self._old, known[1]][-OLD:]


class Stopwatch:
    """Counts a call from when it was made."""

    def __init__(self) -> None:
        self._since = perf_counter()

    def stop(self, uses: Uses) -> None:
        """Count it as one of these."""
        uses.note(perf_counter() - self._since)


def _size_class(key: Key) -> int:
    """Compute the bytes that all sizes between two powers of two are planned for."""
    size = key.elements * width(key.dtype)
    return size if key.demand else max(1, 3 << size.bit_length() >> 2)


def _ends(size: int) -> tuple[int, int]:
    """Give the least and the largest size of a class."""
    least = 1 << (size.bit_length() - 1)
    return least, 2 * least - 1
