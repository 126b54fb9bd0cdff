"""Which cables the data between two ranks surely pass."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from runtime.calibrate.model.fair import Way
from runtime.calibrate.readings import Pair
from topologies.model.cached import cached_property
from topologies.model.topology import FloatArray, IntArray, Topology, integers

MOST_PAIRS = 4096  # that are looked at; of more a part is drawn
NOWHERE = -1


@dataclass(frozen=True, eq=False)
class Wires:
    """The cables of a machine: all links from one vertex to another, one way, are one cable.

    A packet takes the fewest links. Where several ways have as few, nobody outside knows which
    one it takes, and where a rank stands in between nobody knows whether it passes packets on: of
    such pairs nothing is concluded.

    Attributes:
        cable: of each link.
        ends: (cables, 2), vertices.
    """

    topology: Topology
    cable: IntArray
    ends: IntArray

    @property
    def cables(self) -> int:
        """Count the cables."""
        return len(self.ends)

    @cached_property
    def stated(self) -> FloatArray:
        """Add up the stated rates of each cable's links, bytes per second."""
        found = np.bincount(self.cable, self.topology.bandwidth, self.cables).astype(np.float64)
        return found

    @cached_property
    def opposite(self) -> IntArray:
        """Look up the cable back of each one, -1 where there is none."""
        number = {tuple(ends): cable for cable, ends in enumerate(self.ends.tolist())}
        return integers(number.get((dst, src), NOWHERE) for src, dst in self.ends.tolist())

    @cached_property
    def twins(self) -> IntArray:
        """Find for each cable the first one that the data of just the same pairs pass.

        They lie one behind the other, and what they carry tells nothing but the slowest of them.
        """
        users: list[list[Pair]] = [[] for _ in range(self.cables)]
        for pair, way in self.ways.items():
            for cable in way:
                users[cable].append(pair)
        first: dict[tuple[Pair, ...], int] = {}
        return integers(
            first.setdefault(tuple(pairs), cable) if pairs else cable
            for cable, pairs in enumerate(users)
        )

    @cached_property
    def ways(self) -> dict[Pair, Way]:
        """Find the way of each pair of which it is sure; of some pairs, if there are many.

        Complexity: ranks × cables.
        """
        return {
            (src, dst): way
            for src in range(self.topology.ranks)
            for dst, way in self._from(src)
            if self.is_looked_at(src, dst)
        }

    def is_looked_at(self, src: int, dst: int) -> bool:
        """Tell whether a pair is among those looked at: a fixed part, spread over all shifts."""
        ranks = self.topology.ranks
        step = max(ranks * (ranks - 1) // MOST_PAIRS, 1)
        return (src * 7919 + (dst - src) % ranks) % step == 0 or (dst - src) % ranks == 1

    def _from(self, src: int) -> Iterable[tuple[int, Way]]:
        """List the ranks to which a rank has one way only, with that."""
        before, sure = self._search(src)
        for dst in range(self.topology.ranks):
            if dst != src and sure[dst]:
                yield dst, self._trace(before, src, dst)

    def _search(self, src: int) -> tuple[list[int], list[bool]]:
        """Search in the breadth: the last cable to each vertex, and whether no other is as short.

        What comes through a rank is not sure.
        """
        vertices, ranks = self.topology.vertices, self.topology.ranks
        far, before = [NOWHERE] * vertices, [NOWHERE] * vertices
        sure = [True] * vertices
        far[src] = 0
        todo = deque([src])
        while todo:
            at = todo.popleft()
            passable = sure[at] and (at == src or at >= ranks)
            for cable, to in self._leaving[at]:
                if far[to] == NOWHERE:
                    far[to], before[to], sure[to] = far[at] + 1, cable, passable
                    todo.append(to)
                elif far[to] == far[at] + 1:
                    sure[to] = False
        return before, [known and far[v] > 0 for v, known in enumerate(sure)]

    def _trace(self, before: Sequence[int], src: int, dst: int) -> Way:
        way = []
        while dst != src:
            way.append(before[dst])
            dst = int(self.ends[before[dst], 0])
        return tuple(way[::-1])

    @cached_property
    def _leaving(self) -> list[list[tuple[int, int]]]:
        leaving: list[list[tuple[int, int]]] = [[] for _ in range(self.topology.vertices)]
        for cable, (src, dst) in enumerate(self.ends.tolist()):
            leaving[src].append((cable, dst))
        return leaving


def wires(topology: Topology) -> Wires:
    """Bundle the links of a machine into cables."""
    both = np.stack([topology.src, topology.dst], axis=1).reshape(-1, 2)
    ends, cable = np.unique(both, axis=0, return_inverse=True)
    return Wires(topology, cable.reshape(-1).astype(np.int64), ends)
