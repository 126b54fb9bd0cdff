"""What `commplan compile` says of an all_to_allv: its stages, and the others that were tried."""

from typing import Any

from commplan.candidates.measure import Candidate
from commplan.planning.planner import Plan
from solvers.schedules.piece_loads import lock_step
from topologies.model.units import duration


def stage_fields(made: Plan) -> dict[str, object]:
    """List the stages of the schedule chosen, and of all that were compared, fewest first."""
    if made.schedule.collective.name != "all_to_allv" or not made.candidates:
        return {}
    limit = made.schedule.bound.algbw
    tried = [_measure_stages(each, float(limit) if limit else None) for each in made.candidates]
    chosen = tried[0]
    tried.sort(key=lambda row: (row["stages"], row["ratio"] or 0.0))
    return {"stages": chosen["stages"], "lock_step_ratio": chosen["ratio"], "frontier": tried}


def _measure_stages(each: Candidate, limit: float | None) -> dict[str, Any]:
    """Measure one schedule; ratio: stage after stage, in multiples of the bound."""
    stages, seconds = lock_step(each.schedule)
    return {
        "name": str(each.key.unpaced),
        "stages": stages,
        "ratio": seconds * limit if limit else None,
        "predicted_seconds": each.seconds,
    }


def stage_rows(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Write for a person, line by line, what no other with as few stages is nearer to the bound."""
    lines, nearest = [], float("inf")
    for row in fields.get("frontier", []):
        if row["ratio"] is None or row["ratio"] < nearest:
            nearest = nearest if row["ratio"] is None else row["ratio"]
            lines.append(
                f"{row['stages']:5}: one after the other they last {_times(row['ratio'])}, as run "
                f"{duration(row['predicted_seconds'])} predicted ({row['name']})"
            )
    return [("" if i else "stages", line) for i, line in enumerate(lines)]


def _times(ratio: float | None) -> str:
    return "(no bound)" if ratio is None else f"{ratio:.4f} of the least time"
