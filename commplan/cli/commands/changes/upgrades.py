"""`commplan upgrade`: which links bind, what more bandwidth brings, and the cheapest change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from time import monotonic

import click
import numpy as np

from commplan.anytime.interrupts import stop_on_interrupt
from commplan.changes.budget import Prices, best_change, best_job_change
from commplan.changes.job_upgrade import Job, JobChange
from commplan.changes.upgrade import Change, Growth, Slope, cheapest_change
from commplan.cli.io import quantities
from commplan.cli.io.answer import Answer, Command
from commplan.cli.io.arguments import choose_ranks, time_limit
from commplan.cli.io.progress import progress
from solvers.certify.certificates import measure_cut
from solvers.schedules.certificate import Certificate, Cut
from solvers.schedules.collective import Collective, Movement
from solvers.schedules.kinds import COLLECTIVES, collective
from solvers.settings.deadline import Watch
from topologies.formats import spec
from topologies.model.messages import list_names, unknown
from topologies.model.parameters import decimal
from topologies.model.topology import IntArray, Topology
from topologies.model.units import Rate, Seconds, count_of, rate

GIGA = 10**9


@click.command(cls=Command)
@click.argument("topology")
@click.argument(
    "collectives", nargs=-1, required=True, type=quantities.Name("collective", COLLECTIVES)
)
@click.option("--ranks", help="Ranks that take part, by number or name, as 0,1,4-7 (all).")
@click.option(
    "--to", "factor", metavar="FACTOR", help="Find the cheapest change for so many times the rate."
)
@click.option(
    "--budget",
    metavar="COST",
    help="In place of --to: find the best change that costs at most so much.",
)
@click.option(
    "--step",
    multiple=True,
    metavar="CLASS=GBPS",
    help="What a step adds to each link of a class (its rate: one more link); 0: it stays.",
)
@click.option(
    "--cost",
    multiple=True,
    metavar="CLASS=PRICE",
    help="What one GB/s more on one link of a class costs (1).",
)
@click.option(
    "--weight",
    multiple=True,
    metavar="COLLECTIVE=BYTES",
    help="What a job moves with a collective (1, where others are given); --to then speaks of all.",
)
@time_limit
def upgrade(
    topology: str,
    collectives: tuple[str, ...],
    ranks: str | None,
    weight: tuple[str, ...],
    factor: str | None,
    budget: str | None,
    step: tuple[str, ...],
    cost: tuple[str, ...],
    time_limit: Seconds,
) -> Answer:
    """Say which links bind, what one GB/s more on each class brings, and how far that holds.

    With --to, the cheapest whole numbers of steps after which each collective may reach so many
    times its rate: proved, by the bounds of all machines between. With --budget, the steps of at
    most that cost after which the collective that gains least gains most, proved too. With --weight
    all collectives together are one job, which is to be so many times as fast, or fastest.
    """
    machine = spec.topology(topology)
    chosen = choose_ranks(machine, ranks)
    asked = [collective(name, chosen) for name in dict.fromkeys(collectives)]
    moving = [what for what in asked if what.shape.movement is not Movement.STAY]
    still = [what for what in asked if what.shape.movement is Movement.STAY]
    goal, weights = _goal(factor, budget), _weights(asked, weight)
    steps = _by_class(machine, "--step", step, _own_rates(machine))
    costs = _by_class(machine, "--cost", cost, [Fraction(1)] * len(machine.classes))
    if goal is None and (step or cost):
        raise click.UsageError(
            "--step and --cost are for --to, the rate that is wanted, and for --budget"
        )
    started = monotonic()
    with progress(time_limit) as watch, stop_on_interrupt(watch):
        growths = [Growth(machine, what, watch) for what in moving]
        slopes = [[g.slope(of) for of in _used(machine)] for g in growths]
        job = Job(growths, weights) if weight and moving else None
        links = np.bincount(machine.link_class, minlength=len(machine.classes)).tolist()
        each = [s * p * n for s, p, n in zip(steps, costs, links, strict=True)]
        prices = Prices([Fraction(GIGA) * s for s in steps], each, Fraction(0))
        change = _change(growths, job, goal, prices, watch) if goal and moving else None
    fields: dict[str, object] = {
        "collectives": [_fields(machine, g, own) for g, own in zip(growths, slopes, strict=True)],
        "still": [what.name for what in still],
        "change": None if change is None else _change_fields(growths, job, change, steps),
        "binds": [row for g, own in zip(growths, slopes, strict=True) for row in _rows(g, own)],
        "changes": [] if change is None else _changes(machine, change, steps),
        "cost": None if change is None else float(change.cost),
        "seconds": monotonic() - started,
    }
    lines = [line for g, own in zip(growths, slopes, strict=True) for line in _lines(g, own)]
    lines += [f"{what.name}: nothing moves, no link binds" for what in still]
    if job is not None:
        saved = _saved(machine, job, slopes)
        fields["job"] = saved
        lines += _job_lines(job, saved)
    if change is not None:
        lines += _change_lines(growths, goal, change, steps)
    if job is not None and isinstance(change, JobChange):
        lines.append(f"  the job {float(job.base / change.time):.4g} times as fast")
    return Answer(fields, lines)


def _used(machine: Topology) -> list[int]:
    """List the classes that have links."""
    return sorted(set(machine.link_class.tolist()))


def _own_rates(machine: Topology) -> list[Fraction]:
    """Give for each class the rate of its fastest link in GB/s."""
    rates = [Fraction(0)] * len(machine.classes)
    for kind, capacity in zip(machine.link_class.tolist(), machine.capacity.tolist(), strict=True):
        rates[kind] = max(rates[kind], capacity * machine.unit / GIGA)
    return rates


@dataclass(frozen=True)
class _Goal:
    """What is wanted: so many times the rate, or the most that a budget allows."""

    factor: Fraction | None
    budget: Fraction


def _goal(factor: str | None, budget: str | None) -> _Goal | None:
    """Read what is wanted of a change, if anything."""
    if factor is not None and budget is not None:
        raise click.UsageError("--to and --budget exclude each other: one is found from the other")
    if budget is not None:
        return _Goal(None, _number("--budget", budget, 15))
    if factor is None:
        return None
    found = _number("--to", factor, 4)
    if found <= 1:
        raise click.BadParameter(f"{factor!r}, expected more than 1", param_hint="--to")
    return _Goal(found, Fraction(0))


def _number(option: str, text: str, digits: int) -> Fraction:
    """Read the number of an option."""
    try:
        return decimal(digits)(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}, expected {error}", param_hint=option) from None


def _change(
    growths: Sequence[Growth], job: Job | None, goal: _Goal, prices: Prices, watch: Watch
) -> Change | JobChange:
    """Find the cheapest change for a rate, or the best one for a budget."""
    if goal.factor is None:
        prices = replace(prices, budget=goal.budget)
        if job is not None:
            return best_job_change(job, prices, watch)
        return best_change(growths, prices, watch)
    if job is not None:
        return job.cheapest_change(job.base / goal.factor, prices.step, prices.cost, watch)
    rates = [goal.factor * g.base for g in growths]
    return cheapest_change(growths, rates, prices.step, prices.cost, watch)


def _by_class(
    machine: Topology, option: str, words: Sequence[str], usual: Sequence[Fraction]
) -> list[Fraction]:
    """Read figures of classes of links, by their names."""
    names = [each.name for each in machine.classes]
    found = list(usual)
    for word in words:
        name, equals, text = word.rpartition("=")
        if not equals or name not in names:
            raise click.BadParameter(
                unknown("class of links", name or word, names), param_hint=option
            )
        found[names.index(name)] = _number(option, text, 9)
    return found


def _weights(asked: Sequence[Collective], words: Sequence[str]) -> list[Fraction]:
    """Read how much is moved with each collective."""
    names = [what.name for what in asked]
    found = [Fraction(1)] * len(asked)
    for word in words:
        name, equals, text = word.rpartition("=")
        if not equals or name not in names:
            raise click.BadParameter(
                unknown("collective here", name or word, names), param_hint="--weight"
            )
        found[names.index(name)] = _number("--weight", text, 15)
    if not any(found):
        raise click.BadParameter("nothing is moved", param_hint="--weight")
    return found


def _saved(machine: Topology, job: Job, slopes: Sequence[Sequence[Slope]]) -> dict[str, float]:
    """Give for each class which part of the job's time a GB/s more on all links saves."""
    saved = job.savings([[each.slope for each in own] for own in slopes])
    used = [machine.classes[of].name for of in _used(machine)]
    return {name: float(part * GIGA) for name, part in zip(used, saved, strict=True)}


