"""Edge-disjoint spanning trees of an undirected graph, and how the edges left over take turns.

Statement. Given the edges of a graph, parallel ones among them, find k spanning trees without a
common edge. Each edge is put into a forest that stays one with it; where none does, edges move from
forest to forest along a shortest way of exchanges, until the last finds room (matroid union).

Where the trees leave edges over, no schedule need leave them idle: one edge that was out so long as
is due goes in, another comes out, by a shortest way of exchanges again, until each was out as long
as each other. The trees between two turns, each weighted by its time, then use all edges alike, and
no weights of spanning trees add up to more than edges / (vertices - 1), which these do.

Complexity: edges × length of cycles for a way of exchanges, mostly a few cycles; one way for each
edge, and one for each turn.

Source: J. Edmonds, Minimum partition of a matroid into independent subsets, J. Res. NBS 69B (1965);
C. Nash-Williams, Edge-disjoint spanning trees of finite graphs, J. London Math. Soc. 36 (1961).
"""

from collections import Counter, deque
from collections.abc import Callable, Container, Iterator, Sequence
from fractions import Fraction

import numpy as np

from solvers.settings.deadline import NotFound, Watch
from topologies.model.forests import depths
from topologies.model.topology import IntArray

TRIED = 6  # edges that could come out, of which the one that leaves the lowest tree does
OUTSIDE = -1


