"""Collectives that run at the same time on one machine, with a schedule for each.

Only one of those that a symmetry carries into each other is written down. Statement. Let H be a
group of automorphisms of the machine that carries tasks into tasks, and let the schedule of a task
be kept by all elements of H that keep the task. Then its image under h is a schedule of the image
of the task, the same one for each h that leads there; and all of them together load the links of an
orbit of H alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import Prices
from solvers.schedules.collective import Collective, CollectiveError
from solvers.schedules.ensembles.given import tell
from solvers.schedules.ensembles.moved import moved
from solvers.schedules.kinds import is_sized, kind_of
from solvers.schedules.schedule import Schedule
from topologies.model.arguments import of, refuse, whole
from topologies.model.cached import cached_property
from topologies.model.topology import BoolArray, IntArray, Topology, frozen
from topologies.model.units import Bytes, Rank
from topologies.symmetry.group import Group, subgroup

MOST_TASKS = 4096
MOST_IMAGES = 2**24  # ranks of all images of tasks: some seconds

Key = tuple[str, Bytes, Rank, bytes]


@dataclass(frozen=True, eq=False)
class Task:
    """A collective over some ranks of a machine, and the bytes of its largest buffer."""

    collective: Collective
    size: Bytes

    def __post_init__(self) -> None:
        """Refuse what is of another kind."""
        of("collective", self.collective, Collective)
        whole("size", self.size, 1)

    @property
    def key(self) -> Key:
        """Give what tells tasks apart."""
        return self.image_key(np.arange(max(self.collective.ranks) + 1))

    def image_key(self, permutation: IntArray) -> Key:
        """Give the key of the task that a permutation of the vertices makes of it."""
        what = self.collective
        ranks = permutation[list(what.ranks)].astype(np.int64)
        order = np.argsort(ranks)
        root = -1 if what.root is None else int(permutation[what.root])
        return what.name, self.size, root, ranks[order].tobytes() + self.told(order)

    def told(self, order: IntArray) -> bytes:
        """Give what tells apart what was given besides ranks, with the ranks in an order."""
        return tell(self.collective, order)


class Copy(NamedTuple):
    """A task as the image of one that has a schedule: its number, and the element."""

    like: int
    element: int


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Tasks that run at the same time, schedules for some, and prices that bound their time.

    Attributes:
        tasks: all of them, different ones.
        group: automorphisms of the machine; all tasks are images of those with a schedule.
        schedules: of some tasks, by number, each written for the elements that keep its task.
        time: seconds in which every link can carry what all tasks together put on it.
        prices: of all links, that prove how soon all can be over at best; None proves nothing.
        least: seconds that they prove.
        relays: what the ranks outside each task do for it: nothing, or pass messages on.
        lead: program steps that a rank may be at work on at once in the program of each task; None
            for the usual.
    """

    topology: Topology
    tasks: tuple[Task, ...]
    group: Group
    schedules: tuple[tuple[int, Schedule], ...]
    time: Fraction
    prices: Prices | None
    least: Fraction
    relays: Relays = "none"
    lead: int | None = None

    @cached_property
    def copies(self) -> tuple[Copy | None, ...]:
        """Find for each task which one it is an image of, and under which element; None of none.

        Complexity: tasks with a schedule × order × ranks of each.
        """
        place = {task.key: number for number, task in enumerate(self.tasks)}
        found: list[Copy | None] = [None] * len(self.tasks)
        for like, _ in self.schedules:
            for element, key in enumerate(image_keys(self.tasks[like], self.group)):
                number = place.get(key)
                if number is not None and found[number] is None:
                    found[number] = Copy(like, element)
        return tuple(found)

    def schedule(self, number: int) -> Schedule:
        """Give the schedule of a task.

        Raises:
            CollectiveError: it is the image of none that has one.
        """
        own, copy = dict(self.schedules), self.copies[number]
        if copy is None:
            raise CollectiveError(f"tasks[{number}]: it has no schedule, and is no image of one")
        if copy.like == number:
            return own[number]
        return moved(own[copy.like], self.group.elements[copy.element])


def image_keys(task: Task, group: Group) -> list[Key]:
    """Give the keys of all images of a task, by the number of the element.

    Raises:
        CollectiveError: they are too many.
    """
    what = task.collective
    if group.order * len(what.ranks) > MOST_IMAGES:
        raise CollectiveError("the symmetry of the set is too large to list")
    every = np.arange(group.order)
    rows = group.images(every[:, None], np.array(what.ranks)[None]).astype(np.int64)
    orders = np.argsort(rows, axis=1)
    rows = np.take_along_axis(rows, orders, axis=1)
    root = np.full(group.order, -1) if what.root is None else group.column(what.root)
    return [
        (what.name, task.size, int(start), row.tobytes() + task.told(order))
        for start, row, order in zip(root, rows, orders, strict=True)
    ]


def keepers(task: Task, group: Group) -> Group:
    """Give the subgroup of the elements that keep a task."""
    return subgroup(group, mark_keepers(task, group))


def mark_keepers(task: Task, group: Group) -> BoolArray:
    """Mark the elements of a group that keep a task: (order,)."""
    own = task.key
    keys = image_keys(task, group)
    return frozen(np.fromiter((key == own for key in keys), dtype=np.bool_, count=len(keys)))


def check_tasks(tasks: Sequence[Task], topology: Topology) -> None:
    """Refuse tasks that make no set on a machine.

    Raises:
        ArgumentError: something that is no task.
        CollectiveError: none, too many, one twice, or ranks that the machine has not.
    """
    of("topology", topology, Topology)
    if not isinstance(tasks, Sequence):
        refuse("tasks", tasks, "a list of Task")
    for number, task in enumerate(tasks):
        of(f"tasks[{number}]", task, Task, "a Task: a collective and its bytes")
    if not 0 < len(tasks) <= MOST_TASKS:
        raise CollectiveError(f"{len(tasks)} collectives, expected 1 to {MOST_TASKS:,}")
    seen: dict[Key, int] = {}
    for number, task in enumerate(tasks):
        what = task.collective
        if not what.ranks or not 0 <= min(what.ranks) <= max(what.ranks) < topology.ranks:
            raise CollectiveError(
                f"collective {number}: expected ranks among the {topology.ranks} of {topology.name}"
            )
        if kind_of(what) is None:
            raise CollectiveError(f"collective {number}: {what.name} is not planned in sets")
        if is_sized(what) and task.size != what.total:
            raise CollectiveError(
                f"collective {number}: {task.size} bytes, expected the {what.total} of its blocks"
            )
        if (before := seen.setdefault(task.key, number)) != number:
            raise CollectiveError(
                f"collective {number}: it is the same as {before}; one of twice the size is meant?"
            )
