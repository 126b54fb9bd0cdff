"""The fields of a plan, of commands that make one."""

import resource
import sys
from math import ceil

from commplan.cli.io.plans.explain import candidate_fields, reached_fields
from commplan.cli.io.plans.stages import stage_fields
from commplan.cli.io.quantities import exact, gap, gigabytes
from commplan.planning.planner import Plan
from topologies.model.units import Seconds


def plan_fields(made: Plan, seconds: Seconds) -> dict[str, object]:
    """List what a plan is, what it was proved to be, and what finding it took."""
    schedule, report = made.schedule, made.report
    return {
        "algbw_GBps": gigabytes(report.algbw),
        "algbw_exact": exact(report.algbw),
        "bound_GBps": gigabytes(schedule.bound.algbw),
        "bound_exact": exact(schedule.bound.algbw),
        "optimal": report.optimal,
        "gap": gap(report.algbw, schedule.bound.algbw),
        "scope": schedule.bound.scope,
        "predicted_seconds": made.predicted,
        "bound_seconds": made.bound,
        "size": made.size,
        "reason": made.reason,
        "not_tried": list(made.not_tried),
        "solver": str(schedule.provenance.get("solver", "")),
        "height": report.height,
        "in_network": schedule.at_switches,
        "pieces": schedule.pieces * schedule.group.order,
        "transfers": len(schedule.transfers) * schedule.group.order,
        "scratch": float(made.scratch),
        "scratch_bytes": None if made.size is None else ceil(made.scratch * made.size),
        **reached_fields(made),
        **candidate_fields(made),
        **stage_fields(made),
        "seconds": seconds,
        "peak_memory_MB": peak_memory(),
    }


def peak_memory() -> float:
    """Give the most memory that this process had at once, in MB; macOS counts it in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 10**6 if sys.platform == "darwin" else peak * 1024 / 10**6
