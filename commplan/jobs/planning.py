"""Schedules for the groups of a placed job: each collective of each kind, with its proof."""

from collections.abc import Sequence
from dataclasses import dataclass

from commplan.jobs.alike import Member, find_alike, meet_kinds
from commplan.planning.planner import Plan, plan, plan_again
from solvers.jobs.job import Job
from solvers.jobs.layout import groups
from solvers.kept_symmetry import find_symmetry
from solvers.placement.judge import Cost
from solvers.placement.search import Placement
from solvers.schedules.capabilities import Relays
from solvers.schedules.kinds import collective
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from topologies.model.topology import IntArray, Topology
from topologies.model.units import Bytes, Rank, Seconds

SENDS = "send"  # needs no schedule: there is one way, or any will do
WORK = 1.0  # of the search for a symmetry, in about as many seconds
MOST_SEARCHED = 1024  # ranks of a machine whose symmetry is searched for
MOST_PLANS = 8  # of unlike groups of a kind, for each collective
NEAR = 1.25  # times the bytes, within which no other candidates are searched for


@dataclass(frozen=True)
class Planned:
    """The schedule of a collective for the groups that are alike.

    Attributes:
        group: the number of the group that it is for, on the ranks that this one plays.
        judged: seconds a call that placing assumed, for groups of this kind together.
    """

    kind: str
    collective: str
    group: int
    plan: Plan
    judged: Seconds

    @property
    def proved(self) -> bool:
        """Tell whether its throughput is proved to be the highest."""
        return self.plan.report.optimal


@dataclass(frozen=True)
class GroupPlans:
    """What was planned for all groups of a job, and what was left out."""

    members: dict[str, list[Member]]
    plans: tuple[Planned, ...]
    not_tried: tuple[str, ...]


def plan_groups(topology: Topology, job: Job, placed: Placement, watch: Watch) -> GroupPlans:
    """Plan every collective of every kind of group, once for groups that are alike.

    Ranks outside a group do nothing for it, unless placing found that some cannot do without.

    Args:
        topology: the machine.
        job: that was placed.
        placed: its placement.
        watch: can stop it early; what is left then is named.
    """
    largest: dict[tuple[str, str], Cost] = {}
    for cost in placed.judged.costs:
        key = (cost.flow.group, cost.flow.collective)
        if key not in largest or int(cost.flow.bytes) > int(largest[key].flow.bytes):
            largest[key] = cost
    watch.tell("looking for groups that are alike")
    generators = _symmetry(topology, watch)
    kinds = dict.fromkeys(kind for kind, _ in largest)
    members = {kind: _members(topology, generators, job, placed, kind) for kind in kinds}
    members = meet_kinds(topology, generators, members)
    plans: list[Planned] = []
    not_tried: list[str] = []
    book = _Book(topology, "forward" if placed.forward else "none", watch)
    for (kind, name), cost in largest.items():
        if name == SENDS:
            continue
        unlike = [n for n, own in enumerate(members[kind]) if own.like == n]
        for number in unlike[:MOST_PLANS]:
            title = f"{name} of {kind}, group {number}"
            if watch.leaves_out(title):
                continue
            watch.tell(f"planning {title}")
            made = book.plan(members[kind][number].plays, name, max(int(cost.flow.bytes), 1))
            plans.append(Planned(kind, name, number, made, cost.seconds / cost.flow.times))
        if unlike[MOST_PLANS:]:
            left = len(unlike) - MOST_PLANS
            not_tried.append(f"{name} of {left} more groups of {kind} that are unlike")
    return GroupPlans(members, tuple(plans), (*watch.not_tried, *not_tried))


def _symmetry(topology: Topology, watch: Watch) -> IntArray:
    """Give the declared symmetry of a machine, or what is found of one that declares none."""
    if len(topology.symmetry) or topology.ranks > MOST_SEARCHED:
        return topology.symmetry
    everyone = collective("all_reduce", range(topology.ranks))
    return find_symmetry(topology, everyone, WORK, watch=watch).generators


def _members(
    topology: Topology, generators: IntArray, job: Job, placed: Placement, kind: str
) -> list[Member]:
    rows: Sequence[Sequence[int]] = placed.ranks[groups(job.layout, kind)].tolist()
    return find_alike(topology, generators, rows)


class _Book:
    """What was planned so far, so that the same ranks are not planned for twice."""

    def __init__(self, topology: Topology, relays: Relays, watch: Watch) -> None:
        self._topology, self._watch = topology, watch
        self._options = SolverOptions(relays=relays)
        self._made: dict[tuple[str, tuple[Rank, ...], Rank | None], list[Plan]] = {}

    def plan(self, ranks: Sequence[Rank], name: str, size: Bytes) -> Plan:
        """Plan for the bytes of the largest call; a root is the first of the ranks."""
        root = ranks[0] if name in ("broadcast", "reduce") else None
        key = (name, tuple(sorted(ranks)), root)
        known = self._made.setdefault(key, [])
        about = [each for each in known if each.size and size / NEAR <= each.size <= size * NEAR]
        near = min(about, key=lambda each: abs((each.size or 0) - size), default=None)
        if near is not None and near.size == size:
            return near
        if near is not None:
            self._watch.tell(f"choosing for {size:,} bytes among what was planned")
            made = plan_again(near, size, self._watch, self._options)
        else:
            what = collective(name, key[1], root)
            options, watch = self._options, self._watch
            made = plan(self._topology, what, size=size, options=options, watch=watch)
        known.append(made)
        return made
