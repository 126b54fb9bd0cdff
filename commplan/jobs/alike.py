"""Groups of ranks that a symmetry of the machine carries into each other: one is planned for all.

Statement. A schedule over some ranks is, with each vertex replaced by its image under an
automorphism of the machine, a schedule over their images, with the same loads and times. So every
group of an orbit may run the schedule of one of them: its ranks play those that they are images of.

The images of a group under the known generators are walked through first. Groups that these leave
apart may yet be alike: with the ranks of each marked, an automorphism of the machine is looked for
that takes the marks of one to those of the other (`topologies/symmetry/automorphisms.py`).

Groups of different kinds may be alike as well, or have the same ranks, as those over which dense
and expert gradients are added up often have. They are planned on the same ranks then.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.automorphisms import Effort, Extension
from topologies.symmetry.refinement import web

MOST_IMAGES = 50_000  # of one group
MOST_SEARCHED = 1024  # ranks of a machine on which automorphisms are searched for
MOST_PAIRS = 256  # of groups that the generators leave apart, which are compared
REFINEMENTS = 2**12  # at most, over all pairs


@dataclass(frozen=True, eq=False)
class Member:
    """A group as an image of another one.

    Attributes:
        ranks: of the machine, in the order of the group.
        like: the number of the group whose schedules it runs.
        element: the automorphism that carries the planned ranks here, a permutation of the
            vertices.
    """

    ranks: tuple[int, ...]
    like: int
    element: IntArray

    @property
    def plays(self) -> tuple[int, ...]:
        """Give the planned rank that each one plays."""
        back = np.argsort(self.element)
        return tuple(back[list(self.ranks)].tolist())


def find_alike(
    topology: Topology, generators: IntArray, groups: Sequence[Sequence[int]]
) -> list[Member]:
    """Find for each group one of those before it that it is an image of, or itself.

    Complexity: the images of one group of each orbit, times its ranks and the generators; vertices
    for each group; and refinements of the machine for pairs of orbits.

    Args:
        topology: the machine.
        generators: automorphisms of it, a permutation in each row.
        groups: of its ranks.
    """
    wanted = {frozenset(group): number for number, group in enumerate(groups)}
    found: dict[int, Member] = {}
    for number, group in enumerate(groups):
        if number in found:
            continue
        for image, element in _images(generators, tuple(group), wanted, topology.vertices):
            place = wanted[image]
            if place not in found:
                found[place] = Member(tuple(groups[place]), number, element)
    listed = [found[number] for number in range(len(groups))]
    return listed if topology.ranks > MOST_SEARCHED else _join(topology, listed)


def meet_kinds(
    topology: Topology, generators: IntArray, members: Mapping[str, Sequence[Member]]
) -> dict[str, list[Member]]:
    """Let groups of different kinds that are images of each other be planned on the same ranks.

    Each stays like one of its own kind.

    Complexity: as of `find_alike`, for one group of each orbit of each kind.

    Args:
        topology: the machine.
        generators: automorphisms of it, a permutation in each row.
        members: of each kind, as `find_alike` finds them.
    """
    firsts = {
        (kind, number): frozenset(own.ranks)
        for kind, rows in members.items()
        for number, own in enumerate(rows)
        if own.like == number
    }
    sets = [tuple(sorted(ranks)) for ranks in dict.fromkeys(firsts.values())]
    found = dict(zip(sets, find_alike(topology, generators, sets), strict=True))
    met: dict[str, list[Member]] = {}
    for kind, rows in members.items():
        ways = {n: found[tuple(sorted(firsts[kind, n]))].element for n in {r.like for r in rows}}
        met[kind] = [replace(row, element=frozen(row.element[ways[row.like]])) for row in rows]
    return met


def _images(
    generators: IntArray,
    group: tuple[int, ...],
    wanted: dict[frozenset[int], int],
    vertices: int,
) -> Iterator[tuple[frozenset[int], IntArray]]:
    """Walk through the images of a group as a set; give those that are wanted, itself first."""
    start = frozenset(group)
    came: dict[frozenset[int], tuple[frozenset[int], int]] = {start: (start, -1)}
    yield start, frozen(np.arange(vertices))
    todo = [start]
    while todo and len(came) < MOST_IMAGES:
        at = todo.pop()
        ranks = np.array(sorted(at))
        for number, row in enumerate(generators):
            image = frozenset(row[ranks].tolist())
            if image not in came:
                came[image] = at, number
                todo.append(image)
                if image in wanted:
                    yield image, _element(generators, came, image)


def _element(
    generators: IntArray, came: dict[frozenset[int], tuple[frozenset[int], int]], at: frozenset[int]
) -> IntArray:
    """Multiply the generators on the way to an image."""
    way = []
    while (step := came[at])[1] >= 0:
        at = step[0]
        way.append(step[1])
    found = np.arange(generators.shape[1])
    for number in reversed(way):
        found = generators[number][found]
    return frozen(found)


def _join(topology: Topology, members: list[Member]) -> list[Member]:
    """Join orbits of groups between which an automorphism is found."""
    first = [number for number, each in enumerate(members) if each.like == number]
    if len(first) < 2:
        return members
    net, effort = web(topology), Effort(REFINEMENTS)
    extension = Extension(topology, net, np.arange(topology.vertices), effort, turned=False)
    pairs = list(combinations(first, 2))[:MOST_PAIRS]
    joined: dict[int, Member] = {}
    for one, other in pairs:
        alike = len(members[one].ranks) == len(members[other].ranks)
        if not alike or one in joined or other in joined or effort.left <= 0:
            continue
        marks = [_mark(topology, members[number].ranks) for number in (one, other)]
        carried = extension.carry_colours(*marks)
        if carried is not None:
            joined[other] = Member(members[other].ranks, one, frozen(carried))
    return [_through(each, joined.get(each.like)) for each in members]


def _mark(topology: Topology, ranks: Sequence[int]) -> IntArray:
    found = np.zeros(topology.vertices, dtype=np.int64)
    found[list(ranks)] = 1
    return found


def _through(member: Member, joined: Member | None) -> Member:
    """Make an image of a group that was joined to another one an image of that."""
    if joined is None:
        return member
    return Member(member.ranks, joined.like, frozen(member.element[joined.element]))
