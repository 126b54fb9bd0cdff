"""Orders of ranks in which near ones are together: boxes, and the coordinates of grids.

Patterns pair ranks by their numbers: neighbours, distances that are powers of two. These are near
where a box is a run of numbers, ranks of equal place in their boxes have equal places in the runs,
and a grid is numbered row by row. Such an order is worked out here from distances alone.

1. Ranks joined by chains of the shortest distance are a box. Boxes are ordered as ranks are, by
   their distances; in each box the ranks come in the order of those nearest to them in the box
   before.
2. Where that makes one box of all, its graph of shortest distances is taken apart into factors, as
   a grid is the product of its lines: the factor of most vertices varies fastest.
3. A factor that is a line or a circle, without other links that shorten the path, is followed
   along; in any other one points are swapped while that brings partners of usual patterns nearer
   to each other.

Source: Feder, Product graph representations, Journal of Graph Theory 16 (1992): the factors of a
connected graph are the classes of edges that a relation of their distances joins.
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, shortest_path

from topologies.model.topology import BoolArray, FloatArray, IntArray, Topology, frozen

MOST_EDGES = 1024  # of a graph that is taken apart: pairs of edges are compared

MOST_SWAPPED = 128  # points


def order_by_nearness(distance: IntArray) -> list[int]:
    """Order points, the first one first, so that near ones come together.

    Complexity: points³, and pairs of edges of a grid.

    Args:
        distance: (points, points), symmetric.
    """
    count = len(distance)
    if count <= 2:
        return list(range(count))
    apart = ~np.eye(count, dtype=np.bool_)
    near = (distance == distance[apart].min()) & apart
    box = _components(near)
    if box.max() == 0:
        return list(range(count)) if near[apart].all() else _product(near, distance)
    boxes = [np.flatnonzero(box == i) for i in range(int(box.max()) + 1)]
    inside = np.argsort(box, kind="stable")
    first = np.searchsorted(box[inside], np.arange(len(boxes)))
    rows = np.minimum.reduceat(distance[np.ix_(inside, inside)], first, axis=0)
    between = np.minimum.reduceat(rows, first, axis=1)
    order: list[int] = []
    before: list[int] = []
    for i in order_by_nearness(between):
        before = _order_box(boxes[i], before, distance)
        order += before
    return order


def join_switches(topology: Topology) -> IntArray:
    """Give vertices numbers by which the switches of a plane come together, those of a tier each.

    Each switch is followed by the one fewest links away from it; then those fewer links away from
    the ranks come first. Ranks stay. Complexity: vertices × links, and switches².

    Args:
        topology: the machine.
    """
    ranks, count = topology.ranks, topology.vertices - topology.ranks
    number = np.arange(topology.vertices)
    if count < 2:
        return frozen(number)
    joined = np.ones(topology.links), (topology.src, topology.dst)
    graph = csr_array(joined, shape=(topology.vertices,) * 2)
    away = np.minimum(shortest_path(graph, unweighted=True), topology.vertices)[:, ranks:]
    order, left = [0], np.arange(count) > 0
    while left.any():
        away_from_last = away[ranks + order[-1]]
        order.append(int(np.argmin(np.where(left, away_from_last, topology.vertices + 1))))
        left[order[-1]] = False
    tier = away[:ranks].min(axis=0)[order]
    number[ranks + np.array(order)[np.argsort(tier, kind="stable")]] = ranks + np.arange(count)
    return frozen(number)


def _components(near: BoolArray) -> IntArray:
    """Label the points by what they are joined with, in the order of the least points."""
    label = connected_components(csr_array(near), directed=False)[1]
    first, place = np.unique(label, return_index=True, return_inverse=True)[1:]
    return np.asarray(np.argsort(np.argsort(first))[place])


def _order_box(box: IntArray, before: list[int], distance: IntArray) -> list[int]:
    """Order a box by itself, from the point nearest to the first of the box before, then by these.

    A point stands where the nearest one of the box before stands, as far as that place is free.
    """
    if before:
        box = box[np.argsort(distance[before[0], box], kind="stable")]
    own = [int(box[i]) for i in order_by_nearness(distance[np.ix_(box, box)])]
    if len(before) != len(own):
        return own
    placed: list[int] = []
    for point in before:
        left = [each for each in own if each not in placed]
        placed.append(min(left, key=lambda each: int(distance[point, each])))
    return placed


def _product(near: BoolArray, distance: IntArray) -> list[int]:
    """Give the points of a product row by row; follow along what is none."""
    factors = _factors(near)
    if len(factors) == 1:
        return _follow_line(near, distance)
    lines = []
    for factor in factors:
        line = np.flatnonzero(_components(factor) == 0)
        inner = order_by_nearness(distance[np.ix_(line, line)])
        others = _components(near & ~factor)
        place = np.empty(len(line), dtype=np.int64)
        place[others[line[inner]]] = np.arange(len(line))
        lines.append(place[others])
    lines.sort(key=lambda place: (int(place.max()), place.tolist()))
    return [int(i) for i in np.lexsort(lines[::-1])]


def _factors(near: BoolArray) -> list[BoolArray]:
    """Part the edges of a connected graph by the factor in whose direction they lead."""
    tail, head = np.nonzero(np.triu(near))
    if len(tail) > MOST_EDGES:
        return [near]
    hops = shortest_path(csr_array(near), unweighted=True).astype(np.int64)
    straight = hops[np.ix_(tail, tail)] + hops[np.ix_(head, head)]
    related = straight != hops[np.ix_(tail, head)] + hops[np.ix_(head, tail)]
    related |= _in_triangle_or_alone(near, tail, head)
    label = _components(related | related.T)
    factors = []
    for i in range(int(label.max()) + 1):
        factor = np.zeros_like(near)
        factor[tail[label == i], head[label == i]] = True
        factors.append(factor | factor.T)
    return factors


def _in_triangle_or_alone(near: BoolArray, tail: IntArray, head: IntArray) -> BoolArray:
    """Relate edges from one vertex to two others that have no other common neighbour."""
    common = near.astype(np.int64) @ near
    related = np.zeros((len(tail),) * 2, dtype=np.bool_)
    for mine, far in ((tail, head), (head, tail)):
        for own, other in ((tail, head), (head, tail)):
            meet = (mine[:, None] == own) & (far[:, None] != other)
            related |= meet & (common[np.ix_(far, other)] == 1)
    return related


def _follow_line(near: BoolArray, distance: IntArray) -> list[int]:
    """Follow a line or a circle from its first point, or its first end; else go by swaps."""
    degree = near.sum(axis=1)
    if degree.max() > 2 or not _grows_with_hops(
        shortest_path(csr_array(near), unweighted=True), distance
    ):
        return _swap_points(distance)
    ends = np.flatnonzero(degree == 1)
    order = [int(ends[0]) if len(ends) else 0]
    while len(order) < len(near):
        ahead = [i for i in np.flatnonzero(near[order[-1]]).tolist() if i not in order]
        order.append(ahead[0])
    return order


def _grows_with_hops(hops: FloatArray, distance: IntArray) -> bool:
    """Tell whether what is more hops away is never nearer: no other links shorten the path."""
    order = np.lexsort((distance.reshape(-1), hops.reshape(-1)))
    return bool((np.diff(distance.reshape(-1)[order]) >= 0).all())


def _swap_points(distance: IntArray) -> list[int]:
    """Swap points, the first one excepted, while partners of patterns come nearer by that.

    Partners are neighbours, and points whose numbers differ in one bit.
    Complexity: points³ for each swap.
    """
    order = np.arange(len(distance))
    if len(order) > MOST_SWAPPED:
        return list(order.tolist())
    away = order[:, None] ^ order
    partners = ((away > 0) & (away & (away - 1) == 0)).astype(np.int64)
    partners += np.abs(order[:, None] - order) == 1
    while True:
        apart = distance[np.ix_(order, order)]
        mixed = partners @ apart
        own = np.diag(mixed)
        gain = own[:, None] + own - mixed - mixed.T - 2 * partners * apart
        gain[0] = gain[:, 0] = 0
        if gain.max() <= 0:
            return list(order.tolist())
        a, b = divmod(int(gain.argmax()), len(order))
        order[[a, b]] = order[[b, a]]
