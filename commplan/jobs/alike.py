"""Groups of ranks that a symmetry of the machine carries into each other: one is planned for all.

Statement. A schedule over some ranks is, with each vertex replaced by its image under an
automorphism of the machine, a schedule over their images, with the same loads and times. So every
group of an orbit may run the schedule of one of them: its ranks play those that they are images of.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from topologies.model.topology import IntArray
from topologies.model.units import Rank

MOST_IMAGES = 50_000  # of one group


@dataclass(frozen=True)
class Member:
    """A group as an image of another one.

    Attributes:
        ranks: of the machine, in the order of the group.
        like: the number of the group that is planned.
        plays: the rank of that group that each one plays.
    """

    ranks: tuple[Rank, ...]
    like: int
    plays: tuple[Rank, ...]


def find_alike(generators: IntArray, groups: Sequence[Sequence[Rank]]) -> list[Member]:
    """Find for each group one of those before it that it is an image of, or itself.

    Complexity: the images of one group of each orbit, times its ranks and the generators.

    Args:
        generators: automorphisms of the machine, a permutation in each row.
        groups: of its ranks.
    """
    wanted = {frozenset(group): number for number, group in enumerate(groups)}
    found: dict[int, Member] = {}
    for number, group in enumerate(groups):
        if number in found:
            continue
        for image in _images(generators, tuple(group)):
            place = wanted.get(frozenset(image))
            if place is None or place in found:
                continue
            of = dict(zip(image, group, strict=True))
            own = tuple(groups[place])
            found[place] = Member(own, number, tuple(of[rank] for rank in own))
    return [found[number] for number in range(len(groups))]


def _images(generators: IntArray, group: tuple[Rank, ...]) -> list[tuple[Rank, ...]]:
    """List the images of a group as a set, each once, the group itself first."""
    seen = {frozenset(group)}
    images, todo = [group], [group]
    while todo and len(images) < MOST_IMAGES:
        at = np.array(todo.pop())
        for row in generators:
            image = tuple(int(rank) for rank in row[at])
            if frozenset(image) not in seen:
                seen.add(frozenset(image))
                images.append(image)
                todo.append(image)
    return images
