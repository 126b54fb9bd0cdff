"""What `commplan compile` compared, and what each candidate waits for."""

from commplan.cli.quantities import duration, percent
from commplan.planner import Plan


def candidate_fields(made: Plan) -> dict[str, object]:
    """List all schedules that were compared at the size, the fastest first."""
    if made.size is None:
        return {}
    return {
        "candidates": [
            {
                "name": each.name,
                "predicted_seconds": each.seconds,
                "height": each.height,
                "chunks": each.chunks,
                "scratch": float(each.scratch),
                "bottleneck": each.bottleneck,
            }
            for each in made.candidates
        ]
    }


def candidate_rows(made: Plan) -> list[tuple[str, str]]:
    """Write them for a person: time, part of the bound, height, chunks, name, what binds it."""
    if not made.candidates or made.bound is None:
        return []
    width = max(len(each.name) for each in made.candidates)
    rows = [("predicted", "of bound", "height", "chunks", "name", "waits for")]
    for each in made.candidates:
        part = percent(made.bound / each.seconds) if each.seconds else ""
        figures = (duration(each.seconds), part, str(each.height), str(each.chunks))
        rows.append((*figures, each.name, each.bottleneck))
    return [
        ("compared" if i == 0 else "", f"{a:>9} {b:>8} {c:>6} {d:>6}  {name:{width}}  {why}")
        for i, (a, b, c, d, name, why) in enumerate(rows)
    ]
