"""The trees of one root, and how the cheapest one is found."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from solvers.arborescences.bounded_depth import (
    Unreachable,
    bounded_depth_tree,
    bounded_depth_tree_from_one,
)
from solvers.certify.steiner import steiner_tree, steiner_tree_from_one
from solvers.lp.linear_program import Infeasible
from solvers.routing.quotient import Quotient
from topologies.model.topology import BoolArray, FloatArray, IntArray, frozen


@dataclass(frozen=True)
class Family:
    """The trees of one root (a vertex): outward, or inward for sums.

    Attributes:
        size: what the trees carry, in units of the collective's sizes.
    """

    root: int
    inward: bool
    size: int = field(default=1, compare=False)


class Heights(NamedTuple):
    """How many levels trees may have below their root: outward ones, and inward ones."""

    out: int
    into: int

    def of(self, family: Family) -> int:
        """Look up the height for the trees of a family."""
        return self.into if family.inward else self.out


def orient(cost: FloatArray, family: Family) -> FloatArray:
    """Turn costs between members so that trees grow out of the root."""
    return cost.T if family.inward else cost


def usable_members(quotient: Quotient, family: Family) -> BoolArray:
    """Mark the members that the trees of a family may touch: its root, and who branches."""
    usable = quotient.usable(family.inward).copy()
    usable[np.searchsorted(quotient.members, family.root)] = True
    return usable


def find_tree(
    quotient: Quotient,
    family: Family,
    cost: FloatArray,
    height: int | None = None,
    known: IntArray | None = None,
) -> tuple[float, IntArray]:
    """Search for the cheapest tree; a cheap one where it has a height or may branch at helpers.

    Args:
        quotient: the machine, folded by its symmetry.
        family: whose tree it is.
        cost: between members.
        height: levels below the root, at most.
        known: levels to start from.

    Returns:
        the total, and the parents, -1 at the root and for members that are not in the tree.

    Raises:
        Infeasible: some rank cannot be reached within the height.
    """
    root = int(np.searchsorted(quotient.members, family.root))
    usable = np.flatnonzero(usable_members(quotient, family))
    branches = bool(quotient.usable(family.inward)[root])
    needed = quotient.needed[usable] | (usable == root)
    start = int(np.searchsorted(usable, root))
    reach = orient(cost, family)[np.ix_(usable, usable)]
    if height is None:
        find = steiner_tree if branches else steiner_tree_from_one
        total, above = find(reach, start, needed)
    else:
        place = None if known is None else np.minimum(known[usable], height + 1)
        total, above = _bounded_tree(reach, start, needed, height, branches, place)
    parent = np.full(len(cost), -1, dtype=np.int64)
    parent[usable[above >= 0]] = usable[above[above >= 0]]
    return total, frozen(parent)


def _bounded_tree(
    reach: FloatArray,
    root: int,
    needed: BoolArray,
    height: int,
    branches: bool,
    known: IntArray | None,
) -> tuple[float, IntArray]:
    """Find a cheap tree within the height, where the root may have to have one child."""
    try:
        if branches:
            return bounded_depth_tree(reach, root, needed, height, known)
        return bounded_depth_tree_from_one(reach, root, needed, height)
    except Unreachable as error:
        raise Infeasible(str(error)) from None
