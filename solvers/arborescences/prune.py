"""A tree as branches from vertex to vertex, without the helpers that turn out to be of no use."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from itertools import chain
from typing import NamedTuple

from solvers.arborescences.link_cut_tree import LinkCutTree
from topologies.model.cached import cached_property

HopLinks = tuple[int, int, tuple[int, ...]]  # src, dst, links


class Branch(NamedTuple):
    """How a vertex hangs on its parent: hops in the order of travel, towards it or from it.

    Between hops the data rest at ranks.
    """

    parent: int
    hops: tuple[HopLinks, ...]


def prune(
    branches: Mapping[int, Branch], helpers: frozenset[int], ranks: int, *, inward: bool
) -> dict[int, Branch]:
    """Cut out helpers that do not branch, and let none rest on a path that is not its own.

    No link carries more than before. Complexity: links + hops × log of the vertices.

    Args:
        branches: of each vertex but the root.
        helpers: vertices that need not be reached.
        ranks: vertices from here on are switches.
        inward: data travel to the root.
    """
    tree = _Tree(branches, inward)
    tree.straighten()
    tree.drop_leaves(helpers)
    found = tree.branches()
    passed = {v for v in helpers & found.keys() if tree.children[v] == 1}
    return {
        vertex: _beyond(found, vertex, passed, ranks, inward)
        for vertex in found
        if vertex not in passed
    }


class _Tree:
    """Branches in the making: a path is a part of one that was given, from one hop to another."""

    def __init__(self, branches: Mapping[int, Branch], inward: bool) -> None:
        self.inward = inward
        self.parent = {vertex: branch.parent for vertex, branch in branches.items()}
        self.path = {v: (branch.hops, 0, len(branch.hops)) for v, branch in branches.items()}
        self.children = Counter(self.parent.values())

    @cached_property
    def forest(self) -> LinkCutTree:
        """Know who is below whom; only asked where some path passes a vertex of the tree."""
        return LinkCutTree(self.parent)

    def straighten(self) -> None:
        """Hang each child on the vertex of the tree that its path passes, the first child first.

        If that vertex is itself below the child, it goes to the child's old parent before. No path
        comes to pass a vertex that it did not: only the two that change are looked at again.
        """
        vertices = list(self.parent)
        turn = {vertex: i for i, vertex in enumerate(vertices)}
        queue = [i for i, vertex in enumerate(vertices) if self.path[vertex][2] > 1]
        queued = set(queue)
        while queue:
            first = heappop(queue)
            queued.remove(first)
            for vertex in self._hang_on_path(vertices[first]):
                if turn[vertex] not in queued:
                    queued.add(turn[vertex])
                    heappush(queue, turn[vertex])

    def _hang_on_path(self, child: int) -> tuple[int, ...]:
        """Hang a child on the first vertex of the tree that its path passes; say whose change.

        Hops before that vertex are not cut again: each hop is looked at twice at most.
        """
        hops, start, stop = self.path[child]
        for i in range(start + 1, stop):
            passed = hops[i][0]
            if passed in self.parent or self.children[passed]:
                break
        else:
            return ()
        near, far = (hops, start, i), (hops, i, stop)
        if not self.inward:
            near, far = far, near
        below = self.forest.is_below(passed, child)
        if below:
            self._hang(passed, self.parent[child], far)
        self._hang(child, passed, near)
        return (child, passed) if below else (child,)

    def _hang(self, child: int, parent: int, path: tuple[tuple[HopLinks, ...], int, int]) -> None:
        self.children[self.parent[child]] -= 1
        self.children[parent] += 1
        self.parent[child], self.path[child] = parent, path
        self.forest.hang(child, parent)

    def drop_leaves(self, helpers: frozenset[int]) -> None:
        """Drop helpers without children, and those that have none then."""
        leaves = [v for v in helpers & self.parent.keys() if not self.children[v]]
        while leaves:
            parent = self.parent.pop(leaves.pop())
            self.children[parent] -= 1
            if parent in helpers and parent in self.parent and not self.children[parent]:
                leaves.append(parent)

    def branches(self) -> dict[int, Branch]:
        """Give what has come of the branches."""
        paths = ((vertex, parent, self.path[vertex]) for vertex, parent in self.parent.items())
        return {
            vertex: Branch(parent, hops[start:stop])
            for vertex, parent, (hops, start, stop) in paths
        }


def _beyond(
    found: Mapping[int, Branch], vertex: int, passed: set[int], ranks: int, inward: bool
) -> Branch:
    """Hang a vertex on the first one above it that is not passed.

    At a switch that is passed the data do not rest, but go through.
    """
    passing = [vertex]
    while (parent := found[passing[-1]].parent) in passed:
        passing.append(parent)
    if len(passing) == 1:
        return found[vertex]
    paths = [found[each].hops for each in passing]
    through = [each >= ranks for each in passing[1:]]
    return Branch(
        parent, _concatenate(paths, through) if inward else _concatenate(paths[::-1], through[::-1])
    )


def _concatenate(
    paths: Sequence[tuple[HopLinks, ...]], through: Sequence[bool]
) -> tuple[HopLinks, ...]:
    """Put paths together one after the other; through: whether the data rest not between two."""
    joined: list[list[HopLinks]] = []
    for path, goes_on in zip(paths, (False, *through), strict=True):
        if goes_on:
            joined[-1].append(path[0])
        joined += [[hop] for hop in (path[1:] if goes_on else path)]
    return tuple((hops[0][0], hops[-1][1], tuple(_links(hops))) for hops in joined)


def _links(hops: Sequence[HopLinks]) -> Iterator[int]:
    return chain.from_iterable(links for _, _, links in hops)
