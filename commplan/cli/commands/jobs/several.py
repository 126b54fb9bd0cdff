"""`commplan job A TOPOLOGY --with B`: several jobs on one machine, on ranks of their own."""

import os
from collections.abc import Sequence

import click

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.cli.io.answer import Answer
from commplan.cli.io.jobs import demands, placements, schedules, steps
from commplan.cli.io.progress import progress
from commplan.jobs import folder
from commplan.jobs.planning import GroupPlans, plan_groups
from commplan.jobs.shares import Shares
from commplan.together.sharing import share_out
from solvers.jobs.demand import demand
from solvers.jobs.job import Job
from solvers.jobs.layout import world
from solvers.jobs.reading import load
from solvers.placement.search import Placement
from solvers.placement.several import Several, place_several
from solvers.settings.deadline import Watch
from solvers.steps.memory import check_memory
from solvers.steps.step import step as predict_step
from topologies.derive.part import without_some
from topologies.model.topology import Topology
from topologies.model.units import Rank, Seconds, duration

MOST_JOBS = 16
Plans = tuple[GroupPlans, Shares]
Told = tuple[dict[str, object], list[str]]  # as JSON has it, and for a person


def place_jobs(
    names: Sequence[str],
    machine: Topology,
    dead: Sequence[Rank],
    usable: Sequence[Rank],
    output: str | None,
    time_limit: Seconds,
) -> Answer:
    """Place several jobs, and plan each in a folder of its own where that is asked.

    Where ranks have to pass on what is of others, dead ones do not.

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
        used = machine
        found = place_several(used, read, usable, watch)
        if dead and any(own.forward for own in found.placements):
            used = without_some(machine, dead)
            found = place_several(used, read, usable, watch)
        placed = list(zip(read, found.placements, strict=True))
        plans = [_plan(used, *each, watch) for each in placed] if output else []
    each = [_tell(job, machine, own) for job, own in placed]
    for fields, _ in each:
        fields["dead"] = [] if used is machine else list(dead)
    if output:
        _write(output, machine, placed, plans, each)
    fields = {"machine": machine.name, **_fields(found), "jobs": [own for own, _ in each]}
    return Answer(
        fields, [*_lines(machine, read, found), *(word for _, rows in each for word in rows)]
    )


def _plan(machine: Topology, job: Job, own: Placement, watch: Watch) -> Plans:
    """Plan the groups of one of them."""
    made = plan_groups(machine, job, own, watch)
    return made, share_out(machine, job, own, made, watch)


def _write(
    output: str,
    machine: Topology,
    placed: Sequence[tuple[Job, Placement]],
    plans: Sequence[Plans],
    told: Sequence[Told],
) -> None:
    """Write a folder with one for each job, whole or not at all, and tell of each."""
    with folder.writing(output) as beside:
        for number, ((job, own), plan, (fields, lines)) in enumerate(
            zip(placed, plans, told, strict=True)
        ):
            name = f"job-{number}"
            fields |= schedules.plan_fields(*plan) | {"written": os.path.join(output, name)}
            folder.save(str(beside / name), machine, job, own, *plan, fields)
            lines += schedules.plan_lines(*plan) + schedules.launcher_lines(
                machine, own.ranks.tolist()
            )
            lines += [f"  written to {os.path.join(output, name)}"]


def _tell(job: Job, machine: Topology, own: Placement) -> Told:
    """Lay out what one of them exchanges, and its placement."""
    flows = demand(job)
    fields = demands.demand_fields(job, flows)
    fields |= placements.placement_fields(machine.name, own)
    fields |= {"step_seconds": own.judged.seconds, "ranks": own.ranks.tolist()}
    lines = demands.demand_lines(job, flows) + placements.placement_lines(machine.name, own)
    predicted = predict_step(job, own.judged, world(job.layout))
    if predicted is not None:
        fields |= steps.step_fields(predicted)
        lines += steps.step_lines(predicted)
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
