"""A job's plan as one page: its step, the timetable of its pipeline, what exchanges, and how."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from commplan.report.gantt import draw_gantt, draw_parts
from commplan.report.html import assemble, figures, table, text
from solvers.jobs.demand import microbatches
from solvers.jobs.job import Job
from solvers.placement.judge import Judged
from solvers.steps.step import INSIDE, Step
from solvers.steps.timeline import Pipe, Slot, play
from topologies.model.units import bytes_of, duration

MOST = 12_000  # slots of a picture


@dataclass(frozen=True)
class PlannedRow:
    """What is told of a schedule: whose it is, its bytes, and seconds predicted and proved."""

    group: str
    collective: str
    groups: int
    bytes: int
    predicted: float | None
    bound: float | None
    optimal: bool


def make_step_page(
    job: Job, machine: str, judged: Judged, step: Step | None, rows: Sequence[PlannedRow]
) -> str:
    """Write the page of a job's plan.

    Args:
        job: that was placed.
        machine: its name.
        judged: what its placement costs.
        step: its predicted time, if anything says how long computation takes.
        rows: of its schedules.
    """
    title = f"{job.name} on {machine}"
    body = [f"<header><h1>{text(title)}</h1></header>"]
    if step is not None:
        body += [*_step(step), *_pipeline(job, step)]
    body += [*_costs(judged), *_schedules(rows)]
    return assemble(title, body)


def parts_of(step: Step) -> Mapping[str, float]:
    """List what a step is made of."""
    exposed = {f"exposed {kind}": seconds for kind, seconds in step.exposed.items()}
    return {"computation": step.computing, "bubble": step.bubble, **exposed}


def _step(step: Step) -> Iterator[str]:
    rows = [("step", duration(step.seconds), f"{step.binds} binds")]
    if step.tokens:
        rate = f"{step.tokens / step.seconds:,.0f} tokens/s"
        rows.append(("reached", rate, f"{100 * step.mfu:.1f}% of the peak"))
    if step.held:
        rows.append(("a rank holds", f"{step.held.total / 1e9:.1f} GB", "of the first stage"))
    yield "<section><h2>The step</h2>"
    yield from figures(rows)
    yield '<div class="wide">'
    yield from draw_parts(parts_of(step))
    yield "</div></section>"


def _pipeline(job: Job, step: Step) -> Iterator[str]:
    """Draw the first microbatches of the pipeline, as many as can be told apart, to their end."""
    count, shown = microbatches(job), shown_of(job)
    if job.layout.pp == 1:
        return
    yield "<section><h2>The pipeline</h2>"
    slots = timetable(job, step, shown)
    if not slots:
        yield "<p>DualPipe needs an even number of microbatches, two for each rank.</p></section>"
        return
    few = "All" if shown == count else f"{shown} of"
    yield (
        f"<p>{few} {count} microbatches, {text(job.compute.schedule)}: blue goes forward, green "
        "back, violet are gradients of weights that are put off; what is exposed inside of a "
        "microbatch is part of it, and the fullest rank's time is that of all.</p>"
    )
    yield '<div class="wide">'
    yield from draw_gantt(slots, job.layout.pp)
    yield "</div></section>"


def shown_of(job: Job) -> int:
    """Count the microbatches that are drawn: a few times the ranks, in whole turns of them."""
    count, ranks, virtual = microbatches(job), job.layout.pp, job.layout.virtual
    most = max(MOST // (2 * ranks * virtual) // ranks, 1)
    return min(count, min(3, most) * ranks)


def timetable(job: Job, step: Step, shown: int) -> list[Slot]:
    """Play the pipeline of some microbatches."""
    whole = step.computing + sum(step.exposed.get(kind, 0.0) for kind in INSIDE)
    one = whole / microbatches(job)
    forward = one / (4 if job.compute.recompute == "full" else 3)
    layout = job.layout
    return play(
        Pipe(job.compute.schedule, layout.pp, layout.virtual, shown, forward, one - forward)
    )


def _costs(judged: Judged) -> Iterator[str]:
    yield "<section><h2>What a step exchanges</h2>"
    head = ("what", "group", "collective", "size", "times", "a step's", "bound by")
    yield from table(
        head,
        (
            (
                *(cost.flow.name, cost.flow.group, cost.flow.collective),
                *(bytes_of(int(cost.flow.bytes)), f"{cost.flow.times:,g}"),
                *(duration(cost.seconds), cost.binds),
            )
            for cost in judged.costs
        ),
        "costs",
    )
    yield "</section>"


def _schedules(rows: Sequence[PlannedRow]) -> Iterator[str]:
    yield "<section><h2>Schedules</h2>"
    head = ("schedule", "collective", "groups", "size", "predicted", "bound", "throughput")

    def told(seconds: float | None) -> str:
        return "-" if seconds is None else duration(seconds)

    yield from table(
        head,
        (
            (
                *(row.group, row.collective, row.groups, bytes_of(row.bytes)),
                *(told(row.predicted), told(row.bound)),
                "proved" if row.optimal else "not proved",
            )
            for row in rows
        ),
        "schedules",
    )
    yield "</section>"
