"""Schedules for the groups of a placed job: each collective of each kind, with its proof."""

from collections.abc import Sequence
from dataclasses import dataclass

from commplan.jobs.alike import Member, find_alike
from commplan.planning.planner import Plan, plan
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
from topologies.model.units import Seconds

SENDS = "send"  # needs no schedule: there is one way, or any will do
WORK = 1.0  # of the search for a symmetry, in about as many seconds
MOST_SEARCHED = 1024  # ranks of a machine whose symmetry is searched for
MOST_PLANS = 8  # of unlike groups of a kind, for each collective


@dataclass(frozen=True)
class Planned:
    """The schedule of a collective for the groups that are alike.

    Attributes:
        group: the number of the group that it is for.
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
    members = {kind: _members(topology, generators, job, placed, kind) for kind, _ in largest}
    plans: list[Planned] = []
    not_tried: list[str] = []
    relays: Relays = "forward" if placed.forward else "none"
    for (kind, name), cost in largest.items():
        if name == SENDS:
            continue
        unlike = [n for n, own in enumerate(members[kind]) if own.like == n]
        for number in unlike[:MOST_PLANS]:
            title = f"{name} of {kind}, group {number}"
            if watch.leaves_out(title):
                continue
            watch.tell(f"planning {title}")
            made = _plan(topology, members[kind][number].ranks, name, cost, relays, watch)
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


def _plan(
    topology: Topology,
    ranks: tuple[int, ...],
    name: str,
    cost: Cost,
    relays: Relays,
    watch: Watch,
) -> Plan:
    """Plan for the bytes of the largest call."""
    root = ranks[0] if name in ("broadcast", "reduce") else None
    what = collective(name, sorted(ranks), root)
    options = SolverOptions(relays=relays)
    return plan(topology, what, size=max(int(cost.flow.bytes), 1), options=options, watch=watch)
