"""Schedules of a job's groups that share the links at best with what runs at the same time.

Planned each for itself, groups may all take the ways that are best for one of them. So for each
kind of groups the loads of all schedules that were planned are added up on the links. Where they
need longer than the bound of the kind, its groups are planned as one, with what runs beside them:
hidden kinds beside the one that moves most unhidden, and each other kind by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from commplan.jobs.alike import Member
from commplan.jobs.planning import GroupPlans
from commplan.jobs.shares import SharedSet, Shares
from commplan.together.of_job import SENDS, find_largest, find_overlapping, list_tasks
from commplan.together.planning import together
from runtime.metrics.link_loads import loads
from runtime.verify.determinism import is_deterministic
from solvers.certify.together import mark_usable
from solvers.jobs.demand import demand
from solvers.jobs.job import Flow, Job
from solvers.lp.linear_program import Infeasible
from solvers.placement.search import Placement
from solvers.schedules.capabilities import Relays
from solvers.schedules.collective import CollectiveError
from solvers.schedules.ensembles.ensemble import MOST_TASKS, Task
from solvers.schedules.schedule import Schedule
from solvers.settings.deadline import NotFound, Watch
from solvers.together.symmetry import find_common, keep_tasks
from topologies.model.topology import FloatArray, IntArray, Topology, frozen
from topologies.model.units import Seconds
from topologies.symmetry.group import Group, link_images

WORTH = 1.005  # times as long as the bound, or as the set, that separate plans take at least
MOST_KEPT = 2**25  # images of links
MOST_SCHEDULES = 256  # of a kind, for one of its collectives


@dataclass(frozen=True)
class _Subject:
    """A collective of a kind, with all that runs at the same time."""

    kind: str
    flows: Mapping[str, Flow]  # of the kinds that run, the first first
    tasks: Mapping[str, list[Task]]

    @property
    def collective(self) -> str:
        return self.flows[self.kind].collective

    @property
    def listed(self) -> list[Task]:
        return [task for own in self.tasks.values() for task in own]

    @property
    def first(self) -> int:
        """Give the number of the first task of the kind."""
        kinds = list(self.tasks)
        return sum(len(self.tasks[each]) for each in kinds[: kinds.index(self.kind)])


class _Sharing:
    """The planning of shares in hand."""

    def __init__(
        self, topology: Topology, job: Job, placed: Placement, made: GroupPlans, watch: Watch
    ) -> None:
        self.topology, self.job, self.made, self.watch = topology, job, made, watch
        self.relays: Relays = "forward" if placed.forward else "none"
        self.flows = demand(job)
        self.rows = {kind: [each.ranks for each in own] for kind, own in made.members.items()}
        self.largest = {k: v for k, v in find_largest(self.flows).items() if k in self.rows}
        self.beside = [k for k in find_overlapping(job, self.largest) if k in self.rows]
        self._images: dict[Member, IntArray] = {}
        self.per_byte: dict[tuple[str, str], float] = {
            (cost.flow.group, cost.flow.collective): cost.per_byte for cost in placed.judged.costs
        }

    def subjects(self, kind: str) -> list[_Subject]:
        """List the collectives of a kind, each at its largest."""
        found = []
        calls: dict[str, Flow] = {}
        for flow in self.flows:
            if flow.group == kind and flow.collective != SENDS:
                most = calls.setdefault(flow.collective, flow)
                calls[flow.collective] = max(most, flow, key=lambda each: int(each.bytes))
        for flow in calls.values():
            kinds = self.beside if kind in self.beside else [kind]
            flows = {each: self.largest[each] for each in kinds} | {kind: flow}
            rows = {each: self.rows[each] for each in kinds}
            found.append(_Subject(kind, flows, list_tasks(self.job, rows, flows)))
        return found

    def alone(self, of: _Subject) -> Seconds | None:
        """Add up what the links need for the schedules that were planned; None if some are not."""
        total = np.zeros(self.topology.links)
        known = {(each.kind, each.collective, each.group): each for each in self.made.plans}
        for kind, tasks in of.tasks.items():
            load: dict[int, FloatArray] = {}
            for task, member in zip(tasks, self.made.members[kind], strict=False):
                key = (kind, of.flows[kind].collective, member.like)
                if key not in known or len(tasks) != len(self.made.members[kind]):
                    return None
                if member.like not in load:
                    load[member.like] = _load(known[key].plan.schedule, self.topology)
                total[self.images(member)] += load[member.like] * task.size
        return float((total / self.topology.bandwidth).max(initial=0.0))

    def images(self, member: Member) -> IntArray:
        """Give where each link of the planned group goes; kept while there is room."""
        found = self._images.get(member)
        if found is None:
            found = link_images(self.topology, member.element[None])[0]
            if len(self._images) * self.topology.links < MOST_KEPT:
                self._images[member] = found
        return found

    def bound(self, of: _Subject) -> Seconds:
        """Give what placing proved of each kind alone, the most of all."""
        times = [
            self.per_byte[kind, of.flows[kind].collective] * tasks[0].size
            for kind, tasks in of.tasks.items()
            if of.flows[kind].collective != SENDS
        ]
        return max(times, default=0.0)

    def kind(self, kind: str) -> tuple[list[SharedSet], list[Member]]:
        """Plan the collectives of a kind, if any gains; nothing where none does.

        Raises:
            NotFound: the time is over.
            CollectiveError, Infeasible: they make no set.
        """
        subjects = self.subjects(kind)
        alone = [self.alone(each) for each in subjects]
        bounds = [self.bound(each) for each in subjects]
        if not any(a is None or a > WORTH * b for a, b in zip(alone, bounds, strict=True)):
            return [], []
        group = find_common(self.topology, subjects[0].listed, self.watch)
        for each in subjects[1:]:
            group = keep_tasks(group, each.listed)
        found, gains = [], False
        for each, separate in zip(subjects, alone, strict=True):
            self.watch.tell(f"planning {each.collective} of all {kind} groups together")
            made = together(self.topology, each.listed, self.relays, self.watch, group=group)
            apart = separate or (made.alone.seconds if made.alone else made.seconds)
            foretold = made.predicted_gain
            sooner = foretold is None or foretold > 1
            gains |= not made.separate and sooner and apart > WORTH * made.seconds
            beside = tuple(own for own in each.tasks if own != kind)
            told = (made.ensemble, made.seconds, apart, foretold, each.first)
            found.append(SharedSet(kind, each.collective, beside, *told))
        members = _members(found, self.rows[kind], group)
        return (found, members) if gains else ([], [])


def share_out(
    topology: Topology, job: Job, placed: Placement, made: GroupPlans, watch: Watch
) -> Shares:
    """Plan together what runs at the same time, where the separate plans are not the best.

    Args:
        topology: the machine.
        job: that was placed.
        placed: its placement.
        made: the schedules of its groups, each planned for itself.
        watch: can stop it early; what is left then is named.
    """
    sharing = _Sharing(topology, job, placed, made, watch)
    sets: list[SharedSet] = []
    members: dict[str, list[Member]] = {}
    not_tried: list[str] = []
    for kind in made.members:
        title = f"all {kind} groups together"
        count = sum(len(sharing.rows[each]) for each in {*sharing.beside, kind})
        if watch.leaves_out(title):
            continue
        if count > MOST_TASKS:
            not_tried.append(f"{title}: {count:,} collectives, at most {MOST_TASKS:,}")
            continue
        try:
            found, own = sharing.kind(kind)
        except (NotFound, CollectiveError, Infeasible) as error:
            not_tried.append(f"{title}: {error}")
            continue
        if found and (reason := _reason_against(Shares(tuple(found), {kind: own}))):
            not_tried.append(f"{title}: {reason}")
        elif found:
            sets += found
            members[kind] = own
    left = [each for each in watch.not_tried if each not in made.not_tried]
    return Shares(tuple(sets), members, (*left, *not_tried))


def _reason_against(shares: Shares) -> str:
    """Say why schedules cannot be handed out, if so."""
    for each in shares.sets:
        first = {member.like for member in shares.members[each.kind]}
        if len(first) > MOST_SCHEDULES:
            return f"{len(first)} schedules, at most {MOST_SCHEDULES}"
        if not all(is_deterministic(shares.schedule(each, number)) for number in first):
            return "ranks would add up in different orders"
    return ""


def _members(sets: list[SharedSet], rows: list[tuple[int, ...]], group: Group) -> list[Member]:
    """Say which group each one is an image of, in the set whose schedules are folded most."""
    best = min(sets, key=lambda each: len(each.ensemble.schedules))
    first: dict[int, int] = {}
    found = []
    for number, ranks in enumerate(rows):
        copy = best.ensemble.copies[best.first + number]
        assert copy is not None  # the checker has seen that
        like = first.setdefault(copy.like, number)
        start = best.ensemble.copies[best.first + like]
        assert start is not None
        here, there = (best.ensemble.group.elements[e] for e in (start.element, copy.element))
        found.append(Member(ranks, like, frozen(there[np.argsort(here)])))
    return found


def _load(schedule: Schedule, whole: Topology) -> FloatArray:
    """Compute what each link of the whole machine carries for each byte of size."""
    own = loads(schedule)
    carried = np.array([float(each) for each in own.load])[own.orbit]
    if schedule.topology.links == whole.links:
        return np.asarray(carried)
    found = np.zeros(whole.links)
    found[mark_usable(whole, Task(schedule.collective, 1))] = carried
    return found
