"""What groups of a planned job call, for what needs ranks and sizes: rules, expectations."""

from dataclasses import dataclass
from os import PathLike

from commplan.jobs.folder import load, load_job
from solvers.jobs.demand import demand
from solvers.jobs.errors import JobError
from topologies.derive.part import without_others
from topologies.model.messages import unknown
from topologies.model.topology import Topology
from topologies.model.units import Bytes, Rank


@dataclass(frozen=True)
class GroupCalls:
    """A group, and what it calls in a step.

    Attributes:
        name: of its folder in the plan.
        machine: whose ranks outside the group forward nothing, as they have groups of their own,
            unless the placement has them do so.
        ranks: of the machine, in the order of the group.
        calls: sizes in bytes by collective, of a rank's largest buffer.
        alike: groups that a symmetry of the machine carries into this one, itself among them.
    """

    name: str
    machine: Topology
    ranks: tuple[Rank, ...]
    calls: dict[str, tuple[Bytes, ...]]
    alike: int


def list_groups(
    folder: str | PathLike[str], kind: str | None = None
) -> tuple[Topology, list[GroupCalls]]:
    """List the groups of a planned job, one of those that are alike, with what they call.

    Sends are left out.

    Args:
        folder: that `commplan job -o` wrote.
        kind: of groups; all without one.

    Raises:
        JobError: the folder is wrong, or there is no such kind.
    """
    table, machine = load(folder)
    calls: dict[str, dict[str, set[Bytes]]] = {}
    for flow in demand(load_job(folder)):
        if flow.collective != "send" and flow.group in table.groups:
            sizes = calls.setdefault(flow.group, {}).setdefault(flow.collective, set())
            sizes.add(int(flow.bytes))
    if kind is not None and kind not in calls:
        raise JobError(f"{folder}: {unknown('group', kind, list(calls))}")
    found: list[GroupCalls] = []
    for name, own in calls.items():
        if kind in (None, name):
            rows = table.groups[name]
            sized = {each: tuple(sorted(sizes)) for each, sizes in own.items()}
            for number, row in enumerate(rows):
                if row.like != number:
                    continue
                ranks = tuple(table.ranks[rank] for rank in row.ranks)
                part = machine if table.others_forward else without_others(machine, ranks)
                alike = sum(other.like == number for other in rows)
                found.append(GroupCalls(f"{name}-{number}", part, ranks, sized, alike))
    return machine, found
