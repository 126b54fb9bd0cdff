"""The same tasks planned each for itself: what they take when all of them run at the same time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from runtime.metrics.link_loads import loads
from runtime.simulate.together import Paced, with_best_lead
from solvers.certify.together import mark_usable
from solvers.schedules.certificate import UNPROVED
from solvers.schedules.ensembles.ensemble import Ensemble
from solvers.schedules.ensembles.moved import moved
from solvers.schedules.ensembles.union import fluid_time
from solvers.schedules.schedule import Schedule
from solvers.schedules.unfold import unfold
from solvers.settings.deadline import Watch
from solvers.settings.options import SolverOptions
from solvers.solve import solve
from topologies.model.topology import FloatArray, IntArray, Topology, frozen
from topologies.model.units import Seconds
from topologies.symmetry.group import link_images, trivial


@dataclass(frozen=True, eq=False)
class Alone:
    """Schedules of highest throughput of the tasks that an ensemble writes down.

    Attributes:
        schedules: by the number of the task, on the whole machine.
        seconds: that all tasks together take so, in the fluid limit.
    """

    schedules: tuple[tuple[int, Schedule], ...]
    seconds: Seconds


def plan_alone(ensemble: Ensemble, watch: Watch) -> Alone:
    """Plan each task as if it had the machine for itself, one for all that are images of it.

    Raises:
        Infeasible, NotFound: as of `solve`.
    """
    found = []
    for number, _ in ensemble.schedules:
        watch.tell(f"planning collective {number} alone")
        task = ensemble.tasks[number]
        options = SolverOptions(relays=ensemble.relays)
        made = solve(ensemble.topology, task.collective, watch, options)
        if made.topology is not ensemble.topology:
            links = np.flatnonzero(mark_usable(ensemble.topology, task))
            made = _on_whole(made, ensemble.topology, links)
        found.append((number, replace(made, relays="forward", bound=UNPROVED)))
    both = tuple(found)
    return Alone(both, _seconds(ensemble, dict(both)))


def _on_whole(found: Schedule, whole: Topology, links: IntArray) -> Schedule:
    """Give a schedule the links of the whole machine; where its symmetry is none of it, none."""
    rows = replace(found.transfers, route=frozen(links[found.transfers.route]))
    flat = unfold(found)
    if flat is not found:
        rows = replace(flat.transfers, route=frozen(links[flat.transfers.route]))
    return replace(flat, topology=whole, transfers=rows, group=trivial(whole))


def _seconds(ensemble: Ensemble, own: dict[int, Schedule]) -> Seconds:
    """Add up what the images of all schedules put on the links.

    Complexity: tasks × links.
    """
    topology, elements = ensemble.topology, ensemble.group.elements
    total = np.zeros(topology.links)
    load = {number: _load(schedule) for number, schedule in own.items()}
    images: dict[int, IntArray] = {}
    for task, copy in zip(ensemble.tasks, ensemble.copies, strict=True):
        if copy is None:
            continue
        if copy.element not in images:
            images[copy.element] = link_images(topology, elements[copy.element][None])[0]
        total[images[copy.element]] += load[copy.like] * task.size
    return float((total / topology.bandwidth).max(initial=0.0))


def _load(schedule: Schedule) -> FloatArray:
    """Compute what each link carries for each byte of size."""
    if not len(schedule.transfers):
        return np.zeros(schedule.topology.links)
    found = loads(schedule)
    return np.asarray(np.array([float(each) for each in found.load])[found.orbit])


def as_ensemble(ensemble: Ensemble, alone: Alone) -> Paced:
    """Make a set of the separate plans, with the same bound; every schedule is written out.

    Its lead is the one that suits it best, as `with_best_lead` finds it.
    """
    made = tuple(_written_out(ensemble, dict(alone.schedules)))
    flat = replace(ensemble, group=trivial(ensemble.topology), schedules=made, time=Fraction(0))
    return with_best_lead(replace(flat, time=fluid_time(flat)))


def _written_out(ensemble: Ensemble, own: dict[int, Schedule]) -> Iterator[tuple[int, Schedule]]:
    elements = ensemble.group.elements
    for number, copy in enumerate(ensemble.copies):
        if copy is not None:
            yield number, unfold(moved(own[copy.like], elements[copy.element]))