class Forests:
    """Forests without a common edge, each a rooted one that edges enter and leave.

    Attributes:
        parent: of each forest, the parent of each vertex; -1 of a root.
        via: of each forest, the edge between each vertex and its parent.
        forest: of each edge, or OUTSIDE.
        changed: forests that swaps changed.
    """

    def __init__(self, vertices: int, ends: Sequence[tuple[int, int]], count: int) -> None:
        self.ends = ends
        self.parent = [[-1] * vertices for _ in range(count)]
        self.via = [[-1] * vertices for _ in range(count)]
        self.forest = [OUTSIDE] * len(ends)
        self.changed: set[int] = set()

    def insert(self, edge: int) -> bool:
        """Put an edge into a forest, others into other ones if need be; say whether it can be."""
        chain = self._search(edge, lambda _: False)
        if chain is None:
            return False
        edges, last = chain
        self._shift(edges, last)
        return True

    def swap(self, edge: int, allowed: Callable[[int], bool]) -> int | None:
        """Put an edge in that is outside, and take one out that is allowed; give that one."""
        direct = [
            (number, y)
            for number in range(len(self.parent))
            for y in self._cycle(number, edge)
            if allowed(y)
        ]
        if direct:
            number, out = min(
                direct[:: -(-len(direct) // TRIED)], key=lambda d: self._low(edge, *d)
            )
            self._shift([edge, out], OUTSIDE)
            self.changed.add(number)
            return out
        chain = self._search(edge, allowed)
        if chain is None:
            return None
        edges, last = chain
        self.changed |= {self.forest[moved] for moved in edges[1:]}
        self._shift(edges, last)
        return edges[-1]

    def tree(self, number: int) -> tuple[IntArray, IntArray]:
        """Give the parent of each vertex and the edge to it, rooted in the middle of the tree."""
        parent, via = self.parent[number], self.via[number]
        for _ in range(2):
            depth = depths(np.array(parent))
            deepest = int(depth.argmax())
            self._root_at(number, deepest)
        depth = depths(np.array(parent))
        middle = int(depth.argmax())
        for _ in range(int(depth.max()) // 2):
            middle = parent[middle]
        self._root_at(number, middle)
        return np.array(parent), np.array(via)

    def _low(self, edge: int, number: int, out: int) -> int:
        """Compute how high the tree is where an edge takes the place of another one."""
        self._move(out, OUTSIDE)
        self._move(edge, number)
        height = int(depths(np.array(self.parent[number])).max())
        self._move(edge, OUTSIDE)
        self._move(out, number)
        return height

    def _search(self, edge: int, allowed: Callable[[int], bool]) -> tuple[list[int], int] | None:
        """Find a shortest way of exchanges: edges that move on, and where the last one goes."""
        came, queue = {edge: edge}, deque([edge])
        while queue:
            x = queue.popleft()
            for number in range(len(self.parent)):
                if number == self.forest[x]:
                    continue
                if self._top(number, self.ends[x][0]) != self._top(number, self.ends[x][1]):
                    return self._back(came, x), number
                for y in self._cycle(number, x):
                    if y not in came:
                        came[y] = x
                        if allowed(y):
                            return self._back(came, y), OUTSIDE
                        queue.append(y)
        return None

    def _back(self, came: dict[int, int], edge: int) -> list[int]:
        chain = [edge]
        while came[edge] != edge:
            edge = came[edge]
            chain.append(edge)
        return chain[::-1]

    def _shift(self, chain: Sequence[int], last: int) -> None:
        """Move each edge to where the next one was, and the last one where it may go."""
        for edge in reversed(chain):
            before = self.forest[edge]
            self._move(edge, last)
            last = before

    def _move(self, edge: int, number: int) -> None:
        """Take an edge out of its forest, and put it into another one that stays a forest."""
        (u, v), old = self.ends[edge], self.forest[edge]
        if old != OUTSIDE:
            child = u if self.via[old][u] == edge else v
            self.parent[old][child] = self.via[old][child] = -1
        self.forest[edge] = number
        if number != OUTSIDE:
            self._root_at(number, u)
            self.parent[number][u], self.via[number][u] = v, edge

    def _root_at(self, number: int, vertex: int) -> None:
        """Turn the arcs between a vertex and its root round."""
        parent, via = self.parent[number], self.via[number]
        above, edge = -1, -1
        while vertex != -1:
            further, through = parent[vertex], via[vertex]
            parent[vertex], via[vertex] = above, edge
            above, edge, vertex = vertex, through, further

    def _top(self, number: int, vertex: int) -> int:
        parent = self.parent[number]
        while parent[vertex] != -1:
            vertex = parent[vertex]
        return vertex

    def _cycle(self, number: int, edge: int) -> list[int]:
        """List the edges of a forest between the ends of another edge."""
        parent, via = self.parent[number], self.via[number]
        u, v = self.ends[edge]
        up, place = [u], {u: 0}
        while (u := parent[u]) != -1:
            place[u] = len(up)
            up.append(u)
        found = []
        while v not in place:
            found.append(via[v])
            v = parent[v]
        return [via[w] for w in up[: place[v]]] + found


def pack(vertices: int, ends: Sequence[tuple[int, int]], count: int, watch: Watch) -> Forests:
    """Find so many spanning trees without a common edge.

    Args:
        vertices: of the graph.
        ends: of each edge, those first that are to lie near the roots.
        count: of trees.
        watch: says when to stop.

    Raises:
        NotFound: there are none.
    """
    forests, wanted = Forests(vertices, ends, count), count * (vertices - 1)
    for edge in range(len(ends)):
        watch.check()
        wanted -= forests.insert(edge)
        if not wanted:
            return forests
    raise NotFound(f"the links hold no {count} spanning trees without a common one")


def take_turns(
    forests: Forests, orbit: Sequence[int], watch: Watch
) -> Iterator[tuple[IntArray, IntArray, Fraction]]:
    """Let the edges outside take turns with all others, until all were outside alike.

    Edges of an orbit are alike: together they are outside as long as is due to all of them.

    Args:
        forests: spanning trees; they change.
        orbit: of each edge.
        watch: says when to stop.

    Yields:
        the trees, as of `Forests.tree`, and the part of the time for which each of them lasts.

    Raises:
        NotFound: no edge that is left could take its turn.
    """
    turns, now = _Turns(forests, orbit), Fraction(0)
    since = [now] * len(forests.parent)
    last = [forests.tree(number) for number in range(len(since))]
    while now < 1:
        watch.check()
        now += turns.wait()
        if now < 1:
            turns.change()
        for number in sorted(forests.changed) if now < 1 else range(len(since)):
            yield *last[number], now - since[number]
            since[number], last[number] = now, forests.tree(number)
        forests.changed.clear()


class _Turns:
    """How long the edges of each orbit are still due to be outside, and which are there now.

    No edge may be left that is due for longer than the time that is left: it is urgent when both
    are the same. Of orbits of as many edges as are outside at a time none ever is (R. McNaughton,
    Scheduling with deadlines and loss functions, Management Science 6 (1959)).
    """

    def __init__(self, forests: Forests, orbit: Sequence[int]) -> None:
        self.forests, self.orbit, self.left = forests, orbit, Fraction(1)
        self.outside = [e for e, number in enumerate(forests.forest) if number == OUTSIDE]
        self.size = Counter(orbit)
        part = Fraction(len(self.outside), len(orbit))
        self.due = {of: part * size for of, size in self.size.items()}
        self.few = [of for of, size in self.size.items() if size < len(self.outside)]

    def wait(self) -> Fraction:
        """Let time pass until an edge was outside for long enough, or becomes urgent."""
        count = Counter(self.orbit[edge] for edge in self.outside)
        step = min(self.due[of] / number for of, number in count.items())
        for of in self.few:
            if (inside := self.size[of] - count[of]) and self.due[of]:
                step = min(step, (self.left * self.size[of] - self.due[of]) / inside)
        self.left -= step
        for of, number in count.items():
            self.due[of] -= step * number
        return step

    def change(self) -> None:
        """Take those in whose time is over, and out those that are urgent, else that are due.

        Raises:
            NotFound: no edge could take its turn.
        """
        urgent = {of for of in self.few if self.due[of] == self.left * self.size[of] > 0}
        late = [edge for edge in self.outside if not self.due[self.orbit[edge]]]
        for edge in late:
            if not self._swap(edge, urgent) and not self._swap(edge, self.due):
                raise NotFound("the links that the trees leave over cannot take turns")
        for edge in [e for e in self.outside if self.orbit[e] not in urgent]:
            self._swap(edge, urgent)
        count = Counter(self.orbit[edge] for edge in self.outside)
        if any(count[of] < self.size[of] for of in urgent):
            raise NotFound("links that are urgent cannot take their turn")

    def _swap(self, edge: int, those: Container[int]) -> bool:
        """Put an edge in for one of those orbits that is due; say whether there was one."""
        if not those:
            return False
        forest, due = self.forests.forest, self.due
        out = self.forests.swap(
            edge,
            lambda y: self.orbit[y] in those and due[self.orbit[y]] > 0 and forest[y] != OUTSIDE,
        )
        if out is not None:
            self.outside[self.outside.index(edge)] = out
        return out is not None
