"""A job's demand as lines and fields."""

from collections.abc import Sequence

from commplan.cli.io.jobs.columns import columns
from solvers.jobs.demand import volume
from solvers.jobs.job import Flow, Job
from solvers.jobs.layout import sizes, world
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
            mib(int(flow.bytes)),
            f"{flow.times:,g}",
            _gib(volume(flow)),
            f"{100 * volume(flow) / whole:.2f} %",
        )
        for flow in flows
    ]
    head = ("what", "group", "collective", "MiB", "times", "GiB", "share")
    lines = [f"{job.name}, {world(job.layout):,} ranks: {layout_words(job)}", *columns(head, rows)]
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


def mib(size: int) -> str:
    """Write bytes in MiB."""
    return f"{size / 2**20:,.6g}"


def _gib(size: float) -> str:
    return f"{size / GIB:,.6g}"
