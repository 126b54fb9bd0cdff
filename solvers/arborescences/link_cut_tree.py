"""A rooted forest whose vertices change parents, and the question who is below whom.

Sleator and Tarjan, "Self-Adjusting Binary Search Trees", JACM 32 (1985), section 6: the forest is
cut into paths that lead downwards, and each path is a splay tree by depth. A path knows the vertex
above its top.
"""

from collections.abc import Mapping


class LinkCutTree:
    """A rooted forest; each question and each change takes log(vertices), amortised."""

    def __init__(self, parent: Mapping[int, int]) -> None:
        """Begin with the parents of all vertices but the roots; every path is one vertex long."""
        # The parent in the splay tree, or for its root the vertex above the path.
        self._up: dict[int, int | None] = dict.fromkeys(parent.values()) | dict(parent)
        # What is higher on the path than a vertex, and what is lower, as roots of splay trees.
        self._sides: dict[int, list[int | None]] = {vertex: [None, None] for vertex in self._up}

    def is_below(self, vertex: int, above: int) -> bool:
        """Tell whether a vertex is below another one, which does not hold for the same one."""
        if vertex == above:
            return False
        self._expose(vertex)
        self._splay(above)
        return self._up[vertex] is not None  # in one splay tree: on the path from the root

    def hang(self, vertex: int, parent: int) -> None:
        """Give a vertex, with all below it, a parent that is not below it."""
        self._expose(vertex)
        higher = self._sides[vertex][0]
        if higher is not None:
            self._up[higher] = None
        self._sides[vertex][0] = None
        self._up[vertex] = parent

    def _expose(self, vertex: int) -> None:
        """Make one path from the root down to a vertex, at the root of its splay tree."""
        lower, at = None, vertex
        while True:
            self._splay(at)
            self._sides[at][1] = lower
            above = self._up[at]
            if above is None:
                break
            lower, at = at, above
        self._splay(vertex)

    def _splay(self, vertex: int) -> None:
        """Turn a vertex up to the root of its splay tree."""
        while (up := self._above(vertex)) is not None:
            if (over := self._above(up)) is not None:
                same = self._sides[up].index(vertex) == self._sides[over].index(up)
                self._rotate(up if same else vertex)
            self._rotate(vertex)

    def _above(self, vertex: int) -> int | None:
        """Give the parent within the splay tree, None at its root."""
        up = self._up[vertex]
        return up if up is not None and vertex in self._sides[up] else None

    def _rotate(self, vertex: int) -> None:
        """Change places with the parent in the splay tree, in the same order from left to right."""
        up = self._up[vertex]
        assert up is not None
        over, side = self._up[up], self._sides[up].index(vertex)
        if over is not None and up in self._sides[over]:
            self._sides[over][self._sides[over].index(up)] = vertex
        inner = self._sides[vertex][1 - side]
        if inner is not None:
            self._up[inner] = up
        self._sides[up][side], self._sides[vertex][1 - side] = inner, up
        self._up[vertex], self._up[up] = over, vertex
