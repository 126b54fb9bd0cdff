"""What a schedule's group makes alike: ranks, links, and ordered pairs of ranks."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from solvers.schedules.schedule import Schedule
from topologies.model.topology import FloatArray, IntArray
from topologies.symmetry.group import link_images, orbits


class Pairs(NamedTuple):
    """Ordered pairs of vertices: the number of each one's orbit, and how many elements fix it."""

    orbit: IntArray
    fixed: IntArray


class Classes:
    """Ranks and links that a schedule's group makes alike, and the images that meet on each.

    In an in-network schedule switches send and receive as well, and count as ranks here.
    """

    def __init__(self, schedule: Schedule) -> None:
        topology, group = schedule.topology, schedule.group
        self.topology, self._group = topology, group
        self.order = group.order
        ends = topology.vertices if schedule.in_network else topology.ranks
        self._vertex = orbits(group.generators, topology.vertices)
        self.rank = self._vertex[:ends]
        self.link = orbits(link_images(topology, group.generators), topology.links)

    @cached_property
    def at_rank(self) -> FloatArray:
        """Count, for each class of ranks, the images of a message that one of them sends."""
        return np.asarray(self.order / np.bincount(self.rank))

    @cached_property
    def at_link(self) -> FloatArray:
        """Count, for each class of links, the images of a crossing that are on one of them."""
        return np.asarray(self.order / np.maximum(np.bincount(self.link), 1))

    def meet_on(self, links: IntArray) -> bool:
        """Tell whether several images of a crossing meet on one of these links."""
        return bool((self.at_link[self.link[links]] > 1).any())

    @cached_property
    def rates(self) -> FloatArray:
        """Compute for each station what each image that meets there gets: bytes per second.

        The sides of ranks carry nothing.
        """
        bandwidth = np.zeros(len(self.at_link))
        bandwidth[self.link] = self.topology.bandwidth
        return np.append(np.zeros(2 * self.ranks), bandwidth / self.at_link)

    @property
    def ranks(self) -> int:
        """Count the classes of ranks; they come before those of the switches."""
        return len(self.at_rank)

    @property
    def stations(self) -> int:
        """Count what serves messages: 2r sends and 2r + 1 receives for class r; then the links."""
        return 2 * self.ranks + len(self.at_link)

    def pairs(self, src: IntArray, dst: IntArray) -> Pairs:
        """Give each ordered pair the number of its orbit.

        Each is moved until its src is the first of its class; what fixes that one is then all that
        can move its dst. Complexity: pairs × order / the least class of their src.
        """
        vertices = self.topology.vertices
        pair, back = np.unique(src * vertices + dst, return_inverse=True)
        first, second = np.divmod(pair, vertices)
        least, fixed = second.copy(), np.ones(len(pair), dtype=np.int64)
        if self.order > 1:
            elements, classes = self._group.elements, self._vertex
            leader = np.unique(classes, return_index=True)[1][classes]
            first, second = leader[first], elements[self._to_leader[first], second]
            for rank in np.unique(first).tolist():
                at, own = first == rank, elements[elements[:, rank] == rank]
                least[at], fixed[at] = _least(own, second[at])
        orbit = np.unique(first * vertices + least, return_inverse=True)[1]
        return Pairs(orbit[back], fixed[back])

    @cached_property
    def _to_leader(self) -> IntArray:
        """Give for each vertex an element that moves it to the first of its class."""
        leader = np.unique(self._vertex, return_index=True)[1][self._vertex]
        return np.asarray((self._group.elements == leader).argmax(axis=0))

    def name(self, station: int) -> str:
        """Say what a station is, by the first of its class."""
        if station >= 2 * self.ranks:
            link = int(np.flatnonzero(self.link == station - 2 * self.ranks)[0])
            return f"link {self.topology.link_name(link)}"
        rank = int(np.flatnonzero(self.rank == station // 2)[0])
        kind = "rank" if rank < self.topology.ranks else "switch"
        return f"{kind} {self.topology.names[rank]} {('sending', 'receiving')[station % 2]}"


def _least(elements: IntArray, vertex: IntArray) -> tuple[IntArray, IntArray]:
    """Give for each vertex the least of its images, and how many elements fix it."""
    least, fixed = vertex.copy(), np.zeros(len(vertex), dtype=np.int64)
    for element in elements:
        image = element[vertex]
        least, fixed = np.minimum(least, image), fixed + (image == vertex)
    return least, fixed
