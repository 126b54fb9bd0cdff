"""Trees in which the ranks that take part copy and add, and all others only pass messages on."""

from collections.abc import Iterable

import numpy as np

from solvers.arborescences.prune import Branch
from solvers.routing.shortest_path_trees import Trees
from solvers.schedules.schedule import Transfers, columns
from solvers.trees.extract import send_inward, send_outward
from topologies.model.topology import IntArray


def member_transfers(
    found: Trees, roots: IntArray, members: Iterable[int], piece: int, step: int, *, inward: bool
) -> Transfers:
    """Send along trees from member to member; where others branch, they pass on each message.

    Complexity: members × the path of each.

    Args:
        found: the trees.
        roots: the root of each.
        members: the ranks of the collective.
        piece: of the first tree.
        step: in which the roots of outward trees begin.
        inward: the trees were found on reversed links, and sums go to the roots.
    """
    chosen, rows = frozenset(members), []
    bounds = np.searchsorted(found.tree, np.arange(len(roots) + 1)).tolist()
    for tree, root in enumerate(roots.tolist()):
        branches = _branches(found, range(bounds[tree], bounds[tree + 1]), chosen, inward)
        if inward:
            rows += send_inward(branches, root, piece + tree)
        else:
            rows += send_outward(branches, root, piece + tree, step)
    return columns(rows)


def _branches(
    found: Trees, rows: range, members: frozenset[int], inward: bool
) -> dict[int, Branch]:
    """Give the path from each member up to the next one, cut at the ranks that it passes."""
    place = {int(found.child[row]): row for row in rows}
    branches = {}
    for member in sorted(members & place.keys()):
        hops, at = [], member
        while at == member or at not in members:
            row = place[at]
            links = tuple(found.route[found.route_start[row] : found.route_start[row + 1]].tolist())
            above = int(found.parent[row])
            hops.append((at, above, links[::-1]) if inward else (above, at, links))
            at = above
        branches[member] = Branch(at, tuple(hops if inward else hops[::-1]))
    return branches
