"""Is a set of schedules that run at the same time right, and are links able to carry all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from runtime.metrics.link_loads import loads
from runtime.verify import data, structure, symmetry
from runtime.verify.verify import SHOWN, verify
from solvers.certify.certificates import TREES
from solvers.certify.dual_bound import Unproven
from solvers.certify.together import prove_together
from solvers.schedules.collective import CollectiveError
from solvers.schedules.ensembles.ensemble import Ensemble, check_tasks, keepers
from solvers.schedules.ensembles.union import union_schedule, unite
from solvers.schedules.schedule import Schedule
from topologies.model.arguments import of
from topologies.symmetry.group import SymmetryError


@dataclass(frozen=True)
class SetReport:
    """What the checker found of a set.

    Attributes:
        correct: each task's schedule does what its collective asks, all links carry their loads in
            the time that is told, and the prices prove the bound that is told.
        optimal: besides, the time is exactly what the prices prove.
        faults: a sentence for each mistake.
        time: seconds that the most loaded link needs.
        least: seconds that the prices prove, None where there are none.
        busiest: that link.
        scope: for which schedules the bound holds.
    """

    correct: bool
    optimal: bool
    faults: tuple[str, ...]
    time: Fraction | None = None
    least: Fraction | None = None
    busiest: str | None = None
    scope: str = "none"


def verify_together(ensemble: Ensemble) -> SetReport:
    """Check a set from the ground up: tasks, symmetry, each schedule, loads of all, and the bound.

    Args:
        ensemble: from anywhere; nothing in it is trusted.

    Returns:
        what was found; nothing is raised for a wrong set.
    """
    of("ensemble", ensemble, Ensemble)
    for check in (_tasks, _copies, _schedules, _relays):
        if found := list(check(ensemble)):
            return _wrong(found)
    united = unite(ensemble.tasks)
    whole = union_schedule(ensemble, united)
    for look in (structure.faults, symmetry.faults, data.faults):
        if found := look(whole):
            return _wrong(found)
    time, busiest, found = _loads(ensemble, whole, united.unit)
    least, unproven = _bound(ensemble, time)
    found += unproven
    return SetReport(
        correct=not found,
        optimal=not found and time == (least or 0),
        faults=tuple(found[:SHOWN]),
        time=time,
        least=least,
        busiest=busiest,
        scope=_scope(ensemble) if ensemble.prices else "none",
    )


def _wrong(found: list[str]) -> SetReport:
    rest = len(found) - SHOWN
    more = (f"and {rest} more",) if rest > 0 else ()
    return SetReport(False, False, (*found[:SHOWN], *more))


def _tasks(ensemble: Ensemble) -> Iterator[str]:
    """Check the tasks and the group, which everything else counts on."""
    try:
        check_tasks(ensemble.tasks, ensemble.topology)
    except CollectiveError as error:
        yield str(error)
        return
    for number, task in enumerate(ensemble.tasks):
        for fault in structure.collective_faults(ensemble.topology, task.collective):
            yield f"collective {number}: {fault}"
    if ensemble.relays == "all":
        yield "relays: 'all', expected 'none' or 'forward'"
    generators, vertices = ensemble.group.generators, ensemble.topology.vertices
    if generators.ndim != 2 or generators.shape[1] != vertices:
        yield f"group: generators of shape {generators.shape} for {vertices} vertices"
    elif (np.sort(generators, axis=1) != np.arange(vertices)).any():
        yield "group: a generator is not a permutation"


def _copies(ensemble: Ensemble) -> Iterator[str]:
    """Check that every task has a schedule, or is the image of one that has."""
    numbers = [number for number, _ in ensemble.schedules]
    if numbers != sorted(set(numbers)) or not set(numbers) <= set(range(len(ensemble.tasks))):
        yield f"schedules: of tasks {numbers[:8]}, expected some of the tasks, ascending"
        return
    try:
        copies = ensemble.copies
    except (SymmetryError, CollectiveError) as error:
        yield f"group: {error}"
        return
    for number, copy in enumerate(copies):
        if copy is None:
            yield f"collective {number}: it has no schedule, and is no image of one that has"
        elif number in numbers and copy.like != number:
            yield f"collective {number}: it has a schedule, and is an image of {copy.like}"


def _schedules(ensemble: Ensemble) -> Iterator[str]:
    """Check each schedule that is written down, and that it is the same for all who take it."""
    for number, own in ensemble.schedules:
        place, task = f"collective {number}", ensemble.tasks[number]
        what = own.collective
        asked = (task.collective.name, task.collective.ranks, task.collective.root)
        if own.topology is not ensemble.topology or (what.name, what.ranks, what.root) != asked:
            yield f"{place}: its schedule is for another collective or machine"
            continue
        yield from (f"{place}: {fault}" for fault in verify(own).faults)
        kept = keepers(task, ensemble.group)
        same = kept.order == own.group.order
        rows = {row.tobytes() for row in kept.elements} if same else set()
        if not all(row.astype(np.int64).tobytes() in rows for row in own.group.generators):
            same = same and not len(own.group.generators)
        if not same:
            yield f"{place}: its symmetry is not that part of the set's which keeps it"


def _relays(ensemble: Ensemble) -> Iterator[str]:
    """Check that ranks outside a task do no more for it than is told."""
    for number, own in ensemble.schedules:
        rows = own.transfers
        ends = np.unique(np.concatenate([rows.src, rows.dst]))
        outside = np.setdiff1d(ends, own.collective.ranks)
        if ensemble.relays == "none" and len(outside):
            name = ensemble.topology.vertex_name(int(outside[0]))
            yield f"collective {number}: {name}, which is not in it, passes messages on"
        elif own.relays != "forward" and len(outside):
            yield f"collective {number}: its ranks' relays are {own.relays!r}, expected 'forward'"


def _loads(
    ensemble: Ensemble, whole: Schedule, unit: int
) -> tuple[Fraction, str | None, list[str]]:
    """Add up what all tasks put on the links, and compare with what these carry in the time."""
    topology, carried = ensemble.topology, loads(whole)
    size = Fraction(whole.collective.total, unit)
    most, busiest, found = Fraction(0), None, []
    first = np.unique(carried.orbit, return_index=True)[1].tolist()
    for link, load in zip(first, carried.load, strict=True):
        rate = topology.unit * int(topology.capacity[link])
        seconds = load * size / rate
        if seconds > most:
            most, busiest = seconds, link
        if seconds > ensemble.time:
            found.append(
                f"{topology.link_name(link)}: all together put {float(load * size):,.0f} bytes on "
                f"it, in {float(ensemble.time):.9g} s it carries {float(rate * ensemble.time):,.0f}"
            )
    if most < ensemble.time:
        told = f"{float(ensemble.time):.9g} s are told, the busiest link needs {float(most):.9g} s"
        found.append(f"time: {told}")
    return most, None if busiest is None else topology.link_name(busiest), found


def _bound(ensemble: Ensemble, time: Fraction) -> tuple[Fraction | None, list[str]]:
    """Find what the prices prove, and what is wrong with the bound that is told."""
    if ensemble.prices is None:
        told = ensemble.least
        return None, [f"bound: nothing proves {float(told):.9g} s"] if told else []
    asked = ensemble.topology, ensemble.tasks, ensemble.prices, ensemble.group, ensemble.relays
    try:
        least = prove_together(*asked)
    except (Unproven, SymmetryError) as error:
        return None, [f"bound: {error}"]
    found = []
    if least != ensemble.least:
        found.append(f"bound: the prices prove {least} s, not {ensemble.least} s")
    if least > time and _scope(ensemble) != TREES:
        found.append(f"bound: {float(time):.9g} s is less than {float(least):.9g} s, the least")
    return least, found


def _scope(ensemble: Ensemble) -> str:
    """Say for which schedules prices speak: of sums for many, for trees into and out of roots."""
    for task in ensemble.tasks:
        holders, wanters = task.collective.counts
        if ((holders > 1) & (wanters > 1)).any():
            return TREES
    return "prices"
