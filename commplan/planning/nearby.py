"""A group of ranks in a large machine: schedules to compare with are looked for around it.

Statement. A schedule of a part of a machine is one of the whole machine, as fast at every size: the
links are the same. So where a group of ranks has its best schedule in a part, candidates that are
made there may be compared with it; none is lost but those that lead through ranks further away.

The part has the ranks that the schedule uses, and those on shortest paths between two of the group.
"""

from dataclasses import dataclass, replace

import numpy as np

from solvers.certify.multigraph import dijkstra, simplify
from solvers.groups.parts import MOST, to_submachine, widen
from solvers.routing.path_pool import HOP
from solvers.schedules.schedule import Schedule, move_alike
from solvers.schedules.unfold import unfold
from topologies.derive.part import Submachine, submachine
from topologies.model.topology import BoolArray, IntArray, Topology, frozen
from topologies.symmetry.group import Group, trivial

WRITTEN = 200_000  # transfers, at most, to write out where a symmetry does not keep the part


@dataclass(frozen=True)
class Nearby:
    """A schedule of a group, and the same one in the part of the machine around it."""

    whole: Schedule
    best: Schedule
    cut: Submachine

    def back(self, schedule: Schedule) -> Schedule:
        """Translate a schedule of the part to the whole machine, with its bound and options."""
        if move_alike(schedule, self.best):
            return replace(self.whole, provenance=schedule.provenance)
        wide, own = widen(schedule, self.cut, self.whole.collective), self.whole
        return replace(wide, bound=own.bound, in_network=own.in_network, relays=own.relays)


def find_nearby(best: Schedule) -> Nearby | None:
    """Look for the part of the machine around a group; None where that is most of the machine.

    Complexity: two searches from each rank of the group, and its pairs × ranks.
    """
    machine, ranks = best.topology, np.array(best.collective.ranks)
    if not 1 < len(ranks) <= MOST * machine.ranks:
        return None
    chosen = _mark_used(best) | _mark_between(machine, ranks)
    if chosen.sum() > MOST * machine.ranks:
        return None
    cut = submachine(machine, np.flatnonzero(chosen).tolist())
    inner = _narrow(best, cut)
    return None if inner is None else Nearby(best, inner, cut)


def _mark_used(best: Schedule) -> BoolArray:
    """Mark the ranks of the collective, and those that the images of a schedule lead through."""
    machine, rows = best.topology, best.transfers
    used = np.zeros(machine.vertices, dtype=np.bool_)
    used[list(best.collective.ranks)] = True
    ends = np.unique(np.concatenate([rows.src, rows.dst]))
    used[np.unique(best.group.elements[:, ends])] = True
    return used[: machine.ranks]


def _mark_between(machine: Topology, ranks: IntArray) -> BoolArray:
    """Mark the ranks on shortest paths between two of some ranks."""
    length = machine.alpha + HOP
    there, back = (
        dijkstra(simplify(tail, head, length, machine.vertices)[0], indices=ranks)
        for tail, head in ((machine.src, machine.dst), (machine.dst, machine.src))
    )
    found = np.zeros(machine.ranks, dtype=np.bool_)
    onward = back[:, : machine.ranks]
    for path in there:
        least = path[ranks][:, None]
        found |= (path[None, : machine.ranks] + onward <= least + HOP / 2).any(axis=0)
    return found


def _narrow(best: Schedule, cut: Submachine) -> Schedule | None:
    """Give a schedule the numbers of a part that it stays in; None where it would be too long."""
    inside = np.zeros(best.topology.vertices, dtype=np.bool_)
    inside[cut.vertices] = True
    moved = best.group.generators[:, cut.vertices]
    group = Group(cut.place(moved)) if inside[moved].all() else trivial(cut.topology)
    if (
        group.order < best.group.order
    ):  # elements that move nothing in the part stand for images too
        if best.group.order * len(best.transfers) > WRITTEN:
            return None
        best, group = unfold(best), trivial(cut.topology)
    rows = best.transfers
    used = np.zeros(best.topology.links, dtype=np.bool_)
    used[cut.links] = True
    if not used[rows.route].all():
        return None
    return replace(
        best,
        topology=cut.topology,
        collective=to_submachine(cut, best.collective),
        transfers=replace(
            rows,
            src=cut.place(rows.src),
            dst=cut.place(rows.dst),
            route=frozen(np.searchsorted(cut.links, rows.route)),
        ),
        group=group,
        bound=replace(best.bound, certificate=None),
    )
