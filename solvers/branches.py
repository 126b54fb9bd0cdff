"""A tree as branches from vertex to vertex, without the helpers that turn out to be of no use."""

from collections.abc import Mapping
from typing import NamedTuple

Hop = tuple[int, int, tuple[int, ...]]  # src, dst, links


class Branch(NamedTuple):
    """How a vertex hangs on its parent: hops in the order of travel, towards it or from it.

    Between hops the data rest at ranks.
    """

    parent: int
    hops: tuple[Hop, ...]


def trimmed(
    branches: Mapping[int, Branch], helpers: frozenset[int], ranks: int, *, inward: bool
) -> dict[int, Branch]:
    """Cut out helpers that do not branch, and let none rest on a way that is not its own.

    branches: of each vertex but the root. inward: data travel to the root. ranks: vertices from
    here on are switches. No link carries more than before.
    """
    found = dict(branches)
    while _straighten(found, inward) or _drop_leaves(found, helpers):
        pass
    children = _children(found)
    for helper in sorted(helpers & found.keys()):
        if len(children[helper]) == 1:
            (child,) = children[helper]
            above, below = found.pop(helper), found[child]
            first, second = (below, above) if inward else (above, below)
            hops = _joined(first.hops, second.hops, helper >= ranks)
            found[child] = Branch(above.parent, hops)
            children = _children(found)
    return found


def _straighten(found: dict[int, Branch], inward: bool) -> bool:
    """Hang a child on the vertex of the tree that its way passes; say whether there was one.

    If that vertex is itself below the child, it goes to the child's old parent first.
    """
    for child, (parent, hops) in found.items():
        for i in range(1, len(hops)):
            passed = hops[i][0]
            if passed not in found and passed not in _roots(found):
                continue
            near, far = (hops[:i], hops[i:]) if inward else (hops[i:], hops[:i])
            if _below(found, passed, child):
                found[passed] = Branch(parent, far)
            found[child] = Branch(passed, near)
            return True
    return False


def _roots(found: Mapping[int, Branch]) -> set[int]:
    return {branch.parent for branch in found.values()} - found.keys()


def _below(found: Mapping[int, Branch], vertex: int, above: int) -> bool:
    while vertex in found:
        vertex = found[vertex].parent
        if vertex == above:
            return True
    return False


def _drop_leaves(found: dict[int, Branch], helpers: frozenset[int]) -> bool:
    leaves = (helpers & found.keys()) - {branch.parent for branch in found.values()}
    for leaf in leaves:
        del found[leaf]
    return bool(leaves)


def _children(found: Mapping[int, Branch]) -> dict[int, list[int]]:
    children: dict[int, list[int]] = {vertex: [] for vertex in found}
    for child, branch in found.items():
        children.setdefault(branch.parent, []).append(child)
    return children


def _joined(first: tuple[Hop, ...], second: tuple[Hop, ...], at_switch: bool) -> tuple[Hop, ...]:
    """Put two ways together; at a switch the data do not rest, but go through."""
    if not at_switch:
        return first + second
    (src, _, links), (_, dst, more) = first[-1], second[0]
    return (*first[:-1], (src, dst, links + more), *second[1:])
