"""A pipeline's timetable and the parts of a step as pictures: SVG, which needs no script."""

from collections.abc import Iterator, Mapping, Sequence

from commplan.report.html import text
from solvers.steps.dualpipe import FORWARD, WEIGHTS
from solvers.steps.timeline import Slot
from topologies.model.units import Seconds, duration

WIDTH, LEFT, ROW, LEGEND = 1060, 64, 18, 26
FILLS = {FORWARD: (211, 55), WEIGHTS: (268, 35)}  # hue and saturation; of what goes back the rest
BACK = (145, 40)
PARTS = ("#2563a8", "#9aa5b1", "#c53030", "#b7791f", "#2f855a", "#6b46c1", "#b83280", "#2c7a7b")


def draw_gantt(slots: Sequence[Slot], ranks: int) -> Iterator[str]:
    """Draw what each rank of a pipeline does when; darker are its later virtual stages.

    Args:
        slots: at least one.
        ranks: of the pipeline.
    """
    whole = max(slot.end for slot in slots)
    virtual = 1 + max(slot.stage for slot in slots) // ranks
    scale = (WIDTH - LEFT) / whole
    height = ranks * ROW + LEGEND
    yield f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" width="{WIDTH}">'
    yield f"<title>{text(f'{ranks} stages over {duration(whole)}')}</title>"
    for rank in range(ranks):
        yield f'<text x="0" y="{rank * ROW + 13}">stage {rank}</text>'
    for slot in slots:
        hue, strong = FILLS.get(slot.what, BACK)
        light = 72 - 34 * (slot.stage // ranks) / max(virtual - 1, 1)
        x, width = LEFT + slot.begin * scale, (slot.end - slot.begin) * scale
        told = f"{slot.what} of microbatch {slot.microbatch}, stage {slot.stage}: "
        told += f"{duration(slot.begin)} to {duration(slot.end)}"
        yield (
            f'<rect x="{x:.2f}" y="{slot.rank * ROW + 1}" width="{max(width - 0.3, 0.2):.2f}" '
            f'height="{ROW - 2}" fill="hsl({hue} {strong}% {light:.0f}%)">'
            f"<title>{text(told)}</title></rect>"
        )
    for part in range(5):
        x = LEFT + part * (WIDTH - LEFT) / 4
        anchor = "start" if not part else "end" if part == 4 else "middle"
        when = duration(whole * part / 4)
        yield f'<text x="{x:.0f}" y="{height - 8}" text-anchor="{anchor}">{text(when)}</text>'
    yield "</svg>"


def draw_parts(parts: Mapping[str, Seconds]) -> Iterator[str]:
    """Draw what a step is made of, one part after the other, on a bar."""
    shown = {name: seconds for name, seconds in parts.items() if seconds > 0}
    scale = WIDTH / (sum(shown.values()) or 1.0)
    yield f'<svg class="chart" viewBox="0 0 {WIDTH} {30 + 16 * len(shown)}" width="{WIDTH}">'
    x = 0.0
    for number, (name, seconds) in enumerate(shown.items()):
        fill, y = PARTS[number % len(PARTS)], 42 + 16 * number
        told = text(f"{name}: {duration(seconds)}, {100 * seconds * scale / WIDTH:.1f}%")
        yield (
            f'<rect x="{x:.2f}" y="0" width="{seconds * scale:.2f}" height="24" fill="{fill}">'
            f"<title>{told}</title></rect>"
        )
        yield f'<rect x="0" y="{y - 10}" width="10" height="10" fill="{fill}"/>'
        yield f'<text x="16" y="{y}">{told}</text>'
        x += seconds * scale
    yield "</svg>"
