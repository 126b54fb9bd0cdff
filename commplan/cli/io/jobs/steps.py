"""A step's time, and layouts by it, as lines and fields."""

import msgspec

from commplan.cli.io.jobs.columns import columns
from solvers.jobs.job import Job
from solvers.steps.layouts import Layouts
from solvers.steps.step import Step
from topologies.model.units import duration


def step_fields(found: Step) -> dict[str, object]:
    """Give the time of a step as JSON has it."""
    memory = found.held
    return {
        "step_seconds": found.seconds,
        "step": {
            "seconds": found.seconds,
            "computing_seconds": found.computing,
            "bubble_seconds": found.bubble,
            "exposed_seconds": sum(found.exposed.values()),
            "exposed": dict(found.exposed),
            "mfu": found.mfu,
            "tokens_per_second": found.tokens / found.seconds if found.seconds else 0.0,
            "memory_GB": memory.total / 1e9 if memory else 0.0,
            "memory_fits": not (memory and found.room) or memory.total <= found.room,
            "binds": found.binds,
        },
    }


def step_lines(found: Step) -> list[str]:
    """Lay out the time of a step, and what a rank holds."""
    told = ", ".join(f"{k} {duration(v)}" for k, v in found.exposed.items() if v)
    lines = [
        f"  step      {duration(found.seconds)}: computation {duration(found.computing)}, bubble "
        f"{duration(found.bubble)}, exposed {told or 'nothing'}",
        f"  binds     {found.binds}",
    ]
    if found.tokens:
        rate = f"{found.tokens / found.seconds:,.0f} tokens/s, {100 * found.mfu:.1f}% of the peak"
        lines.append(f"  reached   {rate}")
    if found.held:
        own = found.held
        parts = (own.parameters, own.gradients, own.optimiser, own.activations)
        words = ("parameters", "gradients", "optimiser", "activations")
        told = ", ".join(f"{w} {p / 1e9:.1f}" for w, p in zip(words, parts, strict=True))
        lines.append(f"  a rank    {own.total / 1e9:.1f} GB: {told}")
        if found.room and own.total > found.room:
            more = f"{found.room / 1e9:g} GB that it has, so something must be put elsewhere"
            lines.append(f"  memory    more than the {more}")
    return lines


def layouts_fields(found: Layouts) -> dict[str, object]:
    """Give ranked layouts as JSON has them."""
    return {
        "feasible": found.feasible,
        "refused": dict(found.refused),
        "placed": found.placed,
        "not_tried": list(found.not_tried),
        "layouts": [
            {
                "layout": {**msgspec.to_builtins(each.job.layout)},
                "micro": each.job.batch.micro if each.job.batch else 1,
                "rule": each.placed.title if each.placed else "",
                **step_fields(each.step),
            }
            for each in found.first
        ],
    }


def layouts_lines(job: Job, machine: str, found: Layouts) -> list[str]:
    """Lay ranked layouts out."""
    rows = [
        (
            duration(each.step.seconds),
            _layout(each.job),
            f"{each.step.held.total / 1e9:.1f} GB" if each.step.held else "",
            f"{100 * each.step.mfu:.1f}%",
            each.step.binds,
            each.placed.title if each.placed else "",
        )
        for each in found.first
    ]
    refused = sum(found.refused.values())
    most = sorted(found.refused.items(), key=lambda pair: -pair[1])[:3]
    why = ", ".join(f"{count:,} by {reason}" for reason, count in most)
    head = ("step", "layout", "a rank", "of peak", "binds", "placement")
    return [
        f"{job.name} on {machine}: {found.feasible:,} layouts are feasible, {found.placed:,} "
        f"placed, {refused:,} refused{f' ({why})' if why else ''}",
        *columns(head, rows),
        *(f"  not tried: {each}" for each in found.not_tried),
    ]


def _layout(job: Job) -> str:
    own = job.layout
    words = [("tp", own.tp), ("cp", own.cp), ("ep", own.ep), ("pp", own.pp), ("vpp", own.virtual)]
    words += [("dp", own.dp), ("micro", job.batch.micro if job.batch else 1)]
    return " ".join(f"{name}{size}" for name, size in words if size > 1) + f" zero{own.zero}"
