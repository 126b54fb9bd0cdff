"""What libraries run: a ring and a tree, and how long they take on a machine.

A ring of many ranks takes as long for each turn as for the one before, once all are under way: of
a long one only the beginning is played, and the rest goes on at the same pace (exact where links
bind, within 6 % where latencies do and neighbours are not equally far).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from commplan.fitting.fitted import Library, seconds
from commplan.fitting.library import Model
from runtime.simulate.simulate import simulate
from solvers.routing.router import Router
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.kinds import pattern_of
from solvers.schedules.schedule import Schedule
from solvers.settings.options import SWITCHINGS, Switching
from solvers.templates import TEMPLATES, ring
from solvers.templates.layout import TemplateError
from solvers.templates.ring_order import is_mesh, ring_order, spread_rings
from topologies.model.cached import cached_property
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Seconds

TURNS = 32  # of a ring that are played, at most
WRITTEN_OUT = 256  # ranks up to which trees are whose every block goes by itself
TREES = {
    "all_gather": "recursive_doubling",
    "reduce_scatter": "recursive_halving",
    "all_reduce": "binomial",
    "all_to_all": "bruck",
    "broadcast": "binomial",
    "reduce": "binomial",
    "gather": "binomial",
    "scatter": "binomial",
}
BLOCKWISE = frozenset({"all_gather", "reduce_scatter", "all_to_all"})


@dataclass(frozen=True)
class Timing:
    """What a schedule takes, and what it waits for."""

    name: str
    seconds: Seconds
    binds: str


@dataclass(frozen=True)
class Patterns:
    """The patterns of libraries over ranks of a machine; the order of the ring is found once.

    Attributes:
        library: what was fitted of one.
    """

    topology: Topology
    ranks: tuple[int, ...]
    library: Library | None = None

    @cached_property
    def _router(self) -> Router:
        return Router(self.topology)

    @property
    def rings(self) -> int:
        """Count the rings that go over different ways between boxes."""
        return len(self._orders)

    @property
    def ways(self) -> str:
        """Say what each ring has for itself: a circle of links, or a way between boxes."""
        return "circles of links" if is_mesh(self.topology, self.ranks) else "rails"

    @cached_property
    def _orders(self) -> list[list[int]]:
        return spread_rings(self._router, ring_order(self._router, self.ranks))

    @cached_property
    def _models(self) -> Mapping[str, Model]:
        return self.library.find(self.topology, self.ranks) if self.library else {}

    def measured(self, what: Collective, size: Bytes) -> Timing | None:
        """Predict what the library takes, as it was fitted; None where it was not."""
        model = self._models.get(what.name)
        if model is None or self.library is None:
            return None
        took, regime = seconds(model, len(what.ranks), size)
        return Timing(self.library.name, took, regime)

    def ring(self, what: Collective) -> "Pattern | None":
        """Make the ring of a collective, or the chain; None where there is none.

        Complexity: ranks², and a transfer for each rank and turn that is played.
        """
        turns = _turns(what)
        if pattern_of(what) not in ring.COLLECTIVES or turns < 1:
            return None
        try:
            if what.root is not None or turns <= TURNS:
                return Pattern("ring", ring.along(self._orders, self._router, what), turns, turns)
            made = ring.along(self._orders, self._router, what, turns=TURNS)
            half = ring.along(self._orders, self._router, what, turns=TURNS // 2)
        except TemplateError:
            return None
        return Pattern("ring", made, TURNS, turns, half)

    def tree(self, what: Collective) -> "Pattern | None":
        """Make the tree of a collective, or its recursive exchange; None where there is none."""
        name = TREES.get(pattern_of(what))
        count = len(what.ranks)
        if name is None or count < 2 or (pattern_of(what) in BLOCKWISE and count > WRITTEN_OUT):
            return None
        try:
            return Pattern(name, TEMPLATES[name].make(self.topology, what))
        except TemplateError:
            return None


@dataclass(frozen=True)
class Pattern:
    """A pattern, or the beginning of one.

    Attributes:
        played: turns that the schedule has.
        turns: those of the whole pattern.
        half: half as many as are played, to tell what one more takes.
    """

    name: str
    schedule: Schedule
    played: int = 1
    turns: int = 1
    half: Schedule | None = None

    @property
    def is_whole(self) -> bool:
        """Tell whether all of its turns are played."""
        return self.played == self.turns

    def timing(self, size: Bytes, switching: Switching = SWITCHINGS[0]) -> Timing:
        """Predict what the pattern takes at a size, in bytes."""
        found = simulate(self.schedule, size, switching)
        seconds = found.seconds
        if self.half is not None:
            before = simulate(self.half, size, switching, chunks=found.chunks).seconds
            each = (seconds - before) / (self.played - self.played // 2)
            seconds += (self.turns - self.played) * each
        return Timing(self.name, seconds, str(found.bottleneck))


def _turns(what: Collective) -> int:
    """Count how often everything goes on by one rank."""
    others = len(what.ranks) - 1
    both = what.root is None and what.shape.movement is Movement.COPY_OF_SUM
    return 2 * others if both and what.shape.everyone else others
