"""What a schedule's group makes alike: ranks and links, and what ranks send each other."""

import numpy as np

from runtime.simulate.programs import Programs, one_program
from solvers.schedules.schedule import Schedule
from topologies.model.cached import cached_property
from topologies.model.topology import FloatArray, IntArray
from topologies.symmetry.group import link_orbits


class Classes:
    """Ranks and links that a schedule's group makes alike, and the images that meet on each.

    In an in-network schedule switches send and receive as well, and count as ranks here.
    """

    def __init__(self, schedule: Schedule, programs: Programs | None = None) -> None:
        topology, group = schedule.topology, schedule.group
        self.topology = topology
        self.programs = programs or one_program(schedule)
        self.order = group.order
        ends = topology.vertices if schedule.in_network else topology.ranks
        self.rank = group.vertex_orbits[:ends]
        self.link = link_orbits(topology, group)

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
    def images(self) -> IntArray:
        """Count for each station of a link the images of a message that meet there; 1 for ranks."""
        return np.append(np.ones(2 * self.ranks, dtype=np.int64), np.rint(self.at_link)).astype(
            np.int64
        )

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

    def name(self, station: int) -> str:
        """Say what a station is, by the first of its class."""
        if station >= 2 * self.ranks:
            link = int(np.flatnonzero(self.link == station - 2 * self.ranks)[0])
            return f"link {self.topology.link_name(link)}"
        rank = int(np.flatnonzero(self.rank == station // 2)[0])
        kind = "rank" if rank < self.topology.ranks else "switch"
        return f"{kind} {self.topology.names[rank]} {('sending', 'receiving')[station % 2]}"
