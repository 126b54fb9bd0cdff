"""The schedules of a job's groups as lines and fields."""

from collections.abc import Sequence

from commplan.cli.io.jobs.columns import columns
from commplan.jobs.folder import TOGETHER
from commplan.jobs.launchers import unfit_host
from commplan.jobs.planning import GroupPlans
from commplan.jobs.shares import Shares
from topologies.model.messages import show_value
from topologies.model.topology import Topology
from topologies.model.units import Rank, duration


def plan_fields(made: GroupPlans, shares: Shares) -> dict[str, object]:
    """Give the schedules as JSON has them."""
    return {
        "schedules": [
            {
                "file": f"{each.kind}-{each.group}/{each.collective}.json.gz",
                "group": each.kind,
                "collective": each.collective,
                "bytes": each.plan.size,
                "predicted_seconds": each.plan.predicted,
                "bound_seconds": each.plan.bound,
                "placing_assumed_seconds": each.judged,
                "optimal": each.plan.report.optimal,
                "groups": sum(row.like == each.group for row in made.members[each.kind]),
            }
            for each in made.plans
        ],
        "together": [
            {
                "file": f"{TOGETHER}/{each.name}.json.gz",
                "group": each.kind,
                "collective": each.collective,
                "beside": list(each.beside),
                "alone_seconds": each.alone,
                "seconds": each.seconds,
                "bound_seconds": float(each.ensemble.least) if each.ensemble.prices else None,
                "predicted_gain": each.predicted,
            }
            for each in shares.sets
        ],
        "not_tried": [*made.not_tried, *shares.not_tried],
    }


def launcher_lines(machine: Topology, placement: Sequence[Rank]) -> list[str]:
    """Say which files are left out where hosts have names that launchers do not take."""
    host = unfit_host(machine, placement)
    if host is None:
        return []
    return [
        f"  no hostfile, rankfile, slurm_hostfile, torchrun.csv: {show_value(host)} is no host, "
        "expected letters, digits, '.', '_' and '-' up to the last dot of a rank's name"
    ]


def plan_lines(made: GroupPlans, shares: Shares) -> list[str]:
    """Lay out the schedules of the groups, beside what placing assumed."""
    rows = [
        (
            f"{each.kind}-{each.group}",
            each.collective,
            str(sum(row.like == each.group for row in made.members[each.kind])),
            duration(each.plan.predicted or 0.0),
            duration(each.plan.bound or 0.0),
            duration(each.judged),
            "proved" if each.proved else "not proved",
        )
        for each in made.plans
    ]
    head = ("schedule", "collective", "groups", "predicted", "bound", "all at once", "throughput")
    left = (*made.not_tried, *shares.not_tried)
    return [
        *(columns(head, rows) if rows else ()),
        *_shared_lines(shares),
        *(f"  not tried: {each}" for each in left),
    ]


def _shared_lines(shares: Shares) -> list[str]:
    """Lay out what all groups of a kind take at the same time, each for itself and together."""
    rows = [
        (
            each.kind,
            each.collective,
            ", ".join(each.beside) or "nothing",
            duration(each.alone),
            duration(each.seconds),
            duration(float(each.ensemble.least)) if each.ensemble.prices else "none",
            f"{each.alone / each.seconds:.3f}" if each.seconds else "",
            f"{each.predicted:.3f}" if each.predicted else "not played",
        )
        for each in shares.sets
    ]
    head = (
        *("together", "collective", "beside", "each for itself", "as one", "bound"),
        *("by links", "gain"),
    )
    return columns(head, rows) if rows else []
