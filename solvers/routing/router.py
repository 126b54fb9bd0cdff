"""Paths between ranks for schedules that follow a pattern: short ones, spread over equals."""

from collections.abc import Sequence
from fractions import Fraction
from math import isfinite
from typing import NamedTuple

import numpy as np

from solvers.certify.multigraph import dijkstra, simplify
from topologies.model.errors import NO, CommplanError
from topologies.model.topology import IntArray, Topology

WHOLE = Fraction(1)


class RouteError(CommplanError, ValueError):
    """Two ranks between which there is no path."""

    exit_code = NO


class Hop(NamedTuple):
    """A part of a path that passes switches only: rank to rank over a route of links."""

    src: int
    dst: int
    route: tuple[int, ...]


class Router:
    """Gives paths between ranks: least relaying ranks, then least alpha, then fewest links.

    Of paths that are equal in all this it takes the one whose links are on the fewest paths given
    so far, weighed by their bandwidth; so the answer depends on the order of the questions, and on
    nothing else. The same question gets the same answer.
    """

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        # Alpha counts in units of the largest; a link more costs a thousandth of it, a relaying
        # rank more than any path through switches.
        unit = float(topology.alpha.max(initial=0)) or 1.0
        weight = topology.alpha / unit + 1e-3
        weight[topology.src < topology.ranks] += 2.0 * topology.vertices
        self._graph = simplify(topology.src, topology.dst, weight, topology.vertices)[0]
        self._weights = weight
        self._used = [0.0] * topology.links
        # Lists are read one entry at a time much faster than columns are.
        self._tail: list[int] = topology.src.tolist()
        self._head: list[int] = topology.dst.tolist()
        self._capacity: list[int] = topology.capacity.tolist()
        self._lengths: dict[int, list[float]] = {}
        self._tight: dict[int, dict[int, list[int]]] = {}
        self._paths: dict[tuple[int, int], tuple[Hop, ...]] = {}

    def lengths(self, src: int) -> list[float]:
        """Compute the length of the path to each vertex, inf where there is none."""
        if src not in self._lengths:
            self._lengths[src] = dijkstra(self._graph, indices=src).tolist()
        return self._lengths[src]

    def detours(self, src: IntArray, dst: IntArray, routes: Sequence[IntArray]) -> int:
        """Count the routes that are longer than the shortest path between their ends."""
        ends = zip(src.tolist(), dst.tolist(), routes, strict=True)
        return sum(
            float(self._weights[route].sum()) > self.lengths(tail)[head] * (1 + 1e-9)
            for tail, head, route in ends
        )

    def path(self, src: int, dst: int, weight: float = 1.0) -> tuple[Hop, ...]:
        """Look up the shortest path as hops between ranks; each hop passes switches only.

        Args:
            src: a rank.
            dst: a rank.
            weight: how much the path counts when later ones are chosen.

        Raises:
            RouteError: no path leads from src to dst.
        """
        if (src, dst) not in self._paths:
            self._expect_path(src, dst)
            links = self._least_used(src, dst)
            for link in links:
                self._used[link] += weight / int(self.topology.capacity[link])
            self._paths[src, dst] = self._hops(links)
        return self._paths[src, dst]

    def paths(self, src: int, dst: int, most: int) -> list[tuple[Fraction, tuple[Hop, ...]]]:
        """Split 1 over all shortest paths, at each vertex by the capacity of the links into it.

        Nothing is given where there are more than `most` of them.

        Args:
            src: a rank.
            dst: a rank.
            most: paths, at most.

        Returns:
            the part that each path takes, and its hops.

        Raises:
            RouteError: no path leads from src to dst.
        """
        self._expect_path(src, dst)
        if only := self._only_path(src, dst):
            return [(WHOLE, self._hops(only))]
        into = self._shortest(src, dst)
        found: list[tuple[Fraction, list[int]]] = []
        open_ways: list[tuple[Fraction, list[int]]] = [(Fraction(1), [])]
        while open_ways:
            share, links = open_ways.pop()
            end = self._tail[links[0]] if links else dst
            if end == src:
                found.append((share, links))
                continue
            width = sum(self._capacity[link] for link in into[end])
            open_ways += [
                (share * Fraction(self._capacity[link], width), [link, *links])
                for link in reversed(into[end])
            ]
            if len(found) + len(open_ways) > most:
                return []
        return [(share, self._hops(links)) for share, links in found]

    def _expect_path(self, src: int, dst: int) -> None:
        if not isfinite(self.lengths(src)[dst]):
            names = self.topology.names
            raise RouteError(f"{self.topology.name}: no path from {names[src]} to {names[dst]}")

    def _only_path(self, src: int, dst: int) -> list[int] | None:
        """Follow the shortest path where it is the only one, as it mostly is: that is quick."""
        into, links, end = self._tight_links(src), [], dst
        while end != src:
            if len(into[end]) > 1:
                return None
            links.append(into[end][0])
            end = self._tail[links[-1]]
        return links[::-1]

    def _shortest(self, src: int, dst: int) -> dict[int, list[int]]:
        """List the links into each vertex on shortest paths from src to dst, src's side first."""
        length, tails, into = self.lengths(src), self._tail, self._tight_links(src)
        entries: dict[int, list[int]] = {}
        found = [dst]
        for vertex in found:
            if vertex == src or vertex in entries:
                continue
            entries[vertex] = into[vertex]
            found += [tails[link] for link in entries[vertex]]
        return {vertex: entries[vertex] for vertex in sorted(entries, key=lambda v: length[v])}

    def _tight_links(self, src: int) -> dict[int, list[int]]:
        """List the links by which shortest paths from src enter each vertex."""
        if src not in self._tight:
            length, topology = np.array(self.lengths(src)), self.topology
            links = np.flatnonzero(np.isfinite(length[topology.src]))
            far = (length[topology.src] + self._weights)[links] - length[topology.dst[links]]
            links = links[np.abs(far) < 1e-5]
            into: dict[int, list[int]] = {}
            for link, head in zip(links.tolist(), topology.dst[links].tolist(), strict=True):
                into.setdefault(head, []).append(link)
            self._tight[src] = into
        return self._tight[src]

    def _least_used(self, src: int, dst: int) -> list[int]:
        used = {src: 0.0}
        entry: dict[int, int] = {}
        for vertex, links in self._shortest(src, dst).items():
            price, link = min((used[self._tail[a]] + self._used[a], a) for a in links)
            used[vertex], entry[vertex] = price, link
        links, vertex = [], dst
        while vertex != src:
            links.append(entry[vertex])
            vertex = self._tail[entry[vertex]]
        return links[::-1]

    def _hops(self, links: list[int]) -> tuple[Hop, ...]:
        """Cut a path at the ranks that it passes."""
        hops, start = [], 0
        for end, link in enumerate(links, 1):
            dst = self._head[link]
            if dst < self.topology.ranks:
                src = self._tail[links[start]]
                hops.append(Hop(src, dst, tuple(links[start:end])))
                start = end
        return tuple(hops)
