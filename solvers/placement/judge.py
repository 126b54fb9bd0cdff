"""What a placement costs: seconds of each collective of a step, and what of them is exposed.

All groups of a kind run at the same time, kinds one after the other. A collective of M bytes takes
M times the seconds a byte that the cuts allow (`cuts.py`), and the latency of the farthest two
ranks of a group, twice for an all_reduce; both bound it from below. What the job says that
computation hides is taken off for each kind of group: exposed = max(T (1 - part), T - seconds).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from solvers.certify.multigraph import dijkstra, simplify
from solvers.jobs.demand import demand
from solvers.jobs.job import Flow, Hidden, Job
from solvers.jobs.layout import groups
from solvers.placement.crossing import Capacity, Crossing, cross, own_links
from solvers.placement.cuts import Family, families, singles
from solvers.placement.lengths import count_hops, crossings
from topologies.model.cached import cached_property
from topologies.model.reachability import connected_parts, parts
from topologies.model.topology import BoolArray, FloatArray, IntArray, Topology
from topologies.model.units import Seconds

NOTHING = 1e-15  # seconds, added to links: those of no length would count as missing
TWICE = ("all_reduce",)


@dataclass(frozen=True)
class Cost:
    """What the collectives of one flow take in a step, and which cut says so."""

    flow: Flow
    seconds: Seconds
    per_byte: float
    latency: Seconds
    binds: str


@dataclass(frozen=True)
class Judged:
    """A placement's costs: of each flow, and of each kind of group what is exposed."""

    costs: tuple[Cost, ...]
    exposed: Mapping[str, Seconds]

    @property
    def seconds(self) -> Seconds:
        """Add up what is exposed of a step's communication."""
        return sum(self.exposed.values())


