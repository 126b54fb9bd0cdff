"""What the parts of tasks in the program of a set have in common."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from solvers.certify.together import mark_usable
from solvers.groups.reach import restrict_relays
from solvers.routing.quotient import Quotient
from solvers.schedules.capabilities import Relays
from solvers.schedules.ensembles.ensemble import Task
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import Watch
from solvers.solve import check_paths
from topologies.model.cached import cached_property
from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.group import Group

LEAST = 1e-12  # of the highest price: no path is for nothing, and the shorter one is taken


class Priced(NamedTuple):
    """What prices ask for.

    Attributes:
        grown: trees or paths came in.
        due: what the task pays at least, for each unit of its amounts.
    """

    grown: bool
    due: float


class TaskPart:
    """What the program of a set knows of a task: what it may use, and the symmetry that it keeps.

    Args:
        topology: the whole machine.
        task: what is to be done.
        group: the symmetries of the set that keep the task.
        relays: what other ranks do for it.
        watch: says when to stop.

    Attributes:
        links: the numbers of the links that it may use.
        machine: of these links alone.
        quotient: that machine, folded by the symmetry.
    """

    quotient: Quotient

    def __init__(
        self, topology: Topology, task: Task, group: Group, relays: Relays, watch: Watch
    ) -> None:
        self.whole, self.task, self.group = topology, task, group
        self.relays, self.watch = relays, watch
        self.links, self.machine = usable_part(topology, task, relays)

    @cached_property
    def first_link(self) -> IntArray:
        """Give for each of its orbits of links the number of one of them in the whole machine."""
        return frozen(self.links[np.unique(self.quotient.link_orbit, return_index=True)[1]])


def usable_part(topology: Topology, task: Task, relays: Relays) -> tuple[IntArray, Topology]:
    """Give the links that a task may use, and the machine of them.

    Raises:
        Infeasible: ranks of the task cannot reach each other.
    """
    links, machine = np.arange(topology.links), topology
    if relays == "none":
        links = np.flatnonzero(mark_usable(topology, task))
        machine = restrict_relays(topology, task.collective, relays)
    check_paths(machine, task.collective)
    return links, machine


def on_whole(found: Schedule, whole: Topology, links: IntArray) -> Schedule:
    """Give a schedule of a part of a machine the links of the whole one."""
    rows = replace(found.transfers, route=frozen(links[found.transfers.route]))
    return replace(found, topology=whole, transfers=rows, relays="forward")
