"""How long the algorithms of a library take on a machine, by playing their messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil, prod, sqrt

import numpy as np

from commplan.selection.algorithm import Algorithm
from runtime.metrics.pacing import MOST_LEAD
from runtime.simulate.simulate import SHARINGS, Sharing, simulate
from solvers.schedules.schedule import Schedule
from solvers.selectable.messages import Pattern, in_turns, to_schedule
from solvers.selectable.network import Network, network
from topologies.derive.bundle import bundle
from topologies.model.topology import Topology, frozen
from topologies.model.units import Bytes, Rank, Seconds

FAIR: Sharing = "fair"  # as connections share a link
MOST = 48  # segments that are played
COSTLY = 4.0


@dataclass(frozen=True)
class Stage:
    """A machine, and the rank of it that each process of a communicator is.

    Attributes:
        net: the machine with the paths of packets.
        played: by process.
        eager: bytes up to which the library sends a message without asking.
    """

    net: Network
    played: tuple[Rank, ...]
    sharing: Sharing = FAIR
    eager: Bytes = 0
    _made: dict[tuple[str, str, int], tuple[Pattern, Schedule]] = field(default_factory=dict)

    @property
    def processes(self) -> int:
        """Count the processes."""
        return len(self.played)

    def seconds(self, collective: str, algorithm: Algorithm, size: Bytes) -> Seconds:
        """Predict what an algorithm takes at a size: bytes of the largest buffer of a process."""
        made, schedule = self._schedule(collective, algorithm, size)
        count = ceil(size / made.segment) if made.segment else 1
        if count <= MOST:
            return self._play(made, schedule, size, count)
        # Once all are under way, each segment more takes as long as the one before.
        half, whole = (
            self._play(made, schedule, made.segment * part, part) for part in (MOST // 2, MOST)
        )
        return whole + (size / made.segment - MOST) * (whole - half) / (MOST // 2)

    def cuts(self, collective: str, algorithm: Algorithm, size: Bytes) -> bool:
        """Tell whether an algorithm sends several segments at a size."""
        made, _ = self._schedule(collective, algorithm)
        return 0 < made.segment < size

    def steady(self, collective: str, algorithm: Algorithm) -> bool:
        """Tell whether nobody waits for one of several others."""
        return self._schedule(collective, algorithm)[0].is_steady

    def swaps(self, collective: str, algorithm: Algorithm) -> bool:
        """Tell whether processes send each other in rounds."""
        return self._schedule(collective, algorithm)[0].swaps

    def eagerly(self, collective: str, algorithm: Algorithm, size: Bytes) -> bool:
        """Tell whether all messages of an algorithm are sent without asking."""
        made, schedule = self._schedule(collective, algorithm)
        return made.most <= self._eager_pieces(schedule, size)

    def _eager_pieces(self, schedule: Schedule, size: Bytes) -> int:
        """Count the pieces that a message may have to be sent without asking."""
        of_a_block = schedule.pieces // schedule.collective.blocks
        return self.eager * of_a_block * schedule.collective.total // size

    def _play(self, made: Pattern, schedule: Schedule, size: Bytes, count: int) -> Seconds:
        """Play messages as the library sends them.

        What needs no answer leaves its process at once, which then waits for what it gets alone.
        Such messages go through a link neither quite side by side nor one after the other; what
        both would take was off by 10 % in the root mean square, and their geometric mean by 9 %.
        """

        def played(lead: int, sharing: Sharing, blocking: bool) -> Seconds:
            return simulate(
                schedule,
                size,
                chunks=count,
                joined=size,
                lead=lead,
                sharing=sharing,
                blocking=blocking,
            ).seconds

        if count == 1 and made.is_single and made.most <= self._eager_pieces(schedule, size):
            return sqrt(prod(played(MOST_LEAD, each, True) for each in SHARINGS))
        return played(1 if made.waits or count == 1 else MOST_LEAD, self.sharing, False)

    def _schedule(
        self, collective: str, algorithm: Algorithm, size: Bytes = 0
    ) -> tuple[Pattern, Schedule]:
        """Make the messages and their schedule; at a size, as the library sends them.

        Where two swap, the answer to who asks waits behind what he who answers sends: so one sends
        after the other.
        """
        made, schedule = self._make(collective, algorithm, 0)
        asked = self.eager and size and made.swaps
        asks = self._eager_pieces(schedule, size) + 1 if asked else 0
        return self._make(collective, algorithm, asks if asks <= made.most else 0)

    def _make(self, collective: str, algorithm: Algorithm, asks: int) -> tuple[Pattern, Schedule]:
        """Make messages, of which those of so many pieces or more ask; none where that is 0."""
        key = collective, algorithm.title, asks
        if key not in self._made:
            whole = algorithm.pattern(self.processes)
            made = in_turns(whole, asks) if asks else whole
            title = f"selectable {algorithm.title}"
            self._made[key] = made, to_schedule(made, self.net, collective, self.played, title)
        return self._made[key]


def stages(topology: Topology, played: Sequence[Rank], eager: Bytes = 0) -> list[Stage]:
    """Set the scene for a communicator: alike switches are one, packets take the nearest way.

    Where the machine does not say what a message costs a rank, there are two scenes: it costs
    nothing, or COSTLY times the latency of the slowest link. A rule has to hold in both.

    Raises:
        RouteError: the machine does not join all its vertices.
    """
    ranks = tuple(played)
    net = network(bundle(topology), ranks)
    made = [Stage(net, ranks, eager=eager)]
    late = float(net.topology.alpha.max(initial=0.0))
    if not topology.overhead.any() and late:
        costly = replace(net.topology, overhead=frozen(np.full(topology.ranks, COSTLY * late)))
        made.append(Stage(replace(net, topology=costly), ranks, eager=eager))
    return made
