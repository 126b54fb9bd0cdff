"""Programs made ready to run, kept as long as there is room: schedules, parts and scratch."""

import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from commplan.communicator.options import Options
from commplan.communicator.plans.consensus import Key, Planned
from commplan.communicator.plans.staging import Staging
from commplan.communicator.plans.uses import Uses
from commplan.communicator.requests import Call, Machine
from runtime.execute.executor import machine
from runtime.execute.part import Part, part
from runtime.program.elements import width
from runtime.program.lower import lower
from runtime.program.program import Buffer

Kind = TypeVar("Kind")
Name = TypeVar("Name")

PLANS, MACHINES = 512, 256  # the most that are kept


class LRUCache(Generic[Name, Kind]):
    """An LRU cache: it keeps at most so many values, those used last."""

    def __init__(self, most: int, let_go: Callable[[Kind], object] = lambda _: None) -> None:
        self._most, self._let_go = most, let_go
        self._known: OrderedDict[Name, Kind] = OrderedDict()

    def get(self, name: Name) -> Kind | None:
        """Look up a value, if it is kept."""
        found = self._known.get(name)
        if found is not None:
            self._known.move_to_end(name)
        return found

    def put(self, name: Name, value: Kind) -> Kind:
        """Keep a value."""
        self._known[name] = value
        if len(self._known) > self._most:
            self._let_go(self._known.popitem(last=False)[1])
        return value

    def values(self) -> list[Kind]:
        """List what is kept."""
        return list(self._known.values())

    def clear(self) -> None:
        """Let go of everything."""
        while self._known:
            self._let_go(self._known.popitem()[1])


class Ready(NamedTuple):
    """What runs calls, and what counts them."""

    machine: Machine
    uses: Uses


class ExecutorCache:
    """Makes what runs a call's part; all share one scratch, as one runs at a time.

    Attributes:
        limit: seconds that a message is waited for.
        look: is called now and then by whoever waits for one.
    """

    def __init__(self, comm: Any, options: Options) -> None:  # noqa: ANN401
        self._comm, self._way, self.limit = comm, options.way, options.limit
        self._survives = options.survive
        self._staged: Staging | None = None  # the memory of the call that is under way
        self._scratch = np.zeros(0, dtype=np.uint8)
        self._beginning = self._scratch.ctypes.data
        self.look: Callable[[], None] | None = None
        self._kept, self._aside = _made(), _made()

    def get(self, key: Key, in_place: bool) -> Ready | None:
        """Look up what was made before."""
        return self._kept.get((key, in_place))

    def make(self, key: Key, in_place: bool, planned: Planned, uses: Uses) -> Ready:
        """Make it for a schedule.

        Raises:
            ProgramError: the schedule cannot be made to fit.
        """
        assert planned.moves is not None
        assert planned.chunks is not None
        size = key.elements * width(key.dtype)
        program = lower(
            planned.moves,
            key.elements,
            dtype=key.dtype,
            op=key.op,
            chunks=planned.chunks.chunks(size),
            in_place=in_place,
        )
        own = part(program, self._comm.rank)
        # Calls of unlike keys may send alike messages; their tags keep them apart.
        own = replace(own, mark=own.mark ^ zlib.crc32(repr(key).encode()))
        made = machine(own, self._comm, self._way, self.limit)
        made.look = self.look
        if (before := self._kept.get((key, in_place))) is not None:
            before.machine.free()
        return self._kept.put((key, in_place), Ready(made, uses))

    def make_once(self, part: Part, ins: int, outs: int, called: tuple[int, int]) -> Machine:
        """Make what runs a part on this memory, and is not kept; called: as the log has it."""
        made = machine(part, self._comm, self._way, self.limit)
        made.look = self.look
        made.mark(*called)
        made.bind(ins, outs, self._beginning)
        return made

    def bind(self, made: Machine, ins: int, outs: int) -> None:
        """Let it work on this memory."""
        own = made.part
        if own.in_place:
            ins, outs = ins + own.starts[Buffer.INPUT], outs + own.starts[Buffer.OUTPUT]
        if own.room > len(self._scratch):
            self._scratch = np.zeros(own.room, dtype=np.uint8)
            self._beginning = self._scratch.ctypes.data
        made.limit = self.limit
        made.bind(ins, outs, self._beginning)

    def bind_call(self, made: Machine, call: Call) -> Staging | None:
        """Let it work on a call's memory, or on a copy where failures are survived."""
        if not self._survives:
            self.bind(made, call.ins, call.outs)
            return None
        self._staged = Staging(made.part, call)
        self.bind(made, self._staged.ins, self._staged.outs)
        return self._staged

    def exchange(self) -> None:
        """Set aside what is kept, and take what was set aside in its place."""
        self._kept, self._aside = self._aside, self._kept

    def clear(self, *, aside: bool = True) -> None:
        """Give back what MPI holds, and unless told otherwise what it holds for what is aside."""
        self._kept.clear()
        if aside:
            self._aside.clear()
        self._scratch = np.zeros(0, dtype=np.uint8)


def _made() -> LRUCache[tuple[Key, bool], Ready]:
    return LRUCache(MACHINES, lambda old: old.machine.free())
