"""Symmetry that keeps a vertex, built from a declared group that moves every vertex.

A group that moves each rank to each other one, as machines declare it, has next to nothing left
once a rank is marked: the root of a broadcast. But its generators give all vertices coordinates:
how often each generator is applied on the way from the first vertex of the orbit. Around the marked
rank, whose coordinates are 0, maps of coordinates are guessed that keep 0: turning the places but 0
of one coordinate, and all of its places where some of the other coordinates are not 0; mirroring a
coordinate; swapping two. Each guess is compared with the machine, so that none is believed.

Complexity: 2^generators × generators guesses at most, each links × log(links).
"""

from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np

from topologies.model.topology import IntArray, Topology
from topologies.symmetry.automorphisms import order
from topologies.symmetry.group import Group, SymmetryError, link_images, orbits, trivial
from topologies.symmetry.search import GroupSearch, list_powers

Coordinates = IntArray  # (generators, vertices)


def stabiliser(topology: Topology, colours: IntArray, root: int, *, powers: bool = False) -> Group:
    """Find a group of automorphisms that keep the root and a colouring of the vertices.

    Of those guessed each is taken in that merges orbits of ranks, as long as the group can be
    listed: the simplest first or, where that leaves fewer orbits, last.

    Args:
        topology: the machine.
        colours: of the vertices.
        root: a rank.
        powers: of what moves no rank also powers go along with the others: so links get into
            larger orbits where planes of switches differ in number from the ranks' cycles.
    """
    grid = _Grid.around(topology, root)
    if grid is None:
        return trivial(topology)
    turns, others, still = (
        [image for image in _keep_automorphisms(topology, images) if _keeps(image, colours)]
        for images in (
            map(grid.vertices, grid.turns()),
            map(grid.vertices, grid.others()),
            grid.alike(colours, topology.ranks),
        )
    )
    if powers:
        still = [power for image in still for power in list_powers(image)]
    turns, others = (
        [_extend_to_fixed(image, still) for image in images] for images in (turns, others)
    )
    growths = []
    for sequence in (turns, turns[::-1]):
        growth = GroupSearch(topology, colours)
        # Of an image at first perhaps only a power is worth its order, the rest later.
        for image in [*sequence, *sequence, *others]:
            growth.take(image)
        growths.append(growth)
    return min(growths, key=GroupSearch.count).group()


def _extend_to_fixed(image: IntArray, still: Iterable[IntArray]) -> IntArray:
    """Let what moves no rank go along with an automorphism, as far as that keeps its order."""
    for other in still:
        both = image[other]
        image = both if order(both) == order(image) else image
    return image


def _keeps(image: IntArray, colours: IntArray) -> bool:
    return bool((colours[image] == colours).all())


def _keep_automorphisms(topology: Topology, images: Iterable[IntArray]) -> Iterator[IntArray]:
    """Let the automorphisms among some maps of the vertices through."""
    for image in images:
        if (np.bincount(image, minlength=topology.vertices) != 1).any():
            continue
        try:
            link_images(topology, image[None])
        except SymmetryError:
            continue
        yield image


class _Grid:
    """Coordinates of all vertices: generators[i] adds 1 to places[i], modulo the orbit's period.

    origin: of each vertex that of its orbit, with coordinates 0. period: (generators, vertices).
    """

    def __init__(self, generators: IntArray, origin: IntArray, places: Coordinates) -> None:
        self.generators, self.origin, self.places = generators, origin, places
        most = np.zeros_like(places)
        for i, place in enumerate(places):
            np.maximum.at(most[i], origin, place)
        self.period = most[:, origin] + 1

    @classmethod
    def around(cls, topology: Topology, root: int) -> "_Grid | None":
        """Lay the coordinates around the root; None where they do not reach everything."""
        generators, points = topology.symmetry, topology.vertices
        origin = np.unique(orbits(generators, points), return_index=True)[1]
        origin = origin[orbits(generators, points)]
        places = _places(generators, np.unique(origin))
        if (places < 0).any():
            return None
        shifted = np.arange(points)
        for generator, times in zip(generators, places[:, root].tolist(), strict=True):
            for _ in range(times):
                shifted = generator[shifted]
        moved = np.empty_like(places)
        moved[:, shifted] = places
        start = np.empty_like(origin)
        start[shifted] = shifted[origin]
        return cls(generators, start, moved)

    def vertices(self, places: Coordinates, origin: IntArray | None = None) -> IntArray:
        """Find the vertex of each orbit at some places, or of the orbits with other origins."""
        at = self.origin if origin is None else origin
        for generator, place in zip(self.generators, places, strict=True):
            for step in range(int(place.max(initial=0))):
                at = np.where(place > step, generator[at], at)
        return at

    def turns(self) -> Iterator[Coordinates]:
        """Turn a coordinate where some others are not 0, and its places but 0 elsewhere."""
        count = range(len(self.places))
        for size in count:
            for i in count:
                place, period = self.places[i], self.period[i]
                turned = np.where(place > 0, place % np.maximum(period - 1, 1) + 1, 0)
                others = [j for j in count if j != i]
                for beyond in combinations(others, size):
                    away = (self.places[list(beyond)] > 0).any(axis=0)
                    yield self._with(i, np.where(away, (place + 1) % period, turned))

    def others(self) -> Iterator[Coordinates]:
        """Mirror a coordinate, or swap two."""
        count = range(len(self.places))
        for i in count:
            yield self._with(i, -self.places[i] % self.period[i])
        for i, j in combinations(count, 2):
            if (self.period[i] == self.period[j]).all():
                both = self.places.copy()
                both[[i, j]] = both[[j, i]]
                yield both

    def alike(self, colours: IntArray, ranks: int) -> Iterator[IntArray]:
        """Put orbits of switches that look alike each in the place of the next, as planes are."""
        origins = np.unique(self.origin[ranks:])
        looks = np.vstack([colours[origins], self.period[:, origins]])
        look, count = np.unique(looks, axis=1, return_inverse=True, return_counts=True)[1:]
        for size in np.unique(count[count > 1]).tolist():
            following = np.arange(len(self.origin))
            for one in np.flatnonzero(count == size):
                own = origins[look.reshape(-1) == one]
                following[own] = np.roll(own, -1)
            yield self.vertices(self.places, following[self.origin])

    def _with(self, i: int, place: IntArray) -> Coordinates:
        places = self.places.copy()
        places[i] = place
        return places


def _places(generators: IntArray, origins: IntArray) -> Coordinates:
    """Apply one generator after the other as often as it leads on; -1 for what is not reached."""
    places = np.full(generators.shape, -1, dtype=np.int64)
    places[:, origins] = 0
    reached = origins
    for i, generator in enumerate(generators):
        at, start, step = reached, reached, 0
        parts = [reached]
        while len(at):
            at, step = generator[at], step + 1
            fresh = places[0, at] < 0
            at, start = at[fresh], start[fresh]
            places[:, at] = places[:, start]
            places[i, at] = step
            parts.append(at)
        reached = np.concatenate(parts)
    return places
