"""Schedules that share the links with what runs at the same time, for the groups of a job."""

from dataclasses import dataclass, field, replace

import numpy as np

from commplan.jobs.alike import Member
from solvers.certify.together import mark_usable
from solvers.schedules.ensembles.ensemble import Ensemble, Task
from solvers.schedules.schedule import Schedule
from topologies.derive.part import without_others
from topologies.model.topology import frozen
from topologies.model.units import Seconds


@dataclass(frozen=True, eq=False)
class SharedSet:
    """A collective of all groups of a kind, planned with all that runs at the same time.

    Attributes:
        kind: of groups.
        beside: the kinds of groups whose calls run at the same time.
        ensemble: the set.
        seconds: that its links need.
        alone: that they need where each group has the schedule that is best for itself.
        predicted: how many times as long these are predicted to take, with all that messages cost;
            None where a set is too large to be played.
        first: the number of its task that is group 0 of the kind.
    """

    kind: str
    collective: str
    beside: tuple[str, ...]
    ensemble: Ensemble
    seconds: Seconds
    alone: Seconds
    predicted: float | None
    first: int

    @property
    def name(self) -> str:
        """Give the name of its file, without the ending."""
        return f"{self.kind}-{self.collective}"


@dataclass(frozen=True, eq=False)
class Shares:
    """What is gained on by planning together.

    Attributes:
        sets: of the kinds of groups where it gains, one for each of their collectives.
        members: the groups of these kinds, as images of each other in their sets.
        not_tried: what the time or the size did not allow for.
    """

    sets: tuple[SharedSet, ...] = ()
    members: dict[str, list[Member]] = field(default_factory=dict)
    not_tried: tuple[str, ...] = ()

    def schedule(self, of: SharedSet, number: int) -> Schedule:
        """Give the schedule of a group, on the machine that its communicator is made with.

        Where others pass nothing on, that is the one without their links.
        """
        found = of.ensemble.schedule(of.first + number)
        if of.ensemble.lead:
            found = replace(found, provenance=found.provenance | {"lead": of.ensemble.lead})
        if of.ensemble.relays == "forward":
            return found
        return on_part(found)


def on_part(schedule: Schedule) -> Schedule:
    """Give a schedule that keeps off other ranks on the machine without their links."""
    whole, rows = schedule.topology, schedule.transfers
    place = np.cumsum(mark_usable(whole, Task(schedule.collective, 1))) - 1
    return replace(
        schedule,
        topology=without_others(whole, schedule.collective.ranks),
        transfers=replace(rows, route=frozen(place[rows.route])),
        relays="none",
    )