@dataclass(frozen=True, eq=False)
class Judge:
    """Judges placements of a job on a machine; a placement gives each rank of the job its rank.

    Attributes:
        forward: whether ranks pass on what is of groups that they are not in.
        in_network: whether switches that can do add.
    """

    topology: Topology
    job: Job
    forward: bool = False
    in_network: bool = False

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        """List the collectives of a step."""
        return demand(self.job)

    @cached_property
    def families(self) -> list[Family]:
        """List the cuts beyond the ranks alone."""
        return families(self.topology)

    @cached_property
    def alone(self) -> Family:
        """Give the ranks alone."""
        return singles(self.topology)

    @cached_property
    def adds(self) -> bool:
        """Tell whether any switch adds."""
        return self.in_network and bool(self.topology.reduce.any())

    @cached_property
    def members(self) -> dict[str, IntArray]:
        """Give the groups of each kind that flows name."""
        return {flow.group: groups(self.job.layout, flow.group) for flow in self.flows}

    def judge(self, placement: IntArray) -> Judged:
        """Judge a placement.

        Complexity: families × kinds of groups × ranks, with their logarithm.

        Args:
            placement: the machine's rank of each rank of the job.
        """
        rates: dict[tuple[str, str], tuple[float, str]] = {}
        costs = []
        for flow in self.flows:
            key = (flow.group, flow.collective)
            if key not in rates:
                rates[key] = self.rate(placement, *key)
            per_byte, binds = rates[key]
            latency = self.latency(placement, flow.group) * (1 + (flow.collective in TWICE))
            seconds = flow.times * (int(flow.bytes) * per_byte + latency)
            costs.append(Cost(flow, seconds, per_byte, latency, binds))
        return Judged(tuple(costs), expose(self.job, costs))

    def seconds(self, placement: IntArray) -> Seconds:
        """Compute the exposed seconds alone."""
        return self.judge(placement).seconds

    def joins(self, placement: IntArray) -> bool:
        """Tell whether the ranks of each group reach each other by ranks of it and switches.

        No cut need say so: parts of a group may lie apart, each rank with links inside its part.
        Complexity: links for each kind of group.
        """
        return self.forward or all(self._in_one(placement[rows]) for rows in self.members.values())

    def _in_one(self, placed: IntArray) -> bool:
        """Tell whether each row of ranks is one part, with what each reaches of the switches."""
        machine, owner = self.topology, self._owner(placed)
        count, (src, dst) = machine.ranks, (machine.src, machine.dst)
        of = np.where(src < count, owner[np.minimum(src, count - 1)], -1)
        to = np.where(dst < count, owner[np.minimum(dst, count - 1)], -1)
        inside = (src < count) & (dst < count) & (of == to) & (of >= 0)
        up, down = (of >= 0) & (dst >= count), (to >= 0) & (src >= count)
        rank = np.concatenate([src[up], dst[down]])
        group = np.concatenate([of[up], to[down]])
        switches = np.concatenate([dst[up], src[down]])
        seen, part = np.unique(
            group * machine.vertices + self._switches[switches], return_inverse=True
        )
        joined = parts(
            count + len(seen),
            np.concatenate([src[inside], rank]),
            np.concatenate([dst[inside], count + part]),
        )
        label = joined[placed]
        return bool((label == label[:, :1]).all())

    @cached_property
    def _switches(self) -> IntArray:
        """Label vertices by what links between switches join."""
        machine = self.topology
        between = (machine.src >= machine.ranks) & (machine.dst >= machine.ranks)
        return parts(machine.vertices, machine.src[between], machine.dst[between])

    def rate(self, placement: IntArray, kind: str, collective: str) -> tuple[float, str]:
        """Compute the seconds for each byte that the cuts allow, and the cut that binds."""
        found = (0.0, "nothing")
        placed = placement[self.members[kind]]
        if collective == "send" and self.job.layout.virtual > 1:  # from the last stage to the first
            placed = np.column_stack([placed, placed[:, 0]])
        owner = self._owner(placed)
        inside = self._inside(owner)
        for family in (self.alone, *self.families):
            crossed = cross(family, placed, collective, self.adds)
            most = crossed.seconds(self._capacity(family, owner, inside, crossed))
            if most > found[0] * (1 + 1e-9):
                size = len(family.label) // family.count
                found = most, "each rank" if size == 1 else f"sets of {size}"
            if family is self.alone and self.forward and len(family.direct):
                most = self._all_links(float(crossed.into.sum()), inside)
                far = crossings(self.hops, placed, collective) / float(self._bandwidth.sum())
                found = max(found, (max(most, far), "all links"))
        return found

    def _owner(self, placed: IntArray) -> IntArray:
        """Say of each rank of the machine which group it plays in; -1 is none."""
        owner = np.full(self.topology.ranks, -1)
        owner[placed] = np.arange(len(placed))[:, None]
        return owner

    def _capacity(
        self, family: Family, owner: IntArray, inside: BoolArray, crossed: Crossing
    ) -> Capacity:
        """Give the bytes a second of sets, and of what only one group may use of them."""
        if self.forward or not family.parted:
            return Capacity((family.out, family.into))
        return own_links(family, owner, inside, crossed, self.topology)

    def _inside(self, owner: IntArray) -> BoolArray:
        """Say of each link whether both its ends are ranks of one group."""
        whole = np.full(self.topology.vertices, -1)
        whole[: len(owner)] = owner
        src = whole[self.topology.src]
        return np.asarray((src == whole[self.topology.dst]) & (src >= 0))

    def _all_links(self, delivered: float, inside: BoolArray) -> float:
        """Compute the seconds for each byte that the capacity of all links together allows."""
        whole = self._bandwidth.sum() + self._bandwidth[inside].sum()
        return delivered / float(whole / 2)

    @cached_property
    def hops(self) -> IntArray:
        """Count the links between any two ranks."""
        return count_hops(self.topology)

    @cached_property
    def _bandwidth(self) -> FloatArray:
        return self.topology.bandwidth

    def latency(self, placement: IntArray, kind: str) -> Seconds:
        """Compute the latency between the farthest ranks of a group; infinite without a way."""
        placed = placement[self.members[kind]]
        if self.forward and np.ptp(self._parts[placed], axis=1).any():
            return float("inf")
        found = self.reach[-1]
        for family, reach in zip(self._tiers, self.reach, strict=False):
            label = family.label[placed]
            if (label == label[:, :1]).all():
                found = reach
        return found

    @cached_property
    def _parts(self) -> IntArray:
        """Label vertices that any links join."""
        return connected_parts(self.topology)

    @cached_property
    def _tiers(self) -> list[Family]:
        """List the tiers, the coarsest first."""
        return [family for family in self.families if family.tier]

    @cached_property
    def reach(self) -> list[Seconds]:
        """Give the latency across a box of each tier, and across the machine."""
        return _reach(self.topology)


@lru_cache(maxsize=4)
def _reach(machine: Topology) -> list[Seconds]:
    """Compute the farthest two ranks of a box of each tier, and of all, from the first with links.

    Where dead ranks part the machine, each part counts from its own first rank.
    """
    graph = simplify(machine.src, machine.dst, machine.alpha + NOTHING, machine.vertices)[0]
    first = int(machine.src.min(initial=machine.ranks)) % machine.ranks
    starts = np.unique(connected_parts(machine)[: machine.ranks], return_index=True)[1]
    far = dijkstra(graph, indices=starts, min_only=True)[: machine.ranks]
    ends = 2 * float(machine.overhead.max(initial=0.0))
    tiers = [family for family in families(machine) if family.tier]
    inside = [far[each.label == each.label[first]] for each in tiers]
    return [float(each.max()) + ends for each in (*inside, far)]


def expose(job: Job, costs: Sequence[Cost]) -> dict[str, Seconds]:
    """Take off what computation hides, kind by kind."""
    found: dict[str, Seconds] = {}
    for cost in costs:
        found[cost.flow.group] = found.get(cost.flow.group, 0.0) + cost.seconds
    return {kind: left(job, kind, seconds) for kind, seconds in found.items()}


def left(job: Job, kind: str, seconds: Seconds) -> Seconds:
    """Give what is left of a kind's seconds when computation has hidden its part.

    Nothing hides that ranks do not reach each other.
    """
    hidden: Hidden | None = dict(job.hidden).get(kind)  # type: ignore[call-overload]
    if hidden is None or seconds == float("inf"):
        return seconds
    return max(seconds * (1 - hidden.part), seconds - hidden.seconds)
