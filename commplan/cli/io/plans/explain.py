"""What `commplan compile` compared, what each candidate waits for, and where they change places."""

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from commplan.candidates.keys import phases_in_words
from commplan.cli.io.quantities import gigabytes, percent
from commplan.planning.planner import Plan
from runtime.metrics.pacing import pacing_of
from topologies.model.units import bytes_of, count_of, duration, rate

if TYPE_CHECKING:
    from commplan.planning.size_set import SizeRange


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
                "lead": pacing_of(each.schedule).lead,
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


def reached_fields(made: Plan) -> dict[str, object]:
    """Tell what the program of a plan without a size is expected to reach at a large one."""
    played = made.reached
    if played is None or played.algbw is None:
        return {}
    return {
        "reached": {
            "size": int(played.size),
            "predicted_seconds": played.seconds,
            "algbw_GBps": gigabytes(played.algbw),
            "chunks": played.chunks,
            "lead": played.lead,
            "stride": pacing_of(made.schedule).stride,
            "phases": pacing_of(made.schedule).phases,
            "dealt": pacing_of(made.schedule).dealt,
        }
    }


def reached_rows(made: Plan) -> list[tuple[str, str]]:
    """Write it for a person: the rate, the part of what is achieved, chunks and lead."""
    played, achieved = made.reached, made.report.algbw
    if played is None or played.algbw is None or not achieved:
        return []
    reaches = f"{rate(Fraction(played.algbw))} predicted at {bytes_of(int(played.size))}"
    how = f"in {count_of(played.chunks, 'chunk')}, lead {played.lead}"
    pacing = pacing_of(made.schedule)
    if pacing.stride > 1:
        how += f", steps {pacing.stride} apart"
    if pacing.phases > 1:
        how += f", {phases_in_words(pacing)}"
    return [("reached", f"{reaches}: {percent(played.algbw / float(achieved))}, {how}")]


def part_fields(parts: Sequence["SizeRange"]) -> dict[str, object]:
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


def part_rows(parts: Sequence["SizeRange"]) -> list[tuple[str, str]]:
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
