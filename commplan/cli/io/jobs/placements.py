"""A job's demand and placement as lines and fields."""

from collections.abc import Sequence

import msgspec

from commplan.jobs.folder import TOGETHER
from commplan.jobs.planning import GroupPlans
from commplan.jobs.shares import Shares
from solvers.jobs.demand import volume
from solvers.jobs.job import Flow, Job
from solvers.jobs.layout import sizes, world
from solvers.placement.claims import Claim
from solvers.placement.judge import Judged
from solvers.placement.search import Placement
from solvers.steps.layouts import Layouts
from solvers.steps.step import Step
from topologies.model.units import duration

GIB = 2**30


def layout_words(job: Job) -> str:
    """Name the sizes of the groups: `tp 8, pp 16, dp 128`."""
    count = sizes(job.layout)
    words = [(kind, count[kind]) for kind in ("tp", "cp", "ep", "pp")]
    words.append(("dp", job.layout.dp))
    return ", ".join(f"{kind} {size}" for kind, size in words if size > 1) or "one rank"


def demand_fields(job: Job, flows: Sequence[Flow]) -> dict[str, object]:
    """Give the demand as JSON has it."""
    return {
        "job": job.name,
        "source": job.source,
        "job_ranks": world(job.layout),
        "layout": {**sizes(job.layout), "dp": job.layout.dp},
        "flows": [
            {
                "group": flow.group,
                "collective": flow.collective,
                "bytes": int(flow.bytes),
                "times": flow.times,
                "name": flow.name,
                "source": flow.source,
            }
            for flow in flows
        ],
        "total_bytes": sum(map(volume, flows)),
    }


def demand_lines(job: Job, flows: Sequence[Flow]) -> list[str]:
    """Lay out what a step exchanges, and the share of each kind of group."""
    whole = sum(map(volume, flows)) or 1.0
    rows = [
        (
            flow.name,
            flow.group,
            flow.collective,
            _mib(int(flow.bytes)),
            f"{flow.times:,g}",
            _gib(volume(flow)),
            f"{100 * volume(flow) / whole:.2f} %",
        )
        for flow in flows
    ]
    head = ("what", "group", "collective", "MiB", "times", "GiB", "share")
    lines = [f"{job.name}, {world(job.layout):,} ranks: {layout_words(job)}", *_columns(head, rows)]
    shares = {flow.group: 0.0 for flow in flows}
    for flow in flows:
        shares[flow.group] += volume(flow) / whole
    told = ", ".join(f"{kind} {100 * share:.2f} %" for kind, share in shares.items())
    return [*lines, f"  in all {whole / GIB:,.2f} GiB a step of each rank's buffers: {told}"]


def rate_lines(job: Job, flows: Sequence[Flow], rate: float) -> tuple[list[str], dict[str, float]]:
    """Say how long it takes a rank to send all that it gives out, at a rate in bytes a second."""
    seconds = sum(map(volume, flows)) / rate
    found = {"step_seconds": seconds}
    lines = [f"  at {rate / 1e9:g} GB/s a rank, nothing hidden: {duration(seconds)} a step"]
    if job.decode and job.model:
        one = sum(int(flow.bytes) for flow in flows) / rate
        layer = one * job.decode.exchanges
        found |= {"exchange_seconds": one, "layer_seconds": layer}
        lines = [
            f"  at {rate / 1e9:g} GB/s a rank: dispatch and combine {1e6 * one:.2f} us, a layer "
            f"{1e6 * layer:.2f} us, a token {1e3 * seconds:.2f} ms, {1 / seconds:,.0f} tokens/s"
        ]
    return lines, found


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
        *_columns(("a step's", "takes", "by"), rows),
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
            f"    at most {100 * claim.most / claim.bytes:.1f}% of its {_mib(claim.bytes)} MiB "
            f"were moved, or links are at least {claim.part:.3f} times as fast",
        ]
    return lines


