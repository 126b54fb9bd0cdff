"""How soon collectives that run at the same time can all be over: what prices of links prove.

Statement. Give each link a price, the same for all tasks. In T seconds a link carries capacity × T
bytes, so all together take in T times the sum of capacity × price. Task g moves size(g) bytes, each
of which pays at least the cheapest tree or path of its blocks under these prices, pays(g); what it
pays for crosses links of the machine, whoever else does. So

    T >= (sum over g of size(g) * pays(g)) / (sum over links of capacity * price),

for whatever shares of the links each task gets, at whatever time. By the duality of linear programs
the best prices prove the least T that shares of trees and paths attain. With prices on the links
that leave a set of vertices alone it is the bound of a cut: what all tasks must send out of it.

Where ranks do nothing for tasks that they are not in ("none"), a task pays on the links that are
left to it. Source: the dual of the maximum concurrent flow (Shahrokhi and Matula, JACM 37, 1990),
with trees in place of paths.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from solvers.certify.dual_bound import Unproven, income, link_prices, payment
from solvers.schedules.capabilities import Relays
from solvers.schedules.certificate import Prices
from solvers.schedules.ensembles.ensemble import Task, image_keys, keepers
from topologies.derive.part import without_others
from topologies.model.topology import BoolArray, Topology, frozen
from topologies.symmetry.group import Group, link_images, trivial


def prove_together(
    topology: Topology,
    tasks: Sequence[Task],
    prices: Prices,
    group: Group,
    relays: Relays,
) -> Fraction:
    """Compute the seconds that all tasks together take at least.

    Complexity: the payment of one task of each orbit of the group; of all, if the group does not
    keep the prices.

    Args:
        topology: the machine.
        tasks: that run at the same time.
        prices: of all links.
        group: automorphisms of the machine; it is looked at whether they keep tasks and prices.
        relays: "none", or "forward".

    Raises:
        Unproven: the prices are malformed, negative, or all zero; or ranks cannot be reached.
        SymmetryError: the group is none of the machine.
    """
    takes = income(topology, prices)
    if takes == 0:
        raise Unproven("the links take in nothing")
    if prices.height is not None or relays == "all":
        raise Unproven("of a set, prices speak of any height, and of ranks that pass messages on")
    if not _keeps(topology, prices, group):
        group = trivial(topology)
    paid = Fraction(0)
    place = {task.key: number for number, task in enumerate(tasks)}
    left = set(range(len(tasks)))
    for number, task in enumerate(tasks):
        if number in left:
            images = {place[key] for key in image_keys(task, group) if key in place}
            count = len(left & images)
            left -= images
            paid += count * task.size * _payment(topology, task, prices, group, relays)
    return paid / (topology.unit * takes)


def _keeps(topology: Topology, prices: Prices, group: Group) -> bool:
    """Tell whether a group keeps all prices."""
    column = np.array(link_prices(topology, prices), dtype=object)
    images = link_images(topology, group.generators)
    return all((column[image] == column).all() for image in images)


def _payment(
    topology: Topology, task: Task, prices: Prices, group: Group, relays: Relays
) -> Fraction:
    """Compute what a task pays for each byte of its size, on the links that are left to it."""
    what, own = task.collective, keepers(task, group)
    if len(what.ranks) == 1:
        return Fraction(0)
    if relays == "forward":
        return payment(topology, what, prices, own, relays=relays)
    inside = mark_usable(topology, task)
    left = Prices(prices.of_class, frozen(prices.of_link[inside]))
    return payment(without_others(topology, what.ranks), what, left, own, relays=relays)


def mark_usable(topology: Topology, task: Task) -> BoolArray:
    """Mark the links that a task may use where other ranks do nothing for it: (links,)."""
    inside = np.ones(topology.vertices, dtype=np.bool_)
    inside[: topology.ranks] = False
    inside[list(task.collective.ranks)] = True
    return np.asarray(inside[topology.src] & inside[topology.dst], dtype=np.bool_)
