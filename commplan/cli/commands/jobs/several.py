"""`commplan job A TOPOLOGY --with B`: several jobs on one machine, on ranks of their own."""

import os
from collections.abc import Sequence

import click

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.cli.io.answer import Answer
from commplan.cli.io.jobs import placements as laid_out
from commplan.cli.io.progress import progress
from commplan.jobs import folder
from commplan.jobs.planning import plan_groups
from commplan.together.sharing import share_out
from solvers.jobs.demand import demand
from solvers.jobs.job import Job
from solvers.jobs.layout import world
from solvers.jobs.reading import load
from solvers.placement.search import Placement
from solvers.placement.several import Several, place_several
from solvers.steps.memory import check_memory
from solvers.steps.step import step as predict_step
from topologies.model.topology import Topology
from topologies.model.units import Rank, Seconds, duration

MOST_JOBS = 16


def place_jobs(
    names: Sequence[str],
    machine: Topology,
    usable: Sequence[Rank],
    output: str | None,
    time_limit: Seconds,
) -> Answer:
    """Place several jobs, and plan each in a folder of its own where that is asked.

    Raises:
        UsageError: there are too many.
        JobError: a job is wrong, or they need more ranks than there are.
    """
    if len(names) > MOST_JOBS:
        raise click.UsageError(f"{len(names)} jobs, expected at most {MOST_JOBS}")
    read = [load(name, ()) for name in names]
    for job in read:
        check_memory(job)
    if output:
        folder.check_new(output)
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        found = place_several(machine, read, usable, watch)
        each = [_tell(job, machine, own) for job, own in zip(read, found.placements, strict=True)]
        if output:
            os.makedirs(output, exist_ok=True)
            for number, (job, own) in enumerate(zip(read, found.placements, strict=True)):
                made = plan_groups(machine, job, own, watch)
                place = os.path.join(output, f"job-{number}")
                fields, lines = each[number]
                shares = share_out(machine, job, own, made, watch)
                fields |= laid_out.plan_fields(made, shares) | {"written": place}
                folder.save(place, machine, job, own, made, shares, fields)
                each[number] = fields, [*lines, f"  written to {place}"]
    fields = {"machine": machine.name, **_fields(found), "jobs": [own for own, _ in each]}
    return Answer(
        fields, [*_lines(machine, read, found), *(word for _, rows in each for word in rows)]
    )


def _tell(job: Job, machine: Topology, own: Placement) -> tuple[dict[str, object], list[str]]:
    """Lay out the placement of one of them."""
    fields = laid_out.demand_fields(job, demand(job))
    fields |= laid_out.placement_fields(machine.name, own)
    fields |= {"step_seconds": own.judged.seconds, "ranks": own.ranks.tolist()}
    lines = [f"{job.name}, {world(job.layout):,} ranks: {laid_out.layout_words(job)}"]
    lines += laid_out.placement_lines(machine.name, own)
    predicted = predict_step(job, own.judged, world(job.layout))
    if predicted is not None:
        fields |= laid_out.step_fields(predicted)
        lines += laid_out.step_lines(predicted)
    return fields, lines


def _fields(found: Several) -> dict[str, object]:
    """Give what is true of all together as JSON has it."""
    return {
        "exposed_seconds": found.seconds,
        "bound_seconds": found.bound,
        "gap": found.gap,
        "in_turn_seconds": found.in_turn,
        "shared_boxes": found.shared,
        "judged": found.tried,
    }


def _lines(machine: Topology, jobs: Sequence[Job], found: Several) -> list[str]:
    """Lay it out for a person."""
    count = sum(world(job.layout) for job in jobs)
    more = found.in_turn / found.seconds if found.seconds else 1.0
    return [
        f"{len(jobs)} jobs on {machine.name}: {count:,} of {machine.ranks:,} ranks, "
        f"{found.tried} ways to share them out judged",
        f"  exposed   {duration(found.seconds)} of a step of each, added up",
        f"  bound     {duration(found.bound)} of any placement, gap {100 * found.gap:.2f}%",
        f"  in turn   {duration(found.in_turn)} when each takes what is best of what is left, "
        f"{more:.3f} times as long",
        f"  shared    {found.shared} boxes have ranks of several jobs",
    ]
