"""Trees around a hub: one member sends straight to all, and those beside each other pass things on.

What bounds a group of ranks in a large machine is often what each of them takes in or gives out.
Then trees as these are as good as any, and there are few of them: of many roots one each, with the
root for its hub; of a single root one for each other member, the root's child. Members that a link
joins are beside each other. No path leads through them, so what such a link can carry is of use
only where one is the parent of the other.

Where several members share the way out of their box, one there, a member or a helper, may add up
for all and spread the sum to all: the box then sends and receives one message for each tree.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from solvers.packing.order_lp import Order, places
from solvers.routing.quotient import Quotient
from topologies.model.topology import BoolArray, IntArray, frozen, integers

GATHERERS = 8  # of a box that may add up for it: more orders take longer


class HubOrder(NamedTuple):
    """An order around a hub, and the choices of parents that it allows."""

    order: Order
    parent: IntArray
    child: IntArray


def hub_orders(quotient: Quotient, root: int, *, inward: bool, alone: bool) -> Iterator[HubOrder]:
    """Give the orders of a root.

    Where members are beside each other, each hub has two: in one those beside the root and the hub
    may be anyone's parent, and all others come in ascending order; in the other they come last, and
    all others in descending order.

    Args:
        quotient: the machine and its members.
        root: its place in `members`.
        inward: whether sums flow to the root.
        alone: whether there is no other root.
    """
    beside = _beside(quotient, inward)
    hubs = np.isin(quotient.members, quotient.roots) & quotient.needed
    hubs[root] = False
    for hub in np.flatnonzero(hubs).tolist() if alone else [root]:
        yield _around(quotient, (root, hub), beside, inward=inward, near=False)
        if beside.any():
            yield _around(quotient, (root, hub), beside, inward=inward, near=True)


def gathered_orders(
    quotient: Quotient, root: int, boxes: IntArray, *, inward: bool
) -> Iterator[HubOrder]:
    """Give orders of a root outside in which one of each box stands between it and the others.

    In each order it is another one, round and round.

    Args:
        quotient: the machine and its members.
        root: its place in `members`.
        boxes: of each vertex of the machine, -1 for none.
        inward: whether sums flow to the root.
    """
    box = boxes[quotient.members]
    shared = [np.flatnonzero(box == b) for b in range(int(box.max(initial=-1)) + 1)]
    shared = [s for s in shared if quotient.needed[s].sum() > 1 and box[root] != box[s[0]]]
    shared = [s[np.argsort(~quotient.needed[s], kind="stable")][:GATHERERS] for s in shared]
    if quotient.needed[root] or not quotient.usable(inward)[root]:
        return
    for turn in range(max(map(len, shared), default=0)):
        yield _through([int(s[turn % len(s)]) for s in shared], root, quotient, box, inward)


def _through(
    first: list[int], root: int, quotient: Quotient, box: IntArray, inward: bool
) -> HubOrder:
    """Let members go through the first one of their box, or straight to the root."""
    others = np.flatnonzero(quotient.needed).tolist()
    sequence = integers(dict.fromkeys([root, *first, *others]))
    place = places(sequence, len(box))
    allowed = np.zeros((len(box),) * 2, dtype=np.bool_)
    allowed[sequence[1:], root] = True
    for each in first:
        allowed[np.flatnonzero(quotient.needed & (box == box[each])), each] = True
    np.fill_diagonal(allowed, val=False)
    depth = np.where(place < len(box), np.where(np.isin(box, box[first]), 2, 1), 0)
    depth[first], depth[root] = 1, 0
    child, parent = np.nonzero(allowed)
    return HubOrder(Order(root, place, frozen(depth), inward, True), parent, child)


def _beside(quotient: Quotient, inward: bool) -> BoolArray:
    """Tell which members ([child, parent]) a link joins, without anything in between."""
    topology, members = quotient.topology, quotient.members
    place = np.full(topology.vertices, -1)
    place[members[quotient.needed]] = np.flatnonzero(quotient.needed)
    src, dst = place[topology.src], place[topology.dst]
    both = (src >= 0) & (dst >= 0)
    found = np.zeros((len(members), len(members)), dtype=np.bool_)
    found[dst[both], src[both]] = True
    return found.T if inward else found


def _around(
    quotient: Quotient, ends: tuple[int, int], beside: BoolArray, *, inward: bool, near: bool
) -> HubOrder:
    """Put the members in order around a hub.

    Args:
        quotient: the machine and its members.
        ends: the root and the hub.
        beside: as of `_beside`.
        inward: whether sums flow to the root.
        near: whether those beside the ends come first.
    """
    root, hub = ends
    others = np.flatnonzero(quotient.needed).tolist()
    first, then = (np.flatnonzero(beside[:, v]).tolist() for v in ends)
    if near:
        sequence = [root, *first, hub, *then, *others]
    else:
        late = {*first, *then}
        rest = [v for v in others[::-1] if v not in late]
        sequence = [root, hub, *rest, *first, *then]
    place = places(integers(dict.fromkeys(sequence)), len(beside))
    allowed = beside.copy()
    allowed[:, hub] = True
    allowed[hub, root] = True
    if near:
        allowed[:, then] = True
        allowed[np.ix_([hub, *first], [root, *first])] = True
    allowed &= place[None, :] < place[:, None]
    allowed[place == len(place)] = False
    depth = np.where(place < len(place), 1 + (root != hub), 0)
    depth[hub], depth[root] = int(root != hub), 0
    branches = bool(quotient.usable(inward)[root])
    child, parent = np.nonzero(allowed)
    return HubOrder(Order(root, place, frozen(depth), inward, branches), parent, child)
