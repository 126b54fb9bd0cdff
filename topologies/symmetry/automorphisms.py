"""Automorphisms found by individualisation and colour refinement, leaf against leaf."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import lcm

import numpy as np

from topologies.model.topology import IntArray, Topology, frozen
from topologies.symmetry.group import SymmetryError, link_images, orbits
from topologies.symmetry.refinement import Web, refine_further, refine_together

TRIES = 24  # images tried for one vertex; a choice that looked right is not taken back


@dataclass
class Effort:
    """How many refinements may still be made; a number, so that equal input ends equally.

    Attributes:
        late: tells whether there is no time for any.
    """

    left: int
    late: Callable[[], bool] = lambda: False

    def spend(self) -> bool:
        """Take one refinement, if any is left."""
        self.left = -1 if self.late() else self.left - 1
        return self.left >= 0


class Extension:
    """Extends src -> dst to an automorphism of a web that keeps a colouring, where it can.

    Two copies of the colouring are refined together: vertex v goes where the other copy has the
    colour of v. Where several have it, one is chosen and marked in both copies, and so on until
    each vertex has a colour of its own. The choices prefer the step from src to dst, round and
    round, since machines are numbered regularly. Switches between which the ranks leave a
    choice are turned, by as many orbits of the group found so far (`orbit`) as divide the order
    on the ranks: so links get into larger orbits, and the group does not grow. Where `turned` is
    off, they stay where they can.

    Source: McKay and Piperno, Practical graph isomorphism II, Journal of Symbolic Computation 60
    (2014), for the search tree of which this follows one path.
    """

    def __init__(
        self,
        topology: Topology,
        web: Web,
        orbit: IntArray,
        effort: Effort,
        *,
        turned: bool = True,
    ) -> None:
        self.topology, self.web, self.orbit, self.effort = topology, web, orbit, effort
        self.turned = turned

    def list_some(self, colours: IntArray, src: int, dst: int) -> Iterator[IntArray]:
        """Find automorphisms that send src to dst, by steps and in turn.

        The second one is looked for where the first moves ranks in cycles of several lengths, as
        on machines that are not numbered regularly.
        """
        by_steps = self.find(colours, src, dst)
        if by_steps is not None:
            yield by_steps
            if len(np.unique(_lengths(by_steps[: self.topology.ranks]))) > 1:
                in_turn = self.find(colours, src, dst, in_turn=True)
                yield from () if in_turn is None else (in_turn,)

    def find(
        self, colours: IntArray, src: int, dst: int, *, in_turn: bool = False
    ) -> IntArray | None:
        """Find an automorphism that sends src to dst, None where the path does not end in one.

        Args:
            colours: that it keeps.
            src: a vertex.
            dst: its image.
            in_turn: prefer the next one that looks alike, whatever its number.
        """
        return self._complete(
            self._mark(np.stack([colours, colours]), src, dst), dst - src, in_turn
        )

    def carry(self, colours: IntArray, ways: Sequence[tuple[int, int]]) -> IntArray | None:
        """Find an automorphism that sends each of some vertices to its image, as `find` does.

        Args:
            colours: that it keeps.
            ways: vertices and their images, at least one.
        """
        pair: IntArray | None = np.stack([colours, colours])
        for src, dst in ways:
            pair = None if pair is None else self._mark(pair, src, dst)
        return self._complete(pair, ways[0][1] - ways[0][0], False)

    def carry_colours(self, here: IntArray, there: IntArray) -> IntArray | None:
        """Find an automorphism that takes one colouring to another one, as `find` does.

        Args:
            here: a colour of each vertex.
            there: the colours that their images are to have.
        """
        return self._complete(refine_together(self.web, np.stack([here, there])), 0, False)

    def _complete(self, pair: IntArray | None, step: int, in_turn: bool) -> IntArray | None:
        """Choose images, best by a step from the vertex, until each vertex has one."""
        turned: dict[int, int] = {}
        while pair is not None:
            open_ = np.bincount(pair[0])[pair[0]] > 1
            if not open_.any():
                return self._check(pair)
            if open_[: self.topology.ranks].any():
                vertex = self._rank(pair, open_)
                alike = _cell(pair[1], pair[0, vertex])
                images = _next(alike, vertex) if in_turn else _by_step(alike, vertex, step)
            else:
                vertex = int(np.argmax(open_))
                if vertex not in turned:
                    turned |= self._turn(pair, vertex)
                images = _by_step(_cell(pair[1], pair[0, vertex]), vertex, turned[vertex] - vertex)
            pair = self._first(pair, vertex, images)
        return None

    def _first(self, pair: IntArray, vertex: int, images: IntArray) -> IntArray | None:
        """Take the first image after which the copies still look alike."""
        tried = (self._mark(pair, vertex, int(image)) for image in images[:TRIES])
        return next((further for further in tried if further is not None), None)

    def _mark(self, pair: IntArray, src: int, dst: int) -> IntArray | None:
        if not self.effort.spend():
            return None
        marked = pair.copy()
        marked[0, src] = marked[1, dst] = pair.max() + 1
        return refine_further(self.web, marked)

    def _rank(self, pair: IntArray, open_: np.ndarray) -> int:
        """Pick the next rank: if possible the image of one, to follow it round its cycle."""
        ranks = self.topology.ranks
        taken = np.bincount(pair[1])[pair[1, :ranks]] == 1
        chain = np.flatnonzero(open_[:ranks] & taken)
        return int(chain[0]) if len(chain) else int(np.argmax(open_[:ranks]))

    def _turn(self, pair: IntArray, vertex: int) -> dict[int, int]:
        """Say where the switches that look like `vertex` may go: turned by orbits, or by place."""
        here, there = (_cell(row, pair[0, vertex]) for row in pair)
        images = there.copy()
        if self.turned and np.array_equal(here, there):
            period = order(_images(pair, self.topology.ranks))
            first = np.unique(self.orbit[here], return_index=True)[1]
            count = len(first)
            turn = max(d for d in range(1, count + 1) if count % d == 0 == period % d)
            place = np.arange(count)
            images[first] = here[first[place - place % turn + (place + 1) % turn]]
        return dict(zip(here.tolist(), images.tolist(), strict=True))

    def _check(self, pair: IntArray) -> IntArray | None:
        """Believe nothing but a comparison of the machines."""
        permutation = _images(pair, pair.shape[1])
        try:
            link_images(self.topology, permutation[None])
        except SymmetryError:
            return None
        return permutation


def _cell(colours: IntArray, colour: int) -> IntArray:
    return np.flatnonzero(colours == colour)


def _next(images: IntArray, vertex: int) -> IntArray:
    """Order images: the next after the vertex, and so on, round to the vertex itself."""
    return np.roll(images, -int(np.searchsorted(images, vertex, side="right")))


def _by_step(images: IntArray, vertex: int, step: int) -> IntArray:
    """Order images: one step on, the vertex itself, and then the others from there on."""
    turned = np.roll(images, -int(np.searchsorted(images, vertex)))
    return turned[np.argsort(np.where(turned == vertex + step, 0, 1), kind="stable")]


def _images(pair: IntArray, count: int) -> IntArray:
    """Read the permutation of the first vertices off two colourings that tell them all apart."""
    place = np.empty(int(pair.max()) + 1, dtype=np.int64)
    place[pair[1]] = np.arange(pair.shape[1])
    return frozen(place[pair[0, :count]])


def order(permutation: IntArray) -> int:
    """Compute the order of a permutation: the least common multiple of its cycles' lengths."""
    return lcm(*_lengths(permutation).tolist())


def _lengths(permutation: IntArray) -> IntArray:
    """List the lengths of the cycles of a permutation."""
    return np.bincount(orbits(permutation[None], len(permutation)))
