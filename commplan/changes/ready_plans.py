"""A contingency made ready: for any single failure a plan at once, from that of one like it.

The folder's table names for each kind of failure one that stands for all, and automorphisms of the
machine that carry it to the others; each of these is compared with the machine link by link, and
each schedule is verified, when the folder is read. Where one fails, its automorphism is put
together on the way back to the one that stands for it, and the schedule is written down with the
numbers that vertices, links and blocks have then. As the automorphism keeps the machine, what was
right and proved stays so.

Complexity: to read, failures × what a failure names × generators, and to verify the schedules; to
look one up, vertices and links × the steps of its way, and the transfers of the schedule.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import msgspec
import numpy as np

from commplan.changes.contingency_folder import FORMAT, TABLE, FolderError
from commplan.planning.canonical import place_blocks, renumber
from runtime.verify.determinism import is_deterministic
from runtime.verify.verify import verify
from solvers.schedules import files
from solvers.schedules.schedule import Schedule
from topologies.derive.damage import Damage, damaged
from topologies.derive.part import Submachine
from topologies.formats import atomic
from topologies.model.topology import IntArray, Topology, digest, frozen
from topologies.symmetry.group import SymmetryError, link_images

SIZE_LIMIT = 64 * 10**6  # bytes of the table
Broken = tuple[frozenset[tuple[int, Fraction]], frozenset[int]]  # links and what is left; vertices


class _Row(msgspec.Struct):
    """A line of the table, as far as it is needed."""

    links: list[tuple[int, str]] = []
    vertices: list[int] = []
    file: str | None = None


class _Table(msgspec.Struct):
    format: str
    outcomes: list[_Row]
    alike: list[list[int]] = []


@dataclass(frozen=True)
class _Step:
    """How a failure is reached: from which one, by which generator; -1 for the first one."""

    before: Broken
    generator: int
    row: int


class ReadyPlans:
    """The plans of a contingency, each for all failures that are like its own.

    Args:
        folder: that `commplan contingency` wrote.
        topology: the machine.

    Raises:
        FolderError: it is none, or for another machine, or one of its plans is wrong.
    """

    def __init__(self, folder: str | os.PathLike[str], topology: Topology) -> None:
        self.topology, self._folder = topology, os.fspath(folder)
        table = self._table()
        self._vertex = self._generators(table.alike)
        self._link = link_images(topology, self._vertex)
        self._plans: dict[int, tuple[Submachine, Schedule]] = {}
        self._steps: dict[Broken, _Step] = {}
        for number, row in enumerate(table.outcomes):
            if row.file is not None:
                self._take(number, row, row.file)

    def __len__(self) -> int:
        return len(self._steps)

    def schedule(self, damage: Damage) -> Schedule | None:
        """Look up a plan for what is left, None where the folder has none."""
        key = _key(damage)
        step = self._steps.get(key)
        if step is None:
            return None
        ways: list[int] = []
        while step.generator >= 0:
            ways.append(step.generator)
            step = self._steps[step.before]
        vertex, link = (np.arange(n) for n in (self.topology.vertices, self.topology.links))
        for generator in reversed(ways):
            vertex, link = self._vertex[generator][vertex], self._link[generator][link]
        first, known = self._plans[step.row]
        return _carry(first, damaged(self.topology, damage), known, vertex, link)

    def _table(self) -> _Table:
        path = os.path.join(self._folder, TABLE)
        try:
            table = msgspec.json.decode(atomic.read(path, SIZE_LIMIT), type=_Table)
        except OSError as error:
            raise FolderError(f"{path}: {(error.strerror or str(error)).lower()}") from None
        except msgspec.MsgspecError as error:
            raise FolderError(f"{path}: {error}") from None
        if table.format != FORMAT:
            raise FolderError(f"{path}: format {table.format!r}, expected {FORMAT!r}")
        return table

    def _generators(self, rows: Sequence[Sequence[int]]) -> IntArray:
        """Look whether what is said to keep the machine does."""
        points, own = self.topology.vertices, list(range(self.topology.vertices))
        if any(sorted(row) != own for row in rows):
            raise FolderError(f"{self._folder}: for another machine than {self.topology.name}")
        found = np.array(rows, dtype=np.int64).reshape(-1, points)
        try:
            link_images(self.topology, found)
        except SymmetryError as error:
            raise FolderError(f"{self._folder}: {error}") from None
        return frozen(found)

    def _take(self, number: int, row: _Row, name: str) -> None:
        """Read the plan of one failure, and find all failures that are like it."""
        where = os.path.join(self._folder, os.path.basename(name))
        damage = self._damage(row, where)
        schedule = files.load(where)
        part = damaged(self.topology, damage)
        left = part.topology
        if left.ranks < self.topology.ranks:
            return  # a job cannot go on with fewer ranks
        if digest(schedule.topology) != digest(left):
            raise FolderError(f"{where}: for another machine than what is left here")
        if faults := verify(schedule).faults:
            raise FolderError(f"{where}: wrong: {faults[0]}")
        if not is_deterministic(schedule):
            return
        self._plans[number] = part, schedule
        key = _key(damage)
        self._steps.setdefault(key, _Step(key, -1, number))
        fresh = [key]
        while fresh:
            at = fresh.pop()
            for generator in range(len(self._vertex)):
                image = self._image(at, generator)
                if image not in self._steps:
                    self._steps[image] = _Step(at, generator, number)
                    fresh.append(image)

    def _damage(self, row: _Row, where: str) -> Damage:
        """Read what a line says has failed."""
        try:
            links = tuple((link, Fraction(left)) for link, left in row.links)
        except (ValueError, ZeroDivisionError):
            raise FolderError(f"{where}: what is left of a link is no number") from None
        inside = all(0 <= link < self.topology.links for link, _ in links)
        if not inside or not all(0 <= v < self.topology.vertices for v in row.vertices):
            raise FolderError(f"{where}: the machine has no such link or vertex")
        return Damage(links, tuple(row.vertices))

    def _image(self, key: Broken, generator: int) -> Broken:
        link, vertex = self._link[generator], self._vertex[generator]
        return (
            frozenset((int(link[e]), left) for e, left in key[0]),
            frozenset(int(vertex[v]) for v in key[1]),
        )


def _key(damage: Damage) -> Broken:
    return frozenset(damage.links), frozenset(damage.vertices)


def _carry(
    one: Submachine, other: Submachine, known: Schedule, vertex: IntArray, link: IntArray
) -> Schedule:
    """Write the plan for one failure down for another that an automorphism carries it to."""
    vertices = other.place(vertex[one.vertices])
    links = np.searchsorted(other.links, link[one.links])
    what = known.collective
    place = np.searchsorted(what.ranks, vertices[list(what.ranks)])
    block = place_blocks(what, place)
    return renumber(known, other.topology, what, vertices, links, block)
