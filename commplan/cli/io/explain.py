"""What `commplan compile` compared, what each candidate waits for, and where they change places."""

from collections.abc import Sequence

from commplan.cli.io.quantities import percent
from commplan.planning.planner import Plan
from commplan.planning.size_set import SizeRange
from topologies.model.units import bytes_of, duration


def candidate_fields(made: Plan) -> dict[str, object]:
    """List all schedules that were compared at the size: the one chosen, and by their time."""
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


def part_fields(parts: Sequence[SizeRange]) -> dict[str, object]:
    """List the parts of a set."""
    if not parts:
        return {}
    return {
        "set": [
            {
                "start": part.start,
                "name": part.best.name,
                "predicted_seconds": part.best.seconds,
                "height": part.best.height,
            }
            for part in parts
        ]
    }


def part_rows(parts: Sequence[SizeRange]) -> list[tuple[str, str]]:
    """Write for a person from which size which schedule is best."""
    starts = [bytes_of(part.start) for part in parts]
    width = max(map(len, starts), default=0)
    return [
        (
            "" if i else "from",
            f"{starts[i]:>{width}}  {duration(part.best.seconds):>9} predicted, "
            f"height {part.best.height}: {part.best.name}",
        )
        for i, part in enumerate(parts)
    ]
