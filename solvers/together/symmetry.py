"""The symmetries of a machine that carry tasks of a set into tasks of it."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from solvers.kept_symmetry import find_symmetry
from solvers.schedules.ensembles.ensemble import Task, image_keys
from solvers.schedules.kinds import collective
from solvers.settings.deadline import NO_DEADLINE, Watch
from topologies.model.topology import Topology
from topologies.symmetry.group import (
    Group,
    SymmetryError,
    cyclic_subgroup,
    declared_group,
    reduce_group,
    subgroup,
    trivial,
)

WORK = 1.0  # of the search for a symmetry, in about as many seconds
MOST_SEARCHED = 1024  # ranks of a machine whose symmetry is searched for
MOST_KEYS = 2**19  # images of tasks that are looked at: about a second
MOST_ENTRIES = 2**26  # of a table of elements


def find_common(topology: Topology, tasks: Sequence[Task], watch: Watch = NO_DEADLINE) -> Group:
    """Search for a group of automorphisms of a machine that permute the tasks.

    It is the part that does so of the declared group, or of one that is found; where these have
    too many elements, of a smaller one with the same orbits of ranks.

    Args:
        topology: the machine.
        tasks: that run at the same time.
        watch: says when to stop.

    Raises:
        SymmetryError: the declared symmetry is none.
    """
    best, fewest = trivial(topology), len(tasks) + 1
    for group in _candidates(topology, len(tasks), watch):
        found = keep_tasks(group, tasks)
        classes = _count_classes(tasks, found)
        if (classes, -found.order) < (fewest, -best.order):
            best, fewest = found, classes
    return best


def keep_tasks(group: Group, tasks: Sequence[Task]) -> Group:
    """Give the elements of a group that permute the tasks of a set.

    Complexity: tasks × order × their ranks.
    """
    keys = {task.key for task in tasks}
    kept = np.ones(group.order, dtype=np.bool_)
    for task in tasks:
        kept &= np.fromiter((key in keys for key in image_keys(task, group)), dtype=np.bool_)
    return group if kept.all() else subgroup(group, kept)


def _candidates(topology: Topology, tasks: int, watch: Watch) -> list[Group]:
    """List groups of automorphisms that are small enough to be looked through."""
    watch.tell("looking for symmetry")
    whole = declared_group(topology)
    if not len(whole.generators) and topology.ranks <= MOST_SEARCHED:
        everyone = collective("all_reduce", range(topology.ranks))
        whole = find_symmetry(topology, everyone, WORK, watch=watch)
    found = []
    for reduced in (False, True):
        with suppress(SymmetryError):
            group = reduce_group(whole, topology.ranks) if reduced else whole
            small = group.order * max(tasks, topology.ranks // 8) <= MOST_KEYS
            if small and group.order * topology.vertices <= MOST_ENTRIES:
                found.append(group)
    with suppress(SymmetryError):
        if not found and whole.order * topology.vertices <= MOST_ENTRIES:
            found.append(cyclic_subgroup(whole, topology.ranks, MOST_KEYS // max(tasks, 1)))
    return found


def _count_classes(tasks: Sequence[Task], group: Group) -> int:
    """Count the orbits of tasks."""
    seen: set[object] = set()
    count = 0
    for task in tasks:
        if task.key not in seen:
            count += 1
            seen.update(image_keys(task, group))
    return count
