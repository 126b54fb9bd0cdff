"""A job's placement, and what was measured beside what is possible, as lines and fields."""

from collections.abc import Sequence

from commplan.cli.io.jobs.columns import columns
from commplan.cli.io.jobs.demands import mib
from commplan.jobs.planning import GroupPlans
from solvers.jobs.job import Job
from solvers.jobs.layout import sizes, world
from solvers.placement.claims import Claim
from solvers.placement.judge import Judged
from solvers.placement.search import Placement
from topologies.model.units import duration


def placement_fields(machine: str, placed: Placement) -> dict[str, object]:
    """Give the placement as JSON has it."""
    return {
        "machine": machine,
        "placement": placed.ranks.tolist(),
        "rule": placed.title,
        "exposed_seconds": placed.judged.seconds,
        "bound_seconds": placed.bound,
        "gap": placed.gap,
        "proved_among_nested": placed.proved,
        "others_forward": placed.forward,
        "judged": placed.tried,
        "exposed": dict(placed.judged.exposed),
        "baselines": {
            title: None if seconds == float("inf") else seconds
            for title, seconds in placed.others.items()
        },
        "costs": [
            {
                "name": cost.flow.name,
                "group": cost.flow.group,
                "collective": cost.flow.collective,
                "seconds": cost.seconds,
                "binds": cost.binds,
            }
            for cost in placed.judged.costs
        ],
    }


def placement_lines(machine: str, placed: Placement) -> list[str]:
    """Lay out what a placement costs, and what others would."""
    proof = "the best nested order: proved; " if placed.proved else ""
    gap = f"{proof}gap {100 * placed.gap:.2f}%"
    rows = [
        (cost.flow.name, duration(cost.seconds), f"bound by {cost.binds}")
        for cost in placed.judged.costs
    ]
    exposed = ", ".join(f"{k} {duration(v)}" for k, v in placed.judged.exposed.items())
    lines = [
        f"on {machine}: {placed.title}, {placed.tried:,} placements judged",
        *columns(("a step's", "takes", "by"), rows),
        f"  exposed   {duration(placed.judged.seconds)}: {exposed}",
        f"  bound     {duration(placed.bound)} of any placement, {gap}",
    ]
    if placed.forward:
        lines.append("  ranks have to pass on what is of other groups")
    for title, seconds in sorted(placed.others.items(), key=lambda pair: pair[1]):
        if seconds == float("inf"):
            lines.append(f"  {title}: groups that do not reach each other")
        elif placed.judged.seconds:
            more = seconds / placed.judged.seconds
            lines.append(f"  {title}: {duration(seconds)}, {more:.3f} times as long")
    return lines


def group_fields(
    job: Job, placed: Placement, best: Judged, made: GroupPlans | None
) -> list[dict[str, object]]:
    """Give each collective of each kind of group as JSON has it, in seconds of a call.

    All groups of a kind run at the same time. Where schedules were planned it takes no less than
    these are predicted to, and the bound is that of the placement; else that of any placement.
    """
    count = sizes(job.layout)
    planned = {(each.kind, each.collective): each.plan for each in made.plans} if made else {}
    rows: list[dict[str, object]] = []
    for cost, least in zip(placed.judged.costs, best.costs, strict=True):
        flow, once = cost.flow, cost.seconds / cost.flow.times
        plan = planned.get((flow.group, flow.collective))
        whole = plan is not None and plan.size == int(flow.bytes)
        seconds = max(once, plan.predicted or 0.0) if plan is not None and whole else once
        bound = least.seconds / flow.times
        if plan is not None and whole:
            bound = max(once, plan.bound or 0.0)
        rows.append(
            {
                "name": flow.group,
                "what": flow.name,
                "size": count[flow.group],
                "count": world(job.layout) // count[flow.group],
                "collective": flow.collective,
                "bytes": int(flow.bytes),
                "times": flow.times,
                "seconds": seconds,
                "bound_seconds": min(bound, seconds),
            }
        )
    return rows


def claim_fields(claims: Sequence[Claim]) -> dict[str, object]:
    """Give what was measured beside what is possible, as JSON has it."""
    rows = [
        {
            "name": claim.name,
            "measured_seconds": claim.measured,
            "bound_seconds": claim.least,
            "bytes": claim.bytes,
            "most_bytes": claim.most,
            "possible": claim.possible,
        }
        for claim in claims
    ]
    return {"claims": rows} if rows else {}


def claim_lines(claims: Sequence[Claim]) -> list[str]:
    """Say of each time whether it is possible, and if not what would have to be so."""
    lines = []
    for claim in claims:
        told = f"  {claim.name} measured {duration(claim.measured)}, bound {duration(claim.least)}"
        if claim.possible:
            lines.append(f"{told}: {100 * claim.part:.1f}% of the rate that nothing beats")
            continue
        lines += [
            f"{told}: impossible as the job and the machine are described",
            f"    at most {100 * claim.most / claim.bytes:.1f}% of its {mib(claim.bytes)} MiB "
            f"were moved, or links are at least {claim.part:.3f} times as fast",
        ]
    return lines