def _job_lines(job: Job, saved: dict[str, float]) -> list[str]:
    pairs = zip(job.growths, job.weights, strict=True)
    moved = ", ".join(f"{float(weight):g} of {growth.what.name}" for growth, weight in pairs)
    width = max(map(len, saved))
    return [
        f"a job of {moved}",
        *(
            f"  {name:{width}}  the first GB/s more on every link saves {part:.3%} of the time"
            for name, part in saved.items()
        ),
    ]


def _fields(machine: Topology, growth: Growth, slopes: Sequence[Slope]) -> dict[str, object]:
    return {
        "collective": growth.what.name,
        "bound_GBps": float(growth.base) / GIGA,
        "scope": growth.lines[0].bound.scope,
        "binds": _binding(machine, growth.what, growth.lines[0].bound.certificate),
        "classes": [
            {
                "class": machine.classes[each.of].name,
                "slope": float(each.slope),
                "until_GBps": None if each.until is None else float(each.until) / GIGA,
            }
            for each in slopes
        ],
    }


def _rows(growth: Growth, slopes: Sequence[Slope]) -> list[dict[str, object]]:
    """Give for each class with links that bind how many do, and what more on the class brings."""
    machine = growth.topology
    binding = _binding_links(machine, growth.what, growth.lines[0].bound.certificate)
    count = np.bincount(machine.link_class[binding], minlength=len(machine.classes)).tolist()
    return [
        {
            "collective": growth.what.name,
            "class": machine.classes[each.of].name,
            "links": count[each.of],
            "GBps_per_GBps": float(each.slope),
            "until_GBps": None if each.until is None else float(each.until) / GIGA,
        }
        for each in slopes
        if count[each.of] or each.slope
    ]