def step_fields(found: Step) -> dict[str, object]:
    """Give the time of a step as JSON has it."""
    memory = found.held
    return {
        "step_seconds": found.seconds,
        "step": {
            "seconds": found.seconds,
            "computing_seconds": found.computing,
            "bubble_seconds": found.bubble,
            "exposed_seconds": sum(found.exposed.values()),
            "exposed": dict(found.exposed),
            "mfu": found.mfu,
            "tokens_per_second": found.tokens / found.seconds if found.seconds else 0.0,
            "memory_GB": memory.total / 1e9 if memory else 0.0,
            "memory_fits": not (memory and found.room) or memory.total <= found.room,
            "binds": found.binds,
        },
    }


def step_lines(found: Step) -> list[str]:
    """Lay out the time of a step, and what a rank holds."""
    told = ", ".join(f"{k} {duration(v)}" for k, v in found.exposed.items() if v)
    lines = [
        f"  step      {duration(found.seconds)}: computation {duration(found.computing)}, bubble "
        f"{duration(found.bubble)}, exposed {told or 'nothing'}",
        f"  binds     {found.binds}",
    ]
    if found.tokens:
        rate = f"{found.tokens / found.seconds:,.0f} tokens/s, {100 * found.mfu:.1f}% of the peak"
        lines.append(f"  reached   {rate}")
    if found.held:
        own = found.held
        parts = (own.parameters, own.gradients, own.optimiser, own.activations)
        words = ("parameters", "gradients", "optimiser", "activations")
        told = ", ".join(f"{w} {p / 1e9:.1f}" for w, p in zip(words, parts, strict=True))
        lines.append(f"  a rank    {own.total / 1e9:.1f} GB: {told}")
        if found.room and own.total > found.room:
            more = f"{found.room / 1e9:g} GB that it has, so something must be put elsewhere"
            lines.append(f"  memory    more than the {more}")
    return lines


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
        *(_columns(head, rows) if rows else ()),
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
    return _columns(head, rows) if rows else []


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return [
        "  " + "  ".join(word.ljust(w) for word, w in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]


def _mib(size: int) -> str:
    return f"{size / 2**20:,.6g}"


def _gib(size: float) -> str:
    return f"{size / GIB:,.6g}"


def layouts_fields(found: Layouts) -> dict[str, object]:
    """Give ranked layouts as JSON has them."""
    return {
        "feasible": found.feasible,
        "refused": dict(found.refused),
        "placed": found.placed,
        "not_tried": list(found.not_tried),
        "layouts": [
            {
                "layout": {**msgspec.to_builtins(each.job.layout)},
                "micro": each.job.batch.micro if each.job.batch else 1,
                "rule": each.placed.title if each.placed else "",
                **step_fields(each.step),
            }
            for each in found.first
        ],
    }


def layouts_lines(job: Job, machine: str, found: Layouts) -> list[str]:
    """Lay ranked layouts out."""
    rows = [
        (
            duration(each.step.seconds),
            _layout(each.job),
            f"{each.step.held.total / 1e9:.1f} GB" if each.step.held else "",
            f"{100 * each.step.mfu:.1f}%",
            each.step.binds,
            each.placed.title if each.placed else "",
        )
        for each in found.first
    ]
    refused = sum(found.refused.values())
    most = sorted(found.refused.items(), key=lambda pair: -pair[1])[:3]
    why = ", ".join(f"{count:,} by {reason}" for reason, count in most)
    head = ("step", "layout", "a rank", "of peak", "binds", "placement")
    return [
        f"{job.name} on {machine}: {found.feasible:,} layouts are feasible, {found.placed:,} "
        f"placed, {refused:,} refused{f' ({why})' if why else ''}",
        *_columns(head, rows),
        *(f"  not tried: {each}" for each in found.not_tried),
    ]


def _layout(job: Job) -> str:
    own = job.layout
    words = [("tp", own.tp), ("cp", own.cp), ("ep", own.ep), ("pp", own.pp), ("vpp", own.virtual)]
    words += [("dp", own.dp), ("micro", job.batch.micro if job.batch else 1)]
    return " ".join(f"{name}{size}" for name, size in words if size > 1) + f" zero{own.zero}"
