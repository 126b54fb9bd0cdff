"""Trees around a hub: one member sends straight to all, and those beside each other pass things on.

What bounds a group of ranks in a large machine is often what each of them takes in or gives out.
Then trees as these are as good as any, and there are few of them: of many roots one each, with the
root for its hub; of a single root one for each other member, the root's child. Members that a link
joins are beside each other. No path leads through them, so what such a link can carry is of use
only where one is the parent of the other.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from solvers.packing.order_lp import Order, places
from solvers.routing.quotient import Quotient
from topologies.model.topology import BoolArray, IntArray, frozen, integers


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