def _lines(growth: Growth, slopes: Sequence[Slope]) -> list[str]:
    machine, first = growth.topology, growth.lines[0].bound
    names = [machine.classes[each.of].name if len(slopes) > 1 else "all links" for each in slopes]
    width = max(map(len, names))
    lines = [
        f"{growth.what.name} on {machine.name}: at most {rate(growth.base)} ({first.scope})",
        f"  binds: {_binding(machine, growth.what, first.certificate)}",
    ]
    for each, name in zip(slopes, names, strict=True):
        said = "more on these alone brings nothing"
        if each.slope:
            said = f"each GB/s more on every link brings {float(each.slope):.6g} GB/s"
        if each.until is not None:
            said += f", up to {float(each.until) / GIGA:.6g} GB/s more"
        lines.append(f"  {name:{width}}  {said}")
    if len(slopes) == 1 and len(set(machine.bandwidth.tolist())) > 1:
        lines.append("  the links have one class; `class = ...` in the file would tell kinds apart")
    return lines


def _binding(machine: Topology, what: Collective, certificate: Certificate | None) -> str:
    """Say which links stand in the way, by what proves the bound."""
    links = _count(machine, _binding_links(machine, what, certificate))
    if isinstance(certificate, Cut):
        ends = "out of" if not certificate.reversed_links else "into"
        side = list_names([machine.names[v] for v in certificate.inside.tolist()])
        return f"{links} {ends} {side}"
    return f"{links} with prices: {_some(machine, _binding_links(machine, what, certificate))}"


def _some(machine: Topology, links: IntArray) -> str:
    """Name links, the first of them if they are many."""
    return list_names([machine.link_name(link) for link in links.tolist()], most=4)


def _binding_links(
    machine: Topology, what: Collective, certificate: Certificate | None
) -> IntArray:
    """List the links across the cut, or those that have prices."""
    if isinstance(certificate, Cut):
        return np.flatnonzero(measure_cut(machine, what, certificate)[1])
    assert certificate is not None
    return np.flatnonzero(np.array([p > 0 for p in certificate.of_class])[certificate.of_link])


def _count(machine: Topology, links: Sequence[int] | np.ndarray) -> str:
    """Count links, by their classes where there are several."""
    kinds = np.bincount(machine.link_class[links], minlength=len(machine.classes)).tolist()
    named = [f"{n:,} of {c.name}" for n, c in zip(kinds, machine.classes, strict=True) if n]
    return count_of(len(links), "link") + f" ({', '.join(named)})" * (len(machine.classes) > 1)


def _change_fields(
    growths: Sequence[Growth],
    job: Job | None,
    change: Change | JobChange,
    steps: Sequence[Fraction],
) -> dict[str, object]:
    machine = growths[0].topology
    factor = min(now / g.base for g, now in zip(growths, change.reached, strict=True))
    if job is not None and isinstance(change, JobChange):
        factor = job.base / change.time
    return {
        "cost": float(change.cost),
        "factor": float(factor),
        "proved": True,
        "added_GBps": {
            each.name: float(n * step)
            for each, n, step in zip(machine.classes, change.steps, steps, strict=True)
        },
        "bound_GBps": [float(reached) / GIGA for reached in change.reached],
    }


def _changes(
    machine: Topology, change: Change | JobChange, steps: Sequence[Fraction]
) -> list[dict[str, object]]:
    """Give what each class that changes gets on every link."""
    return [
        {"class": each.name, "steps": n, "added_GBps": float(n * step)}
        for each, n, step in zip(machine.classes, change.steps, steps, strict=True)
        if n
    ]


def _change_lines(
    growths: Sequence[Growth],
    goal: _Goal | None,
    change: Change | JobChange,
    steps: Sequence[Fraction],
) -> list[str]:
    more = [
        f"{float(n * step):g} GB/s on every link{f' of {each.name}' * (len(steps) > 1)}"
        for each, n, step in zip(growths[0].topology.classes, change.steps, steps, strict=True)
        if n
    ]
    found = "cheapest"
    if goal is not None and goal.factor is None:
        found = f"best for {float(goal.budget):g}"
    if not more:
        return [f"{found}: nothing, proved"]
    reached = [
        f"{g.what.name} {_from_to(g.base, now)}"
        for g, now in zip(growths, change.reached, strict=True)
    ]
    return [
        f"{found}: {', '.join(more)}; cost {float(change.cost):g}, proved",
        *(f"  {line}" for line in reached),
    ]


def _from_to(before: Rate, after: Rate) -> str:
    return f"at most {rate(after)}, {float(after / before):.4g} times as much"
